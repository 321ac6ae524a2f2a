var e=/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g,t=e=>e.charCodeAt(0).toString(16).toUpperCase().padStart(4,`0`);function n(n){return n.replace(e,e=>`\u2039U+${t(e)}\u203a`)}function r(n){return n.replace(e,e=>`\\u${t(e).toLowerCase()}`)}function i(e,t){if(e.length<=t)return e;let n=e.charCodeAt(t-1),r=n>=55296&&n<56320?t-1:t;return`${e.slice(0,r)}…`}function a(e,t=120){return`\u2068${n(i(e,t))}\u2069`}var o=class{source;constructor(e){this.source=e}toString(){return this.source}},s=(e,t,n)=>typeof t==`number`&&n?.source!==void 0&&String(t)!==n.source?new o(n.source):t;function c(e){return JSON.parse(e,s)}var l=e=>typeof e==`number`||e instanceof o,u=e=>typeof e==`object`&&!!e&&!Array.isArray(e)&&!(e instanceof o);function d(e,t=``){let n=`${t}  `;if(Array.isArray(e))return e.length===0?`[]`:`[\n${e.map(e=>n+d(e,n)).join(`,
`)}\n${t}]`;if(u(e)){let r=Object.entries(e);return r.length===0?`{}`:`{\n${r.map(([e,t])=>`${n}${ne(e)}: ${d(t,n)}`).join(`,
`)}\n${t}}`}return te(e)}function ee(e,t=200){let n=``,r=e=>{n.length>t||(Array.isArray(e)?i(`[`,e.map(e=>[``,e]),`]`):u(e)?i(`{`,Object.entries(e).map(([e,t])=>[`${ne(e)}: `,t]),`}`):n+=te(typeof e==`string`?e.slice(0,t+1):e))},i=(e,i,a)=>{n+=e;for(let[e,[a,o]]of i.entries()){if(n.length>t)return;n+=`${e>0?`, `:``}${a}`,r(o)}n+=a};return r(e),n.length>t?`${n.slice(0,t)}…`:n}function f(e,t){if(l(e)&&l(t))return String(e)===String(t)||Number(e)===Number(t);if(Array.isArray(e)&&Array.isArray(t))return e.length===t.length&&e.every((e,n)=>f(e,t[n]??null));if(u(e)&&u(t)){let n=Object.keys(e);return n.length===Object.keys(t).length&&n.every(n=>Object.hasOwn(t,n)&&f(e[n]??null,t[n]??null))}return e===t}function te(e){return e instanceof o?e.source:r(JSON.stringify(e))}var ne=e=>r(JSON.stringify(e)),p=`event-history.session`,m,h=new EventTarget,re=()=>m;function ie(e,t){m=e,t?sessionStorage.setItem(p,JSON.stringify(e)):sessionStorage.removeItem(p),h.dispatchEvent(new CustomEvent(`changed`))}function ae(e){m?.kind===`key`&&ie({...m,clientId:e},sessionStorage.getItem(p)!==null)}function oe(e){m&&(m=void 0,sessionStorage.removeItem(p),h.dispatchEvent(new CustomEvent(`changed`,{detail:e})))}function se(){try{let e=JSON.parse(sessionStorage.getItem(p)??`null`);ce(e)&&(m=e)}catch{sessionStorage.removeItem(p)}}function ce(e){let t=e,n=(...e)=>e.every(e=>typeof t?.[e]==`string`);return t?.kind===`key`?n(`key`,`clientId`):t?.kind===`tenant`?n(`clientId`,`secret`):t?.kind===`token`&&n(`token`)}function le(e){switch(e.kind){case`key`:return{"X-API-Key":e.key,...e.clientId?{"X-Client-Id":e.clientId}:{}};case`tenant`:{let t=new TextEncoder().encode(`${e.clientId}:${e.secret}`);return{Authorization:`Basic ${btoa(String.fromCharCode(...t))}`}}case`token`:return{Authorization:`Bearer ${e.token}`}}}var ue=e=>(e.kind===`token`?de(e).tenant:e.clientId)||void 0;function de(e){if(e.kind!==`token`)return{};try{let t=(e.token.split(`.`)[1]??``).replaceAll(`-`,`+`).replaceAll(`_`,`/`),n=atob(t),r=JSON.parse(n),i=/"record_id"\s*:\s*(-?\d+)/.exec(n)?.[1];return{...i===void 0?{}:{recordId:i},...typeof r.sub==`string`?{tenant:r.sub}:{},...typeof r.exp==`number`?{expiresAt:new Date(r.exp*1e3)}:{}}}catch{return{}}}var g={root:()=>new URL(`../`,document.baseURI),session:re,refused:oe},fe=4,pe=10,_=class extends Error{status;detail;retryAfter;constructor(e,t,n){super(be(t)||`HTTP ${e}`),this.status=e,this.detail=t,this.retryAfter=n}},v=class extends Error{};function me(e,t={},n=g){let r=new URL(e,n.root());return r.search=new URLSearchParams(t).toString(),r}async function he(e,{method:t=`GET`,body:n,signal:r,headers:i={},service:a=g,who:o=a.session(),clientId:s}={}){if(!o)throw new _(401,``,void 0);let c;try{let a={headers:{...le(s!==void 0&&o.kind===`key`?{...o,clientId:s}:o),...i},credentials:`omit`,redirect:`error`};c=await fetch(e,{...a,method:t,body:n??null,signal:r??null})}catch(e){throw r?.aborted?e:new v(String(e))}if(c.ok)return c;let l=await ye(c);throw l.status===401&&o===a.session()&&a.refused(l.message),l}async function ge(e,t={},n,r=g){for(let i=1;;i++)try{return c(await(await he(me(e,t,r),{signal:n,service:r})).text())}catch(e){let t=e instanceof _?e.retryAfter:void 0;if(t===void 0||t>pe||i===fe)throw e;await _e(t*1e3,n)}}function _e(e,t){return new Promise((n,r)=>{let i=()=>{clearTimeout(a),r(t?.reason)},a=setTimeout(()=>{t?.removeEventListener(`abort`,i),n()},e);t?.aborted?i():t?.addEventListener(`abort`,i,{once:!0})})}var ve=e=>e instanceof DOMException&&e.name===`AbortError`;async function ye(e){let t=Number(e.headers.get(`Retry-After`)??NaN),n=``;try{n=c(await e.text()).detail}catch{}return new _(e.status,n,Number.isNaN(t)?void 0:t)}function be(e){return typeof e==`string`?e:Array.isArray(e)?e.map(e=>`${e.loc?.join(`.`)??``}: ${String(e.msg)}`).slice(0,3).join(`; `):``}var y=globalThis,xe=y.ShadowRoot&&(y.ShadyCSS===void 0||y.ShadyCSS.nativeShadow)&&`adoptedStyleSheets`in Document.prototype&&`replace`in CSSStyleSheet.prototype,Se=Symbol(),Ce=new WeakMap,we=class{constructor(e,t,n){if(this._$cssResult$=!0,n!==Se)throw Error("CSSResult is not constructable. Use `unsafeCSS` or `css` instead.");this.cssText=e,this.t=t}get styleSheet(){let e=this.o,t=this.t;if(xe&&e===void 0){let n=t!==void 0&&t.length===1;n&&(e=Ce.get(t)),e===void 0&&((this.o=e=new CSSStyleSheet).replaceSync(this.cssText),n&&Ce.set(t,e))}return e}toString(){return this.cssText}},Te=e=>new we(typeof e==`string`?e:e+``,void 0,Se),Ee=(e,...t)=>new we(e.length===1?e[0]:t.reduce((t,n,r)=>t+(e=>{if(!0===e._$cssResult$)return e.cssText;if(typeof e==`number`)return e;throw Error(`Value passed to 'css' function must be a 'css' function result: `+e+`. Use 'unsafeCSS' to pass non-literal values, but take care to ensure page security.`)})(n)+e[r+1],e[0]),e,Se),De=(e,t)=>{if(xe)e.adoptedStyleSheets=t.map(e=>e instanceof CSSStyleSheet?e:e.styleSheet);else for(let n of t){let t=document.createElement(`style`),r=y.litNonce;r!==void 0&&t.setAttribute(`nonce`,r),t.textContent=n.cssText,e.appendChild(t)}},Oe=xe?e=>e:e=>e instanceof CSSStyleSheet?(e=>{let t=``;for(let n of e.cssRules)t+=n.cssText;return Te(t)})(e):e,{is:ke,defineProperty:Ae,getOwnPropertyDescriptor:je,getOwnPropertyNames:Me,getOwnPropertySymbols:Ne,getPrototypeOf:Pe}=Object,b=globalThis,Fe=b.trustedTypes,Ie=Fe?Fe.emptyScript:``,Le=b.reactiveElementPolyfillSupport,x=(e,t)=>e,S={toAttribute(e,t){switch(t){case Boolean:e=e?Ie:null;break;case Object:case Array:e=e==null?e:JSON.stringify(e)}return e},fromAttribute(e,t){let n=e;switch(t){case Boolean:n=e!==null;break;case Number:n=e===null?null:Number(e);break;case Object:case Array:try{n=JSON.parse(e)}catch{n=null}}return n}},Re=(e,t)=>!ke(e,t),ze={attribute:!0,type:String,converter:S,reflect:!1,useDefault:!1,hasChanged:Re};Symbol.metadata??=Symbol(`metadata`),b.litPropertyMetadata??=new WeakMap;var C=class extends HTMLElement{static addInitializer(e){this._$Ei(),(this.l??=[]).push(e)}static get observedAttributes(){return this.finalize(),this._$Eh&&[...this._$Eh.keys()]}static createProperty(e,t=ze){if(t.state&&(t.attribute=!1),this._$Ei(),this.prototype.hasOwnProperty(e)&&((t=Object.create(t)).wrapped=!0),this.elementProperties.set(e,t),!t.noAccessor){let n=Symbol(),r=this.getPropertyDescriptor(e,n,t);r!==void 0&&Ae(this.prototype,e,r)}}static getPropertyDescriptor(e,t,n){let{get:r,set:i}=je(this.prototype,e)??{get(){return this[t]},set(e){this[t]=e}};return{get:r,set(t){let a=r?.call(this);i?.call(this,t),this.requestUpdate(e,a,n)},configurable:!0,enumerable:!0}}static getPropertyOptions(e){return this.elementProperties.get(e)??ze}static _$Ei(){if(this.hasOwnProperty(x(`elementProperties`)))return;let e=Pe(this);e.finalize(),e.l!==void 0&&(this.l=[...e.l]),this.elementProperties=new Map(e.elementProperties)}static finalize(){if(this.hasOwnProperty(x(`finalized`)))return;if(this.finalized=!0,this._$Ei(),this.hasOwnProperty(x(`properties`))){let e=this.properties,t=[...Me(e),...Ne(e)];for(let n of t)this.createProperty(n,e[n])}let e=this[Symbol.metadata];if(e!==null){let t=litPropertyMetadata.get(e);if(t!==void 0)for(let[e,n]of t)this.elementProperties.set(e,n)}this._$Eh=new Map;for(let[e,t]of this.elementProperties){let n=this._$Eu(e,t);n!==void 0&&this._$Eh.set(n,e)}this.elementStyles=this.finalizeStyles(this.styles)}static finalizeStyles(e){let t=[];if(Array.isArray(e)){let n=new Set(e.flat(1/0).reverse());for(let e of n)t.unshift(Oe(e))}else e!==void 0&&t.push(Oe(e));return t}static _$Eu(e,t){let n=t.attribute;return!1===n?void 0:typeof n==`string`?n:typeof e==`string`?e.toLowerCase():void 0}constructor(){super(),this._$Ep=void 0,this.isUpdatePending=!1,this.hasUpdated=!1,this._$Em=null,this._$Ev()}_$Ev(){this._$ES=new Promise(e=>this.enableUpdating=e),this._$AL=new Map,this._$E_(),this.requestUpdate(),this.constructor.l?.forEach(e=>e(this))}addController(e){(this._$EO??=new Set).add(e),this.renderRoot!==void 0&&this.isConnected&&e.hostConnected?.()}removeController(e){this._$EO?.delete(e)}_$E_(){let e=new Map,t=this.constructor.elementProperties;for(let n of t.keys())this.hasOwnProperty(n)&&(e.set(n,this[n]),delete this[n]);e.size>0&&(this._$Ep=e)}createRenderRoot(){let e=this.shadowRoot??this.attachShadow(this.constructor.shadowRootOptions);return De(e,this.constructor.elementStyles),e}connectedCallback(){this.renderRoot??=this.createRenderRoot(),this.enableUpdating(!0),this._$EO?.forEach(e=>e.hostConnected?.())}enableUpdating(e){}disconnectedCallback(){this._$EO?.forEach(e=>e.hostDisconnected?.())}attributeChangedCallback(e,t,n){this._$AK(e,n)}_$ET(e,t){let n=this.constructor.elementProperties.get(e),r=this.constructor._$Eu(e,n);if(r!==void 0&&!0===n.reflect){let i=(n.converter?.toAttribute===void 0?S:n.converter).toAttribute(t,n.type);this._$Em=e,i==null?this.removeAttribute(r):this.setAttribute(r,i),this._$Em=null}}_$AK(e,t){let n=this.constructor,r=n._$Eh.get(e);if(r!==void 0&&this._$Em!==r){let e=n.getPropertyOptions(r),i=typeof e.converter==`function`?{fromAttribute:e.converter}:e.converter?.fromAttribute===void 0?S:e.converter;this._$Em=r;let a=i.fromAttribute(t,e.type);this[r]=a??this._$Ej?.get(r)??a,this._$Em=null}}requestUpdate(e,t,n,r=!1,i){if(e!==void 0){let a=this.constructor;if(!1===r&&(i=this[e]),n??=a.getPropertyOptions(e),!((n.hasChanged??Re)(i,t)||n.useDefault&&n.reflect&&i===this._$Ej?.get(e)&&!this.hasAttribute(a._$Eu(e,n))))return;this.C(e,t,n)}!1===this.isUpdatePending&&(this._$ES=this._$EP())}C(e,t,{useDefault:n,reflect:r,wrapped:i},a){n&&!(this._$Ej??=new Map).has(e)&&(this._$Ej.set(e,a??t??this[e]),!0!==i||a!==void 0)||(this._$AL.has(e)||(this.hasUpdated||n||(t=void 0),this._$AL.set(e,t)),!0===r&&this._$Em!==e&&(this._$Eq??=new Set).add(e))}async _$EP(){this.isUpdatePending=!0;try{await this._$ES}catch(e){Promise.reject(e)}let e=this.scheduleUpdate();return e!=null&&await e,!this.isUpdatePending}scheduleUpdate(){return this.performUpdate()}performUpdate(){if(!this.isUpdatePending)return;if(!this.hasUpdated){if(this.renderRoot??=this.createRenderRoot(),this._$Ep){for(let[e,t]of this._$Ep)this[e]=t;this._$Ep=void 0}let e=this.constructor.elementProperties;if(e.size>0)for(let[t,n]of e){let{wrapped:e}=n,r=this[t];!0!==e||this._$AL.has(t)||r===void 0||this.C(t,void 0,n,r)}}let e=!1,t=this._$AL;try{e=this.shouldUpdate(t),e?(this.willUpdate(t),this._$EO?.forEach(e=>e.hostUpdate?.()),this.update(t)):this._$EM()}catch(t){throw e=!1,this._$EM(),t}e&&this._$AE(t)}willUpdate(e){}_$AE(e){this._$EO?.forEach(e=>e.hostUpdated?.()),this.hasUpdated||(this.hasUpdated=!0,this.firstUpdated(e)),this.updated(e)}_$EM(){this._$AL=new Map,this.isUpdatePending=!1}get updateComplete(){return this.getUpdateComplete()}getUpdateComplete(){return this._$ES}shouldUpdate(e){return!0}update(e){this._$Eq&&=this._$Eq.forEach(e=>this._$ET(e,this[e])),this._$EM()}updated(e){}firstUpdated(e){}};C.elementStyles=[],C.shadowRootOptions={mode:`open`},C[x(`elementProperties`)]=new Map,C[x(`finalized`)]=new Map,Le?.({ReactiveElement:C}),(b.reactiveElementVersions??=[]).push(`2.1.2`);var Be=globalThis,Ve=e=>e,w=Be.trustedTypes,He=w?w.createPolicy(`lit-html`,{createHTML:e=>e}):void 0,T=`$lit$`,E=`lit$${Math.random().toFixed(9).slice(2)}$`,D=`?`+E,Ue=`<${D}>`,O=document,k=()=>O.createComment(``),A=e=>e===null||typeof e!=`object`&&typeof e!=`function`,j=Array.isArray,We=e=>j(e)||typeof e?.[Symbol.iterator]==`function`,M=`[ 	
\f\r]`,N=/<(?:(!--|\/[^a-zA-Z])|(\/?[a-zA-Z][^>\s]*)|(\/?$))/g,Ge=/-->/g,Ke=/>/g,P=RegExp(`>|${M}(?:([^\\s"'>=/]+)(${M}*=${M}*(?:[^ \t\n\f\r"'\`<>=]|("|')|))|$)`,`g`),qe=/'/g,Je=/"/g,Ye=/^(?:script|style|textarea|title)$/i,Xe=e=>(t,...n)=>({_$litType$:e,strings:t,values:n}),F=Xe(1),Ze=Xe(2),I=Symbol.for(`lit-noChange`),L=Symbol.for(`lit-nothing`),Qe=new WeakMap,R=O.createTreeWalker(O,129);function $e(e,t){if(!j(e)||!e.hasOwnProperty(`raw`))throw Error(`invalid template strings array`);return He===void 0?t:He.createHTML(t)}var et=(e,t)=>{let n=e.length-1,r=[],i,a=t===2?`<svg>`:t===3?`<math>`:``,o=N;for(let t=0;t<n;t++){let n=e[t],s,c,l=-1,u=0;for(;u<n.length&&(o.lastIndex=u,c=o.exec(n),c!==null);)u=o.lastIndex,o===N?c[1]===`!--`?o=Ge:c[1]===void 0?c[2]===void 0?c[3]!==void 0&&(o=P):(Ye.test(c[2])&&(i=RegExp(`</`+c[2],`g`)),o=P):o=Ke:o===P?c[0]===`>`?(o=i??N,l=-1):c[1]===void 0?l=-2:(l=o.lastIndex-c[2].length,s=c[1],o=c[3]===void 0?P:c[3]===`"`?Je:qe):o===Je||o===qe?o=P:o===Ge||o===Ke?o=N:(o=P,i=void 0);let d=o===P&&e[t+1].startsWith(`/>`)?` `:``;a+=o===N?n+Ue:l>=0?(r.push(s),n.slice(0,l)+T+n.slice(l)+E+d):n+E+(l===-2?t:d)}return[$e(e,a+(e[n]||`<?>`)+(t===2?`</svg>`:t===3?`</math>`:``)),r]},z=class e{constructor({strings:t,_$litType$:n},r){let i;this.parts=[];let a=0,o=0,s=t.length-1,c=this.parts,[l,u]=et(t,n);if(this.el=e.createElement(l,r),R.currentNode=this.el.content,n===2||n===3){let e=this.el.content.firstChild;e.replaceWith(...e.childNodes)}for(;(i=R.nextNode())!==null&&c.length<s;){if(i.nodeType===1){if(i.hasAttributes())for(let e of i.getAttributeNames())if(e.endsWith(T)){let t=u[o++],n=i.getAttribute(e).split(E),r=/([.?@])?(.*)/.exec(t);c.push({type:1,index:a,name:r[2],strings:n,ctor:r[1]===`.`?nt:r[1]===`?`?rt:r[1]===`@`?it:H}),i.removeAttribute(e)}else e.startsWith(E)&&(c.push({type:6,index:a}),i.removeAttribute(e));if(Ye.test(i.tagName)){let e=i.textContent.split(E),t=e.length-1;if(t>0){i.textContent=w?w.emptyScript:``;for(let n=0;n<t;n++)i.append(e[n],k()),R.nextNode(),c.push({type:2,index:++a});i.append(e[t],k())}}}else if(i.nodeType===8){if(i.data===D)c.push({type:2,index:a});else{let e=-1;for(;(e=i.data.indexOf(E,e+1))!==-1;)c.push({type:7,index:a}),e+=E.length-1}}a++}}static createElement(e,t){let n=O.createElement(`template`);return n.innerHTML=e,n}};function B(e,t,n=e,r){if(t===I)return t;let i=r===void 0?n._$Cl:n._$Co?.[r],a=A(t)?void 0:t._$litDirective$;return i?.constructor!==a&&(i?._$AO?.(!1),a===void 0?i=void 0:(i=new a(e),i._$AT(e,n,r)),r===void 0?n._$Cl=i:(n._$Co??=[])[r]=i),i!==void 0&&(t=B(e,i._$AS(e,t.values),i,r)),t}var tt=class{constructor(e,t){this._$AV=[],this._$AN=void 0,this._$AD=e,this._$AM=t}get parentNode(){return this._$AM.parentNode}get _$AU(){return this._$AM._$AU}u(e){let{el:{content:t},parts:n}=this._$AD,r=(e?.creationScope??O).importNode(t,!0);R.currentNode=r;let i=R.nextNode(),a=0,o=0,s=n[0];for(;s!==void 0;){if(a===s.index){let t;s.type===2?t=new V(i,i.nextSibling,this,e):s.type===1?t=new s.ctor(i,s.name,s.strings,this,e):s.type===6&&(t=new at(i,this,e)),this._$AV.push(t),s=n[++o]}a!==s?.index&&(i=R.nextNode(),a++)}return R.currentNode=O,r}p(e){let t=0;for(let n of this._$AV)n!==void 0&&(n.strings===void 0?n._$AI(e[t]):(n._$AI(e,n,t),t+=n.strings.length-2)),t++}},V=class e{get _$AU(){return this._$AM?._$AU??this._$Cv}constructor(e,t,n,r){this.type=2,this._$AH=L,this._$AN=void 0,this._$AA=e,this._$AB=t,this._$AM=n,this.options=r,this._$Cv=r?.isConnected??!0}get parentNode(){let e=this._$AA.parentNode,t=this._$AM;return t!==void 0&&e?.nodeType===11&&(e=t.parentNode),e}get startNode(){return this._$AA}get endNode(){return this._$AB}_$AI(e,t=this){e=B(this,e,t),A(e)?e===L||e==null||e===``?(this._$AH!==L&&this._$AR(),this._$AH=L):e!==this._$AH&&e!==I&&this._(e):e._$litType$===void 0?e.nodeType===void 0?We(e)?this.k(e):this._(e):this.T(e):this.$(e)}O(e){return this._$AA.parentNode.insertBefore(e,this._$AB)}T(e){this._$AH!==e&&(this._$AR(),this._$AH=this.O(e))}_(e){this._$AH!==L&&A(this._$AH)?this._$AA.nextSibling.data=e:this.T(O.createTextNode(e)),this._$AH=e}$(e){let{values:t,_$litType$:n}=e,r=typeof n==`number`?this._$AC(e):(n.el===void 0&&(n.el=z.createElement($e(n.h,n.h[0]),this.options)),n);if(this._$AH?._$AD===r)this._$AH.p(t);else{let e=new tt(r,this),n=e.u(this.options);e.p(t),this.T(n),this._$AH=e}}_$AC(e){let t=Qe.get(e.strings);return t===void 0&&Qe.set(e.strings,t=new z(e)),t}k(t){j(this._$AH)||(this._$AH=[],this._$AR());let n=this._$AH,r,i=0;for(let a of t)i===n.length?n.push(r=new e(this.O(k()),this.O(k()),this,this.options)):r=n[i],r._$AI(a),i++;i<n.length&&(this._$AR(r&&r._$AB.nextSibling,i),n.length=i)}_$AR(e=this._$AA.nextSibling,t){for(this._$AP?.(!1,!0,t);e!==this._$AB;){let t=Ve(e).nextSibling;Ve(e).remove(),e=t}}setConnected(e){this._$AM===void 0&&(this._$Cv=e,this._$AP?.(e))}},H=class{get tagName(){return this.element.tagName}get _$AU(){return this._$AM._$AU}constructor(e,t,n,r,i){this.type=1,this._$AH=L,this._$AN=void 0,this.element=e,this.name=t,this._$AM=r,this.options=i,n.length>2||n[0]!==``||n[1]!==``?(this._$AH=Array(n.length-1).fill(new String),this.strings=n):this._$AH=L}_$AI(e,t=this,n,r){let i=this.strings,a=!1;if(i===void 0)e=B(this,e,t,0),a=!A(e)||e!==this._$AH&&e!==I,a&&(this._$AH=e);else{let r=e,o,s;for(e=i[0],o=0;o<i.length-1;o++)s=B(this,r[n+o],t,o),s===I&&(s=this._$AH[o]),a||=!A(s)||s!==this._$AH[o],s===L?e=L:e!==L&&(e+=(s??``)+i[o+1]),this._$AH[o]=s}a&&!r&&this.j(e)}j(e){e===L?this.element.removeAttribute(this.name):this.element.setAttribute(this.name,e??``)}},nt=class extends H{constructor(){super(...arguments),this.type=3}j(e){this.element[this.name]=e===L?void 0:e}},rt=class extends H{constructor(){super(...arguments),this.type=4}j(e){this.element.toggleAttribute(this.name,!!e&&e!==L)}},it=class extends H{constructor(e,t,n,r,i){super(e,t,n,r,i),this.type=5}_$AI(e,t=this){if((e=B(this,e,t,0)??L)===I)return;let n=this._$AH,r=e===L&&n!==L||e.capture!==n.capture||e.once!==n.once||e.passive!==n.passive,i=e!==L&&(n===L||r);r&&this.element.removeEventListener(this.name,this,n),i&&this.element.addEventListener(this.name,this,e),this._$AH=e}handleEvent(e){typeof this._$AH==`function`?this._$AH.call(this.options?.host??this.element,e):this._$AH.handleEvent(e)}},at=class{constructor(e,t,n){this.element=e,this.type=6,this._$AN=void 0,this._$AM=t,this.options=n}get _$AU(){return this._$AM._$AU}_$AI(e){B(this,e)}},ot={M:T,P:E,A:D,C:1,L:et,R:tt,D:We,V:B,I:V,H,N:rt,U:it,B:nt,F:at},st=Be.litHtmlPolyfillSupport;st?.(z,V),(Be.litHtmlVersions??=[]).push(`3.3.3`);var ct=(e,t,n)=>{let r=n?.renderBefore??t,i=r._$litPart$;if(i===void 0){let e=n?.renderBefore??null;r._$litPart$=i=new V(t.insertBefore(k(),e),e,void 0,n??{})}return i._$AI(e),i},U=globalThis,W=class extends C{constructor(){super(...arguments),this.renderOptions={host:this},this._$Do=void 0}createRenderRoot(){let e=super.createRenderRoot();return this.renderOptions.renderBefore??=e.firstChild,e}update(e){let t=this.render();this.hasUpdated||(this.renderOptions.isConnected=this.isConnected),super.update(e),this._$Do=ct(t,this.renderRoot,this.renderOptions)}connectedCallback(){super.connectedCallback(),this._$Do?.setConnected(!0)}disconnectedCallback(){super.disconnectedCallback(),this._$Do?.setConnected(!1)}render(){return I}};W._$litElement$=!0,W.finalized=!0,U.litElementHydrateSupport?.({LitElement:W});var lt=U.litElementPolyfillSupport;lt?.({LitElement:W}),(U.litElementVersions??=[]).push(`4.2.2`);var ut={"nav.title":`Hauptnavigation`,"nav.skip":`Zum Inhalt`,"nav.record":`Gehe zu Datensatz…`,"nav.settings":`Einstellungen`,"nav.sign_out":`Abmelden`,"settings.language":`Sprache`,"settings.theme":`Farben`,"settings.licences":`Lizenzen Dritter`,"theme.auto":`Wie das System`,"theme.light":`Hell`,"theme.dark":`Dunkel`,"who.key":`Angemeldet mit API-Schlüssel`,"who.tenant":`Angemeldet als Mandant`,"who.token":`Angemeldet mit Lese-Token`,"who.client":`Client-ID {id}`,"who.only_record":`Nur Datensatz {id}`,"who.until":`Bis {time}`,"sign_in.title":`Anmelden`,"sign_in.lead":`Sehen, was mit jedem Datensatz geschah.`,"sign_in.ended":`Sie wurden abgemeldet: Ihre Zugangsdaten gelten nicht mehr. Der Dienst meldet:`,"sign_in.with":`Anmelden mit`,"sign_in.tenant":`Mandant`,"sign_in.key":`API-Schlüssel`,"sign_in.token":`Lese-Token`,"sign_in.client_id":`Client-ID`,"sign_in.client_secret":`Client-Secret`,"sign_in.api_key":`API-Schlüssel`,"sign_in.view_token":`Lese-Token`,"sign_in.optional":`(optional)`,"sign_in.key_text":`Ein Schlüssel für einen einzigen Mandanten braucht keine Client-ID.`,"sign_in.keep":`In diesem Tab angemeldet bleiben`,"sign_in.keep_text":`Bis der Tab geschlossen wird. Sonst bis zum Neuladen der Seite.`,"sign_in.go":`Anmelden`,"sign_in.busy":`Anmeldung läuft…`,"sign_in.note":`Ihre Eingaben gehen nur an diesen Dienst und stehen nie in einer Adresse.`,"sign_in.not_ascii":`Zugangsdaten bestehen aus Buchstaben, Ziffern und Zeichen ohne Leerzeichen. Prüfen Sie die Eingabe.`,"sign_in.expired":`Dieses Lese-Token ist abgelaufen. Holen Sie dort, wo es herkam, ein neues.`,"sign_in.code":`Dieser Link lässt sich einmal öffnen, solange die Demo läuft, die ihn ausgegeben hat. Melden Sie sich mit dem an, was sie über dem Link ausgegeben hat.`,"sign_in.unknown_tenant":`Der Dienst kennt diese Client-ID mit diesem Secret nicht.`,"sign_in.unknown_key":`Der Dienst nimmt diesen Schlüssel nicht an. Er kann widerrufen oder abgelaufen sein.`,"sign_in.unknown_token":`Der Dienst nimmt dieses Token nicht an.`,"sign_in.unknown_client":`Der Dienst hat für diesen Schlüssel keinen Mandanten mit dieser Client-ID.`,"sign_in.client_needed":`Dieser Schlüssel gilt für mehrere Mandanten: Geben Sie die Client-ID eines davon ein.`,"sign_in.may_not_read":`Diese Zugangsdaten dürfen keine Historien lesen: Ihnen fehlt der Scope „read“.`,"state.loading":`Wird geladen…`,"action.retry":`Noch einmal versuchen`,"action.cancel":`Abbrechen`,"action.close":`Schließen`,"copy.json":`Kopieren`,"copy.copied":`Kopiert`,"copy.failed":`Nicht kopiert: Der Browser lehnt es ab`,"error.offline":`Sie sind offline.`,"error.unreachable":`Der Dienst antwortet nicht.`,"error.unexpected":`Etwas ist schiefgegangen: {reason}`,"error.forbidden":`Das dürfen Sie nicht sehen. Der Dienst meldet: {reason}`,"error.limited":`Es waren zu viele Anfragen; warten Sie einen Moment. Der Dienst meldet: {reason}`,"error.unavailable":`Das lässt sich gerade nicht beantworten. Der Dienst meldet: {reason}`,"error.refused":`Der Dienst lehnt das ab: {reason}`,"time.now":`gerade eben`,"size.bytes":{one:`{n} Byte`,other:`{n} Bytes`},"list.separator":`, `,"list.and":`und`,"history.title":`Historie`,"history.count":{one:`{n} Ereignis`,other:`{n} Ereignisse`},"history.record":`Datensatz {id}`,"history.file":`Datei`,"history.new":{one:`{n} neues Ereignis`,other:`{n} neue Ereignisse`},"history.end":`Hier beginnt die Historie.`,"history.empty":`Noch ist nichts geschehen`,"history.empty_text":`Ereignisse erscheinen hier, sobald die Plattform sie sendet.`,"history.no_match":`Kein Ereignis passt`,"history.no_match_text":`Entfernen Sie einen Filter, um mehr zu sehen.`,"live.on":`Live`,"live.off":`Nicht live`,"filter.title":`Filter`,"filter.words":`Wörter in Werten, Namen und Dateien suchen`,"filter.apply":`Anwenden`,"filter.clear":`Alle entfernen`,"filter.remove":`Filter {filter} entfernen`,"filter.q":`Wörter`,"filter.record_id":`Datensatz`,"filter.event_type_id":`Art`,"filter.source_type_id":`Durch`,"filter.source_id":`Quellen-ID`,"filter.source_name":`Name der Quelle`,"filter.has_file":`Dateien`,"filter.field":`Geändertes Feld`,"filter.value":`Von oder zu Wert`,"filter.event_time_from":`Ab`,"filter.event_time_to":`Vor`,"files.any":`Mit oder ohne`,"files.true":`Mit Dateien`,"files.false":`Ohne Dateien`,"period.hour":`Letzte Stunde`,"period.day":`Letzte 24 Stunden`,"period.week":`Letzte 7 Tage`,"period.month":`Letzte 30 Tage`,"facet.title":`Eingrenzen`,"facet.event_type":`Was geschah`,"facet.source_type":`Art der Quelle`,"facet.source":`Am aktivsten`,"histogram.role":`Ereignisse im Zeitverlauf`,"histogram.summary":{one:`{n} Ereignis vom {from} bis {to}`,other:`{n} Ereignisse vom {from} bis {to}`},"histogram.keys":`Pfeiltasten wählen eine Zeit, mit Umschalt einen Bereich; Enter filtert danach.`,"histogram.hint":`Zum Auswählen einer Zeit ziehen`,"histogram.failed":`Die Ereignisse konnten nicht gezählt werden.`,"views.title":`Ansichten`,"views.name":`Diese Filter merken als`,"views.save":`Merken`,"views.remove":`Ansicht {name} entfernen`,"views.hint":`Wählen Sie Filter, und merken Sie sie hier unter einem Namen. Sie bleiben in diesem Browser.`,"views.failed":`Sie wurde nicht gemerkt: Es gibt schon {n} Ansichten, oder Ihr Browser merkt sich nichts.`,"export.title":`Export`,"export.csv":`CSV`,"export.csv_text":`Für Tabellen: alle passenden Ereignisse`,"export.ndjson":`NDJSON`,"export.ndjson_text":`Für Programme: ein Ereignis je Zeile`,"export.under_way":`Bisher {size}…`,"type.record_created":`Datensatz angelegt`,"type.owner_initialized":`Verantwortliche festgelegt`,"type.owners_added":`Verantwortliche hinzugefügt`,"type.owners_removed":`Verantwortliche entfernt`,"type.assignees_added":`Zuständige hinzugefügt`,"type.assignees_removed":`Zuständige entfernt`,"type.field_values_changed":`Felder geändert`,"type.record_deleted":`Datensatz gelöscht`,"type.document_generated":`Dokument erzeugt`,"type.status_initialized":`Status festgelegt`,"type.unknown":`Art {id}`,"source.user":`Person`,"source.sequence":`Sequenz`,"source.system":`System`,"source.mcp":`KI-Agent`,"source.unknown":`Quelle der Art {id}`,"act.created":`legte den Datensatz an`,"act.deleted":`löschte den Datensatz`,"act.status":`setzte den Status auf {value}`,"act.fields":`änderte {names}`,"act.fields_many":{one:`änderte {n} Feld`,other:`änderte {n} Felder`},"act.documents":`erzeugte {names}`,"act.documents_many":{one:`erzeugte ein Dokument`,other:`erzeugte {n} Dokumente`},"act.owner_added":`machte {names} verantwortlich`,"act.owner_added_many":{one:`machte {n} Person verantwortlich`,other:`machte {n} Personen verantwortlich`},"act.owner_removed":`entband {names} von der Verantwortung`,"act.owner_removed_many":{one:`entband {n} Person von der Verantwortung`,other:`entband {n} Personen von der Verantwortung`},"act.assignee_added":`wies {names} zu`,"act.assignee_added_many":{one:`wies {n} Person zu`,other:`wies {n} Personen zu`},"act.assignee_removed":`entfernte die Zuweisung an {names}`,"act.assignee_removed_many":{one:`entfernte {n} Zuweisung`,other:`entfernte {n} Zuweisungen`},"act.other":`· {name}`,"act.other_many":`· {name} ({n}-mal)`,"event.title":`Ereignis`,"event.missing":`Dieses Ereignis gibt es nicht`,"event.missing_text":`Es kann nach einer Aufbewahrungsregel gelöscht worden sein, oder Sie dürfen es nicht sehen.`,"event.changes":`Änderungen`,"event.data":`Daten`,"event.documents":{one:`Dokument`,other:`Dokumente`},"event.details":`Einzelheiten`,"event.related":`Davor und danach an diesem Datensatz`,"event.whole_record":`Ganzer Datensatz`,"event.this":`Dieses Ereignis`,"event.raw":`JSON`,"fact.event_time":`Geschehen`,"fact.received_at":`Empfangen`,"fact.type":`Art`,"fact.record":`Datensatz`,"fact.source":`Quelle`,"fact.id":`ID {id}`,"fact.source_name":`Name`,"fact.source_info":`Weitere Angaben`,"fact.model":`Modell`,"fact.event_id":`Ereignis-ID`,"document.no_record":`Zu dieser Datei wurde beim Speichern des Ereignisses nichts festgehalten.`,"document.check":`Gespeicherte Datei prüfen`,"document.checking":`Wird geprüft…`,"document.preview":`Vorschau`,"document.download":`Herunterladen`,"document.confirmed":`Der Speicher hat noch die Datei, die mit diesem Ereignis festgehalten wurde.`,"document.there":`Der Speicher hat unter dieser ID eine Datei. Ob es die ursprüngliche ist, ist unbekannt, denn es wurde nichts von ihr festgehalten.`,"document.hash_same":`Ihr Browser hat die SHA-256 der unten gezeigten Bytes berechnet: Es ist die festgehaltene.`,"document.hash_different":`Ihr Browser hat die SHA-256 der unten gezeigten Bytes berechnet: Es ist NICHT die festgehaltene.`,"document.missing":`Der Speicher hat diese Datei nicht mehr. Hier steht, was von ihr festgehalten wurde.`,"document.changed":`Der Speicher hat jetzt eine andere Datei als die festgehaltene. Der Dienst gibt sie nicht heraus.`,"document.changed_size":`Festgehalten: {recorded}. Jetzt: {found}.`,"document.found_hash":`SHA-256 der Datei, die jetzt dort ist:`,"document.preview_of":`Vorschau von {name}`,"document.text_cut":`Nur der Anfang wird gezeigt. Laden Sie die Datei herunter, um alles zu lesen.`,"document.not_shown":`Der Browser kann diese Datei nicht als das zeigen, was ihr Typ sagt. Laden Sie sie herunter.`,"document.not_readable":`Diese Seite konnte die Datei nicht aus dem Speicher lesen; vielleicht erlaubt er es Seiten nicht. Laden Sie sie herunter.`,"record.timeline":`Was geschah`,"record.state":`Zustand`,"record.state_now":`Jetzt`,"record.state_then":`Stand {time}`,"record.as_of":`Stand`,"record.as_of_here":`Der Datensatz wie hier gezeigt`,"record.now":`Jetzt`,"record.travel_hint":`Verschieben Sie den Regler, um den Datensatz zu sehen, wie er war.`,"record.previous":`Vorige Änderung`,"record.next":`Nächste Änderung`,"record.differences":{one:`{n} Unterschied zu jetzt`,other:`{n} Unterschiede zu jetzt`},"record.first":`von`,"record.last":`bis`,"record.in_history":`In der Historie zeigen`,"record.deleted":`Gelöscht`,"record.deleted_now":`Der Datensatz ist gelöscht.`,"record.exists_now":`Den Datensatz gibt es.`,"record.status":`Status`,"record.no_status":`Kein Status`,"record.owner":`Verantwortlich`,"record.owners":`Verantwortliche`,"record.assignee":`Zuständig`,"record.assignees":`Zuständige`,"record.nobody":`Niemand`,"record.person_added":`{name} kam hinzu`,"record.person_removed":`{name} wurde entfernt`,"record.person_renamed":`Der Name ist {name}`,"record.fields":{one:`Felder`,other:`Felder`},"record.all_fields":`Alle {n} Felder zeigen`,"record.no_fields":`Keine Felder`,"record.not_yet":`Noch nicht gesetzt`,"record.document":`Dokument`,"record.documents":{one:`Dokumente ({n})`,other:`Dokumente ({n})`},"record.later_documents":{one:`{n} weiteres Dokument`,other:`{n} weitere Dokumente`},"record.unrecognised":{one:`{n} Teil der Ereignisdaten hat keine bekannte Form und ist hier nicht enthalten. Er steht in seinem Ereignis.`,other:`{n} Teile der Ereignisdaten haben keine bekannte Form und sind hier nicht enthalten. Sie stehen in ihren Ereignissen.`},"record.show_changes":{one:`Änderung zeigen`,other:`{n} Änderungen zeigen`},"record.hide_changes":{one:`Änderung verbergen`,other:`{n} Änderungen verbergen`},"record.earlier":`Frühere Ereignisse zeigen`,"record.missing":`Von diesem Datensatz ist nichts bekannt`,"record.missing_text":`Er hat keine Ereignisse, oder Sie dürfen sie nicht sehen.`,"record.before":`Der Datensatz hatte noch keine Ereignisse`,"record.before_text":`Wählen Sie eine spätere Zeit, um seinen Zustand zu sehen.`,"admin.title":`Verwaltung`,"admin.tenants":`Mandanten`,"admin.keys":`API-Schlüssel`,"admin.service":`Dienst`,"admin.refused":`Das dürfen Sie nicht sehen`,"admin.refused_text":`Dafür ist ein API-Schlüssel mit dem Scope „admin“ nötig.`,"access.choose":`Kein Mandant ist gewählt`,"access.choose_text":`Ihr Schlüssel gilt für mehrere Mandanten. Öffnen Sie die Historie eines davon.`,"access.no_read":`Sie dürfen keine Historien lesen`,"access.no_read_text":`Dafür ist der Scope „read“ nötig, den Ihr Schlüssel nicht hat.`,"value.empty":`leer`,"value.yes":`ja`,"value.no":`nein`,"value.became":`wurde zu`,"value.data":`Daten`,"value.more":{one:`und {n} weiteres`,other:`und {n} weitere`},"value.show_more":`{n} weitere Zeichen zeigen`,"embed.back":`Zurück`,"embed.refused":`Dies wird nicht mehr gezeigt: Das Lese-Token dieser Seite wird nicht angenommen. Der Dienst sagt:`,"embed.incomplete":`Diese Seite sagt nicht, was hier zu zeigen ist.`,"embed.bad_src":`Diese Seite nennt hier einen Dienst, dessen Adresse keine ist.`},dt={"nav.title":`Main`,"nav.skip":`Skip to content`,"nav.record":`Go to record…`,"nav.settings":`Settings`,"nav.sign_out":`Sign out`,"settings.language":`Language`,"settings.theme":`Colours`,"settings.licences":`Third-party licences`,"theme.auto":`As the system`,"theme.light":`Light`,"theme.dark":`Dark`,"who.key":`Signed in with an API key`,"who.tenant":`Signed in as a tenant`,"who.token":`Signed in with a view token`,"who.client":`Client id {id}`,"who.only_record":`Record {id} only`,"who.until":`Until {time}`,"sign_in.title":`Sign in`,"sign_in.lead":`See what happened to every record.`,"sign_in.ended":`You were signed out: what you signed in with is not accepted any more. The service says:`,"sign_in.with":`Sign in with`,"sign_in.tenant":`Tenant`,"sign_in.key":`API key`,"sign_in.token":`View token`,"sign_in.client_id":`Client id`,"sign_in.client_secret":`Client secret`,"sign_in.api_key":`API key`,"sign_in.view_token":`View token`,"sign_in.optional":`(optional)`,"sign_in.key_text":`A key for one tenant needs no client id.`,"sign_in.keep":`Stay signed in in this tab`,"sign_in.keep_text":`Until the tab is closed. Otherwise, until the page is loaded again.`,"sign_in.go":`Sign in`,"sign_in.busy":`Signing in…`,"sign_in.note":`What you enter is sent to this service only, and is never part of an address.`,"sign_in.not_ascii":`Credentials are letters, digits and signs without spaces. Check what you pasted.`,"sign_in.expired":`This view token has expired. Get a new one where you got this one.`,"sign_in.code":`This link can be opened once, while the demo runs that printed it. Sign in with what it printed above the link.`,"sign_in.unknown_tenant":`The service does not know this client id with this secret.`,"sign_in.unknown_key":`The service does not accept this key. It may have been revoked, or have expired.`,"sign_in.unknown_token":`The service does not accept this token.`,"sign_in.unknown_client":`The service has no tenant with this client id for this key.`,"sign_in.client_needed":`This key is for several tenants: enter the client id of one.`,"sign_in.may_not_read":`These credentials may not read histories: they lack the scope “read”.`,"state.loading":`Loading…`,"action.retry":`Try again`,"action.cancel":`Cancel`,"action.close":`Close`,"copy.json":`Copy`,"copy.copied":`Copied`,"copy.failed":`Not copied: your browser refuses it`,"error.offline":`You are offline.`,"error.unreachable":`The service does not answer.`,"error.unexpected":`Something went wrong: {reason}`,"error.forbidden":`You may not see this. The service says: {reason}`,"error.limited":`There were too many requests; wait a moment. The service says: {reason}`,"error.unavailable":`This cannot be answered right now. The service says: {reason}`,"error.refused":`The service refuses this: {reason}`,"time.now":`just now`,"size.bytes":{one:`{n} byte`,other:`{n} bytes`},"list.separator":`, `,"list.and":`and`,"history.title":`History`,"history.count":{one:`{n} event`,other:`{n} events`},"history.record":`Record {id}`,"history.file":`file`,"history.new":{one:`{n} new event`,other:`{n} new events`},"history.end":`This is the beginning of the history.`,"history.empty":`Nothing has happened yet`,"history.empty_text":`Events appear here as soon as the platform sends them.`,"history.no_match":`No event matches`,"history.no_match_text":`Remove a filter to see more.`,"live.on":`Live`,"live.off":`Not live`,"filter.title":`Filters`,"filter.words":`Search for words in values, names and files`,"filter.apply":`Apply`,"filter.clear":`Clear all`,"filter.remove":`Remove the filter {filter}`,"filter.q":`Words`,"filter.record_id":`Record`,"filter.event_type_id":`Type`,"filter.source_type_id":`By`,"filter.source_id":`Source id`,"filter.source_name":`Name of the source`,"filter.has_file":`Files`,"filter.field":`Changed field`,"filter.value":`From or to the value`,"filter.event_time_from":`From`,"filter.event_time_to":`Before`,"files.any":`With or without`,"files.true":`With files`,"files.false":`Without files`,"period.hour":`Last hour`,"period.day":`Last 24 hours`,"period.week":`Last 7 days`,"period.month":`Last 30 days`,"facet.title":`Narrow down`,"facet.event_type":`What happened`,"facet.source_type":`Kind of source`,"facet.source":`Most active`,"histogram.role":`Events over time`,"histogram.summary":{one:`{n} event from {from} to {to}`,other:`{n} events from {from} to {to}`},"histogram.keys":`Arrow keys choose a time, with Shift a range; Enter filters by it.`,"histogram.hint":`Drag to select a time`,"histogram.failed":`The events could not be counted.`,"views.title":`Views`,"views.name":`Keep these filters as`,"views.save":`Save`,"views.remove":`Remove the view {name}`,"views.hint":`Choose filters, and keep them here under a name. They stay in this browser.`,"views.failed":`It was not kept: there are {n} views already, or your browser keeps nothing.`,"export.title":`Export`,"export.csv":`CSV`,"export.csv_text":`For spreadsheets: all events that match`,"export.ndjson":`NDJSON`,"export.ndjson_text":`For programs: one event a line`,"export.under_way":`{size} so far…`,"type.record_created":`Record created`,"type.owner_initialized":`Owner set`,"type.owners_added":`Owners added`,"type.owners_removed":`Owners removed`,"type.assignees_added":`Assignees added`,"type.assignees_removed":`Assignees removed`,"type.field_values_changed":`Fields changed`,"type.record_deleted":`Record deleted`,"type.document_generated":`Document generated`,"type.status_initialized":`Status set`,"type.unknown":`Type {id}`,"source.user":`User`,"source.sequence":`Sequence`,"source.system":`System`,"source.mcp":`AI agent`,"source.unknown":`Source of type {id}`,"act.created":`created the record`,"act.deleted":`deleted the record`,"act.status":`set the status to {value}`,"act.fields":`changed {names}`,"act.fields_many":{one:`changed {n} field`,other:`changed {n} fields`},"act.documents":`generated {names}`,"act.documents_many":{one:`generated a document`,other:`generated {n} documents`},"act.owner_added":`made {names} an owner`,"act.owner_added_many":{one:`added {n} owner`,other:`added {n} owners`},"act.owner_removed":`removed {names} as owner`,"act.owner_removed_many":{one:`removed {n} owner`,other:`removed {n} owners`},"act.assignee_added":`assigned {names}`,"act.assignee_added_many":{one:`assigned {n} person`,other:`assigned {n} people`},"act.assignee_removed":`unassigned {names}`,"act.assignee_removed_many":{one:`unassigned {n} person`,other:`unassigned {n} people`},"act.other":`· {name}`,"act.other_many":`· {name} ({n} times)`,"event.title":`Event`,"event.missing":`There is no such event`,"event.missing_text":`It may have been deleted by a retention rule, or you may not see it.`,"event.changes":`Changes`,"event.data":`Data`,"event.documents":{one:`Document`,other:`Documents`},"event.details":`Details`,"event.related":`Before and after on this record`,"event.whole_record":`Whole record`,"event.this":`This event`,"event.raw":`JSON`,"fact.event_time":`Happened`,"fact.received_at":`Received`,"fact.type":`Type`,"fact.record":`Record`,"fact.source":`Source`,"fact.id":`id {id}`,"fact.source_name":`Name`,"fact.source_info":`Further information`,"fact.model":`Model`,"fact.event_id":`Event id`,"document.no_record":`Nothing was recorded of this file when its event was stored.`,"document.check":`Check the stored file`,"document.checking":`Checking…`,"document.preview":`Preview`,"document.download":`Download`,"document.confirmed":`Storage still has the file that was recorded with this event.`,"document.there":`Storage has a file under this id. Whether it is the original one is unknown, since nothing was recorded of it.`,"document.hash_same":`Your browser has computed the SHA-256 of the bytes below: it is the recorded one.`,"document.hash_different":`Your browser has computed the SHA-256 of the bytes below: it is NOT the recorded one.`,"document.missing":`Storage no longer has this file. What is shown here is what was recorded of it.`,"document.changed":`Storage has a different file now than the one that was recorded. The service does not hand it out.`,"document.changed_size":`Recorded: {recorded}. Now: {found}.`,"document.found_hash":`SHA-256 of the file that is there now:`,"document.preview_of":`Preview of {name}`,"document.text_cut":`Only the beginning is shown. Download the file to read all of it.`,"document.not_shown":`The browser cannot show this file as what its type says. Download it instead.`,"document.not_readable":`This page could not read the file from storage, which may not allow it to pages. Download it instead.`,"record.timeline":`What happened`,"record.state":`State`,"record.state_now":`Now`,"record.state_then":`As of {time}`,"record.as_of":`As of`,"record.as_of_here":`The record as shown here`,"record.now":`Now`,"record.travel_hint":`Move the slider to see the record as it was.`,"record.previous":`Previous change`,"record.next":`Next change`,"record.differences":{one:`{n} difference from now`,other:`{n} differences from now`},"record.first":`from`,"record.last":`to`,"record.in_history":`Show in history`,"record.deleted":`Deleted`,"record.deleted_now":`The record is deleted.`,"record.exists_now":`The record exists.`,"record.status":`Status`,"record.no_status":`No status`,"record.owner":`Owner`,"record.owners":`Owners`,"record.assignee":`Assignee`,"record.assignees":`Assignees`,"record.nobody":`Nobody`,"record.person_added":`{name} was added`,"record.person_removed":`{name} was removed`,"record.person_renamed":`The name is {name}`,"record.fields":{one:`Fields`,other:`Fields`},"record.all_fields":`Show all {n} fields`,"record.no_fields":`No fields`,"record.not_yet":`Not set yet`,"record.document":`Document`,"record.documents":{one:`Documents ({n})`,other:`Documents ({n})`},"record.later_documents":{one:`{n} more document`,other:`{n} more documents`},"record.unrecognised":{one:`{n} item of event data has a shape that is not known and is not part of this. It is in its event.`,other:`{n} items of event data have shapes that are not known and are not part of this. They are in their events.`},"record.show_changes":{one:`Show the change`,other:`Show {n} changes`},"record.hide_changes":{one:`Hide the change`,other:`Hide {n} changes`},"record.earlier":`Show earlier events`,"record.missing":`Nothing is known of this record`,"record.missing_text":`It has no events, or you may not see them.`,"record.before":`The record had no events yet`,"record.before_text":`Choose a later time to see its state.`,"admin.title":`Administration`,"admin.tenants":`Tenants`,"admin.keys":`API keys`,"admin.service":`Service`,"admin.refused":`You may not see this`,"admin.refused_text":`It needs an API key with the scope “admin”.`,"access.choose":`No tenant is chosen`,"access.choose_text":`Your key is for several tenants. Open the history of one of them.`,"access.no_read":`You may not read histories`,"access.no_read_text":`That needs the scope “read”, which your key does not have.`,"value.empty":`empty`,"value.yes":`yes`,"value.no":`no`,"value.became":`became`,"value.data":`Data`,"value.more":{one:`and {n} more`,other:`and {n} more`},"value.show_more":`Show {n} more characters`,"embed.back":`Back`,"embed.refused":`This is not shown any more: the view token of this page is not accepted. The service says:`,"embed.incomplete":`This page does not say what is to be shown here.`,"embed.bad_src":`This page names a service here whose address is none.`},ft={en:`English`,de:`Deutsch`},G={en:{...dt},de:{...ut}};function pt(e){for(let[t,n]of Object.entries(e))Object.assign(G[t],n)}var mt=class{language;locale;plurals;numbers;constructor(e){this.language=e,this.locale=navigator.languages.find(t=>t.split(`-`)[0]===e)??e,this.plurals=new Intl.PluralRules(this.locale),this.numbers=new Intl.NumberFormat(this.locale)}},ht=new Map,K=gt(`en`);function gt(e){let t=ht.get(e)??new mt(e);return ht.set(e,t),t}var _t=()=>K.language,q=()=>K.locale;function vt(e){e!==K.language&&(K=gt(e))}var yt=()=>navigator.languages.map(bt).find(e=>e!==void 0)??`en`;function bt(e){let t=e.split(`-`)[0]?.toLowerCase()??``;return Object.hasOwn(G,t)?t:void 0}function J(e,t={}){let n=G[K.language][e]??e;return typeof n!=`string`&&(n=K.plurals.select(Number(t.n))===`one`?n.one:n.other),n.replace(/\{(\w+)\}/g,(e,n)=>{let r=t[n];return typeof r==`number`?Y(r):r??``})}var Y=e=>K.numbers.format(e),xt=e=>Object.hasOwn(G.en,e)?e:void 0,St={user:`M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.5 20c.8-3.6 3.800-5.500 7.500-5.500s6.700 1.900 7.500 5.500`,"person-plus":`M10 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM3 20c.7-3.600 3.500-5.500 7-5.500 1.800 0 3.400.5 4.600 1.400M18.500 14.500v6M15.500 17.500h6`,"person-minus":`M10 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM3 20c.7-3.600 3.500-5.500 7-5.500 1.800 0 3.400.5 4.600 1.400M15.500 17.500h6`,repeat:`M17 3l3.500 3.500L17 10M3.500 11V9.500a3 3 0 0 1 3-3h14M7 21l-3.500-3.500L7 14M20.500 13v1.500a3 3 0 0 1-3 3h-14`,gear:`M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM12 3v2.500M12 18.500V21M3 12h2.500M18.500 12H21M5.600 5.600l1.800 1.800M16.600 16.600l1.800 1.800M5.600 18.400l1.800-1.800M16.600 7.400l1.800-1.800`,spark:`M12 3l1.900 5.600a2.500 2.500 0 0 0 1.500 1.500L21 12l-5.600 1.900a2.500 2.500 0 0 0-1.500 1.500L12 21l-1.900-5.600a2.500 2.500 0 0 0-1.500-1.500L3 12l5.600-1.900a2.500 2.500 0 0 0 1.500-1.500L12 3Z`,dot:`M12 15.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7Z`,plus:`M12 5v14M5 12h14`,pencil:`M4 20l1-4.500L16.500 4a1.800 1.800 0 0 1 2.600 0l.9.9a1.800 1.800 0 0 1 0 2.600L8.500 19 4 20ZM14.500 6l3.500 3.500`,trash:`M4 6.500h16M9 6.500V4h6v2.500M6.500 6.500l.8 13.500h9.400l.8-13.500M10 10.500v6M14 10.500v6`,flag:`M5.500 21V4M5.500 4.500h11l-2 4 2 4h-11`,file:`M13.500 3H7a1.500 1.500 0 0 0-1.500 1.500v15A1.500 1.500 0 0 0 7 21h10a1.500 1.500 0 0 0 1.500-1.500V8L13.500 3ZM13.500 3v5h5`,bookmark:`M7 4h10v16l-5-4-5 4V4Z`,search:`M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM16 16l4.500 4.500`,close:`M6 6l12 12M18 6L6 18`,down:`M6 9l6 6 6-6`,left:`M15 5l-7 7 7 7`,right:`M9 5l7 7-7 7`,up:`M12 19V6M6 11.500L12 5.500l6 6`,copy:`M9 9h10.500v11.500H9zM5.500 15H4.500V3.500H15v1`,download:`M12 4v11M7 10.500l5 5 5-5M4.500 20h15`,check:`M4.500 12.500l5 5L19.500 7`,alert:`M12 4L2.800 20h18.400L12 4ZM12 10v4.500M12 17v.5`,clock:`M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 7v5.500l3.500 2`,filter:`M4 6h16M7 12h10M10 18h4`,out:`M14 4H6.500A1.500 1.500 0 0 0 5 5.500v13A1.500 1.500 0 0 0 6.500 20H14M10.500 12H21M17.500 8.500L21 12l-3.500 3.500`,settings:`M4 7h9M17 7h3M4 17h3M11 17h9M15 9.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5ZM9 19.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5Z`,record:`M4.500 4.500h15v15h-15zM8 9h8M8 12.500h8M8 16h5`,empty:`M4 13l2.500-8h11l2.500 8v6H4v-6ZM4 13h5l1 2.500h4l1-2.500h5`,external:`M14 4h6v6M20 4l-9 9M11 5H5v14h14v-6`},X=e=>F`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">${Ze`<path d=${St[e]} />`}</svg>`,Ct=new WeakMap;function wt(e,t){Ct.set(e,t)}function Tt(e){for(let t=e;;){let n=t.getRootNode(),r=n instanceof ShadowRoot?n.host:n,i=Ct.get(r);if(i)return i;if(r===n)throw Error(`<${e.localName}> has no context`);t=r}}var Et=class extends W{connectedCallback(){this.context=Tt(this),super.connectedCallback()}performUpdate(){let e=this.context.language();e&&vt(e),super.performUpdate()}};function Dt(e,t){customElements.get(e)||customElements.define(e,t)}var Ot=Ee`
  :host {
    display: block;
    color: var(--text);
  }
  :host([hidden]),
  [hidden] {
    display: none !important;
  }
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  h1,
  h2,
  h3,
  p,
  ul,
  ol,
  dl,
  dd,
  figure {
    margin: 0;
    padding: 0;
  }
  ul,
  ol {
    list-style: none;
  }
  h1 {
    font-size: 20px;
    line-height: 1.3;
    font-weight: 650;
    letter-spacing: -0.01em;
    overflow-wrap: anywhere;
  }
  h1:focus {
    outline: none;
  }
  h2 {
    font-size: 13px;
    font-weight: 650;
    line-height: 1.4;
  }
  a {
    color: var(--accent);
    text-decoration: none;
  }
  a:hover {
    text-decoration: underline;
  }
  :focus-visible {
    outline: 2px solid var(--accent);
    outline-offset: 2px;
    border-radius: 6px;
  }
  .icon {
    width: 16px;
    height: 16px;
    flex: none;
    fill: none;
    stroke: currentColor;
    stroke-width: 1.8;
    stroke-linecap: round;
    stroke-linejoin: round;
    vertical-align: -3px;
  }
  button,
  .button {
    font: inherit;
    font-weight: 550;
    color: var(--text);
    background: var(--surface);
    border: 1px solid var(--line-strong);
    border-radius: 8px;
    min-height: 32px;
    padding: 4px 11px;
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 6px;
    cursor: pointer;
    white-space: nowrap;
  }
  button:hover,
  .button:hover {
    background: var(--raised);
    text-decoration: none;
  }
  button:disabled {
    color: var(--muted);
    cursor: default;
    background: var(--raised);
  }
  button.primary {
    background: var(--accent);
    border-color: var(--accent);
    color: var(--accent-text);
  }
  button.primary:hover {
    filter: brightness(1.08);
  }
  button.plain {
    border-color: transparent;
    background: none;
    padding: 4px 8px;
  }
  button.plain:hover {
    background: var(--raised);
  }
  button.link {
    border: 0;
    background: none;
    padding: 0;
    min-height: 0;
    color: var(--accent);
    font-weight: inherit;
    white-space: normal;
    text-align: start;
  }
  button.link:hover {
    text-decoration: underline;
  }
  input,
  select {
    font: inherit;
    color: var(--text);
    background: var(--surface);
    border: 1px solid var(--line-strong);
    border-radius: 8px;
    min-height: 34px;
    padding: 5px 10px;
    width: 100%;
    min-width: 0;
  }
  input[type="checkbox"],
  input[type="radio"] {
    width: 16px;
    min-height: 0;
    height: 16px;
    margin: 0;
    accent-color: var(--accent);
    flex: none;
  }
  input::placeholder {
    color: var(--muted);
    opacity: 1;
  }
  input:focus-visible,
  select:focus-visible {
    outline-offset: -1px;
  }
  label {
    font-weight: 550;
  }
  .muted {
    color: var(--muted);
  }
  .mono {
    font-family: var(--mono);
    font-size: 12.5px;
    overflow-wrap: anywhere;
  }
  .card {
    background: var(--surface);
    border: 1px solid var(--line);
    border-radius: var(--radius);
  }
  .hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  bdi,
  .text {
    unicode-bidi: isolate;
    overflow-wrap: anywhere;
  }
  .avatar {
    display: inline-grid;
    place-items: center;
    width: 22px;
    height: 22px;
    border-radius: 50%;
    background: var(--raised);
    color: var(--muted);
    flex: none;
  }
  .avatar .icon {
    width: 13px;
    height: 13px;
  }
  .avatar[data-kind="mcp"] {
    background: var(--accent-soft);
    color: var(--accent);
  }
  .notice {
    display: flex;
    gap: 10px;
    align-items: flex-start;
    padding: 10px 12px;
    border-radius: 10px;
    background: var(--raised);
    overflow-wrap: anywhere;
  }
  .notice.bad {
    background: var(--remove-soft);
    color: var(--remove);
  }
  .notice.warn {
    background: var(--warn-soft);
    color: var(--warn);
  }
  .notice.good {
    background: var(--add-soft);
    color: var(--add);
  }
  .notice .icon {
    margin-top: 2px;
  }
  .notice > div {
    flex: 1;
    min-width: 0;
  }
  .blank {
    text-align: center;
    padding: 56px 20px;
    color: var(--muted);
  }
  .blank .icon {
    width: 34px;
    height: 34px;
    stroke-width: 1.3;
    margin-bottom: 10px;
  }
  .blank strong {
    display: block;
    color: var(--text);
    font-size: 15px;
    margin-bottom: 4px;
  }
  .blank button,
  .blank .button {
    margin-top: 14px;
  }
  .skeleton {
    background: var(--raised);
    border-radius: 6px;
    animation: breathe 1.4s ease-in-out infinite;
  }
  .skeleton.bar {
    height: 14px;
    margin: 12px 0;
  }
  .skeleton.bar:nth-child(odd) {
    width: 72%;
  }
  @keyframes breathe {
    50% {
      opacity: 0.5;
    }
  }
  @media (prefers-reduced-motion: reduce) {
    .skeleton {
      animation: none;
    }
  }
  dl.facts {
    display: grid;
    grid-template-columns: minmax(88px, max-content) minmax(0, 1fr);
    gap: 7px 16px;
  }
  .utc {
    font-size: 12.5px;
    font-variant-numeric: tabular-nums;
  }
  dl.facts dt {
    color: var(--muted);
  }
  dl.facts dd {
    overflow-wrap: anywhere;
    min-width: 0;
  }
`,kt=2e3;Dt(`eh-copy`,class extends Et{static properties={text:{attribute:!1},label:{},state:{state:!0}};static styles=[Ot];constructor(){super(),this.text=``,this.label=``,this.state=``}render(){let e=this.state?J(`copy.${this.state}`):this.label;return F`<button @click=${this.#e}>
      ${X(this.state===`copied`?`check`:`copy`)}<span aria-live="polite">${e}</span>
    </button>`}async#e(){let e=await navigator.clipboard?.writeText(this.text).then(()=>!0,()=>!1);this.state=e?`copied`:`failed`,setTimeout(()=>this.state=``,kt)}});var At=300,jt=900,Mt=1e5;Dt(`eh-long-text`,class extends Et{static properties={text:{attribute:!1},code:{type:Boolean},limit:{state:!0}};static styles=[Ot,Ee`
      :host {
        display: inline-block;
        max-width: 100%;
        vertical-align: top;
      }
      pre {
        margin: 0;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
        unicode-bidi: isolate;
        font: inherit;
        max-height: 420px;
        overflow: auto;
      }
      :host([code]) pre {
        font-family: var(--mono);
        font-size: 12.5px;
        background: var(--raised);
        padding: 8px 10px;
        border-radius: 8px;
        white-space: pre;
      }
      button.link {
        margin-top: 2px;
        font-size: 12.5px;
      }
    `];constructor(){super(),this.text=``,this.code=!1,this.limit=0}render(){let e=this.code?jt:At,t=Math.max(this.limit,e),r=this.text.length-t,a=i(this.text,t);return F`<pre tabindex=${this.code||this.limit?0:L}>${this.code?a:n(a)}</pre>
      ${r>0?F`<button class="link" @click=${()=>this.limit=t+Mt}>${J(`value.show_more`,{n:Y(r)})}</button>`:L}`}});function Nt(e){if(e instanceof v)return navigator.onLine?J(`error.unreachable`):J(`error.offline`);if(!(e instanceof _))return J(`error.unexpected`,{reason:n(i(String(e),300))});let t=n(i(e.message,500));return e.status===403?J(`error.forbidden`,{reason:t}):e.status===429?J(`error.limited`,{reason:t}):e.status===503?J(`error.unavailable`,{reason:t}):J(`error.refused`,{reason:t})}var Pt=(e,t)=>F`<div class="notice bad" role="alert">
    ${X(`alert`)}
    <div>${Nt(e)} <button class="link" @click=${t}>${J(`action.retry`)}</button></div>
  </div>`,Ft=(e,t,n,r)=>F`<div class="blank">${X(e)}<strong>${t}</strong><p>${n}</p>${r??L}</div>`,It=e=>F`<div role="status">
    <span class="hidden">${J(`state.loading`)}</span>
    ${Array.from({length:e},()=>F`<div class="skeleton bar"></div>`)}
  </div>`,Lt=new Map;function Z(e,t){let n=`${q()} ${e}`,r=Lt.get(n);return r||(r=new Intl.DateTimeFormat(q(),t),Lt.set(n,r)),r}function Rt(e){let[t=``,n=``]=e.replace(`Z`,``).split(`.`);return`${t}.${n.padEnd(6,`0`)}`}var Q=e=>Z(`local`,{dateStyle:`medium`,timeStyle:`medium`}).format(new Date(e)),zt=e=>Z(`clock`,{timeStyle:`medium`}).format(new Date(e)),Bt=e=>Z(`day`,{weekday:`long`,day:`numeric`,month:`long`,year:`numeric`}).format(new Date(e)),Vt=e=>Z(`date`,{dateStyle:`medium`}).format(new Date(e));function Ht(e){let t=new Date(e);return`${t.getFullYear()}-${t.getMonth()}-${t.getDate()}`}var $=e=>`${e.replace(`T`,` `).replace(`Z`,``)} UTC`,Ut=36e5;function Wt(e,t=Date.now()){let n=t-Date.parse(e);if(!(n>-5e3&&n<24*Ut))return;if(n<6e4)return J(`time.now`);let r=new Intl.RelativeTimeFormat(q(),{numeric:`always`});return n<Ut?r.format(-Math.floor(n/6e4),`minute`):r.format(-Math.floor(n/Ut),`hour`)}var Gt=[`byte`,`kilobyte`,`megabyte`,`gigabyte`,`terabyte`];function Kt(e){if(e<1e3)return J(`size.bytes`,{n:e});let[t,n]=[e,0];for(;t>=1e3&&n<Gt.length-1;)[t,n]=[t/1e3,n+1];let r={style:`unit`,unit:Gt[n],maximumSignificantDigits:3};return new Intl.NumberFormat(q(),r).format(t)}var qt=e=>e<1e3?Kt(e):`${Kt(e)} (${J(`size.bytes`,{n:e})})`;function Jt(e){let t=new Date(e);if(Number.isNaN(t.getTime()))return``;let n=e=>String(e).padStart(2,`0`);return`${`${String(t.getFullYear()).padStart(4,`0`)}-${n(t.getMonth()+1)}-${n(t.getDate())}`}T${n(t.getHours())}:${n(t.getMinutes())}:${n(t.getSeconds())}`}function Yt(e){let t=new Date(e);return Number.isNaN(t.getTime())?void 0:t.toISOString()}function Xt(e){let t=Wt(e);return F`<time datetime=${e} title=${t===void 0?$(e):`${Q(e)}\n${$(e)}`}>${t??Q(e)}</time>`}function Zt(e){return F`<time datetime=${e} title=${`${Q(e)}\n${$(e)}`}>${Wt(e)??zt(e)}</time>`}var Qt=e=>F`<time datetime=${e}>${Q(e)}</time><br /><span class="muted utc">${$(e)}</span>`,$t=3e4,en=class{host;#e;constructor(e){this.host=e,e.addController(this)}hostConnected(){this.#e=setInterval(()=>this.host.requestUpdate(),$t)}hostDisconnected(){clearInterval(this.#e)}},tn=[`q`,`record_id`,`event_type_id`,`source_type_id`,`source_id`,`source_name`,`has_file`,`field`,`value`,`event_time_from`,`event_time_to`],nn=()=>rn(location.hash);function rn(e){let[t=``,n=``]=e.replace(/^#\/?/,``).split(`?`),r=new URLSearchParams(n),[i,a]=t.split(`/`);return i===`records`&&a&&an(a)?{view:`record`,id:a,at:sn(r.get(`at`))}:i===`events`&&a&&on(a)?{view:`event`,id:a}:i===`tenants`?a?{view:`tenant`,id:a}:{view:`tenants`,q:r.get(`q`)??``}:i===`keys`||i===`service`?{view:i}:{view:`history`,filters:cn(r),event:r.get(`event`)??void 0}}var an=e=>/^-?\d{1,19}$/.test(e),on=e=>/^[0-9a-f-]{36}$/i.test(e);function sn(e){let t=new Date(e??``);if(!Number.isNaN(t.getTime()))return e?.endsWith(`Z`)?e:t.toISOString()}function cn(e){let t=new URLSearchParams;for(let n of tn)for(let r of e.getAll(n))r&&t.append(n,r);return t}function ln(e,t){let n=new URLSearchParams(e);t&&n.set(`event`,t);let r=n.toString();return`#/history${r?`?${r}`:``}`}var un=(e,t)=>`#/records/${e}${t===void 0?``:`?${new URLSearchParams({at:t}).toString()}`}`,dn=e=>`#/events/${e}`,fn=(e=``)=>`#/tenants${e?`?${new URLSearchParams({q:e}).toString()}`:``}`,pn=e=>`#/tenants/${e.replace(/[^\w-]/g,``)}`;function mn(e){location.hash=e}function hn(e){history.replaceState(null,``,e),dispatchEvent(new HashChangeEvent(`hashchange`))}function gn(e,t,...n){let r=new URLSearchParams(e);r.delete(t);for(let e of n)e&&r.append(t,e);return r}function _n(e,t,n){let r=e.getAll(t);return gn(e,t,...r.includes(n)?r.filter(e=>e!==n):[...r,n])}var vn=3,yn={record_created:`plus`,owner_initialized:`person-plus`,owners_added:`person-plus`,owners_removed:`person-minus`,assignees_added:`person-plus`,assignees_removed:`person-minus`,field_values_changed:`pencil`,record_deleted:`trash`,document_generated:`file`,status_initialized:`flag`},bn=e=>yn[e??``]??`dot`;function xn(e,t){let n=xt(`type.${e??``}`);return n?J(n):e?a(e.replaceAll(`_`,` `),60):J(`type.unknown`,{id:String(t)})}function Sn(e){return Cn([e]).join(J(`list.separator`))}function Cn(e){let t=[],n=new Map,r=[],i=new Map,a=[];for(let o of e){let{type:e,typeId:s,changes:c,files:l}=o;e===`record_created`?a.push(J(`act.created`)):e===`record_deleted`&&a.push(J(`act.deleted`));let u=t.length+r.length+n.size+a.length;for(let i of c)if(i.kind===`field`&&e!==`record_created`)t.push(i.label);else if(i.kind===`status`)a.push(J(`act.status`,{value:Tn(i.value)}));else if(i.kind===`document`)r.push(i.name);else if(i.kind===`person`){let e=`${i.role}_${i.added?`added`:`removed`}`;n.set(e,[...n.get(e)??[],i.name])}for(let n=0;n<o.more&&e===`field_values_changed`;n++)t.push(``);if(e===`document_generated`&&r.length===0&&r.push(...l.length?l:[``]),t.length+r.length+n.size+a.length===u&&e!==`record_created`&&e!==`record_deleted`){let t=xn(e,s);i.set(t,(i.get(t)??0)+1)}}t.length&&a.push(wn(`act.fields`,`act.fields_many`,t));for(let[e,t]of n)a.push(wn(`act.${e}`,`act.${e}_many`,t));r.length&&a.push(wn(`act.documents`,`act.documents_many`,r));for(let[e,t]of i)a.push(t===1?J(`act.other`,{name:e}):J(`act.other_many`,{name:e,n:t}));return a}function wn(e,t,n){let r=[...new Set(n)];if(r.length>vn||r.includes(``))return J(t,{n:r.includes(``)?n.length:r.length});let i=r.map(e=>a(e,48)),o=i.pop()??``;return J(e,{names:i.length?`${i.join(`, `)} ${J(`list.and`)} ${o}`:o})}var Tn=e=>a(typeof e==`string`?e:ee(e,48),48);export{ot as $,$ as A,ft as B,Ht as C,f as Ct,Kt as D,Q as E,n as Et,Ot as F,_t as G,yt as H,Et as I,J,Y as K,Dt as L,Ft as M,Nt as N,Rt as O,Pt as P,F as Q,wt as R,Bt as S,d as St,Yt as T,a as Tt,q as U,pt as V,xt as W,L as X,W as Y,I as Z,en as _,ue as _t,tn as a,me as at,Xt as b,u as bt,cn as c,he as ct,un as d,re as dt,Ze as et,hn as f,se as ft,gn as g,ae as gt,_n as h,oe as ht,xn as i,v as it,It as j,Jt as k,mn as l,_e as lt,fn as m,ie as mt,Cn as n,g as nt,nn as o,ge as ot,pn as p,h as pt,vt as q,bn as r,_ as rt,dn as s,ve as st,Sn as t,Ee as tt,ln as u,de as ut,Qt as v,o as vt,qt as w,i as wt,Vt as x,c as xt,Zt as y,l as yt,X as z};