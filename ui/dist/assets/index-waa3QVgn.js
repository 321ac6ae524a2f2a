const __vite__mapDeps=(i,m=__vite__mapDeps,d=(m.f||(m.f=["./page-BDB7ln4r.js","./sentences-CdbOQaPp.js"])))=>i.map(i=>d[i]);
import{$ as e,A as t,B as n,C as r,Ct as i,D as a,E as o,Et as s,F as c,G as l,H as ee,I as u,J as d,K as f,L as p,M as m,N as te,O as h,P as g,Q as _,R as ne,S as re,St as ie,T as ae,Tt as v,W as oe,X as y,Y as b,Z as se,_ as ce,_t as le,a as ue,at as de,b as x,bt as S,c as fe,ct as pe,d as C,dt as w,et as me,f as he,ft as ge,g as T,h as _e,ht as ve,i as E,it as ye,j as be,k as xe,l as D,lt as Se,m as Ce,mt as we,n as Te,nt as Ee,o as De,ot as O,pt as Oe,q as ke,r as Ae,rt as k,s as A,st as j,t as je,tt as M,u as N,ut as Me,v as Ne,vt as Pe,w as Fe,wt as P,x as Ie,xt as Le,y as Re,yt as F,z as I}from"./sentences-CdbOQaPp.js";function ze(){let e=/^#code=([\w-]+)$/.exec(location.hash)?.[1];return e&&history.replaceState(null,``,location.pathname+location.search),e}async function Be(e){try{let t={method:`POST`,body:JSON.stringify({code:e}),credentials:`omit`,redirect:`error`},n=await fetch(de(`ui/sign-in`),t),{token:r}=n.ok?await n.json():{};return typeof r==`string`&&(we({kind:`token`,token:r},!0),!0)}catch{return!1}}async function Ve(e){let t=await He(`api/history/events`,{limit:`1`,count:`none`},e),n=e.kind===`key`&&e.clientId===``,r=t?t.status===403?`refused`:t.status===400&&n?`tenant`:void 0:`yes`;if(!r)throw t;let i=e.kind===`key`&&!await He(`api/tenants`,{limit:`1`},e);if(t&&!i)throw t;return{reads:r,administers:i}}async function He(e,t,n){try{await pe(de(e,t),{who:n});return}catch(e){if(e instanceof k&&(e.status===400||e.status===403))return e;throw e}}var Ue=600,We=2e4,Ge=e=>e.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu)??[];function Ke(e,t){if(e.length>We||t.length>We)return;let[n,r]=[Ge(e),Ge(t)],i=0;for(;i<n.length&&i<r.length&&n[i]===r[i];)i++;let a=0;for(;a<n.length-i&&a<r.length-i&&n.at(-1-a)===r.at(-1-a);)a++;let[o,s]=[n.slice(i,n.length-a),r.slice(i,r.length-a)];if(o.length>Ue||s.length>Ue)return;let c=[];return L(c,`same`,n.slice(0,i)),qe(o,s,c),L(c,`same`,n.slice(n.length-a)),c.filter(e=>e.kind===`same`).reduce((e,t)=>e+t.text.trim().length,0)*3>=Math.max(e.length,t.length)?c:void 0}function qe(e,t,n){let r=t.length+1,i=new Uint16Array((e.length+1)*r);for(let n=e.length-1;n>=0;n--)for(let a=t.length-1;a>=0;a--)i[n*r+a]=e[n]===t[a]?(i[(n+1)*r+a+1]??0)+1:Math.max(i[(n+1)*r+a]??0,i[n*r+a+1]??0);let[a,o]=[0,0];for(;a<e.length&&o<t.length;)e[a]===t[o]?(L(n,`same`,[e[a]??``]),a++,o++):(i[(a+1)*r+o]??0)>=(i[a*r+o+1]??0)?L(n,`old`,[e[a++]??``]):L(n,`new`,[t[o++]??``]);L(n,`old`,e.slice(a)),L(n,`new`,t.slice(o))}function L(e,t,n){if(n.length===0)return;let r=e.at(-1);r?.kind===t?r.text+=n.join(``):e.push({kind:t,text:n.join(``)})}var Je=300,R=50,z=M`
  .value {
    overflow-wrap: anywhere;
    unicode-bidi: isolate;
    white-space: pre-wrap;
  }
  .value.none {
    color: var(--muted);
    font-style: italic;
  }
  .value.number {
    font-variant-numeric: tabular-nums;
  }
  del,
  ins {
    text-decoration: none;
    border-radius: 4px;
    padding: 0 3px;
    box-decoration-break: clone;
    -webkit-box-decoration-break: clone;
  }
  del {
    background: var(--remove-soft);
    color: var(--remove);
    text-decoration: line-through;
    text-decoration-thickness: 1px;
  }
  ins {
    background: var(--add-soft);
    color: var(--add);
  }
  .arrow {
    color: var(--muted);
    padding: 0 4px;
  }
  .delta {
    color: var(--muted);
    font-variant-numeric: tabular-nums;
    padding-left: 4px;
    white-space: nowrap;
  }
  .change {
    display: grid;
    grid-template-columns: minmax(90px, 160px) minmax(0, 1fr);
    gap: 2px 14px;
    padding: 7px 0;
  }
  .change + .change {
    border-top: 1px solid var(--line);
  }
  .change > dt {
    color: var(--muted);
    overflow-wrap: anywhere;
  }
  .change > dd {
    min-width: 0;
  }
  .members {
    display: grid;
    gap: 3px;
    padding-left: 10px;
    border-left: 2px solid var(--line);
  }
  .members .name {
    color: var(--muted);
  }
  @container (max-width: 500px) {
    .change {
      grid-template-columns: minmax(0, 1fr);
    }
  }
`;function B(e){if(e==null||e===``)return _`<span class="value none">${d(`value.empty`)}</span>`;if(typeof e==`boolean`)return _`<span class="value">${d(e?`value.yes`:`value.no`)}</span>`;if(F(e))return _`<span class="value number">${String(e)}</span>`;if(typeof e==`string`)return e.length>Je?_`<eh-long-text .text=${e}></eh-long-text>`:_`<span class="value">${s(e)}</span>`;if(Array.isArray(e)&&e.every(e=>typeof e!=`object`||e instanceof Pe)){if(e.length===0)return _`<span class="value none">${d(`value.empty`)}</span>`;let t=e.length-R;return _`${$e(e.slice(0,R).map(B))}${t>0?_` <span class="muted">${d(`value.more`,{n:t})}</span>`:y}`}return _`<eh-long-text code .text=${ie(e)}></eh-long-text>`}function V(e,t){if(e===void 0)return _`<ins>${B(t)}</ins>`;if(typeof e==`string`&&typeof t==`string`&&e&&t){let n=Ke(e,t);if(n)return _`<span class="value">${n.map(Ye)}</span>`}return F(e)&&F(t)?_`${H(e,t)}${Ze(e,t)}`:Array.isArray(e)&&Array.isArray(t)&&e.length<=R&&t.length<=R?Qe(e,t):S(e)&&S(t)?et(e,t):H(e,t)}var H=(e,t)=>_`<del>${B(e)}</del><span class="arrow" aria-label=${d(`value.became`)}>→</span><ins>${B(t)}</ins>`;function Ye({kind:e,text:t}){let n=e===`same`?Xe(t):s(P(t,2e3));return e===`same`?_`${n}`:e===`old`?_`<del>${n}</del>`:_`<ins>${n}</ins>`}function Xe(e){return e.length<=400?s(e):`${s(P(e,160))} ${s(e.slice(-160))}`}function Ze(e,t){let[n,r]=[Number(e),Number(t)],i=r-n;if(!Number.isFinite(i)||i===0||Math.max(Math.abs(n),Math.abs(r))>0xe8d4a51000)return y;let a=Math.max(...[e,t].map(e=>String(e).split(`.`)[1]?.length??0)),o=Number(i.toFixed(Math.min(a,10)));return _`<span class="delta">${o>0?`+`:`−`}${f(Math.abs(o))}</span>`}function Qe(e,t){let n=e.filter(e=>!t.some(t=>i(e,t))),r=t.filter(t=>!e.some(e=>i(t,e))),a=t.filter(t=>e.some(e=>i(t,e)));return n.length+r.length===0?H(e,t):$e([...a.map(e=>B(e)),...n.map(e=>_`<del>${B(e)}</del>`),...r.map(e=>_`<ins>${B(e)}</ins>`)])}var $e=e=>_`${e.map((e,t)=>t===0?e:_`<span class="muted">, </span>${e}`)}`;function et(e,t){let n=[...new Set([...Object.keys(e),...Object.keys(t)])].filter(n=>!(n in e&&n in t&&i(e[n]??null,t[n]??null)));return n.length===0?H(e,t):_`<div class="members">
    ${n.slice(0,R).map(n=>_`<div>
        <span class="name text">${s(P(n,200))}:</span>
        ${n in t?n in e?H(e[n]??null,t[n]??null):_`<ins>${B(t[n])}</ins>`:_`<del>${B(e[n])}</del>`}
      </div>`)}
    ${n.length>R?_`<div class="muted">${d(`value.more`,{n:n.length-R})}</div>`:y}
  </div>`}var tt=e=>{if(!S(e))return!1;let t=Object.values(e);return t.length>0&&t.length<=R&&t.every(e=>typeof e!=`object`||!e||F(e))},nt=e=>_`<div class="members">
    ${Object.entries(e).map(([e,t])=>_`<div><span class="name text">${s(P(e,200))}:</span> ${B(t)}</div>`)}
  </div>`;function rt(e,t=200){let n=e.length-t;return _`<dl>
      ${e.slice(0,t).map(it)}
    </dl>
    ${n>0?_`<p class="muted">${d(`value.more`,{n})}</p>`:y}`}function it(e){let t=(e,t)=>_`<div class="change"><dt class="text">${e}</dt><dd>${t}</dd></div>`,n=e=>B(e);switch(e.kind){case`field`:return t(s(P(e.label,200)),V(e.old,e.new));case`status`:return t(d(`record.status`),V(void 0,e.value));case`person`:return t(d(e.role===`owner`?`record.owner`:`record.assignee`),e.added?_`<ins>${n(e.name)}</ins>`:_`<del>${n(e.name)}</del>`);case`document`:return t(d(`record.document`),n(e.name||e.fileId));case`other`:return t(d(`value.data`),tt(e.item)?nt(e.item):B(e.item))}}var at={owner_initialized:{role:`owner`,added:!0},owners_added:{role:`owner`,added:!0},owners_removed:{role:`owner`,added:!1},assignees_added:{role:`assignee`,added:!0},assignees_removed:{role:`assignee`,added:!1}};function U(e){return e.event_data.map(t=>ot(e.event_type??``,t))}function ot(e,t){let n={kind:`other`,item:t};if(!S(t))return n;let{field:r,label:i,id:a,name:o,file_id:s}=t,c=at[e];return c&&(F(a)||typeof a==`string`)&&typeof o==`string`?{kind:`person`,...c,id:String(a),name:o}:typeof r==`string`&&`new`in t?{kind:`field`,field:r,label:typeof i==`string`&&i?i:r,old:t.old,new:t.new??null}:e===`status_initialized`&&`status`in t?{kind:`status`,value:t.status??null}:typeof s==`string`&&e===`document_generated`?{kind:`document`,fileId:s,name:typeof o==`string`?o:``}:n}function W(e){let t=e.files?.length?e.files:e.file?[e.file]:[],n=new Map;for(let t of U(e))t.kind===`document`&&t.name&&n.set(t.fileId,t.name);let r=(e,t)=>({fileId:e,name:n.get(e)??t?.file_name??``,record:t}),i=t.map(e=>r(e.file_id,e)),a=new Set(i.map(e=>e.fileId));return e.file_id&&!a.has(e.file_id)&&i.unshift(r(e.file_id)),i}var st=2e6,ct=5e7,lt=2e5,ut=/^image\/(png|jpeg|gif|webp|avif|bmp)$/,dt=/^(text\/.*|application\/(json|xml|x-ndjson|yaml|csv|javascript|.*\+(json|xml))|image\/svg\+xml)$/,ft=class extends u{static properties={eventId:{attribute:!1},recordId:{attribute:!1},file:{attribute:!1},auto:{type:Boolean},check:{state:!0},preview:{state:!0},hash:{state:!0},busy:{state:!0}};#e=new AbortController;static styles=[c,M`
      .card {
        overflow: hidden;
      }
      .head {
        display: grid;
        grid-template-columns: 36px minmax(0, 1fr);
        gap: 2px 12px;
        padding: 12px 16px;
        align-items: center;
      }
      .mark {
        display: grid;
        place-items: center;
        width: 36px;
        height: 36px;
        border-radius: 10px;
        background: var(--raised);
        color: var(--muted);
      }
      .name {
        font-weight: 600;
        overflow-wrap: anywhere;
      }
      .sha {
        font-size: 12px;
        padding-top: 2px;
      }
      .notice {
        margin: 0 16px 12px;
      }
      .notice p + p {
        margin-top: 3px;
      }
      .actions {
        display: flex;
        flex-wrap: wrap;
        gap: 8px;
        padding: 0 16px 14px;
      }
      .preview {
        border-top: 1px solid var(--line);
        background: var(--raised);
      }
      img {
        display: block;
        max-width: 100%;
        max-height: 460px;
        margin: 0 auto;
      }
      iframe {
        display: block;
        border: 0;
        width: 100%;
        height: 560px;
        background: #fff;
      }
      pre {
        margin: 0;
        padding: 14px 16px;
        max-height: 380px;
        overflow: auto;
        font-family: var(--mono);
        font-size: 12.5px;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
        unicode-bidi: isolate;
      }
      .preview p {
        padding: 14px 16px;
        color: var(--muted);
      }
    `];constructor(){super(),this.eventId=``,this.recordId=``,this.auto=!1,this.busy=!1}connectedCallback(){super.connectedCallback(),this.#e=new AbortController}disconnectedCallback(){super.disconnectedCallback(),this.#l()}willUpdate(e){let t=e.get(`file`);e.has(`file`)&&t?.fileId!==this.file.fileId&&(t&&this.#l(),this.#e=new AbortController,this.auto&&this.#i())}render(){let{fileId:e,name:t,record:n}=this.file,r=[n&&a(n.size_bytes),n?.content_type&&v(n.content_type,80)].filter(Boolean);return _`<div class="card" part="document">
      <div class="head">
        <span class="mark">${I(`file`)}</span>
        <div>
          <div class="name text">${t?s(P(t,300)):_`<span class="mono">${e}</span>`}</div>
          <div class="muted">${r.length?r.join(` · `):d(`document.no_record`)}</div>
          ${n?.sha256?_`<div class="mono muted sha">SHA-256 ${n.sha256}</div>`:y}
        </div>
      </div>
      ${this.#t()}
      <div class="actions">
        ${this.check?.state===`confirmed`?y:_`<button ?disabled=${this.busy} @click=${()=>void this.#a()}>${I(`check`)}${d(this.busy?`document.checking`:`document.check`)}</button>`}
        ${this.#r()&&!this.preview?_`<button ?disabled=${this.busy} @click=${()=>void this.#s()}>${d(`document.preview`)}</button>`:y}
        <button ?disabled=${this.busy} @click=${()=>void this.#o()}>${I(`download`)}${d(`document.download`)}</button>
      </div>
      ${this.#n()}
    </div>`}#t(){let e=this.check;if(!e)return y;let t=this.file.record;switch(e.state){case`confirmed`:return _`<div class="notice ${this.hash===`different`?`bad`:`good`}" role="status">
          ${I(this.hash===`different`?`alert`:`check`)}
          <div>
            <p>${d(t?`document.confirmed`:`document.there`)}</p>
            ${this.hash?_`<p>${d(`document.hash_${this.hash}`)}</p>`:y}
          </div>
        </div>`;case`missing`:return _`<div class="notice bad" role="alert">${I(`alert`)}<div><p>${d(`document.missing`)}</p></div></div>`;case`changed`:return _`<div class="notice bad" role="alert">
          ${I(`alert`)}
          <div>
            <p>${d(`document.changed`)}</p>
            ${e.found&&t&&e.found.size_bytes!==t.size_bytes?_`<p>${d(`document.changed_size`,{recorded:Fe(t.size_bytes),found:Fe(e.found.size_bytes)})}</p>`:y}
            ${e.found?.sha256?_`<p>${d(`document.found_hash`)} <span class="mono">${e.found.sha256}</span></p>`:y}
          </div>
        </div>`;case`failed`:return _`<div class="notice warn" role="alert">${I(`alert`)}<div>${te(e.error)}</div></div>`}}#n(){let e=this.preview;if(!e)return y;let t=this.file.name?v(this.file.name):this.file.fileId;return _`<div class="preview">${(()=>{switch(e.kind){case`image`:return _`<img src=${e.url} alt=${d(`document.preview_of`,{name:t})} @error=${()=>this.preview={kind:`failed`,reason:`document.not_shown`}} />`;case`pdf`:return _`<iframe src=${e.url} title=${d(`document.preview_of`,{name:t})}></iframe>`;case`text`:return _`<pre tabindex="0">${s(e.text.slice(0,lt))}</pre>${e.text.length>lt?_`<p>${d(`document.text_cut`)}</p>`:y}`;case`failed`:return _`<p role="status">${d(e.reason)}</p>`}})()}</div>`}#r(){let e=(this.file.record?.content_type??``).split(`;`)[0]?.trim().toLowerCase()??``;if(!((this.file.record?.size_bytes??0)>ct))return ut.test(e)?`image`:e===`application/pdf`&&navigator.pdfViewerEnabled?`pdf`:dt.test(e)?`text`:void 0}async#i(){let e=await this.#a();e&&this.#r()&&(this.file.record?.size_bytes??0)<=st&&await this.#s(e)}async#a(e=`inline`){this.busy=!0;let{signal:t}=this.#e;try{let n=`api/history/events/${encodeURIComponent(this.eventId)}/file`,{download_url:r}=await O(n,{file_id:this.file.fileId,disposition:e},t,this.context.service);return this.check={state:`confirmed`},r}catch(e){if(j(e)||t.aborted)return;this.check=pt(e);return}finally{this.busy=!1}}async#o(){if(!this.context.mayOpen({event:this.eventId,record:this.recordId,file:this.file.fileId}))return;let e=await this.#a(`attachment`);if(!e)return;let t=document.createElement(`a`);t.href=e,t.rel=`noreferrer`,t.click()}async#s(e){let t=e??await this.#a(),n=this.#r();if(!t||!n)return;let{signal:r}=this.#e;this.busy=!0;try{let e=await fetch(t,{signal:r,credentials:`omit`,referrerPolicy:`no-referrer`});if(!e.ok)throw Error(`HTTP ${e.status}`);let i=await e.arrayBuffer();await this.#c(i),r.aborted||(this.preview=mt(n,i,this.file.record?.content_type??``))}catch{r.aborted||(this.preview={kind:`failed`,reason:`document.not_readable`})}finally{this.busy=!1}}async#c(e){let t=this.file.record?.sha256;if(!t||!globalThis.crypto?.subtle)return;let n=new Uint8Array(await crypto.subtle.digest(`SHA-256`,e)),r=Array.from(n,e=>e.toString(16).padStart(2,`0`)).join(``);this.hash=r===t?`same`:`different`}#l(){this.#e.abort(),this.preview&&`url`in this.preview&&URL.revokeObjectURL(this.preview.url),[this.check,this.preview,this.hash]=[void 0,void 0,void 0]}};function pt(e){let t=e instanceof k&&e.status===409&&Array.isArray(e.detail)?e.detail[0]:void 0;return t?{state:t.type===`file_missing`?`missing`:`changed`,found:t.found}:{state:`failed`,error:e}}function mt(e,t,n){if(e===`text`)return{kind:e,text:new TextDecoder().decode(t)};let r=e===`pdf`?`application/pdf`:n.split(`;`)[0]??``;return{kind:e,url:URL.createObjectURL(new Blob([t],{type:r}))}}p(`eh-document`,ft);var ht=4,G=120;function K(e){let t=U(e);return{id:e.event_id,time:e.event_time,order:`${h(e.event_time)} ${e.event_id}`,day:r(e.event_time),type:e.event_type,typeId:e.event_type_id,recordId:String(e.record_id),source_type_id:e.source_type_id,source_id:String(e.source_id),source_type:e.source_type,source_name:P(e.source_name,G),source_info:P(e.source_info,G),changes:t.slice(0,ht).map(gt),more:Math.max(0,t.length-ht),files:W(e).slice(0,ht).map(e=>P(e.name,G))}}function gt(e){switch(e.kind){case`field`:return{...e,field:``,label:P(e.label,G),old:null,new:null};case`person`:return{...e,id:``,name:P(e.name,G)};case`document`:return{...e,fileId:``,name:P(e.name,G)};case`status`:return{...e,value:typeof e.value==`string`?P(e.value,G):null};case`other`:return{kind:`other`,item:null}}}var _t={user:`user`,sequence:`repeat`,system:`gear`,mcp:`spark`};function vt(e){let t=oe(`source.${e.source_type??``}`);return t?d(t):e.source_type?v(e.source_type,60):d(`source.unknown`,{id:String(e.source_type_id)})}function q(e){return e.source_name?v(e.source_name,60):`${vt(e)} ${e.source_id.toString()}`}function yt(e){return e.source_info?`${q(e)} (${v(e.source_info,80)})`:q(e)}var bt=(e,t)=>e.source_type_id===t.source_type_id&&e.source_id.toString()===t.source_id.toString()&&e.source_name===t.source_name,xt=e=>_t[e??``]??`dot`,St=e=>_`<span class="avatar" data-kind=${e.source_type??``} aria-hidden="true">${I(xt(e.source_type))}</span>`,Ct=3,wt=class extends u{static properties={eventId:{attribute:!1},panel:{type:Boolean},event:{state:!0},related:{state:!0},error:{state:!0}};#e=new AbortController;static styles=[c,z,M`
      :host {
        container-type: inline-size;
        max-width: 880px;
        margin: 0 auto;
        padding: 22px 20px 48px;
      }
      :host([panel]) {
        max-width: none;
        padding: 18px 22px 40px;
      }
      header {
        display: grid;
        grid-template-columns: 40px minmax(0, 1fr) auto;
        gap: 4px 14px;
        align-items: start;
        margin-bottom: 18px;
      }
      .mark {
        display: grid;
        place-items: center;
        width: 40px;
        height: 40px;
        border-radius: 12px;
        background: var(--accent-soft);
        color: var(--accent);
      }
      .mark .icon {
        width: 20px;
        height: 20px;
      }
      .by {
        color: var(--muted);
        display: flex;
        flex-wrap: wrap;
        gap: 2px 6px;
        align-items: center;
        padding-top: 2px;
      }
      section {
        margin-top: 22px;
      }
      section > h2 {
        margin-bottom: 8px;
        display: flex;
        align-items: center;
        justify-content: space-between;
        gap: 8px;
      }
      .card {
        padding: 12px 16px;
      }
      :host(:not([panel])) section > .card,
      :host([panel]) section > .card {
        background: var(--surface);
      }
      eh-document + eh-document {
        margin-top: 10px;
      }
      .related li a {
        display: grid;
        grid-template-columns: 18px minmax(0, 1fr) auto;
        gap: 10px;
        padding: 8px 0;
        color: inherit;
        align-items: center;
      }
      .related li + li {
        border-top: 1px solid var(--line);
      }
      .related .icon {
        color: var(--muted);
      }
      .related span.line {
        white-space: nowrap;
        overflow: hidden;
        text-overflow: ellipsis;
      }
      .related time {
        color: var(--muted);
        font-size: 12.5px;
        white-space: nowrap;
      }
      .related .this {
        font-weight: 600;
        padding: 8px 0;
        display: grid;
        grid-template-columns: 18px 1fr;
        gap: 10px;
        align-items: center;
      }
      .related .this .icon {
        color: var(--accent);
      }
      .raw eh-long-text {
        display: block;
      }
      @media (max-width: 640px) {
        :host,
        :host([panel]) {
          padding: 14px 14px 32px;
        }
      }
    `];constructor(){super(),this.eventId=``,this.panel=!1}disconnectedCallback(){super.disconnectedCallback(),this.#e.abort()}willUpdate(e){e.has(`eventId`)&&this.#i()}updated(e){e.has(`event`)&&this.event&&this.context.takesFocus()&&this.renderRoot.querySelector(`h1`)?.focus({preventScroll:this.panel})}render(){if(this.error instanceof k&&this.error.status===404)return _`${this.#t()}${m(`empty`,d(`event.missing`),d(`event.missing_text`))}`;if(this.error)return _`${this.#t()}${g(this.error,()=>void this.#i())}`;let e=this.event;if(!e)return _`${this.#t()}${be(10)}`;let t=W(e),n=U(e).filter(e=>e.kind!==`document`),r=ie(e);return _`<article>
      <header>
        <span class="mark">${I(Ae(e.event_type))}</span>
        <div>
          <h1 tabindex="-1" part="title" aria-level=${this.context.isEmbedded?2:y}>${E(e.event_type,e.event_type_id)}</h1>
          <div class="by">
            ${St(e)}<span>${q(e)}</span>
            <span>· <a href=${C(String(e.record_id))}>${d(`history.record`,{id:String(e.record_id)})}</a></span>
            <span>· ${x(e.event_time)}</span>
          </div>
        </div>
        ${this.#t()}
      </header>
      ${n.length?_`<section part="section"><h2>${d(n.some(e=>e.kind!==`other`)?`event.changes`:`event.data`)}</h2><div class="card">${rt(n)}</div></section>`:y}
      ${t.length?_`<section part="section">
            <h2>${d(`event.documents`,{n:t.length})}</h2>
            ${t.map((t,n)=>_`<eh-document exportparts="document" .eventId=${e.event_id} .recordId=${String(e.record_id)} .file=${t} ?auto=${n<3}></eh-document>`)}
          </section>`:y}
      <section part="section"><h2>${d(`event.details`)}</h2><div class="card">${this.#n(e)}</div></section>
      ${this.#r(e)}
      <section class="raw" part="section">
        <h2>${d(`event.raw`)}<eh-copy .text=${r} label=${d(`copy.json`)}></eh-copy></h2>
        <eh-long-text code .text=${r}></eh-long-text>
      </section>
    </article>`}#t(){return this.panel?_`<button class="plain" aria-label=${d(`action.close`)} title=${d(`action.close`)} @click=${()=>this.dispatchEvent(new CustomEvent(`close`))}>${I(`close`)}</button>`:y}#n(e){let t=(e,t)=>_`<dt>${e}</dt><dd>${t}</dd>`,n=e=>e?_`<eh-long-text .text=${e}></eh-long-text>`:_`<span class="muted">–</span>`;return _`<dl class="facts">
      ${t(d(`fact.event_time`),Ne(e.event_time))}
      ${e.received_at?t(d(`fact.received_at`),Ne(e.received_at)):y}
      ${t(d(`fact.type`),_`${E(e.event_type,e.event_type_id)} <span class="muted">· ${s(e.event_type??``)} (${e.event_type_id})</span>`)}
      ${t(d(`fact.record`),_`<a href=${C(String(e.record_id))}>${String(e.record_id)}</a>`)}
      ${t(d(`fact.source`),_`${vt(e)} <span class="muted">(${e.source_type_id}) · ${d(`fact.id`,{id:String(e.source_id)})}</span>`)}
      ${t(d(`fact.source_name`),n(e.source_name))}
      ${t(d(e.source_type===`mcp`?`fact.model`:`fact.source_info`),n(e.source_info))}
      ${t(d(`fact.event_id`),_`<span class="mono">${e.event_id}</span>`)}
    </dl>`}#r(e){return this.related?.some(t=>t.event_id!==e.event_id)?_`<section class="related" part="section">
      <h2>${d(`event.related`)}<a href=${C(String(e.record_id))}>${d(`event.whole_record`)}</a></h2>
      <ul class="card">
        ${this.related.map(t=>{let n=je(K(t));return t.event_id===e.event_id?_`<li class="this">${I(`dot`)}<span>${d(`event.this`)}</span></li>`:_`<li><a href=${A(t.event_id)} data-record=${String(t.record_id)}>${I(Ae(t.event_type))}<span class="line">${q(t)} ${n}</span>${x(t.event_time)}</a></li>`})}
      </ul>
    </section>`:y}async#i(){this.#e.abort(),this.#e=new AbortController;let{signal:e}=this.#e;[this.event,this.related,this.error]=[void 0,void 0,void 0];try{let t=await O(`api/history/events/${encodeURIComponent(this.eventId)}`,{},e,this.context.service);this.event=t,this.related=await this.#a(t,e)}catch(t){j(t)||e.aborted||this.event||(this.error=t)}}async#a(e,t){let n=n=>O(`api/history/events`,{record_id:String(e.record_id),count:`none`,...n},t,this.context.service),[r,i]=await Promise.all([n({event_time_from:e.event_time,ordering:`event_time`,limit:`4`}),n({event_time_to:e.event_time,limit:String(Ct)})]);return[...r.results.filter(t=>t.event_id!==e.event_id).slice(0,Ct).reverse(),e,...i.results]}};p(`eh-event`,wt);var Tt=class extends b{static properties={label:{},symbol:{},compact:{type:Boolean},count:{type:Number},open:{state:!0}};static styles=[c,M`
      :host {
        display: inline-block;
        position: relative;
      }
      .panel {
        position: absolute;
        inset-inline-end: 0;
        top: calc(100% + 6px);
        z-index: 20;
        min-width: 220px;
        max-width: calc(100vw - 24px);
        max-height: min(76vh, 640px);
        overflow: auto;
        background: var(--surface);
        border: 1px solid var(--line);
        border-radius: 12px;
        box-shadow: var(--shadow);
        padding: 8px;
      }
      :host([start]) .panel {
        inset-inline: 0 auto;
      }
      .count {
        background: var(--accent);
        color: var(--accent-text);
        border-radius: 9px;
        font-size: 11px;
        min-width: 18px;
        line-height: 18px;
        text-align: center;
        padding: 0 5px;
      }
    `];constructor(){super(),this.label=``,this.symbol=``,this.compact=!1,this.count=0,this.open=!1}connectedCallback(){super.connectedCallback(),this.addEventListener(`keydown`,this.#e),this.addEventListener(`focusout`,this.#t),document.addEventListener(`pointerdown`,this.#n)}disconnectedCallback(){super.disconnectedCallback(),this.removeEventListener(`keydown`,this.#e),this.removeEventListener(`focusout`,this.#t),document.removeEventListener(`pointerdown`,this.#n)}render(){let e=this.compact?_`<span class="hidden">${this.label}</span>`:this.label;return _`<button class=${this.compact?`plain`:``} aria-expanded=${this.open} @click=${()=>this.open=!this.open} title=${this.compact?this.label:y}>
        ${this.symbol?I(this.symbol):y}${e}${this.count>0?_`<span class="count">${this.count}</span>`:y}
      </button>
      <div class="panel" ?hidden=${!this.open} role="group" aria-label=${this.label}><slot></slot></div>`}close(){this.open&&(this.open=!1,this.shadowRoot?.querySelector(`button`)?.focus())}#e=e=>{e.key===`Escape`&&this.open&&(e.stopPropagation(),this.close())};#t=e=>{e.relatedTarget instanceof Node&&!this.contains(e.relatedTarget)&&!this.shadowRoot?.contains(e.relatedTarget)&&(this.open=!1)};#n=e=>{e.composedPath().includes(this)||(this.open=!1)}};customElements.define(`eh-menu`,Tt);var Et=class extends b{static properties={filters:{attribute:!1},received:{state:!0},error:{state:!0}};#e=new AbortController;static styles=[c,M`
      .choices {
        display: grid;
        gap: 2px;
        width: 264px;
      }
      .choices > button {
        display: grid;
        grid-template-columns: 20px 1fr;
        border: 0;
        background: none;
        text-align: start;
        white-space: normal;
        padding: 8px;
        align-items: start;
        justify-content: stretch;
      }
      .choices > button:hover {
        background: var(--raised);
      }
      small {
        display: block;
        color: var(--muted);
        font-weight: 400;
        font-size: 12px;
      }
      .under-way {
        padding: 8px;
        display: flex;
        justify-content: space-between;
        align-items: center;
        gap: 10px;
      }
    `];constructor(){super(),this.filters=new URLSearchParams}disconnectedCallback(){super.disconnectedCallback(),this.#e.abort()}render(){let e=e=>_`<button @click=${()=>this.#t(e)}>
      ${I(`download`)}<span>${d(`export.${e}`)}<small>${d(`export.${e}_text`)}</small></span>
    </button>`;return _`<eh-menu label=${d(`export.title`)} symbol="download">
      <div class="choices">
        ${this.received===void 0?_`${e(`csv`)} ${e(`ndjson`)}`:_`<div class="under-way" role="status">
              <span>${d(`export.under_way`,{size:a(this.received)})}</span>
              <button @click=${()=>this.#e.abort()}>${d(`action.cancel`)}</button>
            </div>`}
        ${this.error?_`<div class="notice bad" role="alert">${I(`alert`)}<div>${te(this.error)}</div></div>`:y}
      </div>
    </eh-menu>`}async#t(e){this.#e=new AbortController,[this.received,this.error]=[0,void 0];try{let t=new URLSearchParams(this.filters);t.set(`format`,e);let{signal:n}=this.#e,r=(await pe(de(`api/history/export`,t),{signal:n})).body.pipeThrough(new TransformStream({transform:(e,t)=>{this.received=(this.received??0)+e.length,t.enqueue(e)}}));Dt(await new Response(r).blob(),`history.${e}`)}catch(e){!j(e)&&!this.#e.signal.aborted&&(this.error=e)}this.received=void 0}};function Dt(e,t){let n=document.createElement(`a`);n.href=URL.createObjectURL(e),n.download=t,n.click(),setTimeout(()=>URL.revokeObjectURL(n.href),6e4)}customElements.define(`eh-export`,Et);var Ot=8,kt=class extends b{static properties={filters:{attribute:!1},figures:{attribute:!1},version:{attribute:!1},catalogue:{attribute:!1},names:{attribute:!1}};static styles=[c,M`
      h2 {
        color: var(--muted);
        font-size: 12px;
        padding: 0 8px 4px;
      }
      section + section {
        margin-top: 18px;
      }
      button {
        width: 100%;
        border: 0;
        background: none;
        justify-content: flex-start;
        font-weight: 450;
        padding: 4px 8px;
        min-height: 30px;
        gap: 8px;
        text-align: start;
      }
      button .icon {
        color: var(--muted);
        width: 15px;
        height: 15px;
      }
      button[aria-pressed="true"] {
        background: var(--accent-soft);
        font-weight: 600;
      }
      button[aria-pressed="true"] .icon {
        color: var(--accent);
      }
      .name {
        flex: 1;
        min-width: 0;
        overflow: hidden;
        text-overflow: ellipsis;
      }
      .number {
        color: var(--muted);
        font-size: 12px;
        font-variant-numeric: tabular-nums;
      }
    `];render(){return _`${this.#e(d(`facet.event_type`),this.#t())} ${this.#e(d(`facet.source_type`),this.#n())}
    ${this.#e(d(`facet.source`),this.#r())}`}#e(e,t){return t.length===0?y:_`<section>
      <h2>${e}</h2>
      <ul>
        ${t.map(e=>_`<li>
            <button aria-pressed=${e.chosen} @click=${e.choose} title=${e.label}>
              ${I(e.symbol)}<span class="name">${e.label}</span>
              <span class="number">${e.count===void 0?``:f(e.count)}</span>
            </button>
          </li>`)}
      </ul>
    </section>`}#t(){let e=this.figures?.facets.event_type,t=e?.length?e:(this.catalogue?.event_types??[]).map(e=>({event_type_id:e.id,event_type:e.name}));return this.#i(t,`event_type_id`,e).map(e=>({label:E(e.event_type,e.event_type_id??0),symbol:Ae(e.event_type),...this.#a(`event_type_id`,String(e.event_type_id),e)}))}#n(){let e=this.figures?.facets.source_type,t=e?.length?e:(this.catalogue?.source_types??[]).map(e=>({source_type_id:e.id,source_type:e.name}));return this.#i(t,`source_type_id`,e).map(e=>({label:vt({source_type:e.source_type??null,source_type_id:e.source_type_id??0}),symbol:xt(e.source_type),...this.#a(`source_type_id`,String(e.source_type_id),e)}))}#r(){return(this.figures?.facets.source??[]).slice(0,Ot).map(e=>{let[t,n]=[String(e.source_type_id),String(e.source_id)],r=this.catalogue?.source_types.find(e=>String(e.id)===t)?.name??null,i={source_type:r,source_type_id:e.source_type_id??0,source_id:n,source_info:``},a=this.filters.get(`source_id`)===n&&this.filters.get(`source_type_id`)===t;return{label:q({...i,source_name:this.names.get(`${t} ${n}`)??``}),symbol:xt(r),count:e.count,chosen:a,choose:()=>{let e=T(this.filters,`source_id`,a?``:n);this.#o(T(e,`source_type_id`,a?``:t))}}})}#i(e,t,n){let r=this.filters.getAll(t),i=n?.length?Ot:e.length;return e.filter((e,n)=>n<i||r.includes(String(e[t])))}#a(e,t,n){return{count:n.count,chosen:this.filters.getAll(e).includes(t),choose:()=>this.#o(_e(this.filters,e,t))}}#o(e){this.dispatchEvent(new CustomEvent(`filters`,{detail:e}))}};customElements.define(`eh-facets`,kt);var At=36e5,J=24*At,jt=[{name:`minute`,ms:6e4,upTo:3*At},{name:`hour`,ms:At,upTo:5*J},{name:`day`,ms:J,upTo:200*J},{name:`week`,ms:7*J,upTo:1460*J},{name:`month`,ms:31*J,upTo:1/0}],Mt={event_type:[`event_type_id`],source_type:[`source_type_id`],source:[`source_id`,`source_type_id`]},Nt=class{filters;onChange;histogram;facets={};error;#e=new AbortController;constructor(e,t){this.filters=e,this.onChange=t}async load(){this.error=void 0;try{this.histogram=await this.#t()}catch(e){if(j(e)||this.#e.signal.aborted)return;this.error=e}this.onChange();for(let[e,t]of Object.entries(Mt)){try{let n=t.reduce((e,t)=>T(e,t),this.filters),r=await this.#r(n,{by:e});this.facets[e]=r.results.sort((e,t)=>t.count-e.count)}catch(t){if(j(t)||this.#e.signal.aborted)return;this.facets[e]=[]}this.onChange()}}stop(){this.#e.abort()}async#t(){let e=Date.parse(this.filters.get(`event_time_from`)??``),t=Date.parse(this.filters.get(`event_time_to`)??``);if(e<t)return this.#n(e,t);let n=await this.#n(0,1/0),[r,i]=[n.bars[0],n.bars.at(-1)];if(!r||!i)return n;let a=i.start+n.bucketMs;return Pt(a-r.start).name===`month`?n:this.#n(r.start,a)}async#n(e,t){let n=Pt(t-e),r=await this.#r(this.filters,{bucket:n.name}),i=Ft(r),[a,o]=[i[0],i.at(-1)];if(a&&o&&Number.isFinite(t)){let e=Pt(o.start+n.ms-a.start);e.ms<n.ms&&(n=e,r=await this.#r(this.filters,{bucket:n.name}),i=Ft(r))}return{bars:i,bucketMs:n.ms,total:r.filtered_count}}#r(e,t){let n=new URLSearchParams(e);for(let[e,r]of Object.entries(t))n.set(e,r);return O(`api/history/stats`,n,this.#e.signal)}},Pt=e=>jt.find(t=>e<=t.upTo)??jt[4],Ft=e=>e.results.map(e=>({start:Date.parse(e.bucket_start??``),count:e.count})),It=[`record_id`,`source_name`,`source_id`,`field`,`value`],Lt=[`record_id`,`source_id`],Rt=36e5,zt=[[`period.hour`,Rt],[`period.day`,24*Rt],[`period.week`,168*Rt],[`period.month`,720*Rt]],Bt=class extends b{static properties={filters:{attribute:!1},catalogue:{attribute:!1}};static styles=[c,M`
      .bar {
        display: flex;
        gap: 8px;
      }
      .words {
        position: relative;
        flex: 1;
        min-width: 0;
      }
      .words .icon {
        position: absolute;
        inset-inline-start: 10px;
        top: 9px;
        color: var(--muted);
        pointer-events: none;
      }
      .words input {
        padding-inline-start: 33px;
      }
      .form {
        display: grid;
        grid-template-columns: 1fr 1fr;
        gap: 10px 12px;
        padding: 8px;
        width: min(440px, calc(100vw - 60px));
      }
      .form .wide {
        grid-column: 1 / -1;
      }
      .form label {
        display: grid;
        gap: 4px;
        font-size: 12.5px;
        min-width: 0;
      }
      .periods {
        display: flex;
        flex-wrap: wrap;
        gap: 6px;
      }
      .periods button {
        min-height: 28px;
        font-size: 12.5px;
        padding: 2px 9px;
      }
      .end {
        display: flex;
        justify-content: flex-end;
        gap: 8px;
        padding-top: 4px;
      }
      .chips {
        display: flex;
        flex-wrap: wrap;
        gap: 6px;
        padding-top: 10px;
        align-items: center;
      }
      .chip {
        background: var(--accent-soft);
        border-color: transparent;
        border-radius: 16px;
        min-height: 28px;
        font-size: 12.5px;
        max-width: 100%;
        padding-inline: 11px 8px;
      }
      .chip span {
        overflow: hidden;
        text-overflow: ellipsis;
      }
      .chip .icon {
        width: 13px;
        height: 13px;
        color: var(--muted);
      }
      .chip:hover {
        background: var(--accent-soft);
        border-color: var(--accent);
      }
    `];constructor(){super(),this.filters=new URLSearchParams}render(){let e=ue.filter(e=>this.filters.has(e)&&e!==`q`).length;return _`<div class="bar">
        <form class="words" role="search" @submit=${this.#r}>
          ${I(`search`)}
          <input name="q" type="search" enterkeyhint="search" maxlength="1000" .value=${this.filters.get(`q`)??``} placeholder=${d(`filter.words`)} aria-label=${d(`filter.words`)} @search=${this.#i} />
        </form>
        <eh-menu label=${d(`filter.title`)} symbol="filter" count=${e}>${this.#e()}</eh-menu>
      </div>
      ${this.filters.size>0?_`<div class="chips">
            ${[...this.filters].map(([e,t])=>this.#t(e,t))}
            <button class="plain" @click=${()=>this.#s(new URLSearchParams)}>${d(`filter.clear`)}</button>
          </div>`:y}`}#e(){let e=e=>_`<label>
      ${d(`filter.${e}`)}
      <input name=${e} autocomplete="off" maxlength="500" inputmode=${Lt.includes(e)?`numeric`:`text`}
        pattern=${Lt.includes(e)?`-?[0-9]{1,19}`:y} .value=${this.filters.getAll(e).length===1?this.filters.get(e)??``:``} />
    </label>`,t=e=>_`<label>
      ${d(`filter.${e}`)}
      <input name=${e} type="datetime-local" step="1" .value=${xe(this.filters.get(e)??``)} />
    </label>`,n=this.filters.get(`has_file`)??``;return _`<form class="form" @submit=${this.#a}>
      ${It.slice(0,1).map(e)}
      <label>
        ${d(`filter.has_file`)}
        <select name="has_file" .value=${n}>
          ${[``,`true`,`false`].map(e=>_`<option value=${e} ?selected=${e===n}>${d(`files.${e||`any`}`)}</option>`)}
        </select>
      </label>
      ${It.slice(1).map(e)} ${t(`event_time_from`)} ${t(`event_time_to`)}
      <div class="wide periods">
        ${zt.map(([e,t])=>_`<button type="button" @click=${()=>this.#o(t)}>${d(e)}</button>`)}
      </div>
      <div class="wide end"><button class="primary">${d(`filter.apply`)}</button></div>
    </form>`}#t(e,t){let n=this.#n(e,t);return _`<button class="chip" title=${n} aria-label=${d(`filter.remove`,{filter:n})} @click=${()=>this.#s(_e(this.filters,e,t))}>
      <span>${n}</span>${I(`close`)}
    </button>`}#n(e,t){let n=t=>`${d(`filter.${e}`)}: ${t}`,r=Number(t);switch(e){case`event_type_id`:return n(E(this.catalogue?.event_types.find(e=>e.id===r)?.name,r));case`source_type_id`:return n(vt({source_type:this.catalogue?.source_types.find(e=>e.id===r)?.name??null,source_type_id:r}));case`event_time_from`:case`event_time_to`:return n(Number.isNaN(Date.parse(t))?v(t,40):o(t));case`has_file`:return n(t===`true`?d(`files.true`):t===`false`?d(`files.false`):v(t,40));default:return n(v(t,60))}}#r=e=>{e.preventDefault();let t=new FormData(e.target).get(`q`);this.#s(T(this.filters,`q`,String(t).trim()))};#i=e=>{e.target.value===``&&this.filters.has(`q`)&&this.#s(T(this.filters,`q`))};#a=e=>{e.preventDefault();let t=new FormData(e.target),n=this.filters;for(let e of[...It,`has_file`]){let r=String(t.get(e)??``).trim();(r||n.getAll(e).length===1)&&(n=T(n,e,r))}for(let e of[`event_time_from`,`event_time_to`]){let r=String(t.get(e)??``);r!==xe(n.get(e)??``)&&(n=T(n,e,ae(r)??``))}this.#s(n)};#o(e){let t=new Date(Date.now()-e).toISOString();this.#s(T(T(this.filters,`event_time_from`,t),`event_time_to`))}#s(e){this.renderRoot.querySelector(`eh-menu`)?.close(),this.dispatchEvent(new CustomEvent(`filters`,{detail:e}))}};customElements.define(`eh-filters`,Bt);var Vt=31,Ht=96,Ut=960,Y=64,Wt=864e5,Gt=class extends b{static properties={data:{attribute:!1},selection:{state:!0},hovered:{state:!0}};#e=!1;static styles=[c,M`
      .card {
        padding: 10px 14px 8px;
      }
      svg {
        display: block;
        width: 100%;
        height: 64px;
        overflow: visible;
        cursor: crosshair;
        touch-action: pan-y;
      }
      .bar {
        fill: var(--accent);
        opacity: 0.75;
      }
      .bar.hovered,
      .bar.selected {
        opacity: 1;
      }
      .range {
        fill: var(--accent-soft);
      }
      .target {
        fill: transparent;
      }
      .base {
        stroke: var(--line-strong);
        stroke-width: 1;
        vector-effect: non-scaling-stroke;
      }
      .legend {
        display: flex;
        justify-content: space-between;
        gap: 12px;
        font-size: 12px;
        color: var(--muted);
        padding-top: 6px;
        min-height: 24px;
        white-space: nowrap;
        font-variant-numeric: tabular-nums;
      }
      .legend strong {
        font-weight: 450;
        overflow: hidden;
        text-overflow: ellipsis;
      }
      .legend strong.told {
        color: var(--text);
        font-weight: 600;
      }
      .waiting {
        height: 64px;
        margin-bottom: 24px;
      }
    `];willUpdate(e){e.has(`data`)&&([this.selection,this.hovered]=[void 0,void 0])}render(){if(!this.data)return _`<div class="card"><div class="skeleton waiting"></div></div>`;let e=Kt(this.data),[t,n]=[e[0],e.at(-1)];if(!t||!n)return y;let r=Ut/e.length,i=Math.max(...e.map(e=>e.count)),[a,o]=this.#i(e.length),s=d(`histogram.summary`,{n:this.data.total,from:Ie(new Date(t.start)),to:Ie(new Date(n.end-1))});return _`<div class="card">
      <svg
        viewBox="0 0 ${Ut} ${Y}"
        preserveAspectRatio="none"
        tabindex="0"
        role="application"
        aria-roledescription=${d(`histogram.role`)}
        aria-label=${`${s}. ${d(`histogram.keys`)}`}
        @pointerdown=${this.#o}
        @pointermove=${this.#s}
        @pointerup=${this.#c}
        @pointercancel=${this.#l}
        @pointerleave=${()=>this.hovered=this.#e?this.hovered:void 0}
        @keydown=${t=>this.#u(t,e)}
      >
        <rect class="target" width=${Ut} height=${Y}></rect>
        ${this.selection?me`<rect class="range" x=${a*r} width=${(o-a+1)*r} height=${Y} />`:y}
        ${e.map((e,t)=>{let n=e.count===0?0:Math.max(2,e.count/i*Y),s=this.selection&&t>=a&&t<=o?`selected`:t===this.hovered?`hovered`:``;return me`<rect class="bar ${s}" x=${t*r+r*.1} width=${r*.8} y=${Y-n} height=${n} />`})}
        <line class="base" x2=${Ut} y1=${Y} y2=${Y}></line>
      </svg>
      <div class="legend">
        <span>${this.#n(t.start)}</span>
        <strong class=${this.selection||this.hovered!==void 0?`told`:``} aria-live="polite">${this.#t(e)}</strong>
        <span>${this.#n(n.end-1)}</span>
      </div>
    </div>`}#t(e){let[t,n]=this.selection?this.#i(e.length):[this.hovered??-1,this.hovered??-1],r=e.slice(t,n+1),[i,a]=[r[0],r.at(-1)];if(t<0||!i||!a)return d(`histogram.hint`);let o=r.reduce((e,t)=>e+t.count,0);return`${a.end-i.start<=this.#r()?this.#n(i.start):`${this.#n(i.start)} – ${this.#n(a.end-1)}`}: ${d(`history.count`,{n:o})}`}#n(e){return this.#r()<Wt?o(new Date(e)):Ie(new Date(e))}#r(){return this.data?.bucketMs??Wt}#i(e){let[t,n]=this.selection??[0,0];return[Math.max(0,Math.min(t,n)),Math.min(e-1,Math.max(t,n))]}#a(e){let t=e.currentTarget.getBoundingClientRect(),n=this.data?Kt(this.data).length:1;return Math.max(0,Math.min(n-1,Math.floor((e.clientX-t.left)/t.width*n)))}#o=e=>{if(e.button!==0)return;e.currentTarget.setPointerCapture(e.pointerId),this.#e=!0;let t=this.#a(e);this.selection=[t,t]};#s=e=>{let t=this.#a(e);this.hovered=t,this.#e&&this.selection&&(this.selection=[this.selection[0],t])};#c=()=>{this.#e&&(this.#e=!1,this.#d())};#l=()=>{this.#e=!1,this.selection=void 0};#u(e,t){let n=t.length-1,r=e.key===`ArrowLeft`?t.findLastIndex(e=>e.count>0)+1:t.findIndex(e=>e.count>0)-1,i=this.selection?.[1]??r,a={ArrowLeft:-1,ArrowRight:1}[e.key];if(a!==void 0){let t=Math.max(0,Math.min(n,i+a));this.selection=[e.shiftKey&&this.selection?this.selection[0]:t,t]}else if(e.key===`Enter`&&this.selection)this.#d();else if(e.key===`Escape`&&this.selection)this.selection=void 0;else return;e.preventDefault(),e.stopPropagation()}#d(){if(!this.data)return;let e=Kt(this.data),[t,n]=this.#i(e.length),[r,i]=[e[t],e[n]];if(!r||!i)return;let a={from:new Date(r.start).toISOString(),to:new Date(i.end).toISOString()};this.dispatchEvent(new CustomEvent(`range`,{detail:a}))}};function Kt({bars:e,bucketMs:t}){let[n,r]=[e[0],e.at(-1)];if(!n||!r)return[];let i=Math.max(1,Math.round((r.start-n.start)/t)+1),a=Math.max(0,Math.floor((Vt-i)/2)),o=n.start-a*t,s=Math.ceil(i/Ht)*t,c=Math.max(Vt,Math.ceil((r.start+t-o)/s)),l=Array.from({length:c},(e,t)=>({start:o+t*s,end:o+(t+1)*s,count:0}));for(let t of e){let e=l[Math.min(c-1,Math.floor((t.start-o)/s))];e&&(e.count+=t.count)}return l}customElements.define(`eh-histogram`,Gt);var qt={ATTRIBUTE:1,CHILD:2,PROPERTY:3,BOOLEAN_ATTRIBUTE:4,EVENT:5,ELEMENT:6},Jt=e=>(...t)=>({_$litDirective$:e,values:t}),Yt=class{constructor(e){}get _$AU(){return this._$AM._$AU}_$AT(e,t,n){this._$Ct=e,this._$AM=t,this._$Ci=n}_$AS(e,t){return this.update(e,t)}update(e,t){return this.render(...t)}},{I:Xt}=e,Zt=e=>e,Qt=()=>document.createComment(``),X=(e,t,n)=>{let r=e._$AA.parentNode,i=t===void 0?e._$AB:t._$AA;if(n===void 0)n=new Xt(r.insertBefore(Qt(),i),r.insertBefore(Qt(),i),e,e.options);else{let t=n._$AB.nextSibling,a=n._$AM,o=a!==e;if(o){let t;n._$AQ?.(e),n._$AM=e,n._$AP!==void 0&&(t=e._$AU)!==a._$AU&&n._$AP(t)}if(t!==i||o){let e=n._$AA;for(;e!==t;){let t=Zt(e).nextSibling;Zt(r).insertBefore(e,i),e=t}}}return n},Z=(e,t,n=e)=>(e._$AI(t,n),e),$t={},en=(e,t=$t)=>e._$AH=t,tn=e=>e._$AH,nn=e=>{e._$AR(),e._$AA.remove()},rn=(e,t,n)=>{let r=new Map;for(let i=t;i<=n;i++)r.set(e[i],i);return r},an=Jt(class extends Yt{constructor(e){if(super(e),e.type!==qt.CHILD)throw Error(`repeat() can only be used in text expressions`)}dt(e,t,n){let r;n===void 0?n=t:t!==void 0&&(r=t);let i=[],a=[],o=0;for(let t of e)i[o]=r?r(t,o):o,a[o]=n(t,o),o++;return{values:a,keys:i}}render(e,t,n){return this.dt(e,t,n).values}update(e,[t,n,r]){let i=tn(e),{values:a,keys:o}=this.dt(t,n,r);if(!Array.isArray(i))return this.ut=o,a;let s=this.ut??=[],c=[],l,ee,u=0,d=i.length-1,f=0,p=a.length-1;for(;u<=d&&f<=p;)if(i[u]===null)u++;else if(i[d]===null)d--;else if(s[u]===o[f])c[f]=Z(i[u],a[f]),u++,f++;else if(s[d]===o[p])c[p]=Z(i[d],a[p]),d--,p--;else if(s[u]===o[p])c[p]=Z(i[u],a[p]),X(e,c[p+1],i[u]),u++,p--;else if(s[d]===o[f])c[f]=Z(i[d],a[f]),X(e,i[u],i[d]),d--,f++;else if(l===void 0&&(l=rn(o,f,p),ee=rn(s,u,d)),l.has(s[u])){if(l.has(s[d])){let t=ee.get(o[f]),n=t===void 0?null:i[t];if(n===null){let t=X(e,i[u]);Z(t,a[f]),c[f]=t}else c[f]=Z(n,a[f]),X(e,i[u],n),i[t]=null;f++}else nn(i[d]),d--}else nn(i[u]),u++;for(;f<=p;){let t=X(e,c[p+1]);Z(t,a[f]),c[f++]=t}for(;u<=d;){let e=i[u++];e!==null&&nn(e)}return this.ut=o,en(e,c),se}});function on(e){let t=[];for(let n=e.getRootNode();n instanceof ShadowRoot;n=n.host.getRootNode())t.push(n);return t}function sn(e){for(let t=cn(e);t&&t!==document.body&&t!==document.documentElement;t=cn(t))if(/auto|scroll/.test(getComputedStyle(t).overflowY)&&t.scrollHeight>t.clientHeight)return t}function cn(e){let t=e.assignedSlot??e.parentNode;return t instanceof ShadowRoot?t.host:t instanceof Element?t:void 0}var ln=62,un=84,dn=600,fn=38,pn=600,mn=110,hn=30,gn=class extends u{static properties={model:{attribute:!1},version:{attribute:!1},selected:{},active:{state:!0}};#e=[];#t;#n=!1;#r=0;#i=!1;#a=new AbortController;#o=new ResizeObserver(()=>this.#f());static styles=[c,M`
      :host {
        container-type: inline-size;
      }
      .list {
        position: relative;
        overflow: hidden;
      }
      .item {
        position: absolute;
        inset-inline: 0;
        top: 0;
      }
      .day {
        height: 38px;
        padding: 14px 16px 4px;
        font-size: 12px;
        font-weight: 650;
        color: var(--muted);
        border-bottom: 1px solid var(--line);
        white-space: nowrap;
        overflow: hidden;
        text-overflow: ellipsis;
      }
      a {
        display: grid;
        grid-template-columns: 32px minmax(0, 1fr) auto;
        gap: 2px 12px;
        align-items: center;
        height: 62px;
        padding: 8px 16px;
        color: inherit;
        border-bottom: 1px solid var(--line);
      }
      a:hover {
        background: var(--raised);
        text-decoration: none;
      }
      a[aria-current] {
        background: var(--accent-soft);
        box-shadow: inset 3px 0 var(--accent);
      }
      a:focus-visible {
        outline-offset: -2px;
      }
      .mark {
        display: grid;
        place-items: center;
        width: 32px;
        height: 32px;
        border-radius: 10px;
        background: var(--raised);
        color: var(--muted);
      }
      a:hover .mark,
      a[aria-current] .mark {
        background: var(--surface);
      }
      .mark[data-type="record_created"],
      .mark[data-type="document_generated"] {
        color: var(--accent);
        background: var(--accent-soft);
      }
      .mark[data-type="record_deleted"] {
        color: var(--remove);
        background: var(--remove-soft);
      }
      .lines {
        min-width: 0;
      }
      .first,
      .second {
        display: block;
        white-space: nowrap;
        overflow: hidden;
        text-overflow: ellipsis;
      }
      .first strong {
        font-weight: 600;
      }
      .second {
        color: var(--muted);
        font-size: 12.5px;
      }
      .second .icon {
        width: 13px;
        height: 13px;
        vertical-align: -2px;
      }
      time {
        color: var(--muted);
        font-size: 12.5px;
        font-variant-numeric: tabular-nums;
        white-space: nowrap;
      }
      .foot {
        padding: 14px 16px;
      }
      .end {
        text-align: center;
        font-size: 12.5px;
      }
      .waiting {
        display: grid;
        grid-template-columns: 32px 1fr;
        gap: 12px;
        align-items: center;
        height: 62px;
        padding: 8px 16px;
        border-bottom: 1px solid var(--line);
      }
      .waiting .skeleton:first-child {
        height: 32px;
        border-radius: 10px;
      }
      .waiting .skeleton:last-child {
        height: 14px;
        width: 60%;
      }
      @container (max-width: 600px) {
        a {
          height: 84px;
          grid-template-columns: 32px minmax(0, 1fr);
          padding: 8px 12px;
        }
        a time {
          grid-column: 2;
        }
        .mark {
          grid-row: 1 / span 2;
          align-self: start;
          margin-top: 2px;
        }
        .day {
          padding-inline: 12px;
        }
      }
    `];constructor(){super(),this.version=0,this.selected=``,this.active=0,new ce(this)}connectedCallback(){super.connectedCallback(),this.#a=new AbortController;let e={passive:!0,capture:!0,signal:this.#a.signal};for(let t of[window,...on(this)])t.addEventListener(`scroll`,this.#f,e);addEventListener(`resize`,this.#f,e),this.#o.observe(this)}disconnectedCallback(){super.disconnectedCallback(),this.#a.abort(),this.#o.disconnect()}render(){let e=this.model;if(!e)return y;this.#l(e.rows);let t=this.#e.at(-1),n=this.#u(),r=n.some(e=>e.row&&e.index===this.active)?this.active:n.find(e=>e.row)?.index??0;return _`<div class="list" role="list" aria-label=${d(`history.title`)} .style=${`height:${t?t.top+t.height:0}px`} @keydown=${this.#p}>
        ${an(n,e=>e.row?.id??e.day,e=>_`<div class="item" .style=${`transform:translateY(${e.top}px)`} role=${e.row?`listitem`:`presentation`} aria-setsize=${e.row?-1:y} aria-posinset=${e.row?e.index+1:y}>
            ${e.row?this.#s(e.row,e.index,e.index===r):_`<div class="day" part="day">${re(e.day)}</div>`}
          </div>`)}
      </div>
      ${this.#c(e)}`}updated(){this.#i&&(this.#i=!1,this.renderRoot.querySelector(`a[data-index="${this.active}"]`)?.focus({preventScroll:!0}));let e=this.model;e&&!e.error&&this.checkVisibility()&&(this.#u().at(-1)?.index??0)>=e.rows.length-hn&&e.more()}focusRow(e){let t=this.model?.rows.findIndex(t=>t.id===e)??-1;t>=0&&this.#m(t)}#s(e,t,n){let r=d(`history.record`,{id:e.recordId});return _`<a
      href=${N(this.model?.filters??new URLSearchParams,e.id)}
      data-index=${t}
      data-id=${e.id}
      data-record=${e.recordId}
      part="event"
      tabindex=${n?0:-1}
      aria-current=${e.id===this.selected?`true`:y}
      @focus=${()=>this.active=t}
    >
      <span class="mark" data-type=${e.type??``}>${I(Ae(e.type))}</span>
      <span class="lines">
        <span class="first"><strong title=${yt(e)}>${q(e)}</strong> ${je(e)}</span>
        <span class="second">
          ${r} · ${E(e.type,e.typeId)}${e.source_type===`mcp`?_` · ${I(`spark`)} ${v(e.source_info||``,40)}`:y}
          ${e.files.length&&e.type!==`document_generated`?_` · ${I(`file`)} ${e.files[0]?v(e.files[0],48):d(`history.file`)}`:y}
        </span>
      </span>
      ${Re(e.time)}
    </a>`}#c(e){if(e.error)return _`<div class="foot">${g(e.error,()=>e.retry())}</div>`;if(e.rows.length===0&&e.complete){let t=e.filters.size>0;return m(`empty`,d(t?`history.no_match`:`history.empty`),d(t?`history.no_match_text`:`history.empty_text`))}if(e.complete)return _`<p class="foot end muted">${d(`history.end`)}</p>`;let t=_`<div class="waiting"><div class="skeleton"></div><div class="skeleton"></div></div>`;return _`<div role="status"><span class="hidden">${d(`state.loading`)}</span>${Array.from({length:e.rows.length?2:8},()=>t)}</div>`}#l(e){let t=this.clientWidth>0?this.clientWidth<=dn:this.#n;if(this.#t===e&&this.#n===t)return;[this.#t,this.#n]=[e,t];let n=this.#n?un:ln,r=[],[i,a]=[0,``];for(let[t,o]of e.entries())o.day!==a&&(r.push({top:i,height:fn,index:t,day:o.time}),[i,a]=[i+fn,o.day]),r.push({top:i,height:n,row:o,index:t,day:o.time}),i+=n;this.#e=r}#u(){let e=this.hasUpdated?-this.getBoundingClientRect().top:0,t=this.#d(e-pn),n=this.#d(e+innerHeight+pn);return this.#e.slice(t,n+1)}#d(e){let[t,n]=[0,this.#e.length-1];for(;t<n;){let r=Math.ceil((t+n)/2);(this.#e[r]?.top??0)<=e?t=r:n=r-1}return t}#f=()=>{this.#r||=requestAnimationFrame(()=>{this.#r=0,this.requestUpdate()})};#p=e=>{let t=this.model?.rows.length??0,n={ArrowDown:this.active+1,j:this.active+1,ArrowUp:this.active-1,k:this.active-1,Home:0,End:t-1}[e.key];n===void 0||e.ctrlKey||e.metaKey||e.altKey||t===0||(e.preventDefault(),this.#m(Math.max(0,Math.min(n,t-1))))};#m(e){this.active=e,this.#i=!0;let t=this.#e.find(t=>t.row&&t.index===e);if(t){let e=this.getBoundingClientRect().top+t.top,{scroller:n,from:r,to:i}=this.#h();e<r?n.scrollBy(0,e-r):e+t.height>i&&n.scrollBy(0,e+t.height-i+8)}this.requestUpdate()}#h(){let e=document.scrollingElement??document.documentElement,t=sn(this)??e,n=this.context.isEmbedded?0:mn;if(t===e)return{scroller:t,from:n,to:innerHeight};let{top:r,bottom:i}=t.getBoundingClientRect();return{scroller:t,from:Math.max(0,r),to:Math.min(innerHeight,i)}}};p(`eh-history-list`,gn);var _n=6e4,vn=1e3,yn=3e4;async function bn(e){let{service:t,filters:n,signal:r,onState:i,onRefused:a}=e,o=vn;for(;!r.aborted;){try{let a=new AbortController,s=AbortSignal.any([r,a.signal]),c=new URLSearchParams(n);c.set(`after`,e.after);let l=await pe(de(`api/history/stream`,c,t),{signal:s,service:t});i(!0),o=vn,await xn(l,a,(t,n)=>{e.after=t,n&&e.onEvent(Le(n))})}catch(e){if(r.aborted)return;if(e instanceof k&&e.status===400)return a();if(e instanceof k&&[401,403,422].includes(e.status))return i(!1);j(e)||(o=Math.min(o*2,yn))}i(!1),await Se(o,r).catch(()=>void 0)}}async function xn(e,t,n){let r=e.body.pipeThrough(new TextDecoderStream).getReader(),i,a=[],[o,s]=[``,``];try{for(;;){clearTimeout(i),i=setTimeout(()=>t.abort(),_n);let{value:e,done:c}=await r.read();if(c)return;if(!e.includes(`
`)){a.push(e);continue}let l=(a.splice(0).join(``)+e).split(`
`);a.push(l.pop()??``);for(let e of l)e.startsWith(`id: `)?o=e.slice(4):e.startsWith(`data: `)?s=e.slice(6):e===``&&o&&(n(o,s),s=``)}}finally{clearTimeout(i),await r.cancel().catch(()=>void 0)}}var Sn=`100`,Cn=500,wn=1500,Tn=250,En=class{filters;service;onChange;rows=[];error;loading=!1;complete=!1;live=!1;newCount=0;#e=new Set;#t=new Map;#n=new AbortController;#r=new AbortController;#i;#a;#o=new AbortController;#s;constructor(e,t,n){this.filters=e,this.service=t,this.onChange=n}async start(){this.loading=!0,this.onChange();let e=O(`api/history/feed`,{after:`latest`,limit:`1`},this.#n.signal,this.service),t=await Promise.race([e.then(()=>!0),Se(wn)]).catch(()=>!1);e.then(e=>this.#c(e.cursor,!t),()=>void 0),this.#n.signal.aborted||(this.loading=!1,await this.more())}async more(){if(this.loading||this.complete)return;this.loading=!0,this.error=void 0,this.onChange();let{signal:e}=this.#r;try{for(let t=this.rows.length;this.rows.length===t&&!this.complete;){let t=new URLSearchParams(this.filters);t.set(`limit`,Sn),t.set(`count`,`none`),this.#i&&t.set(`cursor`,this.#i);let n=await O(`api/history/events`,t,e,this.service);if(e.aborted)return;this.#u(n)}}catch(t){if(j(t)||e.aborted)return;this.error=t}this.loading=!1,this.onChange()}retry(){this.error=void 0,this.#a||this.rows.length>0?this.more():this.start()}showNew(){if(this.newCount>this.#t.size)return this.restart();let e=this.rows.at(-1)?.order,t=t=>this.complete||e===void 0||t.order>e,n=[...this.#t.values()].filter(e=>!this.#e.has(e.id)&&t(e));for(let e of n)this.#e.add(e.id);this.rows=[...n,...this.rows].sort((e,t)=>e.order<t.order?1:-1),this.#f(),this.onChange()}restart(){this.stop(),this.onRestart()}onRestart=()=>void 0;resume(){!this.#a||this.#n.signal.aborted||this.live||(this.#o.abort(),this.#o=new AbortController,this.#a.signal=this.#o.signal,bn(this.#a))}pause(){this.#o.abort(),this.live=!1}stop(){this.#n.abort(),this.#r.abort(),this.#o.abort(),clearTimeout(this.#s)}#c(e,t){this.#a={service:this.service,filters:this.filters,after:e,signal:this.#o.signal,onEvent:e=>this.#d(e),onState:e=>{this.live=e,this.onChange()},onRefused:()=>this.restart()},document.hidden||this.resume(),t&&this.#l()}async#l(){let e=this.rows[0]?.order;if(e===void 0)return;let t=new URLSearchParams(this.filters);t.set(`limit`,Sn),t.set(`count`,`none`);let n=await O(`api/history/events`,t,this.#n.signal,this.service).catch(()=>void 0);for(let t of n?.results??[])K(t).order>e&&this.#d(t)}#u(e){let t=e.results.filter(e=>!this.#e.has(e.event_id)).map(K);for(let e of t)this.#e.add(e.id),this.#t.delete(e.id)&&this.newCount--;this.rows=[...this.rows,...t],this.#i=e.next_cursor??void 0,this.complete=this.#i===void 0}#d(e){this.#e.has(e.event_id)||this.#t.has(e.event_id)||(this.newCount++,this.newCount<=Cn?this.#t.set(e.event_id,K(e)):this.#t.clear(),this.#s??=setTimeout(()=>{this.#s=void 0,this.onChange()},Tn))}#f(){this.#t.clear(),this.newCount=0}},Dn=`event-history.views`;function On(e){return(Mn()[e]??[]).map(({name:e,query:t})=>({name:e,filters:fe(new URLSearchParams(t))})).sort((e,t)=>e.name.localeCompare(t.name))}function kn(e,t,n){let r=(Mn()[e]??[]).filter(e=>e.name!==t);return r.length>=50?!1:jn(e,[...r,{name:t,query:n.toString()}])}function An(e,t){jn(e,(Mn()[e]??[]).filter(e=>e.name!==t))}function jn(e,t){try{return localStorage.setItem(Dn,JSON.stringify({...Mn(),[e]:t})),!0}catch{return!1}}function Mn(){let e=Object.create(null);try{let t=JSON.parse(localStorage.getItem(Dn)??`{}`);for(let[n,r]of Object.entries(t))Array.isArray(r)&&(e[n]=r.filter(Nn).slice(0,50))}catch{}return e}var Nn=e=>{let{name:t,query:n}=e??{};return typeof t==`string`&&typeof n==`string`},Pn=class extends b{static properties={filters:{attribute:!1},tenant:{},failed:{state:!0}};static styles=[c,M`
      .panel {
        display: grid;
        gap: 8px;
        width: 264px;
        padding: 4px;
      }
      li {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto;
        align-items: center;
      }
      li a {
        padding: 6px;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      form {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto;
        gap: 6px;
      }
      label {
        grid-column: 1 / -1;
        font-size: 12.5px;
      }
    `];constructor(){super(),this.filters=new URLSearchParams,this.tenant=``,this.failed=!1}render(){let e=On(this.tenant);return _`<eh-menu label=${d(`views.title`)} symbol="bookmark">
      <div class="panel">
        ${e.length?_`<ul>
              ${e.map(e=>_`<li>
                  <a href=${N(e.filters)} @click=${this.#n}>${s(e.name)}</a>
                  <button class="plain" aria-label=${d(`views.remove`,{name:v(e.name)})} @click=${()=>this.#t(e.name)}>${I(`close`)}</button>
                </li>`)}
            </ul>`:y}
        ${this.filters.size>0?_`<form @submit=${this.#e}>
              <label for="name">${d(`views.name`)}</label>
              <input id="name" name="name" required maxlength=${60} autocomplete="off" />
              <button class="primary">${d(`views.save`)}</button>
            </form>`:_`<p class="muted">${d(`views.hint`)}</p>`}
        ${this.failed?_`<div class="notice bad" role="alert">${I(`alert`)}<div>${d(`views.failed`,{n:50})}</div></div>`:y}
      </div>
    </eh-menu>`}#e=e=>{e.preventDefault();let t=e.target,n=String(new FormData(t).get(`name`)).trim();n&&(this.failed=!kn(this.tenant,n,this.filters),this.failed||t.reset(),this.requestUpdate())};#t(e){An(this.tenant,e),this.requestUpdate()}#n=()=>this.renderRoot.querySelector(`eh-menu`)?.close()};customElements.define(`eh-views`,Pn);var Fn=class extends u{static properties={filters:{attribute:!1},event:{},catalogue:{attribute:!1},version:{state:!0},showsFacets:{state:!0}};#e;#t;#n=new Map;static styles=[c,M`
      :host {
        max-width: 1320px;
        margin: 0 auto;
        padding: 22px 20px 40px;
      }
      .columns {
        display: grid;
        grid-template-columns: 224px minmax(0, 1fr);
        gap: 24px;
        align-items: start;
      }
      aside.facets {
        position: sticky;
        top: calc(var(--bar) + 20px);
        max-height: calc(100vh - var(--bar) - 40px);
        overflow: auto;
        margin-inline-start: -8px;
      }
      header {
        display: flex;
        align-items: center;
        gap: 12px;
        min-height: 34px;
        margin-bottom: 14px;
      }
      header .count {
        color: var(--muted);
        font-variant-numeric: tabular-nums;
        padding-top: 4px;
      }
      header .space {
        flex: 1;
      }
      .live {
        display: inline-flex;
        align-items: center;
        gap: 7px;
        font-size: 12.5px;
        color: var(--muted);
        white-space: nowrap;
      }
      .live i {
        width: 8px;
        height: 8px;
        border-radius: 50%;
        background: var(--line-strong);
      }
      .live.on i {
        background: var(--add);
      }
      eh-filters,
      eh-histogram {
        margin-bottom: 14px;
      }
      .list {
        overflow: clip;
      }
      .new {
        position: sticky;
        top: calc(var(--bar) + 10px);
        z-index: 5;
        height: 0;
        display: flex;
        justify-content: center;
      }
      .new button {
        border-radius: 18px;
        box-shadow: var(--shadow);
        height: 34px;
        margin-top: -4px;
        padding-inline: 14px;
      }
      .figures-failed {
        margin-bottom: 14px;
        font-size: 12.5px;
      }
      .fold {
        display: none;
      }
      .drawer {
        position: fixed;
        inset: var(--bar) 0 0 auto;
        width: min(600px, 100vw);
        background: var(--surface);
        border-inline-start: 1px solid var(--line);
        box-shadow: var(--shadow);
        z-index: 10;
        overflow: auto;
        overscroll-behavior: contain;
      }
      @media (max-width: 900px) {
        :host {
          padding: 14px 12px 32px;
        }
        .columns {
          grid-template-columns: minmax(0, 1fr);
          gap: 0;
        }
        aside.facets {
          position: static;
          max-height: none;
          margin: 0 0 14px;
        }
        aside.facets:not(.open) eh-facets {
          display: none;
        }
        .fold {
          display: flex;
          width: 100%;
          justify-content: space-between;
        }
        aside.facets.open eh-facets {
          padding-top: 10px;
        }
        .list {
          margin-inline: -12px;
          border-inline: 0;
          border-radius: 0;
        }
      }
      @media (max-width: 640px) {
        header {
          gap: 8px;
        }
      }
    `];constructor(){super(),this.filters=new URLSearchParams,this.event=``,this.version=0,this.showsFacets=!1}connectedCallback(){super.connectedCallback(),document.addEventListener(`visibilitychange`,this.#u),addEventListener(`online`,this.#d)}disconnectedCallback(){super.disconnectedCallback(),document.removeEventListener(`visibilitychange`,this.#u),removeEventListener(`online`,this.#d),this.#i()}willUpdate(e){let t=this.#e?.filters.toString()!==this.filters.toString();e.has(`filters`)&&t&&this.#r()}updated(e){let t=e.get(`event`);e.has(`event`)&&t&&!this.event&&this.renderRoot.querySelector(`eh-history-list`)?.focusRow(t)}render(){let e=this.#e;if(!e)return y;let t=this.#t?.histogram?.total,n=this.context.service.session(),r=n&&le(n);return _`<div class="columns">
        <aside class="facets ${this.showsFacets?`open`:``}" aria-label=${d(`facet.title`)}>
          <button class="fold" aria-expanded=${this.showsFacets} @click=${()=>this.showsFacets=!this.showsFacets}>
            ${d(`facet.title`)} ${I(`down`)}
          </button>
          <eh-facets .filters=${this.filters} .figures=${this.#t} .version=${this.version} .catalogue=${this.catalogue} .names=${this.#n} @filters=${this.#o}></eh-facets>
        </aside>
        <main>
          <header>
            <h1 tabindex="-1">${d(`history.title`)}</h1>
            <span class="count">${t===void 0?``:d(`history.count`,{n:t})}</span>
            <span class="space"></span>
            <span class="live ${e.live?`on`:``}" role="status"><i></i>${d(e.live?`live.on`:`live.off`)}</span>
            ${r?_`<eh-views .filters=${this.filters} tenant=${r}></eh-views>`:y}
            <eh-export .filters=${this.filters}></eh-export>
          </header>
          <eh-filters .filters=${this.filters} .catalogue=${this.catalogue} @filters=${this.#o}></eh-filters>
          ${this.#t?.error?_`<p class="figures-failed muted">${d(`histogram.failed`)} ${te(this.#t.error)}
                <button class="link" @click=${()=>void this.#t?.load()}>${d(`action.retry`)}</button></p>`:this.#t?.histogram&&this.#t.histogram.bars.length===0?y:_`<eh-histogram .data=${this.#t?.histogram} @range=${this.#s}></eh-histogram>`}
          <div class="new" aria-live="polite">
            ${e.newCount>0?_`<button class="primary" @click=${this.#a}>${I(`up`)}${d(`history.new`,{n:e.newCount})}</button>`:y}
          </div>
          <div class="card list">
            <eh-history-list .model=${e} .version=${this.version} selected=${this.event}></eh-history-list>
          </div>
        </main>
      </div>
      ${this.event?_`<aside class="drawer" aria-label=${d(`event.title`)} @keydown=${this.#l}>
            <eh-event .eventId=${this.event} panel @close=${this.#c}></eh-event>
          </aside>`:y}`}#r(){this.#i();let e=()=>{this.version++};this.#e=new En(this.filters,this.context.service,()=>{for(let e of this.#e?.rows.slice(-100)??[])e.source_name&&this.#n.set(`${e.source_type_id} ${e.source_id.toString()}`,e.source_name);e()}),this.#e.onRestart=()=>{this.#r(),scrollTo(0,0),e()},this.#t=new Nt(this.filters,e),this.#e.start(),this.#t.load()}#i(){this.#e?.stop(),this.#t?.stop()}#a=()=>{this.#e?.showNew(),scrollTo(0,0)};#o=e=>{D(N(e.detail))};#s=({detail:e})=>{D(N(T(T(this.filters,`event_time_from`,e.from),`event_time_to`,e.to)))};#c=()=>D(N(this.filters));#l=e=>{e.key===`Escape`&&this.#c()};#u=()=>{document.hidden?this.#e?.pause():this.#e?.resume(),this.version++};#d=()=>{this.#e?.error&&this.#e.retry(),this.#t?.error&&this.#t.load()}};p(`eh-history`,Fn);var In=`50`,Ln=class{id;service;onChange;now;then;diff;error;events=[];eventsError;loading=!1;complete=!1;newCount=0;#e;#t=new AbortController;#n=new AbortController;#r=new AbortController;#i;constructor(e,t,n){this.id=e,this.service=t,this.onChange=n}async start(e){this.#c();let t=this.#s(async e=>{this.now=await this.#a(this.#o(),{},e)});await Promise.all([t,this.more()]),await this.show(e)}async show(e){this.#n.abort(),this.#n=new AbortController;let{signal:t}=this.#n;if(e===void 0)return[this.then,this.diff]=[this.now,void 0],this.onChange();await this.#s(async()=>{let[n,r]=await Promise.all([this.#a(this.#o(),{at:e},t).catch(e=>{if(e instanceof k&&e.status===404)return null;throw e}),this.#a(`${this.#o()}/diff`,{from:e},t)]);t.aborted||([this.then,this.diff]=[n,r])})}async more(){if(!(this.loading||this.complete)){this.loading=!0,this.eventsError=void 0,this.onChange();try{let e=this.#e?{cursor:this.#e}:{},t=await this.#a(`api/history/events`,{record_id:this.id,count:`none`,limit:In,...e});this.events=[...this.events,...t.results],this.#e=t.next_cursor??void 0,this.complete=this.#e===void 0}catch(e){if(j(e)||this.#t.signal.aborted)return;this.eventsError=e}this.loading=!1,this.onChange()}}async neighbour(e,t){let n=e??this.now?.last_event?.event_time??``,r=t===`before`?{event_time_to:n}:{event_time_from:Rn(n),ordering:`event_time`};return(await this.#a(`api/history/events`,{record_id:this.id,count:`none`,limit:`1`,...r})).results[0]?.event_time}setVisible(e){this.#r.abort(),e&&this.#i&&!this.#t.signal.aborted&&(this.#r=new AbortController,this.#i.signal=this.#r.signal,bn(this.#i))}stop(){this.#t.abort(),this.#n.abort(),this.#r.abort()}#a(e,t,n=this.#t.signal){return O(e,t,n,this.service)}#o(){return`api/history/records/${this.id}`}async#s(e){try{await e(this.#t.signal),this.error=void 0}catch(e){if(j(e)||this.#t.signal.aborted)return;this.error=e}this.onChange()}async#c(){try{let{cursor:e}=await this.#a(`api/history/feed`,{after:`latest`,limit:`1`});this.#i={service:this.service,filters:new URLSearchParams({record_id:this.id}),after:e,signal:this.#t.signal,onEvent:()=>{this.newCount++,this.onChange()},onState:()=>void 0,onRefused:()=>void 0},this.setVisible(!document.hidden)}catch{}}};function Rn(e){let t=Number(h(e).slice(-3))+1,n=Date.parse(e);return Number.isNaN(n)?e:`${new Date(n+ +(t===1e3)).toISOString().slice(0,-1)}${String(t%1e3).padStart(3,`0`)}Z`}var zn=40,Bn=class extends u{static properties={record:{attribute:!1},diff:{attribute:!1},all:{state:!0}};static styles=[c,z,M`
      .card {
        padding: 4px 16px;
      }
      section {
        padding: 12px 0;
      }
      section + section {
        border-top: 1px solid var(--line);
      }
      h2 {
        color: var(--muted);
        font-size: 12px;
        padding-bottom: 6px;
      }
      .people {
        display: flex;
        flex-wrap: wrap;
        gap: 6px;
      }
      .person {
        display: inline-flex;
        gap: 6px;
        align-items: center;
        background: var(--raised);
        border-radius: 14px;
        padding: 2px 10px 2px 4px;
        max-width: 100%;
      }
      .person span.text {
        overflow: hidden;
        text-overflow: ellipsis;
      }
      .status {
        font-weight: 600;
      }
      .field {
        padding: 7px 0;
      }
      .field + .field {
        border-top: 1px solid var(--line);
      }
      .field .label {
        color: var(--muted);
        font-size: 12.5px;
        overflow-wrap: anywhere;
      }
      .by {
        color: var(--muted);
        font-size: 12px;
      }
      .by a {
        color: inherit;
        text-decoration: underline;
        text-decoration-color: var(--line-strong);
        text-underline-offset: 2px;
      }
      .since {
        margin-top: 4px;
        padding: 5px 10px;
        background: var(--raised);
        border-radius: 8px;
        font-size: 13px;
      }
      .since b {
        font-weight: 600;
        color: var(--muted);
        padding-inline-end: 4px;
      }
      .documents a {
        display: flex;
        gap: 8px;
        padding: 4px 0;
        color: var(--text);
        overflow-wrap: anywhere;
      }
      .documents .icon {
        margin-top: 2px;
        color: var(--muted);
      }
    `];constructor(){super(),this.all=!1}render(){let{record:e,diff:t}=this,n=this.all?e.fields:e.fields.slice(0,zn),r=t?.fields.filter(e=>e.is_new)??[];return _`<div class="card">
      ${t?.exists?_`<section>${this.#r(d(t.exists.new?`record.exists_now`:`record.deleted_now`))}</section>`:y}
      <section>
        <h2>${d(`record.status`)}</h2>
        ${e.status?_`<div class="status">${B(e.status.value)}</div>${this.#n(e.status.event)}`:_`<span class="muted">${d(`record.no_status`)}</span>`}
        ${t?.status?this.#r(B(t.status.new)):y}
      </section>
      ${this.#e(d(`record.owners`),e.owners,t?.owners??[])} ${this.#e(d(`record.assignees`),e.assignees,t?.assignees??[])}
      <section>
        <h2>${d(`record.fields`,{n:e.fields.length})}</h2>
        ${n.map(e=>{let n=t?.fields.find(t=>t.field===e.field);return _`<div class="field">
            <div class="label text">${s(P(e.label||e.field,200))}</div>
            <div>${B(e.value)}</div>
            ${this.#n(e.event)} ${n?this.#r(V(e.value,n.new)):y}
          </div>`})}
        ${n.length<e.fields.length?_`<button class="link" @click=${()=>this.all=!0}>${d(`record.all_fields`,{n:e.fields.length})}</button>`:y}
        ${r.map(e=>_`<div class="field"><div class="label text">${s(P(e.label||e.field,200))}</div><div class="muted">${d(`record.not_yet`)}</div>${this.#r(V(void 0,e.new))}</div>`)}
        ${e.fields.length+r.length===0?_`<span class="muted">${d(`record.no_fields`)}</span>`:y}
      </section>
      ${this.#t()}
      ${e.unrecognised_count>0?_`<section class="muted">${d(`record.unrecognised`,{n:e.unrecognised_count})}</section>`:y}
    </div>`}#e(e,t,n){return t.length+n.length===0?y:_`<section>
      <h2>${e}</h2>
      ${t.length?_`<div class="people">${t.map(e=>_`<span class="person"><span class="avatar">${I(`user`)}</span><span class="text">${s(P(e.name||String(e.id),120))}</span></span>`)}</div>`:_`<span class="muted">${d(`record.nobody`)}</span>`}
      ${n.map(e=>this.#r(_`${d(`record.person_${e.change}`,{name:v(e.name||String(e.id))})}`))}
    </section>`}#t(){let{record:e,diff:t}=this,n=t?.document_count??0;return e.document_count+n===0?y:_`<section class="documents">
      <h2>${d(`record.documents`,{n:e.document_count})}</h2>
      ${e.documents.map(e=>_`<a href=${A(e.event.event_id)} data-file=${e.file_id}>${I(`file`)}<span><span class="text">${e.name?s(P(e.name,200)):e.file_id}</span><br /><span class="by">${x(e.event.event_time)}</span></span></a>`)}
      ${e.documents.length<e.document_count?_`<p class="muted">${d(`value.more`,{n:e.document_count-e.documents.length})}</p>`:y}
      ${n>0?this.#r(_`${d(`record.later_documents`,{n})}`):y}
    </section>`}#n(e){return _`<div class="by"><a href=${A(e.event_id)}>${q(e)}, ${x(e.event_time)}</a></div>`}#r(e){return _`<div class="since"><b>${d(`record.now`)}</b>${e}</div>`}};p(`eh-record-state`,Bn);var Vn=12e4,Hn=8,Un=class extends u{static properties={events:{attribute:!1},at:{},opened:{state:!0}};static styles=[c,z,M`
      h2.day {
        color: var(--muted);
        font-size: 12px;
        padding: 18px 0 8px;
      }
      li:first-child > h2.day {
        padding-top: 0;
      }
      .act {
        display: grid;
        grid-template-columns: 22px minmax(0, 1fr);
        gap: 0 14px;
        position: relative;
        padding-bottom: 16px;
      }
      .act::before {
        content: "";
        position: absolute;
        inset-inline-start: 10px;
        top: 26px;
        bottom: 0;
        width: 2px;
        background: var(--line);
      }
      /* Paler, and still readable: without colours instead of half transparent. */
      .later {
        --text: var(--muted);
        --accent: var(--muted);
        --accent-soft: var(--raised);
        --add: var(--muted);
        --add-soft: var(--raised);
        --remove: var(--muted);
        --remove-soft: var(--raised);
        color: var(--muted);
      }
      .act.later::before {
        background: none;
        border-inline-start: 2px dotted var(--line-strong);
      }
      .now {
        display: flex;
        align-items: center;
        gap: 10px;
        color: var(--accent);
        font-size: 12.5px;
        font-weight: 600;
        padding: 2px 0 14px;
      }
      .now::after {
        content: "";
        flex: 1;
        height: 2px;
        background: var(--accent);
        opacity: 0.4;
      }
      .head {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto 28px;
        gap: 0 6px;
      }
      .head p {
        overflow-wrap: anywhere;
      }
      .told {
        color: inherit;
      }
      .toggle {
        padding: 0;
        min-height: 22px;
        color: var(--muted);
      }
      .head strong {
        font-weight: 600;
      }
      .head time {
        color: var(--muted);
        font-size: 12.5px;
        font-variant-numeric: tabular-nums;
        white-space: nowrap;
        padding-top: 1px;
      }
      .model {
        color: var(--muted);
        font-size: 12.5px;
      }
      .events {
        margin-top: 8px;
      }
      .event {
        padding: 6px 14px;
      }
      .event + .event {
        border-top: 1px solid var(--line);
      }
      .event > .title {
        display: flex;
        justify-content: space-between;
        gap: 10px;
        font-size: 12.5px;
        padding-top: 4px;
      }
      .files {
        display: flex;
        flex-wrap: wrap;
        gap: 6px;
        padding: 6px 0;
      }
      .files a {
        display: inline-flex;
        gap: 6px;
        align-items: center;
        background: var(--raised);
        border-radius: 8px;
        padding: 3px 10px;
        color: var(--text);
        max-width: 100%;
        overflow-wrap: anywhere;
      }
    `];constructor(){super(),this.events=[],this.at=``,this.opened=new Map,new ce(this)}render(){let e=this.at?h(this.at):void 0,[t,n]=[``,!1];return _`<ol>
      ${Wn(this.events).map(r=>{let i=r.events[0];if(!i)return y;let a=e!==void 0&&h(i.event_time)>e,o=r.day===t?y:_`<h2 class="day" part="day">${re(i.event_time)}</h2>`,s=e!==void 0&&!a&&!n?_`<div class="now">${d(`record.as_of_here`)}</div>`:y;return t=r.day,n||=e!==void 0&&!a,_`<li>${o}${s}<div class="act ${a?`later`:``}" part="event">${St(i)}<div>${this.#e(r.events,i)}</div></div></li>`})}
    </ol>`}#e(e,t){let n=e.length===1,r=e.reduce((e,t)=>e+t.event_data.length,0),i=!n||r>0||W(t).length>0,a=i&&(this.opened.get(t.event_id)??r<=Hn),o=[...e].reverse(),s=Te(o.map(K)).join(d(`list.separator`));return _`<div class="head">
        <p>
          <strong title=${yt(t)}>${q(t)}</strong>
          ${n?_`<a class="told" href=${A(t.event_id)}>${s}</a>`:s}
          ${t.source_type===`mcp`&&t.source_info?_`<span class="model">· ${I(`spark`)} ${v(t.source_info,80)}</span>`:y}
        </p>
        ${Re(t.event_time)} ${i?this.#t(t.event_id,a,r):_`<span class="room"></span>`}
      </div>
      ${a?_`<div class="card events">${o.map(e=>this.#n(e,!n))}</div>`:y}`}#t(e,t,n){let r=d(t?`record.hide_changes`:`record.show_changes`,{n});return _`<button class="plain toggle" aria-expanded=${t} aria-label=${r} title=${r} @click=${()=>this.opened=new Map(this.opened).set(e,!t)}>
      ${I(t?`down`:`right`)}
    </button>`}#n(e,t){let n=U(e).filter(e=>e.kind!==`document`),r=W(e);return _`<div class="event">
      ${t?_`<div class="title">
            <a href=${A(e.event_id)}>${E(e.event_type,e.event_type_id)}</a>
            <span class="muted">${Re(e.event_time)}</span>
          </div>`:y}
      ${n.length?rt(n,30):y}
      ${r.length?_`<div class="files">${r.map(t=>_`<a href=${A(e.event_id)} data-file=${t.fileId}>${I(`file`)}${t.name?v(t.name):t.fileId}</a>`)}</div>`:y}
    </div>`}};function Wn(e){let t=[];for(let n of e){let e=t.at(-1),i=e?.events.at(-1),a=r(n.event_time);e&&i&&e.day===a&&bt(i,n)&&Date.parse(i.event_time)-Date.parse(n.event_time)<=Vn?e.events.push(n):t.push({events:[n],day:a})}return t}p(`eh-timeline`,Un);var Q=1e3,Gn=class extends u{static properties={recordId:{},at:{},version:{state:!0},dragged:{state:!0}};#e;static styles=[c,z,M`
      :host {
        container-type: inline-size;
        max-width: 1200px;
        margin: 0 auto;
        padding: 22px 20px 48px;
      }
      .top {
        display: flex;
        flex-wrap: wrap;
        gap: 6px 12px;
        align-items: center;
        margin-bottom: 4px;
      }
      .pill {
        border-radius: 14px;
        padding: 2px 11px;
        background: var(--raised);
        font-size: 12.5px;
        font-weight: 550;
        max-width: 320px;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .pill.status {
        background: var(--accent-soft);
        color: var(--accent);
      }
      .pill.gone {
        background: var(--remove-soft);
        color: var(--remove);
      }
      .facts {
        color: var(--muted);
        margin-bottom: 16px;
      }
      .facts a {
        text-decoration: underline;
      }
      .travel {
        padding: 12px 16px;
        margin-bottom: 20px;
        display: grid;
        grid-template-columns: auto minmax(0, 1fr) auto;
        gap: 8px 14px;
        align-items: center;
      }
      .travel .skeleton {
        grid-column: 1 / -1;
        height: 61px;
      }
      .travel.then {
        border-color: var(--accent);
      }
      .travel .steps {
        display: flex;
        gap: 6px;
      }
      .travel .steps button {
        padding: 4px 8px;
      }
      input[type="range"] {
        padding: 0;
        border: 0;
        background: none;
        min-height: 24px;
        accent-color: var(--accent);
      }
      .instant {
        display: flex;
        gap: 8px;
        align-items: center;
      }
      .instant input {
        width: 236px;
      }
      .told {
        grid-column: 1 / -1;
        display: flex;
        flex-wrap: wrap;
        gap: 4px 12px;
        justify-content: space-between;
        font-size: 13px;
        color: var(--muted);
      }
      .told strong {
        color: var(--text);
      }
      .columns {
        display: grid;
        grid-template-columns: minmax(0, 1fr) 380px;
        gap: 28px;
        align-items: start;
      }
      .state {
        position: sticky;
        top: calc(var(--bar) + 16px);
        max-height: calc(100vh - var(--bar) - 32px);
        overflow: auto;
      }
      .column-title {
        padding-bottom: 8px;
      }
      .more {
        padding: 12px 0;
        text-align: center;
      }
      .new {
        margin-bottom: 14px;
        width: 100%;
      }
      @media (max-width: 900px) {
        :host {
          padding: 14px 12px 32px;
        }
      }
      @container (max-width: 860px) {
        .columns {
          grid-template-columns: minmax(0, 1fr);
        }
        .state {
          position: static;
          max-height: none;
          order: -1;
        }
        .travel {
          grid-template-columns: auto minmax(0, 1fr);
        }
        .travel .instant {
          grid-column: 1 / -1;
        }
        .instant input {
          flex: 1;
        }
      }
    `];constructor(){super(),this.recordId=``,this.at=``,this.version=0}connectedCallback(){super.connectedCallback(),document.addEventListener(`visibilitychange`,this.#i)}disconnectedCallback(){super.disconnectedCallback(),document.removeEventListener(`visibilitychange`,this.#i),this.#e?.stop()}willUpdate(e){e.has(`recordId`)?this.#r():e.has(`at`)&&(this.dragged=void 0,this.#e?.show(this.at||void 0))}updated(e){e.has(`recordId`)&&this.context.takesFocus()&&this.renderRoot.querySelector(`h1`)?.focus()}render(){let e=this.#e;if(!e)return y;let{isEmbedded:t}=this.context,n=e=>t?e:_`<main>${e}</main>`,r=_`<h1 tabindex="-1" part="title" aria-level=${t?2:y}>${d(`history.record`,{id:this.recordId})}</h1>`;if(e.error instanceof k&&e.error.status===404)return n(_`${r}
        ${m(`record`,d(`record.missing`),d(`record.missing_text`),t?void 0:_`<a class="button" href=${N(new URLSearchParams)}>${d(`history.title`)}</a>`)}`);let{now:i}=e,a=this.at?e.then:i;return n(_`<div class="top">
        ${r}
        ${a?.status?_`<span class="pill status" part="status">${B(a.status.value)}</span>`:y}
        ${a&&!a.exists?_`<span class="pill gone">${d(`record.deleted`)}</span>`:y}
      </div>
      <p class="facts" part="facts">
        ${i?.first_event&&i.last_event?_`${d(`history.count`,{n:i.event_count})} · ${d(`record.first`)} ${x(i.first_event.event_time)} · ${d(`record.last`)} ${x(i.last_event.event_time)}
              ${t?y:_`· <a href=${N(new URLSearchParams({record_id:this.recordId}))}>${d(`record.in_history`)}</a>`}`:_`&nbsp;`}
      </p>
      ${e.error?g(e.error,()=>this.#r()):y} ${i?this.#t(e):_`<div class="card travel"><div class="skeleton"></div></div>`}
      <div class="columns">
        <section aria-label=${d(`record.timeline`)}>
          <h2 class="column-title">${d(`record.timeline`)}</h2>
          ${e.newCount>0?_`<button class="new primary" part="new" @click=${()=>this.#r()}>${I(`up`)}${d(`history.new`,{n:e.newCount})}</button>`:y}
          <eh-timeline exportparts="day, event" .events=${e.events} at=${this.at}></eh-timeline>
          ${this.#n(e)}
        </section>
        <section class="state" part="state" aria-label=${d(`record.state`)}>
          <h2 class="column-title">${this.at?d(`record.state_then`,{time:o(this.at)}):d(`record.state_now`)}</h2>
          ${e.then?_`<eh-record-state .record=${e.then} .diff=${this.at?e.diff:void 0}></eh-record-state>`:e.then===null?_`<div class="card">${m(`clock`,d(`record.before`),d(`record.before_text`))}</div>`:be(8)}
        </section>
      </div>`)}#t(e){let[n,r]=[e.now?.first_event?.event_time,e.now?.last_event?.event_time];if(!n||!r||n===r)return y;let i=this.dragged??this.at,a=e.diff&&this.at?Jn(e.diff):0;return _`<div class="card travel ${this.at?`then`:``}" part="travel">
      <div class="steps">
        <button aria-label=${d(`record.previous`)} title=${d(`record.previous`)} ?disabled=${this.at!==``&&h(this.at)<=h(n)} @click=${()=>void this.#o(`before`)}>${I(`left`)}</button>
        <button aria-label=${d(`record.next`)} title=${d(`record.next`)} ?disabled=${this.at===``} @click=${()=>void this.#o(`after`)}>${I(`right`)}</button>
      </div>
      <input type="range" min="0" max=${Q} .value=${String(Kn(i,n,r))} aria-label=${d(`record.as_of`)} aria-valuetext=${i?o(i):d(`record.now`)}
        @input=${e=>this.dragged=qn(Number(e.target.value),n,r)}
        @change=${e=>this.#a(qn(Number(e.target.value),n,r))} />
      <div class="instant">
        <input type="datetime-local" step="1" aria-label=${d(`record.as_of`)} .value=${i?xe(i):``} @change=${e=>this.#a(ae(e.target.value)??``)} />
        <button ?disabled=${this.at===``} @click=${()=>this.#a(``)}>${d(`record.now`)}</button>
      </div>
      <div class="told" aria-live="polite">
        ${i?_`<span><strong>${d(`record.as_of`)} ${o(i)}</strong> · ${t(i)}</span><span>${e.diff?d(`record.differences`,{n:a}):``}</span>`:_`<span>${d(`record.travel_hint`)}</span>`}
      </div>
    </div>`}#n(e){return e.eventsError?g(e.eventsError,()=>void e.more()):e.loading?be(4):e.complete?y:_`<div class="more"><button @click=${()=>void e.more()}>${d(`record.earlier`)}</button></div>`}#r(){this.#e?.stop(),this.dragged=void 0,this.#e=new Ln(this.recordId,this.context.service,()=>this.version++),this.#e.start(this.at||void 0),this.requestUpdate()}#i=()=>this.#e?.setVisible(!document.hidden);#a(e){this.dragged=void 0,this.context.replace(C(this.recordId,e||void 0))}async#o(e){try{let t=await this.#e?.neighbour(this.at||void 0,e),n=t===void 0||t===this.#e?.now?.last_event?.event_time;(t!==void 0||e===`after`)&&this.#a(n&&e===`after`?``:t??``)}catch(e){if(j(e)||!this.#e)return;this.#e.error=e,this.requestUpdate()}}};function Kn(e,t,n){if(!e)return Q;let[r,i]=[Date.parse(t),Date.parse(n)],a=(Date.parse(e)-r)/Math.max(1,i-r);return Math.max(0,Math.min(999,Math.round(a*Q)))}function qn(e,t,n){if(e>=Q)return``;if(e<=0)return t;let[r,i]=[Date.parse(t),Date.parse(n)];return new Date(r+(i-r)*e/Q).toISOString()}function Jn({exists:e,status:t,owners:n,assignees:r,fields:i,document_count:a}){return+!!e+ +!!t+n.length+r.length+i.length+a}p(`eh-record`,Gn);var Yn=[`auto`,`light`,`dark`],Xn=`event-history.language`,Zn=`event-history.theme`,Qn=()=>Yn.find(e=>e===localStorage.getItem(Zn))??`auto`;function $n(e){localStorage.setItem(Xn,e),nr(e)}function er(e){localStorage.setItem(Zn,e),rr(e)}function tr(){let e=localStorage.getItem(Xn);nr(e!==null&&e in n?e:ee()),rr(Qn())}function nr(e){ke(e),document.documentElement.lang=e}function rr(e){e===`auto`?delete document.documentElement.dataset.theme:document.documentElement.dataset.theme=e}var ir=[`tenant`,`key`,`token`],ar=class extends b{static properties={reason:{},kind:{},error:{},busy:{state:!0}};static styles=[c,M`
      main {
        max-width: 420px;
        margin: 0 auto;
        padding: 7vh 16px 24px;
      }
      .brand {
        display: flex;
        justify-content: center;
        padding-bottom: 14px;
      }
      .brand ::slotted(svg) {
        width: 44px;
        height: 44px;
      }
      h1,
      .lead {
        text-align: center;
      }
      .lead {
        color: var(--muted);
        margin: 4px 0 20px;
      }
      .notice {
        margin-bottom: 14px;
      }
      form {
        padding: 20px;
        display: grid;
        gap: 14px;
      }
      fieldset {
        border: 0;
        margin: 0;
        padding: 3px;
        display: grid;
        grid-template-columns: repeat(3, 1fr);
        background: var(--raised);
        border-radius: 10px;
      }
      fieldset label {
        position: relative;
        text-align: center;
        border-radius: 8px;
        padding: 5px 4px;
        color: var(--muted);
        cursor: pointer;
        font-size: 13px;
      }
      fieldset label:has(:checked) {
        background: var(--surface);
        color: var(--text);
        box-shadow: 0 1px 3px rgb(20 24 40 / 18%);
      }
      fieldset label:has(:focus-visible) {
        outline: 2px solid var(--accent);
      }
      fieldset input {
        position: absolute;
        opacity: 0;
        inset: 0;
        width: 100%;
        height: 100%;
        cursor: pointer;
      }
      .input {
        display: grid;
        gap: 5px;
      }
      small {
        color: var(--muted);
        font-weight: 400;
      }
      .keep {
        display: flex;
        gap: 9px;
        align-items: flex-start;
        font-weight: 450;
      }
      .keep input {
        margin-top: 2px;
      }
      button.primary {
        min-height: 38px;
      }
      .note {
        text-align: center;
        color: var(--muted);
        font-size: 12.5px;
        padding-top: 14px;
      }
    `];constructor(){super(),this.reason=``,this.kind=`tenant`,this.error=``,this.busy=!1}firstUpdated(){this.renderRoot.querySelector(`.input input`)?.focus()}render(){return _`<main>
      <div class="brand"><slot></slot></div>
      <h1>${d(`sign_in.title`)}</h1>
      <p class="lead">${d(`sign_in.lead`)}</p>
      ${this.reason?_`<div class="notice warn" role="alert">${I(`clock`)}<div>${d(`sign_in.ended`)} <span class="text">${s(this.reason)}</span></div></div>`:y}
      <form class="card" @submit=${this.#n} autocomplete="off">
        <fieldset>
          <legend class="hidden">${d(`sign_in.with`)}</legend>
          ${ir.map(e=>_`<label><input type="radio" name="kind" value=${e} .checked=${e===this.kind} @change=${()=>this.#t(e)} />${d(`sign_in.${e}`)}</label>`)}
        </fieldset>
        ${this.#e()}
        <label class="keep"><input type="checkbox" name="keep" checked /><span>${d(`sign_in.keep`)}<br /><small>${d(`sign_in.keep_text`)}</small></span></label>
        ${this.error?_`<div class="notice bad" role="alert">${I(`alert`)}<div>${this.error}</div></div>`:y}
        <button class="primary" ?disabled=${this.busy}>${d(this.busy?`sign_in.busy`:`sign_in.go`)}</button>
      </form>
      <p class="note">${d(`sign_in.note`)}</p>
    </main>`}#e(){let e=(e,t,{secret:n=!1,optional:r=!1}={})=>_`<label class="input">
      <span>${d(t)}${r?_` <small>${d(`sign_in.optional`)}</small>`:y}</span>
      <input name=${e} type=${n?`password`:`text`} ?required=${!r} autocomplete="off" spellcheck="false" autocapitalize="none" />
    </label>`;switch(this.kind){case`tenant`:return _`${e(`clientId`,`sign_in.client_id`)}${e(`secret`,`sign_in.client_secret`,{secret:!0})}`;case`key`:return _`${e(`key`,`sign_in.api_key`,{secret:!0})}${e(`clientId`,`sign_in.client_id`,{optional:!0})}<small>${d(`sign_in.key_text`)}</small>`;case`token`:return _`${e(`token`,`sign_in.view_token`,{secret:!0})}`}}#t(e){[this.kind,this.error]=[e,``]}#n=async e=>{if(e.preventDefault(),this.busy)return;let t=new FormData(e.target),n=e=>String(t.get(e)??``).trim(),r=this.kind===`tenant`?{kind:`tenant`,clientId:n(`clientId`),secret:n(`secret`)}:this.kind===`key`?{kind:`key`,key:n(`key`),clientId:n(`clientId`)}:{kind:`token`,token:n(`token`)};if(Object.values(r).some(e=>!/^[\x21-\x7e]*$/.test(e)))this.error=d(`sign_in.not_ascii`);else{[this.busy,this.error]=[!0,``];try{await Ve(r),we(r,t.get(`keep`)!==null)}catch(e){this.error=or(e,r)}this.busy=!1}}};function or(e,t){return e instanceof k&&e.status===401?e.message.includes(`expired`)?d(`sign_in.expired`):d(`sign_in.unknown_${t.kind}`):e instanceof k&&e.status===400&&t.kind===`key`?d(t.clientId?`sign_in.unknown_client`:`sign_in.client_needed`):e instanceof k&&e.status===403?d(`sign_in.may_not_read`):te(e)}customElements.define(`eh-sign-in`,ar);var sr=(function(){let e=typeof document<`u`&&document.createElement(`link`).relList;return e&&e.supports&&e.supports(`modulepreload`)?`modulepreload`:`preload`})(),cr=function(e,t){return new URL(e,t).href},lr={},ur=function(e){return e.pathname.endsWith(`.css`)},dr=function(e,t,n){if(t in e)return e[t];let r=n();if(!r){e[t]=void 0;return}let i=r.then(()=>{e[t]=void 0},n=>{throw e[t]=void 0,n});return e[t]=i,i},fr=function(e,t,n){let r=Promise.resolve();if(t&&t.length>0){let e,i=document.querySelector(`meta[property=csp-nonce]`),a=i?.nonce||i?.getAttribute(`nonce`);function o(e){return Promise.all(e.map(e=>Promise.resolve(e).then(e=>({status:`fulfilled`,value:e}),e=>({status:`rejected`,reason:e}))))}function s(e){return import.meta.resolve?new URL(import.meta.resolve(e)):new URL(e,import.meta.url)}r=o(t.map(t=>{t=cr(t,n);let r=s(t),i=ur(r);return dr(lr,r.href,()=>{if(e===void 0){e={all:new Set,styles:new Set};let t=document.getElementsByTagName(`link`);for(let n=t.length-1;n>=0;n--){let r=t[n];e.all.add(r.href),r.rel===`stylesheet`&&e.styles.add(r.href)}}if((i?e.styles:e.all).has(r.href))return;let t=document.createElement(`link`);if(t.rel=i?`stylesheet`:sr,i||(t.as=`script`),t.crossOrigin=``,t.href=r.href,a&&t.setAttribute(`nonce`,a),document.head.appendChild(t),i)return new Promise((e,n)=>{let i=a=>{t.removeEventListener(`load`,i),t.removeEventListener(`error`,i),a.type===`error`?n(Error(`Unable to preload CSS for ${r}`)):e(a)};t.addEventListener(`load`,i),t.addEventListener(`error`,i)})})}).filter(e=>e!==void 0))}function i(e){let t=new Event(`vite:preloadError`,{cancelable:!0});if(t.payload=e,window.dispatchEvent(t),!t.defaultPrevented)throw e}return r.then(t=>{for(let e of t||[])e.status===`rejected`&&i(e.reason);return e().catch(i)})},pr=class extends b{static properties={problem:{},route:{state:!0},access:{state:!0},missing:{state:!0},catalogue:{state:!0},offline:{state:!0},reason:{state:!0}};#e;#t=0;#n=w()?.kind??`tenant`;static styles=[c,M`
      .bar {
        position: sticky;
        top: 0;
        z-index: 15;
        height: var(--bar);
        display: flex;
        align-items: center;
        gap: 14px;
        padding: 0 20px;
        background: var(--surface);
        border-bottom: 1px solid var(--line);
      }
      .brand {
        display: flex;
        align-items: center;
        gap: 10px;
        font-weight: 650;
        color: var(--text);
        white-space: nowrap;
      }
      .brand:hover {
        text-decoration: none;
      }
      .brand svg {
        width: 26px;
        height: 26px;
      }
      .space {
        flex: 1;
      }
      .content {
        display: block;
        max-width: 1000px;
        margin: 0 auto;
        padding: 22px 20px 48px;
      }
      .part {
        display: flex;
        align-items: center;
        gap: 7px;
        padding: 4px 9px;
        border-radius: 8px;
        color: var(--muted);
        white-space: nowrap;
      }
      .part[aria-current] {
        color: var(--text);
        background: var(--raised);
      }
      .jump {
        position: relative;
        width: 190px;
      }
      .jump .icon {
        position: absolute;
        inset-inline-start: 10px;
        top: 9px;
        color: var(--muted);
      }
      .jump input {
        padding-inline-start: 32px;
        background: var(--bg);
      }
      .settings {
        padding: 8px;
        display: grid;
        gap: 14px;
        width: 270px;
      }
      .settings label {
        display: grid;
        gap: 5px;
        font-size: 12.5px;
      }
      .who {
        overflow-wrap: anywhere;
      }
      .who strong {
        display: block;
        font-weight: 600;
      }
      .offline {
        display: flex;
        justify-content: center;
        border-radius: 0;
      }
      .offline > div {
        flex: none;
      }
      .skip {
        position: absolute;
        inset-inline-start: 10px;
        top: -60px;
        z-index: 30;
        background: var(--surface);
        padding: 8px 12px;
        border-radius: 8px;
      }
      .skip:focus {
        top: 8px;
      }
      .third {
        font-size: 12px;
        color: var(--muted);
      }
      @media (max-width: 640px) {
        .bar {
          padding: 0 12px;
          gap: 8px;
        }
        .brand span,
        .part.first {
          display: none;
        }
        .part span {
          position: absolute;
          width: 1px;
          overflow: hidden;
          clip-path: inset(50%);
        }
        .jump {
          flex: 1;
          width: auto;
        }
        .space {
          display: none;
        }
      }
    `];constructor(){super(),this.problem=``,this.route=De(),this.offline=!navigator.onLine,this.reason=``}connectedCallback(){super.connectedCallback(),addEventListener(`hashchange`,this.#c),addEventListener(`online`,this.#u),addEventListener(`offline`,this.#u),Oe.addEventListener(`changed`,this.#l),history.scrollRestoration=`manual`,w()&&this.#o()}disconnectedCallback(){super.disconnectedCallback(),removeEventListener(`hashchange`,this.#c),removeEventListener(`online`,this.#u),removeEventListener(`offline`,this.#u),Oe.removeEventListener(`changed`,this.#l)}render(){let e=w(),t=this.offline?_`<div class="notice warn offline" role="alert">${I(`alert`)}<div>${d(`error.offline`)}</div></div>`:y;return e?_`<nav class="bar" aria-label=${d(`nav.title`)}>
        <a class="skip" href=${location.hash||`#/history`} @click=${this.#f}>${d(`nav.skip`)}</a>
        <a class="brand" href="#/history">${gr()}<span>Event History</span></a>
        ${this.access?.administers?this.#r():y}
        <span class="space"></span>
        <form class="jump" @submit=${this.#p}>
          ${I(`record`)}
          <input name="record" inputmode="numeric" pattern="-?[0-9]{1,19}" required autocomplete="off" placeholder=${d(`nav.record`)} aria-label=${d(`nav.record`)} />
        </form>
        <eh-menu label=${d(`nav.settings`)} symbol="settings" compact>${this.#a(e)}</eh-menu>
      </nav>
      ${t}
      ${this.#i()}`:_`${t}<eh-sign-in reason=${this.reason} kind=${this.#n} error=${this.problem?d(`sign_in.code`):``}>${gr()}</eh-sign-in>`}#r(){let e=e=>$(this.route)===e?`true`:y;return _`<a class="part first" href="#/history" aria-current=${e(!1)}>${d(`history.title`)}</a>
      <a class="part" href=${Ce()} aria-current=${e(!0)}>${I(`gear`)}<span>${d(`admin.title`)}</span></a>`}#i(){let{route:e,access:t}=this;if(!t)return _`<main class="content">${be(4)}</main>`;if($(e)&&this.missing)return _`<main class="content">${g(this.missing,()=>location.reload())}</main>`;if($(e))return t.administers?_`<eh-administration .route=${e} .catalogue=${this.catalogue}></eh-administration>`:_`<main class="content"><h1 tabindex="-1">${d(`admin.title`)}</h1>${m(`alert`,d(`admin.refused`),d(`admin.refused_text`))}</main>`;if(t.reads!==`yes`){let e=_`<button @click=${()=>D(Ce())}>${d(`admin.tenants`)}</button>`;return _`<main class="content">
        <h1 tabindex="-1">${d(`history.title`)}</h1>
        ${t.reads===`tenant`?m(`record`,d(`access.choose`),d(`access.choose_text`),e):m(`alert`,d(`access.no_read`),d(`access.no_read_text`))}
      </main>`}return _`${this.#e?_`<eh-history ?hidden=${e.view!==`history`} .filters=${this.#e.filters} event=${e.view===`history`?e.event??``:``} .catalogue=${this.catalogue}></eh-history>`:y}
      ${e.view===`record`?_`<eh-record recordId=${e.id} at=${e.at??``}></eh-record>`:y}
      ${e.view===`event`?_`<main><eh-event .eventId=${e.id}></eh-event></main>`:y}`}willUpdate(){this.access?.administers&&$(this.route)&&!this.missing&&fr(()=>import(`./page-BDB7ln4r.js`),__vite__mapDeps([0,1]),import.meta.url).catch(e=>this.missing=new ye(String(e)))}updated(e){document.title=`${w()?mr(this.route):d(`sign_in.title`)} · Event History`;let t=e.get(`route`);t&&t.view!==this.route.view&&scrollTo(0,this.route.view===`history`?this.#t:0)}#a(e){let t=Me(e),r=e.kind===`token`?t.tenant:e.clientId;return _`<div class="settings">
      <div class="who">
        <strong>${d(`who.${e.kind}`)}</strong>
        ${r?_`<span class="muted">${d(`who.client`,{id:v(r,80)})}</span>`:y}
        ${t.recordId?_`<br /><span class="muted">${d(`who.only_record`,{id:t.recordId})}</span>`:y}
        ${t.expiresAt?_`<br /><span class="muted">${d(`who.until`,{time:o(t.expiresAt)})}</span>`:y}
      </div>
      <label>
        ${d(`settings.language`)}
        <select @change=${e=>this.#d(e.target.value)}>
          ${Object.entries(n).map(([e,t])=>_`<option value=${e} lang=${e} ?selected=${e===l()}>${t}</option>`)}
        </select>
      </label>
      <label>
        ${d(`settings.theme`)}
        <select @change=${e=>er(Yn.find(t=>t===e.target.value)??`auto`)}>
          ${Yn.map(e=>_`<option value=${e} ?selected=${e===Qn()}>${d(`theme.${e}`)}</option>`)}
        </select>
      </label>
      <button @click=${()=>ve()}>${I(`out`)}${d(`nav.sign_out`)}</button>
      <a class="third" href="third-party.txt" target="_blank" rel="noopener">${d(`settings.licences`)}</a>
    </div>`}#o(){let e=w();if(!e)return;let t=Me(e);this.#n=e.kind,[this.reason,this.problem]=[``,``],t.recordId&&!location.hash&&he(C(t.recordId)),this.#c(),this.#s(e),O(`api/catalogue`).then(e=>this.catalogue=e).catch(e=>{j(e)||(this.catalogue=void 0)})}async#s(e){if(e.kind!==`key`){this.access={reads:`yes`,administers:!1};return}this.access?.administers&&$(this.route)||(this.access=void 0);let t=await Ve(e).catch(()=>({reads:`yes`,administers:!0}));w()===e&&(this.access=t,t.reads!==`yes`&&!location.hash&&he(Ce()))}#c=()=>{let e=De();this.route.view===`history`&&e.view!==`history`&&(this.#t=scrollY),e.view===`history`&&(this.#e=e),this.route=e};#l=e=>{this.#e=void 0,this.catalogue=void 0,w()?this.#o():[this.access,this.reason]=[void 0,String(e.detail??``)],this.requestUpdate()};#u=()=>{this.offline=!navigator.onLine};#d(e){$n(e);let{body:t}=document;this.remove(),t.append(document.createElement(`eh-app`))}#f=e=>{e.preventDefault(),hr(this.renderRoot)?.focus()};#p=e=>{e.preventDefault();let t=e.target,n=String(new FormData(t).get(`record`)).trim();t.reset(),this.renderRoot.querySelector(`eh-menu`)?.close(),D(/^-?\d{1,19}$/.test(n)?C(n):N(new URLSearchParams))}},$=e=>[`tenants`,`tenant`,`keys`,`service`].includes(e.view);function mr(e){switch(e.view){case`history`:return d(`history.title`);case`record`:return d(`history.record`,{id:e.id});case`event`:return d(`event.title`);case`tenants`:case`tenant`:return d(`admin.tenants`);case`keys`:return d(`admin.keys`);case`service`:return d(`admin.service`)}}function hr(e){for(let t of e.querySelectorAll(`*`)){if(t.hidden)continue;let e=t.localName===`h1`?t:t.shadowRoot&&hr(t.shadowRoot);if(e)return e}}var gr=()=>_`<svg viewBox="0 0 32 32" aria-hidden="true">
  <rect width="32" height="32" rx="8" fill="#3b5bdb"></rect>
  <g fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round"><path d="M10 8v16M16 10h7M16 16h5M16 22h7"></path></g>
  <g fill="#fff"><circle cx="10" cy="10" r="2.6"></circle><circle cx="10" cy="16" r="2.6"></circle><circle cx="10" cy="22" r="2.6"></circle></g>
</svg>`;customElements.define(`eh-app`,pr),tr(),ge(),ne(document,{service:Ee,isEmbedded:!1,language:()=>void 0,takesFocus:()=>!0,replace:he,mayOpen:()=>!0});var _r=document.createElement(`eh-app`),vr=async()=>{let e=ze();e&&_r.setAttribute(`problem`,await Be(e)?``:`code`)};addEventListener(`hashchange`,()=>void vr()),await vr(),document.body.append(_r);