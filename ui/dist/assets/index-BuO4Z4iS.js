var e=/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g,t=e=>e.charCodeAt(0).toString(16).toUpperCase().padStart(4,`0`);function n(n){return n.replace(e,e=>`\u2039U+${t(e)}\u203a`)}function r(n){return n.replace(e,e=>`\\u${t(e).toLowerCase()}`)}function i(e,t){if(e.length<=t)return e;let n=e.charCodeAt(t-1),r=n>=55296&&n<56320?t-1:t;return`${e.slice(0,r)}…`}function a(e,t=120){return`\u2068${n(i(e,t))}\u2069`}var o=class{source;constructor(e){this.source=e}toString(){return this.source}},s=(e,t,n)=>typeof t==`number`&&n?.source!==void 0&&String(t)!==n.source?new o(n.source):t;function c(e){return JSON.parse(e,s)}var l=e=>typeof e==`number`||e instanceof o,u=e=>typeof e==`object`&&!!e&&!Array.isArray(e)&&!(e instanceof o);function d(e,t=``){let n=`${t}  `;if(Array.isArray(e))return e.length===0?`[]`:`[\n${e.map(e=>n+d(e,n)).join(`,
`)}\n${t}]`;if(u(e)){let r=Object.entries(e);return r.length===0?`{}`:`{\n${r.map(([e,t])=>`${n}${ee(e)}: ${d(t,n)}`).join(`,
`)}\n${t}}`}return m(e)}function f(e,t=200){let n=``,r=e=>{n.length>t||(Array.isArray(e)?i(`[`,e.map(e=>[``,e]),`]`):u(e)?i(`{`,Object.entries(e).map(([e,t])=>[`${ee(e)}: `,t]),`}`):n+=m(typeof e==`string`?e.slice(0,t+1):e))},i=(e,i,a)=>{n+=e;for(let[e,[a,o]]of i.entries()){if(n.length>t)return;n+=`${e>0?`, `:``}${a}`,r(o)}n+=a};return r(e),n.length>t?`${n.slice(0,t)}…`:n}function p(e,t){if(l(e)&&l(t))return String(e)===String(t)||Number(e)===Number(t);if(Array.isArray(e)&&Array.isArray(t))return e.length===t.length&&e.every((e,n)=>p(e,t[n]??null));if(u(e)&&u(t)){let n=Object.keys(e);return n.length===Object.keys(t).length&&n.every(n=>Object.hasOwn(t,n)&&p(e[n]??null,t[n]??null))}return e===t}function m(e){return e instanceof o?e.source:r(JSON.stringify(e))}var ee=e=>r(JSON.stringify(e)),te=`event-history.session`,ne,re=new EventTarget,h=()=>ne;function ie(e,t){ne=e,t?sessionStorage.setItem(te,JSON.stringify(e)):sessionStorage.removeItem(te),re.dispatchEvent(new CustomEvent(`changed`))}function ae(e){ne&&(ne=void 0,sessionStorage.removeItem(te),re.dispatchEvent(new CustomEvent(`changed`,{detail:e})))}function oe(){try{let e=JSON.parse(sessionStorage.getItem(te)??`null`);se(e)&&(ne=e)}catch{sessionStorage.removeItem(te)}}function se(e){let t=e,n=(...e)=>e.every(e=>typeof t?.[e]==`string`);return t?.kind===`key`?n(`key`,`clientId`):t?.kind===`tenant`?n(`clientId`,`secret`):t?.kind===`token`&&n(`token`)}function ce(e){switch(e.kind){case`key`:return{"X-API-Key":e.key,...e.clientId?{"X-Client-Id":e.clientId}:{}};case`tenant`:{let t=new TextEncoder().encode(`${e.clientId}:${e.secret}`);return{Authorization:`Basic ${btoa(String.fromCharCode(...t))}`}}case`token`:return{Authorization:`Bearer ${e.token}`}}}var le=e=>(e.kind===`token`?ue(e).tenant:e.clientId)||void 0;function ue(e){if(e.kind!==`token`)return{};try{let t=(e.token.split(`.`)[1]??``).replaceAll(`-`,`+`).replaceAll(`_`,`/`),n=atob(t),r=JSON.parse(n),i=/"record_id"\s*:\s*(-?\d+)/.exec(n)?.[1];return{...i===void 0?{}:{recordId:i},...typeof r.sub==`string`?{tenant:r.sub}:{},...typeof r.exp==`number`?{expiresAt:new Date(r.exp*1e3)}:{}}}catch{return{}}}var de={root:()=>new URL(`../`,document.baseURI),session:h,refused:ae},fe=4,pe=10,g=class extends Error{status;detail;retryAfter;constructor(e,t,n){super(ye(t)||`HTTP ${e}`),this.status=e,this.detail=t,this.retryAfter=n}},me=class extends Error{};function he(e,t={},n=de){let r=new URL(e,n.root());return r.search=new URLSearchParams(t).toString(),r}async function ge(e,{signal:t,headers:n={},service:r=de,who:i=r.session()}={}){if(!i)throw new g(401,``,void 0);let a;try{let r={headers:{...ce(i),...n},credentials:`omit`,redirect:`error`};a=await fetch(e,{...r,signal:t??null})}catch(e){throw t?.aborted?e:new me(String(e))}if(a.ok)return a;let o=await ve(a);throw o.status===401&&i===r.session()&&r.refused(o.message),o}async function _(e,t={},n,r=de){for(let i=1;;i++)try{return c(await(await ge(he(e,t,r),{signal:n,service:r})).text())}catch(e){let t=e instanceof g?e.retryAfter:void 0;if(t===void 0||t>pe||i===fe)throw e;await _e(t*1e3,n)}}function _e(e,t){return new Promise((n,r)=>{let i=()=>{clearTimeout(a),r(t?.reason)},a=setTimeout(()=>{t?.removeEventListener(`abort`,i),n()},e);t?.aborted?i():t?.addEventListener(`abort`,i,{once:!0})})}var v=e=>e instanceof DOMException&&e.name===`AbortError`;async function ve(e){let t=Number(e.headers.get(`Retry-After`)??NaN),n=``;try{n=c(await e.text()).detail}catch{}return new g(e.status,n,Number.isNaN(t)?void 0:t)}function ye(e){return typeof e==`string`?e:Array.isArray(e)?e.map(e=>`${e.loc?.join(`.`)??``}: ${String(e.msg)}`).slice(0,3).join(`; `):``}var be=globalThis,xe=be.ShadowRoot&&(be.ShadyCSS===void 0||be.ShadyCSS.nativeShadow)&&`adoptedStyleSheets`in Document.prototype&&`replace`in CSSStyleSheet.prototype,Se=Symbol(),Ce=new WeakMap,we=class{constructor(e,t,n){if(this._$cssResult$=!0,n!==Se)throw Error("CSSResult is not constructable. Use `unsafeCSS` or `css` instead.");this.cssText=e,this.t=t}get styleSheet(){let e=this.o,t=this.t;if(xe&&e===void 0){let n=t!==void 0&&t.length===1;n&&(e=Ce.get(t)),e===void 0&&((this.o=e=new CSSStyleSheet).replaceSync(this.cssText),n&&Ce.set(t,e))}return e}toString(){return this.cssText}},Te=e=>new we(typeof e==`string`?e:e+``,void 0,Se),y=(e,...t)=>new we(e.length===1?e[0]:t.reduce((t,n,r)=>t+(e=>{if(!0===e._$cssResult$)return e.cssText;if(typeof e==`number`)return e;throw Error(`Value passed to 'css' function must be a 'css' function result: `+e+`. Use 'unsafeCSS' to pass non-literal values, but take care to ensure page security.`)})(n)+e[r+1],e[0]),e,Se),Ee=(e,t)=>{if(xe)e.adoptedStyleSheets=t.map(e=>e instanceof CSSStyleSheet?e:e.styleSheet);else for(let n of t){let t=document.createElement(`style`),r=be.litNonce;r!==void 0&&t.setAttribute(`nonce`,r),t.textContent=n.cssText,e.appendChild(t)}},De=xe?e=>e:e=>e instanceof CSSStyleSheet?(e=>{let t=``;for(let n of e.cssRules)t+=n.cssText;return Te(t)})(e):e,{is:Oe,defineProperty:ke,getOwnPropertyDescriptor:Ae,getOwnPropertyNames:je,getOwnPropertySymbols:Me,getPrototypeOf:Ne}=Object,Pe=globalThis,Fe=Pe.trustedTypes,Ie=Fe?Fe.emptyScript:``,Le=Pe.reactiveElementPolyfillSupport,b=(e,t)=>e,Re={toAttribute(e,t){switch(t){case Boolean:e=e?Ie:null;break;case Object:case Array:e=e==null?e:JSON.stringify(e)}return e},fromAttribute(e,t){let n=e;switch(t){case Boolean:n=e!==null;break;case Number:n=e===null?null:Number(e);break;case Object:case Array:try{n=JSON.parse(e)}catch{n=null}}return n}},ze=(e,t)=>!Oe(e,t),Be={attribute:!0,type:String,converter:Re,reflect:!1,useDefault:!1,hasChanged:ze};Symbol.metadata??=Symbol(`metadata`),Pe.litPropertyMetadata??=new WeakMap;var x=class extends HTMLElement{static addInitializer(e){this._$Ei(),(this.l??=[]).push(e)}static get observedAttributes(){return this.finalize(),this._$Eh&&[...this._$Eh.keys()]}static createProperty(e,t=Be){if(t.state&&(t.attribute=!1),this._$Ei(),this.prototype.hasOwnProperty(e)&&((t=Object.create(t)).wrapped=!0),this.elementProperties.set(e,t),!t.noAccessor){let n=Symbol(),r=this.getPropertyDescriptor(e,n,t);r!==void 0&&ke(this.prototype,e,r)}}static getPropertyDescriptor(e,t,n){let{get:r,set:i}=Ae(this.prototype,e)??{get(){return this[t]},set(e){this[t]=e}};return{get:r,set(t){let a=r?.call(this);i?.call(this,t),this.requestUpdate(e,a,n)},configurable:!0,enumerable:!0}}static getPropertyOptions(e){return this.elementProperties.get(e)??Be}static _$Ei(){if(this.hasOwnProperty(b(`elementProperties`)))return;let e=Ne(this);e.finalize(),e.l!==void 0&&(this.l=[...e.l]),this.elementProperties=new Map(e.elementProperties)}static finalize(){if(this.hasOwnProperty(b(`finalized`)))return;if(this.finalized=!0,this._$Ei(),this.hasOwnProperty(b(`properties`))){let e=this.properties,t=[...je(e),...Me(e)];for(let n of t)this.createProperty(n,e[n])}let e=this[Symbol.metadata];if(e!==null){let t=litPropertyMetadata.get(e);if(t!==void 0)for(let[e,n]of t)this.elementProperties.set(e,n)}this._$Eh=new Map;for(let[e,t]of this.elementProperties){let n=this._$Eu(e,t);n!==void 0&&this._$Eh.set(n,e)}this.elementStyles=this.finalizeStyles(this.styles)}static finalizeStyles(e){let t=[];if(Array.isArray(e)){let n=new Set(e.flat(1/0).reverse());for(let e of n)t.unshift(De(e))}else e!==void 0&&t.push(De(e));return t}static _$Eu(e,t){let n=t.attribute;return!1===n?void 0:typeof n==`string`?n:typeof e==`string`?e.toLowerCase():void 0}constructor(){super(),this._$Ep=void 0,this.isUpdatePending=!1,this.hasUpdated=!1,this._$Em=null,this._$Ev()}_$Ev(){this._$ES=new Promise(e=>this.enableUpdating=e),this._$AL=new Map,this._$E_(),this.requestUpdate(),this.constructor.l?.forEach(e=>e(this))}addController(e){(this._$EO??=new Set).add(e),this.renderRoot!==void 0&&this.isConnected&&e.hostConnected?.()}removeController(e){this._$EO?.delete(e)}_$E_(){let e=new Map,t=this.constructor.elementProperties;for(let n of t.keys())this.hasOwnProperty(n)&&(e.set(n,this[n]),delete this[n]);e.size>0&&(this._$Ep=e)}createRenderRoot(){let e=this.shadowRoot??this.attachShadow(this.constructor.shadowRootOptions);return Ee(e,this.constructor.elementStyles),e}connectedCallback(){this.renderRoot??=this.createRenderRoot(),this.enableUpdating(!0),this._$EO?.forEach(e=>e.hostConnected?.())}enableUpdating(e){}disconnectedCallback(){this._$EO?.forEach(e=>e.hostDisconnected?.())}attributeChangedCallback(e,t,n){this._$AK(e,n)}_$ET(e,t){let n=this.constructor.elementProperties.get(e),r=this.constructor._$Eu(e,n);if(r!==void 0&&!0===n.reflect){let i=(n.converter?.toAttribute===void 0?Re:n.converter).toAttribute(t,n.type);this._$Em=e,i==null?this.removeAttribute(r):this.setAttribute(r,i),this._$Em=null}}_$AK(e,t){let n=this.constructor,r=n._$Eh.get(e);if(r!==void 0&&this._$Em!==r){let e=n.getPropertyOptions(r),i=typeof e.converter==`function`?{fromAttribute:e.converter}:e.converter?.fromAttribute===void 0?Re:e.converter;this._$Em=r;let a=i.fromAttribute(t,e.type);this[r]=a??this._$Ej?.get(r)??a,this._$Em=null}}requestUpdate(e,t,n,r=!1,i){if(e!==void 0){let a=this.constructor;if(!1===r&&(i=this[e]),n??=a.getPropertyOptions(e),!((n.hasChanged??ze)(i,t)||n.useDefault&&n.reflect&&i===this._$Ej?.get(e)&&!this.hasAttribute(a._$Eu(e,n))))return;this.C(e,t,n)}!1===this.isUpdatePending&&(this._$ES=this._$EP())}C(e,t,{useDefault:n,reflect:r,wrapped:i},a){n&&!(this._$Ej??=new Map).has(e)&&(this._$Ej.set(e,a??t??this[e]),!0!==i||a!==void 0)||(this._$AL.has(e)||(this.hasUpdated||n||(t=void 0),this._$AL.set(e,t)),!0===r&&this._$Em!==e&&(this._$Eq??=new Set).add(e))}async _$EP(){this.isUpdatePending=!0;try{await this._$ES}catch(e){Promise.reject(e)}let e=this.scheduleUpdate();return e!=null&&await e,!this.isUpdatePending}scheduleUpdate(){return this.performUpdate()}performUpdate(){if(!this.isUpdatePending)return;if(!this.hasUpdated){if(this.renderRoot??=this.createRenderRoot(),this._$Ep){for(let[e,t]of this._$Ep)this[e]=t;this._$Ep=void 0}let e=this.constructor.elementProperties;if(e.size>0)for(let[t,n]of e){let{wrapped:e}=n,r=this[t];!0!==e||this._$AL.has(t)||r===void 0||this.C(t,void 0,n,r)}}let e=!1,t=this._$AL;try{e=this.shouldUpdate(t),e?(this.willUpdate(t),this._$EO?.forEach(e=>e.hostUpdate?.()),this.update(t)):this._$EM()}catch(t){throw e=!1,this._$EM(),t}e&&this._$AE(t)}willUpdate(e){}_$AE(e){this._$EO?.forEach(e=>e.hostUpdated?.()),this.hasUpdated||(this.hasUpdated=!0,this.firstUpdated(e)),this.updated(e)}_$EM(){this._$AL=new Map,this.isUpdatePending=!1}get updateComplete(){return this.getUpdateComplete()}getUpdateComplete(){return this._$ES}shouldUpdate(e){return!0}update(e){this._$Eq&&=this._$Eq.forEach(e=>this._$ET(e,this[e])),this._$EM()}updated(e){}firstUpdated(e){}};x.elementStyles=[],x.shadowRootOptions={mode:`open`},x[b(`elementProperties`)]=new Map,x[b(`finalized`)]=new Map,Le?.({ReactiveElement:x}),(Pe.reactiveElementVersions??=[]).push(`2.1.2`);var Ve=globalThis,He=e=>e,Ue=Ve.trustedTypes,We=Ue?Ue.createPolicy(`lit-html`,{createHTML:e=>e}):void 0,Ge=`$lit$`,S=`lit$${Math.random().toFixed(9).slice(2)}$`,Ke=`?`+S,qe=`<${Ke}>`,C=document,Je=()=>C.createComment(``),Ye=e=>e===null||typeof e!=`object`&&typeof e!=`function`,Xe=Array.isArray,Ze=e=>Xe(e)||typeof e?.[Symbol.iterator]==`function`,Qe=`[ 	
\f\r]`,$e=/<(?:(!--|\/[^a-zA-Z])|(\/?[a-zA-Z][^>\s]*)|(\/?$))/g,et=/-->/g,tt=/>/g,w=RegExp(`>|${Qe}(?:([^\\s"'>=/]+)(${Qe}*=${Qe}*(?:[^ \t\n\f\r"'\`<>=]|("|')|))|$)`,`g`),nt=/'/g,rt=/"/g,it=/^(?:script|style|textarea|title)$/i,at=e=>(t,...n)=>({_$litType$:e,strings:t,values:n}),T=at(1),ot=at(2),E=Symbol.for(`lit-noChange`),D=Symbol.for(`lit-nothing`),st=new WeakMap,O=C.createTreeWalker(C,129);function ct(e,t){if(!Xe(e)||!e.hasOwnProperty(`raw`))throw Error(`invalid template strings array`);return We===void 0?t:We.createHTML(t)}var lt=(e,t)=>{let n=e.length-1,r=[],i,a=t===2?`<svg>`:t===3?`<math>`:``,o=$e;for(let t=0;t<n;t++){let n=e[t],s,c,l=-1,u=0;for(;u<n.length&&(o.lastIndex=u,c=o.exec(n),c!==null);)u=o.lastIndex,o===$e?c[1]===`!--`?o=et:c[1]===void 0?c[2]===void 0?c[3]!==void 0&&(o=w):(it.test(c[2])&&(i=RegExp(`</`+c[2],`g`)),o=w):o=tt:o===w?c[0]===`>`?(o=i??$e,l=-1):c[1]===void 0?l=-2:(l=o.lastIndex-c[2].length,s=c[1],o=c[3]===void 0?w:c[3]===`"`?rt:nt):o===rt||o===nt?o=w:o===et||o===tt?o=$e:(o=w,i=void 0);let d=o===w&&e[t+1].startsWith(`/>`)?` `:``;a+=o===$e?n+qe:l>=0?(r.push(s),n.slice(0,l)+Ge+n.slice(l)+S+d):n+S+(l===-2?t:d)}return[ct(e,a+(e[n]||`<?>`)+(t===2?`</svg>`:t===3?`</math>`:``)),r]},ut=class e{constructor({strings:t,_$litType$:n},r){let i;this.parts=[];let a=0,o=0,s=t.length-1,c=this.parts,[l,u]=lt(t,n);if(this.el=e.createElement(l,r),O.currentNode=this.el.content,n===2||n===3){let e=this.el.content.firstChild;e.replaceWith(...e.childNodes)}for(;(i=O.nextNode())!==null&&c.length<s;){if(i.nodeType===1){if(i.hasAttributes())for(let e of i.getAttributeNames())if(e.endsWith(Ge)){let t=u[o++],n=i.getAttribute(e).split(S),r=/([.?@])?(.*)/.exec(t);c.push({type:1,index:a,name:r[2],strings:n,ctor:r[1]===`.`?mt:r[1]===`?`?ht:r[1]===`@`?gt:pt}),i.removeAttribute(e)}else e.startsWith(S)&&(c.push({type:6,index:a}),i.removeAttribute(e));if(it.test(i.tagName)){let e=i.textContent.split(S),t=e.length-1;if(t>0){i.textContent=Ue?Ue.emptyScript:``;for(let n=0;n<t;n++)i.append(e[n],Je()),O.nextNode(),c.push({type:2,index:++a});i.append(e[t],Je())}}}else if(i.nodeType===8){if(i.data===Ke)c.push({type:2,index:a});else{let e=-1;for(;(e=i.data.indexOf(S,e+1))!==-1;)c.push({type:7,index:a}),e+=S.length-1}}a++}}static createElement(e,t){let n=C.createElement(`template`);return n.innerHTML=e,n}};function k(e,t,n=e,r){if(t===E)return t;let i=r===void 0?n._$Cl:n._$Co?.[r],a=Ye(t)?void 0:t._$litDirective$;return i?.constructor!==a&&(i?._$AO?.(!1),a===void 0?i=void 0:(i=new a(e),i._$AT(e,n,r)),r===void 0?n._$Cl=i:(n._$Co??=[])[r]=i),i!==void 0&&(t=k(e,i._$AS(e,t.values),i,r)),t}var dt=class{constructor(e,t){this._$AV=[],this._$AN=void 0,this._$AD=e,this._$AM=t}get parentNode(){return this._$AM.parentNode}get _$AU(){return this._$AM._$AU}u(e){let{el:{content:t},parts:n}=this._$AD,r=(e?.creationScope??C).importNode(t,!0);O.currentNode=r;let i=O.nextNode(),a=0,o=0,s=n[0];for(;s!==void 0;){if(a===s.index){let t;s.type===2?t=new ft(i,i.nextSibling,this,e):s.type===1?t=new s.ctor(i,s.name,s.strings,this,e):s.type===6&&(t=new _t(i,this,e)),this._$AV.push(t),s=n[++o]}a!==s?.index&&(i=O.nextNode(),a++)}return O.currentNode=C,r}p(e){let t=0;for(let n of this._$AV)n!==void 0&&(n.strings===void 0?n._$AI(e[t]):(n._$AI(e,n,t),t+=n.strings.length-2)),t++}},ft=class e{get _$AU(){return this._$AM?._$AU??this._$Cv}constructor(e,t,n,r){this.type=2,this._$AH=D,this._$AN=void 0,this._$AA=e,this._$AB=t,this._$AM=n,this.options=r,this._$Cv=r?.isConnected??!0}get parentNode(){let e=this._$AA.parentNode,t=this._$AM;return t!==void 0&&e?.nodeType===11&&(e=t.parentNode),e}get startNode(){return this._$AA}get endNode(){return this._$AB}_$AI(e,t=this){e=k(this,e,t),Ye(e)?e===D||e==null||e===``?(this._$AH!==D&&this._$AR(),this._$AH=D):e!==this._$AH&&e!==E&&this._(e):e._$litType$===void 0?e.nodeType===void 0?Ze(e)?this.k(e):this._(e):this.T(e):this.$(e)}O(e){return this._$AA.parentNode.insertBefore(e,this._$AB)}T(e){this._$AH!==e&&(this._$AR(),this._$AH=this.O(e))}_(e){this._$AH!==D&&Ye(this._$AH)?this._$AA.nextSibling.data=e:this.T(C.createTextNode(e)),this._$AH=e}$(e){let{values:t,_$litType$:n}=e,r=typeof n==`number`?this._$AC(e):(n.el===void 0&&(n.el=ut.createElement(ct(n.h,n.h[0]),this.options)),n);if(this._$AH?._$AD===r)this._$AH.p(t);else{let e=new dt(r,this),n=e.u(this.options);e.p(t),this.T(n),this._$AH=e}}_$AC(e){let t=st.get(e.strings);return t===void 0&&st.set(e.strings,t=new ut(e)),t}k(t){Xe(this._$AH)||(this._$AH=[],this._$AR());let n=this._$AH,r,i=0;for(let a of t)i===n.length?n.push(r=new e(this.O(Je()),this.O(Je()),this,this.options)):r=n[i],r._$AI(a),i++;i<n.length&&(this._$AR(r&&r._$AB.nextSibling,i),n.length=i)}_$AR(e=this._$AA.nextSibling,t){for(this._$AP?.(!1,!0,t);e!==this._$AB;){let t=He(e).nextSibling;He(e).remove(),e=t}}setConnected(e){this._$AM===void 0&&(this._$Cv=e,this._$AP?.(e))}},pt=class{get tagName(){return this.element.tagName}get _$AU(){return this._$AM._$AU}constructor(e,t,n,r,i){this.type=1,this._$AH=D,this._$AN=void 0,this.element=e,this.name=t,this._$AM=r,this.options=i,n.length>2||n[0]!==``||n[1]!==``?(this._$AH=Array(n.length-1).fill(new String),this.strings=n):this._$AH=D}_$AI(e,t=this,n,r){let i=this.strings,a=!1;if(i===void 0)e=k(this,e,t,0),a=!Ye(e)||e!==this._$AH&&e!==E,a&&(this._$AH=e);else{let r=e,o,s;for(e=i[0],o=0;o<i.length-1;o++)s=k(this,r[n+o],t,o),s===E&&(s=this._$AH[o]),a||=!Ye(s)||s!==this._$AH[o],s===D?e=D:e!==D&&(e+=(s??``)+i[o+1]),this._$AH[o]=s}a&&!r&&this.j(e)}j(e){e===D?this.element.removeAttribute(this.name):this.element.setAttribute(this.name,e??``)}},mt=class extends pt{constructor(){super(...arguments),this.type=3}j(e){this.element[this.name]=e===D?void 0:e}},ht=class extends pt{constructor(){super(...arguments),this.type=4}j(e){this.element.toggleAttribute(this.name,!!e&&e!==D)}},gt=class extends pt{constructor(e,t,n,r,i){super(e,t,n,r,i),this.type=5}_$AI(e,t=this){if((e=k(this,e,t,0)??D)===E)return;let n=this._$AH,r=e===D&&n!==D||e.capture!==n.capture||e.once!==n.once||e.passive!==n.passive,i=e!==D&&(n===D||r);r&&this.element.removeEventListener(this.name,this,n),i&&this.element.addEventListener(this.name,this,e),this._$AH=e}handleEvent(e){typeof this._$AH==`function`?this._$AH.call(this.options?.host??this.element,e):this._$AH.handleEvent(e)}},_t=class{constructor(e,t,n){this.element=e,this.type=6,this._$AN=void 0,this._$AM=t,this.options=n}get _$AU(){return this._$AM._$AU}_$AI(e){k(this,e)}},vt={M:Ge,P:S,A:Ke,C:1,L:lt,R:dt,D:Ze,V:k,I:ft,H:pt,N:ht,U:gt,B:mt,F:_t},yt=Ve.litHtmlPolyfillSupport;yt?.(ut,ft),(Ve.litHtmlVersions??=[]).push(`3.3.3`);var bt=(e,t,n)=>{let r=n?.renderBefore??t,i=r._$litPart$;if(i===void 0){let e=n?.renderBefore??null;r._$litPart$=i=new ft(t.insertBefore(Je(),e),e,void 0,n??{})}return i._$AI(e),i},xt=globalThis,A=class extends x{constructor(){super(...arguments),this.renderOptions={host:this},this._$Do=void 0}createRenderRoot(){let e=super.createRenderRoot();return this.renderOptions.renderBefore??=e.firstChild,e}update(e){let t=this.render();this.hasUpdated||(this.renderOptions.isConnected=this.isConnected),super.update(e),this._$Do=bt(t,this.renderRoot,this.renderOptions)}connectedCallback(){super.connectedCallback(),this._$Do?.setConnected(!0)}disconnectedCallback(){super.disconnectedCallback(),this._$Do?.setConnected(!1)}render(){return E}};A._$litElement$=!0,A.finalized=!0,xt.litElementHydrateSupport?.({LitElement:A});var St=xt.litElementPolyfillSupport;St?.({LitElement:A}),(xt.litElementVersions??=[]).push(`4.2.2`);var Ct={"nav.title":`Hauptnavigation`,"nav.skip":`Zum Inhalt`,"nav.record":`Gehe zu Datensatz…`,"nav.settings":`Einstellungen`,"nav.sign_out":`Abmelden`,"settings.language":`Sprache`,"settings.theme":`Farben`,"settings.licences":`Lizenzen Dritter`,"theme.auto":`Wie das System`,"theme.light":`Hell`,"theme.dark":`Dunkel`,"who.key":`Angemeldet mit API-Schlüssel`,"who.tenant":`Angemeldet als Mandant`,"who.token":`Angemeldet mit Lese-Token`,"who.client":`Client-ID {id}`,"who.only_record":`Nur Datensatz {id}`,"who.until":`Bis {time}`,"sign_in.title":`Anmelden`,"sign_in.lead":`Sehen, was mit jedem Datensatz geschah.`,"sign_in.ended":`Sie wurden abgemeldet: Ihre Zugangsdaten gelten nicht mehr. Der Dienst meldet:`,"sign_in.with":`Anmelden mit`,"sign_in.tenant":`Mandant`,"sign_in.key":`API-Schlüssel`,"sign_in.token":`Lese-Token`,"sign_in.client_id":`Client-ID`,"sign_in.client_secret":`Client-Secret`,"sign_in.api_key":`API-Schlüssel`,"sign_in.view_token":`Lese-Token`,"sign_in.optional":`(optional)`,"sign_in.key_text":`Ein Schlüssel für einen einzigen Mandanten braucht keine Client-ID.`,"sign_in.keep":`In diesem Tab angemeldet bleiben`,"sign_in.keep_text":`Bis der Tab geschlossen wird. Sonst bis zum Neuladen der Seite.`,"sign_in.go":`Anmelden`,"sign_in.busy":`Anmeldung läuft…`,"sign_in.note":`Ihre Eingaben gehen nur an diesen Dienst und stehen nie in einer Adresse.`,"sign_in.not_ascii":`Zugangsdaten bestehen aus Buchstaben, Ziffern und Zeichen ohne Leerzeichen. Prüfen Sie die Eingabe.`,"sign_in.expired":`Dieses Lese-Token ist abgelaufen. Holen Sie dort, wo es herkam, ein neues.`,"sign_in.unknown_tenant":`Der Dienst kennt diese Client-ID mit diesem Secret nicht.`,"sign_in.unknown_key":`Der Dienst nimmt diesen Schlüssel nicht an. Er kann widerrufen oder abgelaufen sein.`,"sign_in.unknown_token":`Der Dienst nimmt dieses Token nicht an.`,"sign_in.unknown_client":`Der Dienst hat für diesen Schlüssel keinen Mandanten mit dieser Client-ID.`,"sign_in.client_needed":`Dieser Schlüssel gilt für mehrere Mandanten: Geben Sie die Client-ID eines davon ein.`,"sign_in.may_not_read":`Diese Zugangsdaten dürfen keine Historien lesen: Ihnen fehlt der Scope „read“.`,"state.loading":`Wird geladen…`,"action.retry":`Noch einmal versuchen`,"action.cancel":`Abbrechen`,"action.close":`Schließen`,"copy.json":`Kopieren`,"copy.copied":`Kopiert`,"copy.failed":`Nicht kopiert: Der Browser lehnt es ab`,"error.offline":`Sie sind offline.`,"error.unreachable":`Der Dienst antwortet nicht.`,"error.unexpected":`Etwas ist schiefgegangen: {reason}`,"error.forbidden":`Das dürfen Sie nicht sehen. Der Dienst meldet: {reason}`,"error.limited":`Es waren zu viele Anfragen; warten Sie einen Moment. Der Dienst meldet: {reason}`,"error.unavailable":`Das lässt sich gerade nicht beantworten. Der Dienst meldet: {reason}`,"error.refused":`Der Dienst lehnt das ab: {reason}`,"time.now":`gerade eben`,"size.bytes":{one:`{n} Byte`,other:`{n} Bytes`},"list.separator":`, `,"list.and":`und`,"history.title":`Historie`,"history.count":{one:`{n} Ereignis`,other:`{n} Ereignisse`},"history.record":`Datensatz {id}`,"history.file":`Datei`,"history.new":{one:`{n} neues Ereignis`,other:`{n} neue Ereignisse`},"history.end":`Hier beginnt die Historie.`,"history.empty":`Noch ist nichts geschehen`,"history.empty_text":`Ereignisse erscheinen hier, sobald die Plattform sie sendet.`,"history.no_match":`Kein Ereignis passt`,"history.no_match_text":`Entfernen Sie einen Filter, um mehr zu sehen.`,"live.on":`Live`,"live.off":`Nicht live`,"filter.title":`Filter`,"filter.words":`Wörter in Werten, Namen und Dateien suchen`,"filter.apply":`Anwenden`,"filter.clear":`Alle entfernen`,"filter.remove":`Filter {filter} entfernen`,"filter.q":`Wörter`,"filter.record_id":`Datensatz`,"filter.event_type_id":`Art`,"filter.source_type_id":`Durch`,"filter.source_id":`Quellen-ID`,"filter.source_name":`Name der Quelle`,"filter.has_file":`Dateien`,"filter.field":`Geändertes Feld`,"filter.value":`Von oder zu Wert`,"filter.event_time_from":`Ab`,"filter.event_time_to":`Vor`,"files.any":`Mit oder ohne`,"files.true":`Mit Dateien`,"files.false":`Ohne Dateien`,"period.hour":`Letzte Stunde`,"period.day":`Letzte 24 Stunden`,"period.week":`Letzte 7 Tage`,"period.month":`Letzte 30 Tage`,"facet.title":`Eingrenzen`,"facet.event_type":`Was geschah`,"facet.source_type":`Art der Quelle`,"facet.source":`Am aktivsten`,"histogram.role":`Ereignisse im Zeitverlauf`,"histogram.summary":{one:`{n} Ereignis vom {from} bis {to}`,other:`{n} Ereignisse vom {from} bis {to}`},"histogram.keys":`Pfeiltasten wählen eine Zeit, mit Umschalt einen Bereich; Enter filtert danach.`,"histogram.hint":`Zum Auswählen einer Zeit ziehen`,"histogram.failed":`Die Ereignisse konnten nicht gezählt werden.`,"views.title":`Ansichten`,"views.name":`Diese Filter merken als`,"views.save":`Merken`,"views.remove":`Ansicht {name} entfernen`,"views.hint":`Wählen Sie Filter, und merken Sie sie hier unter einem Namen. Sie bleiben in diesem Browser.`,"views.failed":`Sie wurde nicht gemerkt: Es gibt schon {n} Ansichten, oder Ihr Browser merkt sich nichts.`,"export.title":`Export`,"export.csv":`CSV`,"export.csv_text":`Für Tabellen: alle passenden Ereignisse`,"export.ndjson":`NDJSON`,"export.ndjson_text":`Für Programme: ein Ereignis je Zeile`,"export.under_way":`Bisher {size}…`,"type.record_created":`Datensatz angelegt`,"type.owner_initialized":`Verantwortliche festgelegt`,"type.owners_added":`Verantwortliche hinzugefügt`,"type.owners_removed":`Verantwortliche entfernt`,"type.assignees_added":`Zuständige hinzugefügt`,"type.assignees_removed":`Zuständige entfernt`,"type.field_values_changed":`Felder geändert`,"type.record_deleted":`Datensatz gelöscht`,"type.document_generated":`Dokument erzeugt`,"type.status_initialized":`Status festgelegt`,"type.unknown":`Art {id}`,"source.user":`Person`,"source.sequence":`Sequenz`,"source.system":`System`,"source.mcp":`KI-Agent`,"source.unknown":`Quelle der Art {id}`,"act.created":`legte den Datensatz an`,"act.deleted":`löschte den Datensatz`,"act.status":`setzte den Status auf {value}`,"act.fields":`änderte {names}`,"act.fields_many":{one:`änderte {n} Feld`,other:`änderte {n} Felder`},"act.documents":`erzeugte {names}`,"act.documents_many":{one:`erzeugte ein Dokument`,other:`erzeugte {n} Dokumente`},"act.owner_added":`machte {names} verantwortlich`,"act.owner_added_many":{one:`machte {n} Person verantwortlich`,other:`machte {n} Personen verantwortlich`},"act.owner_removed":`entband {names} von der Verantwortung`,"act.owner_removed_many":{one:`entband {n} Person von der Verantwortung`,other:`entband {n} Personen von der Verantwortung`},"act.assignee_added":`wies {names} zu`,"act.assignee_added_many":{one:`wies {n} Person zu`,other:`wies {n} Personen zu`},"act.assignee_removed":`entfernte die Zuweisung an {names}`,"act.assignee_removed_many":{one:`entfernte {n} Zuweisung`,other:`entfernte {n} Zuweisungen`},"act.other":`· {name}`,"act.other_many":`· {name} ({n}-mal)`,"event.title":`Ereignis`,"event.missing":`Dieses Ereignis gibt es nicht`,"event.missing_text":`Es kann nach einer Aufbewahrungsregel gelöscht worden sein, oder Sie dürfen es nicht sehen.`,"event.changes":`Änderungen`,"event.data":`Daten`,"event.documents":{one:`Dokument`,other:`Dokumente`},"event.details":`Einzelheiten`,"event.related":`Davor und danach an diesem Datensatz`,"event.whole_record":`Ganzer Datensatz`,"event.this":`Dieses Ereignis`,"event.raw":`JSON`,"fact.event_time":`Geschehen`,"fact.received_at":`Empfangen`,"fact.type":`Art`,"fact.record":`Datensatz`,"fact.source":`Quelle`,"fact.id":`ID {id}`,"fact.source_name":`Name`,"fact.source_info":`Weitere Angaben`,"fact.model":`Modell`,"fact.event_id":`Ereignis-ID`,"document.no_record":`Zu dieser Datei wurde beim Speichern des Ereignisses nichts festgehalten.`,"document.check":`Gespeicherte Datei prüfen`,"document.checking":`Wird geprüft…`,"document.preview":`Vorschau`,"document.download":`Herunterladen`,"document.confirmed":`Der Speicher hat noch die Datei, die mit diesem Ereignis festgehalten wurde.`,"document.there":`Der Speicher hat unter dieser ID eine Datei. Ob es die ursprüngliche ist, ist unbekannt, denn es wurde nichts von ihr festgehalten.`,"document.hash_same":`Ihr Browser hat die SHA-256 der unten gezeigten Bytes berechnet: Es ist die festgehaltene.`,"document.hash_different":`Ihr Browser hat die SHA-256 der unten gezeigten Bytes berechnet: Es ist NICHT die festgehaltene.`,"document.missing":`Der Speicher hat diese Datei nicht mehr. Hier steht, was von ihr festgehalten wurde.`,"document.changed":`Der Speicher hat jetzt eine andere Datei als die festgehaltene. Der Dienst gibt sie nicht heraus.`,"document.changed_size":`Festgehalten: {recorded}. Jetzt: {found}.`,"document.found_hash":`SHA-256 der Datei, die jetzt dort ist:`,"document.preview_of":`Vorschau von {name}`,"document.text_cut":`Nur der Anfang wird gezeigt. Laden Sie die Datei herunter, um alles zu lesen.`,"document.not_shown":`Der Browser kann diese Datei nicht als das zeigen, was ihr Typ sagt. Laden Sie sie herunter.`,"document.not_readable":`Diese Seite konnte die Datei nicht aus dem Speicher lesen; vielleicht erlaubt er es Seiten nicht. Laden Sie sie herunter.`,"record.timeline":`Was geschah`,"record.state":`Zustand`,"record.state_now":`Jetzt`,"record.state_then":`Stand {time}`,"record.as_of":`Stand`,"record.as_of_here":`Der Datensatz wie hier gezeigt`,"record.now":`Jetzt`,"record.travel_hint":`Verschieben Sie den Regler, um den Datensatz zu sehen, wie er war.`,"record.previous":`Vorige Änderung`,"record.next":`Nächste Änderung`,"record.differences":{one:`{n} Unterschied zu jetzt`,other:`{n} Unterschiede zu jetzt`},"record.first":`von`,"record.last":`bis`,"record.in_history":`In der Historie zeigen`,"record.deleted":`Gelöscht`,"record.deleted_now":`Der Datensatz ist gelöscht.`,"record.exists_now":`Den Datensatz gibt es.`,"record.status":`Status`,"record.no_status":`Kein Status`,"record.owner":`Verantwortlich`,"record.owners":`Verantwortliche`,"record.assignee":`Zuständig`,"record.assignees":`Zuständige`,"record.nobody":`Niemand`,"record.person_added":`{name} kam hinzu`,"record.person_removed":`{name} wurde entfernt`,"record.person_renamed":`Der Name ist {name}`,"record.fields":{one:`Felder`,other:`Felder`},"record.all_fields":`Alle {n} Felder zeigen`,"record.no_fields":`Keine Felder`,"record.not_yet":`Noch nicht gesetzt`,"record.document":`Dokument`,"record.documents":{one:`Dokumente ({n})`,other:`Dokumente ({n})`},"record.later_documents":{one:`{n} weiteres Dokument`,other:`{n} weitere Dokumente`},"record.unrecognised":{one:`{n} Teil der Ereignisdaten hat keine bekannte Form und ist hier nicht enthalten. Er steht in seinem Ereignis.`,other:`{n} Teile der Ereignisdaten haben keine bekannte Form und sind hier nicht enthalten. Sie stehen in ihren Ereignissen.`},"record.show_changes":{one:`Änderung zeigen`,other:`{n} Änderungen zeigen`},"record.hide_changes":{one:`Änderung verbergen`,other:`{n} Änderungen verbergen`},"record.earlier":`Frühere Ereignisse zeigen`,"record.missing":`Von diesem Datensatz ist nichts bekannt`,"record.missing_text":`Er hat keine Ereignisse, oder Sie dürfen sie nicht sehen.`,"record.before":`Der Datensatz hatte noch keine Ereignisse`,"record.before_text":`Wählen Sie eine spätere Zeit, um seinen Zustand zu sehen.`,"value.empty":`leer`,"value.yes":`ja`,"value.no":`nein`,"value.became":`wurde zu`,"value.data":`Daten`,"value.more":{one:`und {n} weiteres`,other:`und {n} weitere`},"value.show_more":`{n} weitere Zeichen zeigen`,"embed.back":`Zurück`,"embed.refused":`Dies wird nicht mehr gezeigt: Das Lese-Token dieser Seite wird nicht angenommen. Der Dienst sagt:`,"embed.incomplete":`Diese Seite sagt nicht, was hier zu zeigen ist.`,"embed.bad_src":`Diese Seite nennt hier einen Dienst, dessen Adresse keine ist.`},wt={"nav.title":`Main`,"nav.skip":`Skip to content`,"nav.record":`Go to record…`,"nav.settings":`Settings`,"nav.sign_out":`Sign out`,"settings.language":`Language`,"settings.theme":`Colours`,"settings.licences":`Third-party licences`,"theme.auto":`As the system`,"theme.light":`Light`,"theme.dark":`Dark`,"who.key":`Signed in with an API key`,"who.tenant":`Signed in as a tenant`,"who.token":`Signed in with a view token`,"who.client":`Client id {id}`,"who.only_record":`Record {id} only`,"who.until":`Until {time}`,"sign_in.title":`Sign in`,"sign_in.lead":`See what happened to every record.`,"sign_in.ended":`You were signed out: what you signed in with is not accepted any more. The service says:`,"sign_in.with":`Sign in with`,"sign_in.tenant":`Tenant`,"sign_in.key":`API key`,"sign_in.token":`View token`,"sign_in.client_id":`Client id`,"sign_in.client_secret":`Client secret`,"sign_in.api_key":`API key`,"sign_in.view_token":`View token`,"sign_in.optional":`(optional)`,"sign_in.key_text":`A key for one tenant needs no client id.`,"sign_in.keep":`Stay signed in in this tab`,"sign_in.keep_text":`Until the tab is closed. Otherwise, until the page is loaded again.`,"sign_in.go":`Sign in`,"sign_in.busy":`Signing in…`,"sign_in.note":`What you enter is sent to this service only, and is never part of an address.`,"sign_in.not_ascii":`Credentials are letters, digits and signs without spaces. Check what you pasted.`,"sign_in.expired":`This view token has expired. Get a new one where you got this one.`,"sign_in.unknown_tenant":`The service does not know this client id with this secret.`,"sign_in.unknown_key":`The service does not accept this key. It may have been revoked, or have expired.`,"sign_in.unknown_token":`The service does not accept this token.`,"sign_in.unknown_client":`The service has no tenant with this client id for this key.`,"sign_in.client_needed":`This key is for several tenants: enter the client id of one.`,"sign_in.may_not_read":`These credentials may not read histories: they lack the scope “read”.`,"state.loading":`Loading…`,"action.retry":`Try again`,"action.cancel":`Cancel`,"action.close":`Close`,"copy.json":`Copy`,"copy.copied":`Copied`,"copy.failed":`Not copied: your browser refuses it`,"error.offline":`You are offline.`,"error.unreachable":`The service does not answer.`,"error.unexpected":`Something went wrong: {reason}`,"error.forbidden":`You may not see this. The service says: {reason}`,"error.limited":`There were too many requests; wait a moment. The service says: {reason}`,"error.unavailable":`This cannot be answered right now. The service says: {reason}`,"error.refused":`The service refuses this: {reason}`,"time.now":`just now`,"size.bytes":{one:`{n} byte`,other:`{n} bytes`},"list.separator":`, `,"list.and":`and`,"history.title":`History`,"history.count":{one:`{n} event`,other:`{n} events`},"history.record":`Record {id}`,"history.file":`file`,"history.new":{one:`{n} new event`,other:`{n} new events`},"history.end":`This is the beginning of the history.`,"history.empty":`Nothing has happened yet`,"history.empty_text":`Events appear here as soon as the platform sends them.`,"history.no_match":`No event matches`,"history.no_match_text":`Remove a filter to see more.`,"live.on":`Live`,"live.off":`Not live`,"filter.title":`Filters`,"filter.words":`Search for words in values, names and files`,"filter.apply":`Apply`,"filter.clear":`Clear all`,"filter.remove":`Remove the filter {filter}`,"filter.q":`Words`,"filter.record_id":`Record`,"filter.event_type_id":`Type`,"filter.source_type_id":`By`,"filter.source_id":`Source id`,"filter.source_name":`Name of the source`,"filter.has_file":`Files`,"filter.field":`Changed field`,"filter.value":`From or to the value`,"filter.event_time_from":`From`,"filter.event_time_to":`Before`,"files.any":`With or without`,"files.true":`With files`,"files.false":`Without files`,"period.hour":`Last hour`,"period.day":`Last 24 hours`,"period.week":`Last 7 days`,"period.month":`Last 30 days`,"facet.title":`Narrow down`,"facet.event_type":`What happened`,"facet.source_type":`Kind of source`,"facet.source":`Most active`,"histogram.role":`Events over time`,"histogram.summary":{one:`{n} event from {from} to {to}`,other:`{n} events from {from} to {to}`},"histogram.keys":`Arrow keys choose a time, with Shift a range; Enter filters by it.`,"histogram.hint":`Drag to select a time`,"histogram.failed":`The events could not be counted.`,"views.title":`Views`,"views.name":`Keep these filters as`,"views.save":`Save`,"views.remove":`Remove the view {name}`,"views.hint":`Choose filters, and keep them here under a name. They stay in this browser.`,"views.failed":`It was not kept: there are {n} views already, or your browser keeps nothing.`,"export.title":`Export`,"export.csv":`CSV`,"export.csv_text":`For spreadsheets: all events that match`,"export.ndjson":`NDJSON`,"export.ndjson_text":`For programs: one event a line`,"export.under_way":`{size} so far…`,"type.record_created":`Record created`,"type.owner_initialized":`Owner set`,"type.owners_added":`Owners added`,"type.owners_removed":`Owners removed`,"type.assignees_added":`Assignees added`,"type.assignees_removed":`Assignees removed`,"type.field_values_changed":`Fields changed`,"type.record_deleted":`Record deleted`,"type.document_generated":`Document generated`,"type.status_initialized":`Status set`,"type.unknown":`Type {id}`,"source.user":`User`,"source.sequence":`Sequence`,"source.system":`System`,"source.mcp":`AI agent`,"source.unknown":`Source of type {id}`,"act.created":`created the record`,"act.deleted":`deleted the record`,"act.status":`set the status to {value}`,"act.fields":`changed {names}`,"act.fields_many":{one:`changed {n} field`,other:`changed {n} fields`},"act.documents":`generated {names}`,"act.documents_many":{one:`generated a document`,other:`generated {n} documents`},"act.owner_added":`made {names} an owner`,"act.owner_added_many":{one:`added {n} owner`,other:`added {n} owners`},"act.owner_removed":`removed {names} as owner`,"act.owner_removed_many":{one:`removed {n} owner`,other:`removed {n} owners`},"act.assignee_added":`assigned {names}`,"act.assignee_added_many":{one:`assigned {n} person`,other:`assigned {n} people`},"act.assignee_removed":`unassigned {names}`,"act.assignee_removed_many":{one:`unassigned {n} person`,other:`unassigned {n} people`},"act.other":`· {name}`,"act.other_many":`· {name} ({n} times)`,"event.title":`Event`,"event.missing":`There is no such event`,"event.missing_text":`It may have been deleted by a retention rule, or you may not see it.`,"event.changes":`Changes`,"event.data":`Data`,"event.documents":{one:`Document`,other:`Documents`},"event.details":`Details`,"event.related":`Before and after on this record`,"event.whole_record":`Whole record`,"event.this":`This event`,"event.raw":`JSON`,"fact.event_time":`Happened`,"fact.received_at":`Received`,"fact.type":`Type`,"fact.record":`Record`,"fact.source":`Source`,"fact.id":`id {id}`,"fact.source_name":`Name`,"fact.source_info":`Further information`,"fact.model":`Model`,"fact.event_id":`Event id`,"document.no_record":`Nothing was recorded of this file when its event was stored.`,"document.check":`Check the stored file`,"document.checking":`Checking…`,"document.preview":`Preview`,"document.download":`Download`,"document.confirmed":`Storage still has the file that was recorded with this event.`,"document.there":`Storage has a file under this id. Whether it is the original one is unknown, since nothing was recorded of it.`,"document.hash_same":`Your browser has computed the SHA-256 of the bytes below: it is the recorded one.`,"document.hash_different":`Your browser has computed the SHA-256 of the bytes below: it is NOT the recorded one.`,"document.missing":`Storage no longer has this file. What is shown here is what was recorded of it.`,"document.changed":`Storage has a different file now than the one that was recorded. The service does not hand it out.`,"document.changed_size":`Recorded: {recorded}. Now: {found}.`,"document.found_hash":`SHA-256 of the file that is there now:`,"document.preview_of":`Preview of {name}`,"document.text_cut":`Only the beginning is shown. Download the file to read all of it.`,"document.not_shown":`The browser cannot show this file as what its type says. Download it instead.`,"document.not_readable":`This page could not read the file from storage, which may not allow it to pages. Download it instead.`,"record.timeline":`What happened`,"record.state":`State`,"record.state_now":`Now`,"record.state_then":`As of {time}`,"record.as_of":`As of`,"record.as_of_here":`The record as shown here`,"record.now":`Now`,"record.travel_hint":`Move the slider to see the record as it was.`,"record.previous":`Previous change`,"record.next":`Next change`,"record.differences":{one:`{n} difference from now`,other:`{n} differences from now`},"record.first":`from`,"record.last":`to`,"record.in_history":`Show in history`,"record.deleted":`Deleted`,"record.deleted_now":`The record is deleted.`,"record.exists_now":`The record exists.`,"record.status":`Status`,"record.no_status":`No status`,"record.owner":`Owner`,"record.owners":`Owners`,"record.assignee":`Assignee`,"record.assignees":`Assignees`,"record.nobody":`Nobody`,"record.person_added":`{name} was added`,"record.person_removed":`{name} was removed`,"record.person_renamed":`The name is {name}`,"record.fields":{one:`Fields`,other:`Fields`},"record.all_fields":`Show all {n} fields`,"record.no_fields":`No fields`,"record.not_yet":`Not set yet`,"record.document":`Document`,"record.documents":{one:`Documents ({n})`,other:`Documents ({n})`},"record.later_documents":{one:`{n} more document`,other:`{n} more documents`},"record.unrecognised":{one:`{n} item of event data has a shape that is not known and is not part of this. It is in its event.`,other:`{n} items of event data have shapes that are not known and are not part of this. They are in their events.`},"record.show_changes":{one:`Show the change`,other:`Show {n} changes`},"record.hide_changes":{one:`Hide the change`,other:`Hide {n} changes`},"record.earlier":`Show earlier events`,"record.missing":`Nothing is known of this record`,"record.missing_text":`It has no events, or you may not see them.`,"record.before":`The record had no events yet`,"record.before_text":`Choose a later time to see its state.`,"value.empty":`empty`,"value.yes":`yes`,"value.no":`no`,"value.became":`became`,"value.data":`Data`,"value.more":{one:`and {n} more`,other:`and {n} more`},"value.show_more":`Show {n} more characters`,"embed.back":`Back`,"embed.refused":`This is not shown any more: the view token of this page is not accepted. The service says:`,"embed.incomplete":`This page does not say what is to be shown here.`,"embed.bad_src":`This page names a service here whose address is none.`},Tt={en:`English`,de:`Deutsch`},Et={en:wt,de:Ct},Dt=class{language;locale;plurals;numbers;constructor(e){this.language=e,this.locale=navigator.languages.find(t=>t.split(`-`)[0]===e)??e,this.plurals=new Intl.PluralRules(this.locale),this.numbers=new Intl.NumberFormat(this.locale)}},Ot=new Map,j=kt(`en`);function kt(e){let t=Ot.get(e)??new Dt(e);return Ot.set(e,t),t}var At=()=>j.language,jt=()=>j.locale;function Mt(e){e!==j.language&&(j=kt(e))}var Nt=()=>navigator.languages.map(Pt).find(e=>e!==void 0)??`en`;function Pt(e){let t=e.split(`-`)[0]?.toLowerCase()??``;return Object.hasOwn(Et,t)?t:void 0}function M(e,t={}){let n=Et[j.language][e];return typeof n!=`string`&&(n=j.plurals.select(Number(t.n))===`one`?n.one:n.other),n.replace(/\{(\w+)\}/g,(e,n)=>{let r=t[n];return typeof r==`number`?Ft(r):r??``})}var Ft=e=>j.numbers.format(e),It=e=>e in wt?e:void 0,Lt={user:`M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.5 20c.8-3.6 3.800-5.500 7.500-5.500s6.700 1.900 7.500 5.500`,"person-plus":`M10 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM3 20c.7-3.600 3.500-5.500 7-5.500 1.800 0 3.400.5 4.600 1.400M18.500 14.500v6M15.500 17.500h6`,"person-minus":`M10 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM3 20c.7-3.600 3.500-5.500 7-5.500 1.800 0 3.400.5 4.600 1.400M15.500 17.500h6`,repeat:`M17 3l3.500 3.500L17 10M3.500 11V9.500a3 3 0 0 1 3-3h14M7 21l-3.500-3.500L7 14M20.500 13v1.500a3 3 0 0 1-3 3h-14`,gear:`M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM12 3v2.500M12 18.500V21M3 12h2.500M18.500 12H21M5.600 5.600l1.800 1.800M16.600 16.600l1.800 1.800M5.600 18.400l1.800-1.800M16.600 7.400l1.800-1.800`,spark:`M12 3l1.900 5.600a2.500 2.500 0 0 0 1.500 1.500L21 12l-5.600 1.900a2.500 2.500 0 0 0-1.500 1.500L12 21l-1.900-5.600a2.500 2.500 0 0 0-1.500-1.500L3 12l5.600-1.900a2.500 2.500 0 0 0 1.500-1.500L12 3Z`,dot:`M12 15.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7Z`,plus:`M12 5v14M5 12h14`,pencil:`M4 20l1-4.500L16.500 4a1.800 1.800 0 0 1 2.600 0l.9.9a1.800 1.800 0 0 1 0 2.600L8.500 19 4 20ZM14.500 6l3.500 3.500`,trash:`M4 6.500h16M9 6.500V4h6v2.500M6.500 6.500l.8 13.500h9.400l.8-13.500M10 10.500v6M14 10.500v6`,flag:`M5.500 21V4M5.500 4.500h11l-2 4 2 4h-11`,file:`M13.500 3H7a1.500 1.500 0 0 0-1.500 1.500v15A1.500 1.500 0 0 0 7 21h10a1.500 1.500 0 0 0 1.500-1.500V8L13.500 3ZM13.500 3v5h5`,bookmark:`M7 4h10v16l-5-4-5 4V4Z`,search:`M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM16 16l4.500 4.500`,close:`M6 6l12 12M18 6L6 18`,down:`M6 9l6 6 6-6`,left:`M15 5l-7 7 7 7`,right:`M9 5l7 7-7 7`,up:`M12 19V6M6 11.500L12 5.500l6 6`,copy:`M9 9h10.500v11.500H9zM5.500 15H4.500V3.500H15v1`,download:`M12 4v11M7 10.500l5 5 5-5M4.500 20h15`,check:`M4.500 12.500l5 5L19.500 7`,alert:`M12 4L2.800 20h18.400L12 4ZM12 10v4.500M12 17v.5`,clock:`M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 7v5.500l3.500 2`,filter:`M4 6h16M7 12h10M10 18h4`,out:`M14 4H6.500A1.500 1.500 0 0 0 5 5.500v13A1.500 1.500 0 0 0 6.500 20H14M10.500 12H21M17.500 8.500L21 12l-3.500 3.500`,settings:`M4 7h9M17 7h3M4 17h3M11 17h9M15 9.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5ZM9 19.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5Z`,record:`M4.500 4.500h15v15h-15zM8 9h8M8 12.500h8M8 16h5`,empty:`M4 13l2.500-8h11l2.500 8v6H4v-6ZM4 13h5l1 2.500h4l1-2.500h5`,external:`M14 4h6v6M20 4l-9 9M11 5H5v14h14v-6`},N=e=>T`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">${ot`<path d=${Lt[e]} />`}</svg>`,Rt=new WeakMap;function zt(e,t){Rt.set(e,t)}function Bt(e){for(let t=e;;){let n=t.getRootNode(),r=n instanceof ShadowRoot?n.host:n,i=Rt.get(r);if(i)return i;if(r===n)throw Error(`<${e.localName}> has no context`);t=r}}var P=class extends A{connectedCallback(){this.context=Bt(this),super.connectedCallback()}performUpdate(){let e=this.context.language();e&&Mt(e),super.performUpdate()}};function F(e,t){customElements.get(e)||customElements.define(e,t)}var I=y`
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
`,Vt=2e3;F(`eh-copy`,class extends P{static properties={text:{attribute:!1},label:{},state:{state:!0}};static styles=[I];constructor(){super(),this.text=``,this.label=``,this.state=``}render(){let e=this.state?M(`copy.${this.state}`):this.label;return T`<button @click=${this.#e}>
      ${N(this.state===`copied`?`check`:`copy`)}<span aria-live="polite">${e}</span>
    </button>`}async#e(){let e=await navigator.clipboard?.writeText(this.text).then(()=>!0,()=>!1);this.state=e?`copied`:`failed`,setTimeout(()=>this.state=``,Vt)}});var Ht=300,Ut=900,Wt=1e5;F(`eh-long-text`,class extends P{static properties={text:{attribute:!1},code:{type:Boolean},limit:{state:!0}};static styles=[I,y`
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
    `];constructor(){super(),this.text=``,this.code=!1,this.limit=0}render(){let e=this.code?Ut:Ht,t=Math.max(this.limit,e),r=this.text.length-t,a=i(this.text,t);return T`<pre tabindex=${this.code||this.limit?0:D}>${this.code?a:n(a)}</pre>
      ${r>0?T`<button class="link" @click=${()=>this.limit=t+Wt}>${M(`value.show_more`,{n:Ft(r)})}</button>`:D}`}});function Gt(e){if(e instanceof me)return navigator.onLine?M(`error.unreachable`):M(`error.offline`);if(!(e instanceof g))return M(`error.unexpected`,{reason:n(i(String(e),300))});let t=n(i(e.message,500));return e.status===403?M(`error.forbidden`,{reason:t}):e.status===429?M(`error.limited`,{reason:t}):e.status===503?M(`error.unavailable`,{reason:t}):M(`error.refused`,{reason:t})}var Kt=(e,t)=>T`<div class="notice bad" role="alert">
    ${N(`alert`)}
    <div>${Gt(e)} <button class="link" @click=${t}>${M(`action.retry`)}</button></div>
  </div>`,qt=(e,t,n,r)=>T`<div class="blank">${N(e)}<strong>${t}</strong><p>${n}</p>${r??D}</div>`,Jt=e=>T`<div role="status">
    <span class="hidden">${M(`state.loading`)}</span>
    ${Array.from({length:e},()=>T`<div class="skeleton bar"></div>`)}
  </div>`,Yt=new Map;function Xt(e,t){let n=`${jt()} ${e}`,r=Yt.get(n);return r||(r=new Intl.DateTimeFormat(jt(),t),Yt.set(n,r)),r}function L(e){let[t=``,n=``]=e.replace(`Z`,``).split(`.`);return`${t}.${n.padEnd(6,`0`)}`}var R=e=>Xt(`local`,{dateStyle:`medium`,timeStyle:`medium`}).format(new Date(e)),Zt=e=>Xt(`clock`,{timeStyle:`medium`}).format(new Date(e)),Qt=e=>Xt(`day`,{weekday:`long`,day:`numeric`,month:`long`,year:`numeric`}).format(new Date(e)),$t=e=>Xt(`date`,{dateStyle:`medium`}).format(new Date(e));function en(e){let t=new Date(e);return`${t.getFullYear()}-${t.getMonth()}-${t.getDate()}`}var z=e=>`${e.replace(`T`,` `).replace(`Z`,``)} UTC`,tn=36e5;function nn(e,t=Date.now()){let n=t-Date.parse(e);if(!(n>-5e3&&n<24*tn))return;if(n<6e4)return M(`time.now`);let r=new Intl.RelativeTimeFormat(jt(),{numeric:`always`});return n<tn?r.format(-Math.floor(n/6e4),`minute`):r.format(-Math.floor(n/tn),`hour`)}var rn=[`byte`,`kilobyte`,`megabyte`,`gigabyte`,`terabyte`];function an(e){if(e<1e3)return M(`size.bytes`,{n:e});let[t,n]=[e,0];for(;t>=1e3&&n<rn.length-1;)[t,n]=[t/1e3,n+1];let r={style:`unit`,unit:rn[n],maximumSignificantDigits:3};return new Intl.NumberFormat(jt(),r).format(t)}var on=e=>e<1e3?an(e):`${an(e)} (${M(`size.bytes`,{n:e})})`;function sn(e){let t=new Date(e);if(Number.isNaN(t.getTime()))return``;let n=e=>String(e).padStart(2,`0`);return`${`${String(t.getFullYear()).padStart(4,`0`)}-${n(t.getMonth()+1)}-${n(t.getDate())}`}T${n(t.getHours())}:${n(t.getMinutes())}:${n(t.getSeconds())}`}function cn(e){let t=new Date(e);return Number.isNaN(t.getTime())?void 0:t.toISOString()}function B(e){let t=nn(e);return T`<time datetime=${e} title=${t===void 0?z(e):`${R(e)}\n${z(e)}`}>${t??R(e)}</time>`}function ln(e){return T`<time datetime=${e} title=${`${R(e)}\n${z(e)}`}>${nn(e)??Zt(e)}</time>`}var un=e=>T`<time datetime=${e}>${R(e)}</time><br /><span class="muted utc">${z(e)}</span>`,dn=3e4,fn=class{host;#e;constructor(e){this.host=e,e.addController(this)}hostConnected(){this.#e=setInterval(()=>this.host.requestUpdate(),dn)}hostDisconnected(){clearInterval(this.#e)}},pn=600,mn=2e4,hn=e=>e.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu)??[];function gn(e,t){if(e.length>mn||t.length>mn)return;let[n,r]=[hn(e),hn(t)],i=0;for(;i<n.length&&i<r.length&&n[i]===r[i];)i++;let a=0;for(;a<n.length-i&&a<r.length-i&&n.at(-1-a)===r.at(-1-a);)a++;let[o,s]=[n.slice(i,n.length-a),r.slice(i,r.length-a)];if(o.length>pn||s.length>pn)return;let c=[];return V(c,`same`,n.slice(0,i)),_n(o,s,c),V(c,`same`,n.slice(n.length-a)),c.filter(e=>e.kind===`same`).reduce((e,t)=>e+t.text.trim().length,0)*3>=Math.max(e.length,t.length)?c:void 0}function _n(e,t,n){let r=t.length+1,i=new Uint16Array((e.length+1)*r);for(let n=e.length-1;n>=0;n--)for(let a=t.length-1;a>=0;a--)i[n*r+a]=e[n]===t[a]?(i[(n+1)*r+a+1]??0)+1:Math.max(i[(n+1)*r+a]??0,i[n*r+a+1]??0);let[a,o]=[0,0];for(;a<e.length&&o<t.length;)e[a]===t[o]?(V(n,`same`,[e[a]??``]),a++,o++):(i[(a+1)*r+o]??0)>=(i[a*r+o+1]??0)?V(n,`old`,[e[a++]??``]):V(n,`new`,[t[o++]??``]);V(n,`old`,e.slice(a)),V(n,`new`,t.slice(o))}function V(e,t,n){if(n.length===0)return;let r=e.at(-1);r?.kind===t?r.text+=n.join(``):e.push({kind:t,text:n.join(``)})}var vn=300,H=50,yn=y`
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
`;function U(e){if(e==null||e===``)return T`<span class="value none">${M(`value.empty`)}</span>`;if(typeof e==`boolean`)return T`<span class="value">${M(e?`value.yes`:`value.no`)}</span>`;if(l(e))return T`<span class="value number">${String(e)}</span>`;if(typeof e==`string`)return e.length>vn?T`<eh-long-text .text=${e}></eh-long-text>`:T`<span class="value">${n(e)}</span>`;if(Array.isArray(e)&&e.every(e=>typeof e!=`object`||e instanceof o)){if(e.length===0)return T`<span class="value none">${M(`value.empty`)}</span>`;let t=e.length-H;return T`${En(e.slice(0,H).map(U))}${t>0?T` <span class="muted">${M(`value.more`,{n:t})}</span>`:D}`}return T`<eh-long-text code .text=${d(e)}></eh-long-text>`}function bn(e,t){if(e===void 0)return T`<ins>${U(t)}</ins>`;if(typeof e==`string`&&typeof t==`string`&&e&&t){let n=gn(e,t);if(n)return T`<span class="value">${n.map(Sn)}</span>`}return l(e)&&l(t)?T`${xn(e,t)}${wn(e,t)}`:Array.isArray(e)&&Array.isArray(t)&&e.length<=H&&t.length<=H?Tn(e,t):u(e)&&u(t)?Dn(e,t):xn(e,t)}var xn=(e,t)=>T`<del>${U(e)}</del><span class="arrow" aria-label=${M(`value.became`)}>→</span><ins>${U(t)}</ins>`;function Sn({kind:e,text:t}){let r=e===`same`?Cn(t):n(i(t,2e3));return e===`same`?T`${r}`:e===`old`?T`<del>${r}</del>`:T`<ins>${r}</ins>`}function Cn(e){return e.length<=400?n(e):`${n(i(e,160))} ${n(e.slice(-160))}`}function wn(e,t){let[n,r]=[Number(e),Number(t)],i=r-n;if(!Number.isFinite(i)||i===0||Math.max(Math.abs(n),Math.abs(r))>0xe8d4a51000)return D;let a=Math.max(...[e,t].map(e=>String(e).split(`.`)[1]?.length??0)),o=Number(i.toFixed(Math.min(a,10)));return T`<span class="delta">${o>0?`+`:`−`}${Ft(Math.abs(o))}</span>`}function Tn(e,t){let n=e.filter(e=>!t.some(t=>p(e,t))),r=t.filter(t=>!e.some(e=>p(t,e))),i=t.filter(t=>e.some(e=>p(t,e)));return n.length+r.length===0?xn(e,t):En([...i.map(e=>U(e)),...n.map(e=>T`<del>${U(e)}</del>`),...r.map(e=>T`<ins>${U(e)}</ins>`)])}var En=e=>T`${e.map((e,t)=>t===0?e:T`<span class="muted">, </span>${e}`)}`;function Dn(e,t){let r=[...new Set([...Object.keys(e),...Object.keys(t)])].filter(n=>!(n in e&&n in t&&p(e[n]??null,t[n]??null)));return r.length===0?xn(e,t):T`<div class="members">
    ${r.slice(0,H).map(r=>T`<div>
        <span class="name text">${n(i(r,200))}:</span>
        ${r in t?r in e?xn(e[r]??null,t[r]??null):T`<ins>${U(t[r])}</ins>`:T`<del>${U(e[r])}</del>`}
      </div>`)}
    ${r.length>H?T`<div class="muted">${M(`value.more`,{n:r.length-H})}</div>`:D}
  </div>`}var On=e=>{if(!u(e))return!1;let t=Object.values(e);return t.length>0&&t.length<=H&&t.every(e=>typeof e!=`object`||!e||l(e))},kn=e=>T`<div class="members">
    ${Object.entries(e).map(([e,t])=>T`<div><span class="name text">${n(i(e,200))}:</span> ${U(t)}</div>`)}
  </div>`;function An(e,t=200){let n=e.length-t;return T`<dl>
      ${e.slice(0,t).map(jn)}
    </dl>
    ${n>0?T`<p class="muted">${M(`value.more`,{n})}</p>`:D}`}function jn(e){let t=(e,t)=>T`<div class="change"><dt class="text">${e}</dt><dd>${t}</dd></div>`,r=e=>U(e);switch(e.kind){case`field`:return t(n(i(e.label,200)),bn(e.old,e.new));case`status`:return t(M(`record.status`),bn(void 0,e.value));case`person`:return t(M(e.role===`owner`?`record.owner`:`record.assignee`),e.added?T`<ins>${r(e.name)}</ins>`:T`<del>${r(e.name)}</del>`);case`document`:return t(M(`record.document`),r(e.name||e.fileId));case`other`:return t(M(`value.data`),On(e.item)?kn(e.item):U(e.item))}}var Mn=[`q`,`record_id`,`event_type_id`,`source_type_id`,`source_id`,`source_name`,`has_file`,`field`,`value`,`event_time_from`,`event_time_to`],Nn=()=>Pn(location.hash);function Pn(e){let[t=``,n=``]=e.replace(/^#\/?/,``).split(`?`),r=new URLSearchParams(n),[i,a]=t.split(`/`);return i===`records`&&a&&Fn(a)?{view:`record`,id:a,at:Ln(r.get(`at`))}:i===`events`&&a&&In(a)?{view:`event`,id:a}:{view:`history`,filters:Rn(r),event:r.get(`event`)??void 0}}var Fn=e=>/^-?\d{1,19}$/.test(e),In=e=>/^[0-9a-f-]{36}$/i.test(e);function Ln(e){let t=new Date(e??``);if(!Number.isNaN(t.getTime()))return e?.endsWith(`Z`)?e:t.toISOString()}function Rn(e){let t=new URLSearchParams;for(let n of Mn)for(let r of e.getAll(n))r&&t.append(n,r);return t}function W(e,t){let n=new URLSearchParams(e);t&&n.set(`event`,t);let r=n.toString();return`#/history${r?`?${r}`:``}`}var G=(e,t)=>`#/records/${e}${t===void 0?``:`?${new URLSearchParams({at:t}).toString()}`}`,K=e=>`#/events/${e}`;function zn(e){location.hash=e}function Bn(e){history.replaceState(null,``,e),dispatchEvent(new HashChangeEvent(`hashchange`))}function q(e,t,...n){let r=new URLSearchParams(e);r.delete(t);for(let e of n)e&&r.append(t,e);return r}function Vn(e,t,n){let r=e.getAll(t);return q(e,t,...r.includes(n)?r.filter(e=>e!==n):[...r,n])}var Hn={owner_initialized:{role:`owner`,added:!0},owners_added:{role:`owner`,added:!0},owners_removed:{role:`owner`,added:!1},assignees_added:{role:`assignee`,added:!0},assignees_removed:{role:`assignee`,added:!1}};function Un(e){return e.event_data.map(t=>Wn(e.event_type??``,t))}function Wn(e,t){let n={kind:`other`,item:t};if(!u(t))return n;let{field:r,label:i,id:a,name:o,file_id:s}=t,c=Hn[e];return c&&(l(a)||typeof a==`string`)&&typeof o==`string`?{kind:`person`,...c,id:String(a),name:o}:typeof r==`string`&&`new`in t?{kind:`field`,field:r,label:typeof i==`string`&&i?i:r,old:t.old,new:t.new??null}:e===`status_initialized`&&`status`in t?{kind:`status`,value:t.status??null}:typeof s==`string`&&e===`document_generated`?{kind:`document`,fileId:s,name:typeof o==`string`?o:``}:n}function Gn(e){let t=e.files?.length?e.files:e.file?[e.file]:[],n=new Map;for(let t of Un(e))t.kind===`document`&&t.name&&n.set(t.fileId,t.name);let r=(e,t)=>({fileId:e,name:n.get(e)??t?.file_name??``,record:t}),i=t.map(e=>r(e.file_id,e)),a=new Set(i.map(e=>e.fileId));return e.file_id&&!a.has(e.file_id)&&i.unshift(r(e.file_id)),i}var Kn=2e6,qn=5e7,Jn=2e5,Yn=/^image\/(png|jpeg|gif|webp|avif|bmp)$/,Xn=/^(text\/.*|application\/(json|xml|x-ndjson|yaml|csv|javascript|.*\+(json|xml))|image\/svg\+xml)$/,Zn=class extends P{static properties={eventId:{attribute:!1},recordId:{attribute:!1},file:{attribute:!1},auto:{type:Boolean},check:{state:!0},preview:{state:!0},hash:{state:!0},busy:{state:!0}};#e=new AbortController;static styles=[I,y`
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
    `];constructor(){super(),this.eventId=``,this.recordId=``,this.auto=!1,this.busy=!1}connectedCallback(){super.connectedCallback(),this.#e=new AbortController}disconnectedCallback(){super.disconnectedCallback(),this.#l()}willUpdate(e){let t=e.get(`file`);e.has(`file`)&&t?.fileId!==this.file.fileId&&(t&&this.#l(),this.#e=new AbortController,this.auto&&this.#i())}render(){let{fileId:e,name:t,record:r}=this.file,o=[r&&an(r.size_bytes),r?.content_type&&a(r.content_type,80)].filter(Boolean);return T`<div class="card" part="document">
      <div class="head">
        <span class="mark">${N(`file`)}</span>
        <div>
          <div class="name text">${t?n(i(t,300)):T`<span class="mono">${e}</span>`}</div>
          <div class="muted">${o.length?o.join(` · `):M(`document.no_record`)}</div>
          ${r?.sha256?T`<div class="mono muted sha">SHA-256 ${r.sha256}</div>`:D}
        </div>
      </div>
      ${this.#t()}
      <div class="actions">
        ${this.check?.state===`confirmed`?D:T`<button ?disabled=${this.busy} @click=${()=>void this.#a()}>${N(`check`)}${M(this.busy?`document.checking`:`document.check`)}</button>`}
        ${this.#r()&&!this.preview?T`<button ?disabled=${this.busy} @click=${()=>void this.#s()}>${M(`document.preview`)}</button>`:D}
        <button ?disabled=${this.busy} @click=${()=>void this.#o()}>${N(`download`)}${M(`document.download`)}</button>
      </div>
      ${this.#n()}
    </div>`}#t(){let e=this.check;if(!e)return D;let t=this.file.record;switch(e.state){case`confirmed`:return T`<div class="notice ${this.hash===`different`?`bad`:`good`}" role="status">
          ${N(this.hash===`different`?`alert`:`check`)}
          <div>
            <p>${M(t?`document.confirmed`:`document.there`)}</p>
            ${this.hash?T`<p>${M(`document.hash_${this.hash}`)}</p>`:D}
          </div>
        </div>`;case`missing`:return T`<div class="notice bad" role="alert">${N(`alert`)}<div><p>${M(`document.missing`)}</p></div></div>`;case`changed`:return T`<div class="notice bad" role="alert">
          ${N(`alert`)}
          <div>
            <p>${M(`document.changed`)}</p>
            ${e.found&&t&&e.found.size_bytes!==t.size_bytes?T`<p>${M(`document.changed_size`,{recorded:on(t.size_bytes),found:on(e.found.size_bytes)})}</p>`:D}
            ${e.found?.sha256?T`<p>${M(`document.found_hash`)} <span class="mono">${e.found.sha256}</span></p>`:D}
          </div>
        </div>`;case`failed`:return T`<div class="notice warn" role="alert">${N(`alert`)}<div>${Gt(e.error)}</div></div>`}}#n(){let e=this.preview;if(!e)return D;let t=this.file.name?a(this.file.name):this.file.fileId;return T`<div class="preview">${(()=>{switch(e.kind){case`image`:return T`<img src=${e.url} alt=${M(`document.preview_of`,{name:t})} @error=${()=>this.preview={kind:`failed`,reason:`document.not_shown`}} />`;case`pdf`:return T`<iframe src=${e.url} title=${M(`document.preview_of`,{name:t})}></iframe>`;case`text`:return T`<pre tabindex="0">${n(e.text.slice(0,Jn))}</pre>${e.text.length>Jn?T`<p>${M(`document.text_cut`)}</p>`:D}`;case`failed`:return T`<p role="status">${M(e.reason)}</p>`}})()}</div>`}#r(){let e=(this.file.record?.content_type??``).split(`;`)[0]?.trim().toLowerCase()??``;if(!((this.file.record?.size_bytes??0)>qn))return Yn.test(e)?`image`:e===`application/pdf`&&navigator.pdfViewerEnabled?`pdf`:Xn.test(e)?`text`:void 0}async#i(){let e=await this.#a();e&&this.#r()&&(this.file.record?.size_bytes??0)<=Kn&&await this.#s(e)}async#a(e=`inline`){this.busy=!0;let{signal:t}=this.#e;try{let{download_url:n}=await _(`api/history/events/${encodeURIComponent(this.eventId)}/file`,{file_id:this.file.fileId,disposition:e},t,this.context.service);return this.check={state:`confirmed`},n}catch(e){if(v(e)||t.aborted)return;this.check=Qn(e);return}finally{this.busy=!1}}async#o(){if(!this.context.mayOpen({event:this.eventId,record:this.recordId,file:this.file.fileId}))return;let e=await this.#a(`attachment`);if(!e)return;let t=document.createElement(`a`);t.href=e,t.rel=`noreferrer`,t.click()}async#s(e){let t=e??await this.#a(),n=this.#r();if(!t||!n)return;let{signal:r}=this.#e;this.busy=!0;try{let e=await fetch(t,{signal:r,credentials:`omit`,referrerPolicy:`no-referrer`});if(!e.ok)throw Error(`HTTP ${e.status}`);let i=await e.arrayBuffer();await this.#c(i),r.aborted||(this.preview=$n(n,i,this.file.record?.content_type??``))}catch{r.aborted||(this.preview={kind:`failed`,reason:`document.not_readable`})}finally{this.busy=!1}}async#c(e){let t=this.file.record?.sha256;if(!t||!globalThis.crypto?.subtle)return;let n=new Uint8Array(await crypto.subtle.digest(`SHA-256`,e)),r=Array.from(n,e=>e.toString(16).padStart(2,`0`)).join(``);this.hash=r===t?`same`:`different`}#l(){this.#e.abort(),this.preview&&`url`in this.preview&&URL.revokeObjectURL(this.preview.url),[this.check,this.preview,this.hash]=[void 0,void 0,void 0]}};function Qn(e){let t=e instanceof g&&e.status===409&&Array.isArray(e.detail)?e.detail[0]:void 0;return t?{state:t.type===`file_missing`?`missing`:`changed`,found:t.found}:{state:`failed`,error:e}}function $n(e,t,n){if(e===`text`)return{kind:e,text:new TextDecoder().decode(t)};let r=e===`pdf`?`application/pdf`:n.split(`;`)[0]??``;return{kind:e,url:URL.createObjectURL(new Blob([t],{type:r}))}}F(`eh-document`,Zn);var er=4,J=120;function tr(e){let t=Un(e);return{id:e.event_id,time:e.event_time,order:`${L(e.event_time)} ${e.event_id}`,day:en(e.event_time),type:e.event_type,typeId:e.event_type_id,recordId:String(e.record_id),source_type_id:e.source_type_id,source_id:String(e.source_id),source_type:e.source_type,source_name:i(e.source_name,J),source_info:i(e.source_info,J),changes:t.slice(0,er).map(nr),more:Math.max(0,t.length-er),files:Gn(e).slice(0,er).map(e=>i(e.name,J))}}function nr(e){switch(e.kind){case`field`:return{...e,field:``,label:i(e.label,J),old:null,new:null};case`person`:return{...e,id:``,name:i(e.name,J)};case`document`:return{...e,fileId:``,name:i(e.name,J)};case`status`:return{...e,value:typeof e.value==`string`?i(e.value,J):null};case`other`:return{kind:`other`,item:null}}}var rr=3,ir={record_created:`plus`,owner_initialized:`person-plus`,owners_added:`person-plus`,owners_removed:`person-minus`,assignees_added:`person-plus`,assignees_removed:`person-minus`,field_values_changed:`pencil`,record_deleted:`trash`,document_generated:`file`,status_initialized:`flag`},ar=e=>ir[e??``]??`dot`;function Y(e,t){let n=It(`type.${e??``}`);return n?M(n):e?a(e.replaceAll(`_`,` `),60):M(`type.unknown`,{id:String(t)})}function or(e){return sr([e]).join(M(`list.separator`))}function sr(e){let t=[],n=new Map,r=[],i=new Map,a=[];for(let o of e){let{type:e,typeId:s,changes:c,files:l}=o;e===`record_created`?a.push(M(`act.created`)):e===`record_deleted`&&a.push(M(`act.deleted`));let u=t.length+r.length+n.size+a.length;for(let i of c)if(i.kind===`field`&&e!==`record_created`)t.push(i.label);else if(i.kind===`status`)a.push(M(`act.status`,{value:lr(i.value)}));else if(i.kind===`document`)r.push(i.name);else if(i.kind===`person`){let e=`${i.role}_${i.added?`added`:`removed`}`;n.set(e,[...n.get(e)??[],i.name])}for(let n=0;n<o.more&&e===`field_values_changed`;n++)t.push(``);if(e===`document_generated`&&r.length===0&&r.push(...l.length?l:[``]),t.length+r.length+n.size+a.length===u&&e!==`record_created`&&e!==`record_deleted`){let t=Y(e,s);i.set(t,(i.get(t)??0)+1)}}t.length&&a.push(cr(`act.fields`,`act.fields_many`,t));for(let[e,t]of n)a.push(cr(`act.${e}`,`act.${e}_many`,t));r.length&&a.push(cr(`act.documents`,`act.documents_many`,r));for(let[e,t]of i)a.push(t===1?M(`act.other`,{name:e}):M(`act.other_many`,{name:e,n:t}));return a}function cr(e,t,n){let r=[...new Set(n)];if(r.length>rr||r.includes(``))return M(t,{n:r.includes(``)?n.length:r.length});let i=r.map(e=>a(e,48)),o=i.pop()??``;return M(e,{names:i.length?`${i.join(`, `)} ${M(`list.and`)} ${o}`:o})}var lr=e=>a(typeof e==`string`?e:f(e,48),48),ur={user:`user`,sequence:`repeat`,system:`gear`,mcp:`spark`};function dr(e){let t=It(`source.${e.source_type??``}`);return t?M(t):e.source_type?a(e.source_type,60):M(`source.unknown`,{id:String(e.source_type_id)})}function X(e){return e.source_name?a(e.source_name,60):`${dr(e)} ${e.source_id.toString()}`}function fr(e){return e.source_info?`${X(e)} (${a(e.source_info,80)})`:X(e)}var pr=(e,t)=>e.source_type_id===t.source_type_id&&e.source_id.toString()===t.source_id.toString()&&e.source_name===t.source_name,mr=e=>ur[e??``]??`dot`,hr=e=>T`<span class="avatar" data-kind=${e.source_type??``} aria-hidden="true">${N(mr(e.source_type))}</span>`,gr=3;F(`eh-event`,class extends P{static properties={eventId:{attribute:!1},panel:{type:Boolean},event:{state:!0},related:{state:!0},error:{state:!0}};#e=new AbortController;static styles=[I,yn,y`
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
    `];constructor(){super(),this.eventId=``,this.panel=!1}disconnectedCallback(){super.disconnectedCallback(),this.#e.abort()}willUpdate(e){e.has(`eventId`)&&this.#i()}updated(e){e.has(`event`)&&this.event&&this.context.takesFocus()&&this.renderRoot.querySelector(`h1`)?.focus({preventScroll:this.panel})}render(){if(this.error instanceof g&&this.error.status===404)return T`${this.#t()}${qt(`empty`,M(`event.missing`),M(`event.missing_text`))}`;if(this.error)return T`${this.#t()}${Kt(this.error,()=>void this.#i())}`;let e=this.event;if(!e)return T`${this.#t()}${Jt(10)}`;let t=Gn(e),n=Un(e).filter(e=>e.kind!==`document`),r=d(e);return T`<article>
      <header>
        <span class="mark">${N(ar(e.event_type))}</span>
        <div>
          <h1 tabindex="-1" part="title" aria-level=${this.context.isEmbedded?2:D}>${Y(e.event_type,e.event_type_id)}</h1>
          <div class="by">
            ${hr(e)}<span>${X(e)}</span>
            <span>· <a href=${G(String(e.record_id))}>${M(`history.record`,{id:String(e.record_id)})}</a></span>
            <span>· ${B(e.event_time)}</span>
          </div>
        </div>
        ${this.#t()}
      </header>
      ${n.length?T`<section part="section"><h2>${M(n.some(e=>e.kind!==`other`)?`event.changes`:`event.data`)}</h2><div class="card">${An(n)}</div></section>`:D}
      ${t.length?T`<section part="section">
            <h2>${M(`event.documents`,{n:t.length})}</h2>
            ${t.map((t,n)=>T`<eh-document exportparts="document" .eventId=${e.event_id} .recordId=${String(e.record_id)} .file=${t} ?auto=${n<3}></eh-document>`)}
          </section>`:D}
      <section part="section"><h2>${M(`event.details`)}</h2><div class="card">${this.#n(e)}</div></section>
      ${this.#r(e)}
      <section class="raw" part="section">
        <h2>${M(`event.raw`)}<eh-copy .text=${r} label=${M(`copy.json`)}></eh-copy></h2>
        <eh-long-text code .text=${r}></eh-long-text>
      </section>
    </article>`}#t(){return this.panel?T`<button class="plain" aria-label=${M(`action.close`)} title=${M(`action.close`)} @click=${()=>this.dispatchEvent(new CustomEvent(`close`))}>${N(`close`)}</button>`:D}#n(e){let t=(e,t)=>T`<dt>${e}</dt><dd>${t}</dd>`,r=e=>e?T`<eh-long-text .text=${e}></eh-long-text>`:T`<span class="muted">–</span>`;return T`<dl class="facts">
      ${t(M(`fact.event_time`),un(e.event_time))}
      ${e.received_at?t(M(`fact.received_at`),un(e.received_at)):D}
      ${t(M(`fact.type`),T`${Y(e.event_type,e.event_type_id)} <span class="muted">· ${n(e.event_type??``)} (${e.event_type_id})</span>`)}
      ${t(M(`fact.record`),T`<a href=${G(String(e.record_id))}>${String(e.record_id)}</a>`)}
      ${t(M(`fact.source`),T`${dr(e)} <span class="muted">(${e.source_type_id}) · ${M(`fact.id`,{id:String(e.source_id)})}</span>`)}
      ${t(M(`fact.source_name`),r(e.source_name))}
      ${t(M(e.source_type===`mcp`?`fact.model`:`fact.source_info`),r(e.source_info))}
      ${t(M(`fact.event_id`),T`<span class="mono">${e.event_id}</span>`)}
    </dl>`}#r(e){return this.related?.some(t=>t.event_id!==e.event_id)?T`<section class="related" part="section">
      <h2>${M(`event.related`)}<a href=${G(String(e.record_id))}>${M(`event.whole_record`)}</a></h2>
      <ul class="card">
        ${this.related.map(t=>{let n=or(tr(t));return t.event_id===e.event_id?T`<li class="this">${N(`dot`)}<span>${M(`event.this`)}</span></li>`:T`<li><a href=${K(t.event_id)} data-record=${String(t.record_id)}>${N(ar(t.event_type))}<span class="line">${X(t)} ${n}</span>${B(t.event_time)}</a></li>`})}
      </ul>
    </section>`:D}async#i(){this.#e.abort(),this.#e=new AbortController;let{signal:e}=this.#e;[this.event,this.related,this.error]=[void 0,void 0,void 0];try{let t=await _(`api/history/events/${encodeURIComponent(this.eventId)}`,{},e,this.context.service);this.event=t,this.related=await this.#a(t,e)}catch(t){v(t)||e.aborted||this.event||(this.error=t)}}async#a(e,t){let n=n=>_(`api/history/events`,{record_id:String(e.record_id),count:`none`,...n},t,this.context.service),[r,i]=await Promise.all([n({event_time_from:e.event_time,ordering:`event_time`,limit:`4`}),n({event_time_to:e.event_time,limit:String(gr)})]);return[...r.results.filter(t=>t.event_id!==e.event_id).slice(0,gr).reverse(),e,...i.results]}});var _r=class extends A{static properties={label:{},symbol:{},compact:{type:Boolean},count:{type:Number},open:{state:!0}};static styles=[I,y`
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
    `];constructor(){super(),this.label=``,this.symbol=``,this.compact=!1,this.count=0,this.open=!1}connectedCallback(){super.connectedCallback(),this.addEventListener(`keydown`,this.#e),this.addEventListener(`focusout`,this.#t),document.addEventListener(`pointerdown`,this.#n)}disconnectedCallback(){super.disconnectedCallback(),this.removeEventListener(`keydown`,this.#e),this.removeEventListener(`focusout`,this.#t),document.removeEventListener(`pointerdown`,this.#n)}render(){let e=this.compact?T`<span class="hidden">${this.label}</span>`:this.label;return T`<button class=${this.compact?`plain`:``} aria-expanded=${this.open} @click=${()=>this.open=!this.open} title=${this.compact?this.label:D}>
        ${this.symbol?N(this.symbol):D}${e}${this.count>0?T`<span class="count">${this.count}</span>`:D}
      </button>
      <div class="panel" ?hidden=${!this.open} role="group" aria-label=${this.label}><slot></slot></div>`}close(){this.open&&(this.open=!1,this.shadowRoot?.querySelector(`button`)?.focus())}#e=e=>{e.key===`Escape`&&this.open&&(e.stopPropagation(),this.close())};#t=e=>{e.relatedTarget instanceof Node&&!this.contains(e.relatedTarget)&&!this.shadowRoot?.contains(e.relatedTarget)&&(this.open=!1)};#n=e=>{e.composedPath().includes(this)||(this.open=!1)}};customElements.define(`eh-menu`,_r);var vr=class extends A{static properties={filters:{attribute:!1},received:{state:!0},error:{state:!0}};#e=new AbortController;static styles=[I,y`
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
    `];constructor(){super(),this.filters=new URLSearchParams}disconnectedCallback(){super.disconnectedCallback(),this.#e.abort()}render(){let e=e=>T`<button @click=${()=>this.#t(e)}>
      ${N(`download`)}<span>${M(`export.${e}`)}<small>${M(`export.${e}_text`)}</small></span>
    </button>`;return T`<eh-menu label=${M(`export.title`)} symbol="download">
      <div class="choices">
        ${this.received===void 0?T`${e(`csv`)} ${e(`ndjson`)}`:T`<div class="under-way" role="status">
              <span>${M(`export.under_way`,{size:an(this.received)})}</span>
              <button @click=${()=>this.#e.abort()}>${M(`action.cancel`)}</button>
            </div>`}
        ${this.error?T`<div class="notice bad" role="alert">${N(`alert`)}<div>${Gt(this.error)}</div></div>`:D}
      </div>
    </eh-menu>`}async#t(e){this.#e=new AbortController,[this.received,this.error]=[0,void 0];try{let t=new URLSearchParams(this.filters);t.set(`format`,e);let{signal:n}=this.#e,r=(await ge(he(`api/history/export`,t),{signal:n})).body.pipeThrough(new TransformStream({transform:(e,t)=>{this.received=(this.received??0)+e.length,t.enqueue(e)}}));yr(await new Response(r).blob(),`history.${e}`)}catch(e){!v(e)&&!this.#e.signal.aborted&&(this.error=e)}this.received=void 0}};function yr(e,t){let n=document.createElement(`a`);n.href=URL.createObjectURL(e),n.download=t,n.click(),setTimeout(()=>URL.revokeObjectURL(n.href),6e4)}customElements.define(`eh-export`,vr);var br=8,xr=class extends A{static properties={filters:{attribute:!1},figures:{attribute:!1},version:{attribute:!1},catalogue:{attribute:!1},names:{attribute:!1}};static styles=[I,y`
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
    `];render(){return T`${this.#e(M(`facet.event_type`),this.#t())} ${this.#e(M(`facet.source_type`),this.#n())}
    ${this.#e(M(`facet.source`),this.#r())}`}#e(e,t){return t.length===0?D:T`<section>
      <h2>${e}</h2>
      <ul>
        ${t.map(e=>T`<li>
            <button aria-pressed=${e.chosen} @click=${e.choose} title=${e.label}>
              ${N(e.symbol)}<span class="name">${e.label}</span>
              <span class="number">${e.count===void 0?``:Ft(e.count)}</span>
            </button>
          </li>`)}
      </ul>
    </section>`}#t(){let e=this.figures?.facets.event_type,t=e?.length?e:(this.catalogue?.event_types??[]).map(e=>({event_type_id:e.id,event_type:e.name}));return this.#i(t,`event_type_id`,e).map(e=>({label:Y(e.event_type,e.event_type_id??0),symbol:ar(e.event_type),...this.#a(`event_type_id`,String(e.event_type_id),e)}))}#n(){let e=this.figures?.facets.source_type,t=e?.length?e:(this.catalogue?.source_types??[]).map(e=>({source_type_id:e.id,source_type:e.name}));return this.#i(t,`source_type_id`,e).map(e=>({label:dr({source_type:e.source_type??null,source_type_id:e.source_type_id??0}),symbol:mr(e.source_type),...this.#a(`source_type_id`,String(e.source_type_id),e)}))}#r(){return(this.figures?.facets.source??[]).slice(0,br).map(e=>{let[t,n]=[String(e.source_type_id),String(e.source_id)],r=this.catalogue?.source_types.find(e=>String(e.id)===t)?.name??null,i={source_type:r,source_type_id:e.source_type_id??0,source_id:n,source_info:``},a=this.filters.get(`source_id`)===n&&this.filters.get(`source_type_id`)===t;return{label:X({...i,source_name:this.names.get(`${t} ${n}`)??``}),symbol:mr(r),count:e.count,chosen:a,choose:()=>{let e=q(this.filters,`source_id`,a?``:n);this.#o(q(e,`source_type_id`,a?``:t))}}})}#i(e,t,n){let r=this.filters.getAll(t),i=n?.length?br:e.length;return e.filter((e,n)=>n<i||r.includes(String(e[t])))}#a(e,t,n){return{count:n.count,chosen:this.filters.getAll(e).includes(t),choose:()=>this.#o(Vn(this.filters,e,t))}}#o(e){this.dispatchEvent(new CustomEvent(`filters`,{detail:e}))}};customElements.define(`eh-facets`,xr);var Sr=36e5,Z=24*Sr,Cr=[{name:`minute`,ms:6e4,upTo:3*Sr},{name:`hour`,ms:Sr,upTo:5*Z},{name:`day`,ms:Z,upTo:200*Z},{name:`week`,ms:7*Z,upTo:1460*Z},{name:`month`,ms:31*Z,upTo:1/0}],wr={event_type:[`event_type_id`],source_type:[`source_type_id`],source:[`source_id`,`source_type_id`]},Tr=class{filters;onChange;histogram;facets={};error;#e=new AbortController;constructor(e,t){this.filters=e,this.onChange=t}async load(){this.error=void 0;try{this.histogram=await this.#t()}catch(e){if(v(e)||this.#e.signal.aborted)return;this.error=e}this.onChange();for(let[e,t]of Object.entries(wr)){try{let n=t.reduce((e,t)=>q(e,t),this.filters),r=await this.#r(n,{by:e});this.facets[e]=r.results.sort((e,t)=>t.count-e.count)}catch(t){if(v(t)||this.#e.signal.aborted)return;this.facets[e]=[]}this.onChange()}}stop(){this.#e.abort()}async#t(){let e=Date.parse(this.filters.get(`event_time_from`)??``),t=Date.parse(this.filters.get(`event_time_to`)??``);if(e<t)return this.#n(e,t);let n=await this.#n(0,1/0),[r,i]=[n.bars[0],n.bars.at(-1)];if(!r||!i)return n;let a=i.start+n.bucketMs;return Er(a-r.start).name===`month`?n:this.#n(r.start,a)}async#n(e,t){let n=Er(t-e),r=await this.#r(this.filters,{bucket:n.name}),i=Dr(r),[a,o]=[i[0],i.at(-1)];if(a&&o&&Number.isFinite(t)){let e=Er(o.start+n.ms-a.start);e.ms<n.ms&&(n=e,r=await this.#r(this.filters,{bucket:n.name}),i=Dr(r))}return{bars:i,bucketMs:n.ms,total:r.filtered_count}}#r(e,t){let n=new URLSearchParams(e);for(let[e,r]of Object.entries(t))n.set(e,r);return _(`api/history/stats`,n,this.#e.signal)}},Er=e=>Cr.find(t=>e<=t.upTo)??Cr[4],Dr=e=>e.results.map(e=>({start:Date.parse(e.bucket_start??``),count:e.count})),Or=[`record_id`,`source_name`,`source_id`,`field`,`value`],kr=[`record_id`,`source_id`],Ar=36e5,jr=[[`period.hour`,Ar],[`period.day`,24*Ar],[`period.week`,168*Ar],[`period.month`,720*Ar]],Mr=class extends A{static properties={filters:{attribute:!1},catalogue:{attribute:!1}};static styles=[I,y`
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
    `];constructor(){super(),this.filters=new URLSearchParams}render(){let e=Mn.filter(e=>this.filters.has(e)&&e!==`q`).length;return T`<div class="bar">
        <form class="words" role="search" @submit=${this.#r}>
          ${N(`search`)}
          <input name="q" type="search" enterkeyhint="search" maxlength="1000" .value=${this.filters.get(`q`)??``} placeholder=${M(`filter.words`)} aria-label=${M(`filter.words`)} @search=${this.#i} />
        </form>
        <eh-menu label=${M(`filter.title`)} symbol="filter" count=${e}>${this.#e()}</eh-menu>
      </div>
      ${this.filters.size>0?T`<div class="chips">
            ${[...this.filters].map(([e,t])=>this.#t(e,t))}
            <button class="plain" @click=${()=>this.#s(new URLSearchParams)}>${M(`filter.clear`)}</button>
          </div>`:D}`}#e(){let e=e=>T`<label>
      ${M(`filter.${e}`)}
      <input name=${e} autocomplete="off" maxlength="500" inputmode=${kr.includes(e)?`numeric`:`text`}
        pattern=${kr.includes(e)?`-?[0-9]{1,19}`:D} .value=${this.filters.getAll(e).length===1?this.filters.get(e)??``:``} />
    </label>`,t=e=>T`<label>
      ${M(`filter.${e}`)}
      <input name=${e} type="datetime-local" step="1" .value=${sn(this.filters.get(e)??``)} />
    </label>`,n=this.filters.get(`has_file`)??``;return T`<form class="form" @submit=${this.#a}>
      ${Or.slice(0,1).map(e)}
      <label>
        ${M(`filter.has_file`)}
        <select name="has_file" .value=${n}>
          ${[``,`true`,`false`].map(e=>T`<option value=${e} ?selected=${e===n}>${M(`files.${e||`any`}`)}</option>`)}
        </select>
      </label>
      ${Or.slice(1).map(e)} ${t(`event_time_from`)} ${t(`event_time_to`)}
      <div class="wide periods">
        ${jr.map(([e,t])=>T`<button type="button" @click=${()=>this.#o(t)}>${M(e)}</button>`)}
      </div>
      <div class="wide end"><button class="primary">${M(`filter.apply`)}</button></div>
    </form>`}#t(e,t){let n=this.#n(e,t);return T`<button class="chip" title=${n} aria-label=${M(`filter.remove`,{filter:n})} @click=${()=>this.#s(Vn(this.filters,e,t))}>
      <span>${n}</span>${N(`close`)}
    </button>`}#n(e,t){let n=t=>`${M(`filter.${e}`)}: ${t}`,r=Number(t);switch(e){case`event_type_id`:return n(Y(this.catalogue?.event_types.find(e=>e.id===r)?.name,r));case`source_type_id`:return n(dr({source_type:this.catalogue?.source_types.find(e=>e.id===r)?.name??null,source_type_id:r}));case`event_time_from`:case`event_time_to`:return n(Number.isNaN(Date.parse(t))?a(t,40):R(t));case`has_file`:return n(t===`true`?M(`files.true`):t===`false`?M(`files.false`):a(t,40));default:return n(a(t,60))}}#r=e=>{e.preventDefault();let t=new FormData(e.target).get(`q`);this.#s(q(this.filters,`q`,String(t).trim()))};#i=e=>{e.target.value===``&&this.filters.has(`q`)&&this.#s(q(this.filters,`q`))};#a=e=>{e.preventDefault();let t=new FormData(e.target),n=this.filters;for(let e of[...Or,`has_file`]){let r=String(t.get(e)??``).trim();(r||n.getAll(e).length===1)&&(n=q(n,e,r))}for(let e of[`event_time_from`,`event_time_to`]){let r=String(t.get(e)??``);r!==sn(n.get(e)??``)&&(n=q(n,e,cn(r)??``))}this.#s(n)};#o(e){let t=new Date(Date.now()-e).toISOString();this.#s(q(q(this.filters,`event_time_from`,t),`event_time_to`))}#s(e){this.renderRoot.querySelector(`eh-menu`)?.close(),this.dispatchEvent(new CustomEvent(`filters`,{detail:e}))}};customElements.define(`eh-filters`,Mr);var Nr=31,Pr=96,Fr=960,Q=64,Ir=864e5,Lr=class extends A{static properties={data:{attribute:!1},selection:{state:!0},hovered:{state:!0}};#e=!1;static styles=[I,y`
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
    `];willUpdate(e){e.has(`data`)&&([this.selection,this.hovered]=[void 0,void 0])}render(){if(!this.data)return T`<div class="card"><div class="skeleton waiting"></div></div>`;let e=Rr(this.data),[t,n]=[e[0],e.at(-1)];if(!t||!n)return D;let r=Fr/e.length,i=Math.max(...e.map(e=>e.count)),[a,o]=this.#i(e.length),s=M(`histogram.summary`,{n:this.data.total,from:$t(new Date(t.start)),to:$t(new Date(n.end-1))});return T`<div class="card">
      <svg
        viewBox="0 0 ${Fr} ${Q}"
        preserveAspectRatio="none"
        tabindex="0"
        role="application"
        aria-roledescription=${M(`histogram.role`)}
        aria-label=${`${s}. ${M(`histogram.keys`)}`}
        @pointerdown=${this.#o}
        @pointermove=${this.#s}
        @pointerup=${this.#c}
        @pointercancel=${this.#l}
        @pointerleave=${()=>this.hovered=this.#e?this.hovered:void 0}
        @keydown=${t=>this.#u(t,e)}
      >
        <rect class="target" width=${Fr} height=${Q}></rect>
        ${this.selection?ot`<rect class="range" x=${a*r} width=${(o-a+1)*r} height=${Q} />`:D}
        ${e.map((e,t)=>{let n=e.count===0?0:Math.max(2,e.count/i*Q);return ot`<rect class="bar ${this.selection&&t>=a&&t<=o?`selected`:t===this.hovered?`hovered`:``}" x=${t*r+r*.1} width=${r*.8} y=${Q-n} height=${n} />`})}
        <line class="base" x2=${Fr} y1=${Q} y2=${Q}></line>
      </svg>
      <div class="legend">
        <span>${this.#n(t.start)}</span>
        <strong class=${this.selection||this.hovered!==void 0?`told`:``} aria-live="polite">${this.#t(e)}</strong>
        <span>${this.#n(n.end-1)}</span>
      </div>
    </div>`}#t(e){let[t,n]=this.selection?this.#i(e.length):[this.hovered??-1,this.hovered??-1],r=e.slice(t,n+1),[i,a]=[r[0],r.at(-1)];if(t<0||!i||!a)return M(`histogram.hint`);let o=r.reduce((e,t)=>e+t.count,0);return`${a.end-i.start<=this.#r()?this.#n(i.start):`${this.#n(i.start)} – ${this.#n(a.end-1)}`}: ${M(`history.count`,{n:o})}`}#n(e){return this.#r()<Ir?R(new Date(e)):$t(new Date(e))}#r(){return this.data?.bucketMs??Ir}#i(e){let[t,n]=this.selection??[0,0];return[Math.max(0,Math.min(t,n)),Math.min(e-1,Math.max(t,n))]}#a(e){let t=e.currentTarget.getBoundingClientRect(),n=this.data?Rr(this.data).length:1;return Math.max(0,Math.min(n-1,Math.floor((e.clientX-t.left)/t.width*n)))}#o=e=>{if(e.button!==0)return;e.currentTarget.setPointerCapture(e.pointerId),this.#e=!0;let t=this.#a(e);this.selection=[t,t]};#s=e=>{let t=this.#a(e);this.hovered=t,this.#e&&this.selection&&(this.selection=[this.selection[0],t])};#c=()=>{this.#e&&(this.#e=!1,this.#d())};#l=()=>{this.#e=!1,this.selection=void 0};#u(e,t){let n=t.length-1,r=e.key===`ArrowLeft`?t.findLastIndex(e=>e.count>0)+1:t.findIndex(e=>e.count>0)-1,i=this.selection?.[1]??r,a={ArrowLeft:-1,ArrowRight:1}[e.key];if(a!==void 0){let t=Math.max(0,Math.min(n,i+a));this.selection=[e.shiftKey&&this.selection?this.selection[0]:t,t]}else if(e.key===`Enter`&&this.selection)this.#d();else if(e.key===`Escape`&&this.selection)this.selection=void 0;else return;e.preventDefault(),e.stopPropagation()}#d(){if(!this.data)return;let e=Rr(this.data),[t,n]=this.#i(e.length),[r,i]=[e[t],e[n]];if(!r||!i)return;let a={from:new Date(r.start).toISOString(),to:new Date(i.end).toISOString()};this.dispatchEvent(new CustomEvent(`range`,{detail:a}))}};function Rr({bars:e,bucketMs:t}){let[n,r]=[e[0],e.at(-1)];if(!n||!r)return[];let i=Math.max(1,Math.round((r.start-n.start)/t)+1),a=Math.max(0,Math.floor((Nr-i)/2)),o=n.start-a*t,s=Math.ceil(i/Pr)*t,c=Math.max(Nr,Math.ceil((r.start+t-o)/s)),l=Array.from({length:c},(e,t)=>({start:o+t*s,end:o+(t+1)*s,count:0}));for(let t of e){let e=l[Math.min(c-1,Math.floor((t.start-o)/s))];e&&(e.count+=t.count)}return l}customElements.define(`eh-histogram`,Lr);var zr={ATTRIBUTE:1,CHILD:2,PROPERTY:3,BOOLEAN_ATTRIBUTE:4,EVENT:5,ELEMENT:6},Br=e=>(...t)=>({_$litDirective$:e,values:t}),Vr=class{constructor(e){}get _$AU(){return this._$AM._$AU}_$AT(e,t,n){this._$Ct=e,this._$AM=t,this._$Ci=n}_$AS(e,t){return this.update(e,t)}update(e,t){return this.render(...t)}},{I:Hr}=vt,Ur=e=>e,Wr=()=>document.createComment(``),Gr=(e,t,n)=>{let r=e._$AA.parentNode,i=t===void 0?e._$AB:t._$AA;if(n===void 0)n=new Hr(r.insertBefore(Wr(),i),r.insertBefore(Wr(),i),e,e.options);else{let t=n._$AB.nextSibling,a=n._$AM,o=a!==e;if(o){let t;n._$AQ?.(e),n._$AM=e,n._$AP!==void 0&&(t=e._$AU)!==a._$AU&&n._$AP(t)}if(t!==i||o){let e=n._$AA;for(;e!==t;){let t=Ur(e).nextSibling;Ur(r).insertBefore(e,i),e=t}}}return n},$=(e,t,n=e)=>(e._$AI(t,n),e),Kr={},qr=(e,t=Kr)=>e._$AH=t,Jr=e=>e._$AH,Yr=e=>{e._$AR(),e._$AA.remove()},Xr=(e,t,n)=>{let r=new Map;for(let i=t;i<=n;i++)r.set(e[i],i);return r},Zr=Br(class extends Vr{constructor(e){if(super(e),e.type!==zr.CHILD)throw Error(`repeat() can only be used in text expressions`)}dt(e,t,n){let r;n===void 0?n=t:t!==void 0&&(r=t);let i=[],a=[],o=0;for(let t of e)i[o]=r?r(t,o):o,a[o]=n(t,o),o++;return{values:a,keys:i}}render(e,t,n){return this.dt(e,t,n).values}update(e,[t,n,r]){let i=Jr(e),{values:a,keys:o}=this.dt(t,n,r);if(!Array.isArray(i))return this.ut=o,a;let s=this.ut??=[],c=[],l,u,d=0,f=i.length-1,p=0,m=a.length-1;for(;d<=f&&p<=m;)if(i[d]===null)d++;else if(i[f]===null)f--;else if(s[d]===o[p])c[p]=$(i[d],a[p]),d++,p++;else if(s[f]===o[m])c[m]=$(i[f],a[m]),f--,m--;else if(s[d]===o[m])c[m]=$(i[d],a[m]),Gr(e,c[m+1],i[d]),d++,m--;else if(s[f]===o[p])c[p]=$(i[f],a[p]),Gr(e,i[d],i[f]),f--,p++;else if(l===void 0&&(l=Xr(o,p,m),u=Xr(s,d,f)),l.has(s[d])){if(l.has(s[f])){let t=u.get(o[p]),n=t===void 0?null:i[t];if(n===null){let t=Gr(e,i[d]);$(t,a[p]),c[p]=t}else c[p]=$(n,a[p]),Gr(e,i[d],n),i[t]=null;p++}else Yr(i[f]),f--}else Yr(i[d]),d++;for(;p<=m;){let t=Gr(e,c[m+1]);$(t,a[p]),c[p++]=t}for(;d<=f;){let e=i[d++];e!==null&&Yr(e)}return this.ut=o,qr(e,c),E}});function Qr(e){let t=[];for(let n=e.getRootNode();n instanceof ShadowRoot;n=n.host.getRootNode())t.push(n);return t}function $r(e){for(let t=ei(e);t&&t!==document.body&&t!==document.documentElement;t=ei(t))if(/auto|scroll/.test(getComputedStyle(t).overflowY)&&t.scrollHeight>t.clientHeight)return t}function ei(e){let t=e.assignedSlot??e.parentNode;return t instanceof ShadowRoot?t.host:t instanceof Element?t:void 0}var ti=62,ni=84,ri=600,ii=38,ai=600,oi=110,si=30;F(`eh-history-list`,class extends P{static properties={model:{attribute:!1},version:{attribute:!1},selected:{},active:{state:!0}};#e=[];#t;#n=!1;#r=0;#i=!1;#a=new AbortController;#o=new ResizeObserver(()=>this.#f());static styles=[I,y`
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
    `];constructor(){super(),this.version=0,this.selected=``,this.active=0,new fn(this)}connectedCallback(){super.connectedCallback(),this.#a=new AbortController;let e={passive:!0,capture:!0,signal:this.#a.signal};for(let t of[window,...Qr(this)])t.addEventListener(`scroll`,this.#f,e);addEventListener(`resize`,this.#f,e),this.#o.observe(this)}disconnectedCallback(){super.disconnectedCallback(),this.#a.abort(),this.#o.disconnect()}render(){let e=this.model;if(!e)return D;this.#l(e.rows);let t=this.#e.at(-1),n=this.#u(),r=n.some(e=>e.row&&e.index===this.active)?this.active:n.find(e=>e.row)?.index??0;return T`<div class="list" role="list" aria-label=${M(`history.title`)} .style=${`height:${t?t.top+t.height:0}px`} @keydown=${this.#p}>
        ${Zr(n,e=>e.row?.id??e.day,e=>T`<div class="item" .style=${`transform:translateY(${e.top}px)`} role=${e.row?`listitem`:`presentation`} aria-setsize=${e.row?-1:D} aria-posinset=${e.row?e.index+1:D}>
            ${e.row?this.#s(e.row,e.index,e.index===r):T`<div class="day" part="day">${Qt(e.day)}</div>`}
          </div>`)}
      </div>
      ${this.#c(e)}`}updated(){this.#i&&(this.#i=!1,this.renderRoot.querySelector(`a[data-index="${this.active}"]`)?.focus({preventScroll:!0}));let e=this.model;e&&!e.error&&this.checkVisibility()&&(this.#u().at(-1)?.index??0)>=e.rows.length-si&&e.more()}focusRow(e){let t=this.model?.rows.findIndex(t=>t.id===e)??-1;t>=0&&this.#m(t)}#s(e,t,n){let r=M(`history.record`,{id:e.recordId});return T`<a
      href=${W(this.model?.filters??new URLSearchParams,e.id)}
      data-index=${t}
      data-id=${e.id}
      data-record=${e.recordId}
      part="event"
      tabindex=${n?0:-1}
      aria-current=${e.id===this.selected?`true`:D}
      @focus=${()=>this.active=t}
    >
      <span class="mark" data-type=${e.type??``}>${N(ar(e.type))}</span>
      <span class="lines">
        <span class="first"><strong title=${fr(e)}>${X(e)}</strong> ${or(e)}</span>
        <span class="second">
          ${r} · ${Y(e.type,e.typeId)}${e.source_type===`mcp`?T` · ${N(`spark`)} ${a(e.source_info||``,40)}`:D}
          ${e.files.length&&e.type!==`document_generated`?T` · ${N(`file`)} ${e.files[0]?a(e.files[0],48):M(`history.file`)}`:D}
        </span>
      </span>
      ${ln(e.time)}
    </a>`}#c(e){if(e.error)return T`<div class="foot">${Kt(e.error,()=>e.retry())}</div>`;if(e.rows.length===0&&e.complete){let t=e.filters.size>0;return qt(`empty`,M(t?`history.no_match`:`history.empty`),M(t?`history.no_match_text`:`history.empty_text`))}if(e.complete)return T`<p class="foot end muted">${M(`history.end`)}</p>`;let t=T`<div class="waiting"><div class="skeleton"></div><div class="skeleton"></div></div>`;return T`<div role="status"><span class="hidden">${M(`state.loading`)}</span>${Array.from({length:e.rows.length?2:8},()=>t)}</div>`}#l(e){let t=this.clientWidth>0?this.clientWidth<=ri:this.#n;if(this.#t===e&&this.#n===t)return;[this.#t,this.#n]=[e,t];let n=this.#n?ni:ti,r=[],[i,a]=[0,``];for(let[t,o]of e.entries())o.day!==a&&(r.push({top:i,height:ii,index:t,day:o.time}),[i,a]=[i+ii,o.day]),r.push({top:i,height:n,row:o,index:t,day:o.time}),i+=n;this.#e=r}#u(){let e=this.hasUpdated?-this.getBoundingClientRect().top:0,t=this.#d(e-ai),n=this.#d(e+innerHeight+ai);return this.#e.slice(t,n+1)}#d(e){let[t,n]=[0,this.#e.length-1];for(;t<n;){let r=Math.ceil((t+n)/2);(this.#e[r]?.top??0)<=e?t=r:n=r-1}return t}#f=()=>{this.#r||=requestAnimationFrame(()=>{this.#r=0,this.requestUpdate()})};#p=e=>{let t=this.model?.rows.length??0,n={ArrowDown:this.active+1,j:this.active+1,ArrowUp:this.active-1,k:this.active-1,Home:0,End:t-1}[e.key];n===void 0||e.ctrlKey||e.metaKey||e.altKey||t===0||(e.preventDefault(),this.#m(Math.max(0,Math.min(n,t-1))))};#m(e){this.active=e,this.#i=!0;let t=this.#e.find(t=>t.row&&t.index===e);if(t){let e=this.getBoundingClientRect().top+t.top,{scroller:n,from:r,to:i}=this.#h();e<r?n.scrollBy(0,e-r):e+t.height>i&&n.scrollBy(0,e+t.height-i+8)}this.requestUpdate()}#h(){let e=document.scrollingElement??document.documentElement,t=$r(this)??e,n=this.context.isEmbedded?0:oi;if(t===e)return{scroller:t,from:n,to:innerHeight};let{top:r,bottom:i}=t.getBoundingClientRect();return{scroller:t,from:Math.max(0,r),to:Math.min(innerHeight,i)}}});var ci=6e4,li=1e3,ui=3e4;async function di(e){let{service:t,filters:n,signal:r,onState:i,onRefused:a}=e,o=li;for(;!r.aborted;){try{let a=new AbortController,s=AbortSignal.any([r,a.signal]),l=new URLSearchParams(n);l.set(`after`,e.after);let u=await ge(he(`api/history/stream`,l,t),{signal:s,service:t});i(!0),o=li,await fi(u,a,(t,n)=>{e.after=t,n&&e.onEvent(c(n))})}catch(e){if(r.aborted)return;if(e instanceof g&&e.status===400)return a();if(e instanceof g&&[401,403,422].includes(e.status))return i(!1);v(e)||(o=Math.min(o*2,ui))}i(!1),await _e(o,r).catch(()=>void 0)}}async function fi(e,t,n){let r=e.body.pipeThrough(new TextDecoderStream).getReader(),i,a=[],[o,s]=[``,``];try{for(;;){clearTimeout(i),i=setTimeout(()=>t.abort(),ci);let{value:e,done:c}=await r.read();if(c)return;if(!e.includes(`
`)){a.push(e);continue}let l=(a.splice(0).join(``)+e).split(`
`);a.push(l.pop()??``);for(let e of l)e.startsWith(`id: `)?o=e.slice(4):e.startsWith(`data: `)?s=e.slice(6):e===``&&o&&(n(o,s),s=``)}}finally{clearTimeout(i),await r.cancel().catch(()=>void 0)}}var pi=`100`,mi=500,hi=1500,gi=250,_i=class{filters;service;onChange;rows=[];error;loading=!1;complete=!1;live=!1;newCount=0;#e=new Set;#t=new Map;#n=new AbortController;#r=new AbortController;#i;#a;#o=new AbortController;#s;constructor(e,t,n){this.filters=e,this.service=t,this.onChange=n}async start(){this.loading=!0,this.onChange();let e=_(`api/history/feed`,{after:`latest`,limit:`1`},this.#n.signal,this.service),t=await Promise.race([e.then(()=>!0),_e(hi)]).catch(()=>!1);e.then(e=>this.#c(e.cursor,!t),()=>void 0),this.#n.signal.aborted||(this.loading=!1,await this.more())}async more(){if(this.loading||this.complete)return;this.loading=!0,this.error=void 0,this.onChange();let{signal:e}=this.#r;try{for(let t=this.rows.length;this.rows.length===t&&!this.complete;){let t=new URLSearchParams(this.filters);t.set(`limit`,pi),t.set(`count`,`none`),this.#i&&t.set(`cursor`,this.#i);let n=await _(`api/history/events`,t,e,this.service);if(e.aborted)return;this.#u(n)}}catch(t){if(v(t)||e.aborted)return;this.error=t}this.loading=!1,this.onChange()}retry(){this.error=void 0,this.#a||this.rows.length>0?this.more():this.start()}showNew(){if(this.newCount>this.#t.size)return this.restart();let e=this.rows.at(-1)?.order,t=t=>this.complete||e===void 0||t.order>e,n=[...this.#t.values()].filter(e=>!this.#e.has(e.id)&&t(e));for(let e of n)this.#e.add(e.id);this.rows=[...n,...this.rows].sort((e,t)=>e.order<t.order?1:-1),this.#f(),this.onChange()}restart(){this.stop(),this.onRestart()}onRestart=()=>void 0;resume(){!this.#a||this.#n.signal.aborted||this.live||(this.#o.abort(),this.#o=new AbortController,this.#a.signal=this.#o.signal,di(this.#a))}pause(){this.#o.abort(),this.live=!1}stop(){this.#n.abort(),this.#r.abort(),this.#o.abort(),clearTimeout(this.#s)}#c(e,t){this.#a={service:this.service,filters:this.filters,after:e,signal:this.#o.signal,onEvent:e=>this.#d(e),onState:e=>{this.live=e,this.onChange()},onRefused:()=>this.restart()},document.hidden||this.resume(),t&&this.#l()}async#l(){let e=this.rows[0]?.order;if(e===void 0)return;let t=new URLSearchParams(this.filters);t.set(`limit`,pi),t.set(`count`,`none`);let n=await _(`api/history/events`,t,this.#n.signal,this.service).catch(()=>void 0);for(let t of n?.results??[])tr(t).order>e&&this.#d(t)}#u(e){let t=e.results.filter(e=>!this.#e.has(e.event_id)).map(tr);for(let e of t)this.#e.add(e.id),this.#t.delete(e.id)&&this.newCount--;this.rows=[...this.rows,...t],this.#i=e.next_cursor??void 0,this.complete=this.#i===void 0}#d(e){this.#e.has(e.event_id)||this.#t.has(e.event_id)||(this.newCount++,this.newCount<=mi?this.#t.set(e.event_id,tr(e)):this.#t.clear(),this.#s??=setTimeout(()=>{this.#s=void 0,this.onChange()},gi))}#f(){this.#t.clear(),this.newCount=0}},vi=`event-history.views`;function yi(e){return(Ci()[e]??[]).map(({name:e,query:t})=>({name:e,filters:Rn(new URLSearchParams(t))})).sort((e,t)=>e.name.localeCompare(t.name))}function bi(e,t,n){let r=(Ci()[e]??[]).filter(e=>e.name!==t);return r.length>=50?!1:Si(e,[...r,{name:t,query:n.toString()}])}function xi(e,t){Si(e,(Ci()[e]??[]).filter(e=>e.name!==t))}function Si(e,t){try{return localStorage.setItem(vi,JSON.stringify({...Ci(),[e]:t})),!0}catch{return!1}}function Ci(){let e=Object.create(null);try{let t=JSON.parse(localStorage.getItem(vi)??`{}`);for(let[n,r]of Object.entries(t))Array.isArray(r)&&(e[n]=r.filter(wi).slice(0,50))}catch{}return e}var wi=e=>{let{name:t,query:n}=e??{};return typeof t==`string`&&typeof n==`string`},Ti=class extends A{static properties={filters:{attribute:!1},tenant:{},failed:{state:!0}};static styles=[I,y`
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
    `];constructor(){super(),this.filters=new URLSearchParams,this.tenant=``,this.failed=!1}render(){let e=yi(this.tenant);return T`<eh-menu label=${M(`views.title`)} symbol="bookmark">
      <div class="panel">
        ${e.length?T`<ul>
              ${e.map(e=>T`<li>
                  <a href=${W(e.filters)} @click=${this.#n}>${n(e.name)}</a>
                  <button class="plain" aria-label=${M(`views.remove`,{name:a(e.name)})} @click=${()=>this.#t(e.name)}>${N(`close`)}</button>
                </li>`)}
            </ul>`:D}
        ${this.filters.size>0?T`<form @submit=${this.#e}>
              <label for="name">${M(`views.name`)}</label>
              <input id="name" name="name" required maxlength=${60} autocomplete="off" />
              <button class="primary">${M(`views.save`)}</button>
            </form>`:T`<p class="muted">${M(`views.hint`)}</p>`}
        ${this.failed?T`<div class="notice bad" role="alert">${N(`alert`)}<div>${M(`views.failed`,{n:50})}</div></div>`:D}
      </div>
    </eh-menu>`}#e=e=>{e.preventDefault();let t=e.target,n=String(new FormData(t).get(`name`)).trim();n&&(this.failed=!bi(this.tenant,n,this.filters),this.failed||t.reset(),this.requestUpdate())};#t(e){xi(this.tenant,e),this.requestUpdate()}#n=()=>this.renderRoot.querySelector(`eh-menu`)?.close()};customElements.define(`eh-views`,Ti),F(`eh-history`,class extends P{static properties={filters:{attribute:!1},event:{},catalogue:{attribute:!1},version:{state:!0},showsFacets:{state:!0}};#e;#t;#n=new Map;static styles=[I,y`
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
    `];constructor(){super(),this.filters=new URLSearchParams,this.event=``,this.version=0,this.showsFacets=!1}connectedCallback(){super.connectedCallback(),document.addEventListener(`visibilitychange`,this.#u),addEventListener(`online`,this.#d)}disconnectedCallback(){super.disconnectedCallback(),document.removeEventListener(`visibilitychange`,this.#u),removeEventListener(`online`,this.#d),this.#i()}willUpdate(e){let t=this.#e?.filters.toString()!==this.filters.toString();e.has(`filters`)&&t&&this.#r()}updated(e){let t=e.get(`event`);e.has(`event`)&&t&&!this.event&&this.renderRoot.querySelector(`eh-history-list`)?.focusRow(t)}render(){let e=this.#e;if(!e)return D;let t=this.#t?.histogram?.total,n=this.context.service.session(),r=n&&le(n);return T`<div class="columns">
        <aside class="facets ${this.showsFacets?`open`:``}" aria-label=${M(`facet.title`)}>
          <button class="fold" aria-expanded=${this.showsFacets} @click=${()=>this.showsFacets=!this.showsFacets}>
            ${M(`facet.title`)} ${N(`down`)}
          </button>
          <eh-facets .filters=${this.filters} .figures=${this.#t} .version=${this.version} .catalogue=${this.catalogue} .names=${this.#n} @filters=${this.#o}></eh-facets>
        </aside>
        <main>
          <header>
            <h1 tabindex="-1">${M(`history.title`)}</h1>
            <span class="count">${t===void 0?``:M(`history.count`,{n:t})}</span>
            <span class="space"></span>
            <span class="live ${e.live?`on`:``}" role="status"><i></i>${M(e.live?`live.on`:`live.off`)}</span>
            ${r?T`<eh-views .filters=${this.filters} tenant=${r}></eh-views>`:D}
            <eh-export .filters=${this.filters}></eh-export>
          </header>
          <eh-filters .filters=${this.filters} .catalogue=${this.catalogue} @filters=${this.#o}></eh-filters>
          ${this.#t?.error?T`<p class="figures-failed muted">${M(`histogram.failed`)} ${Gt(this.#t.error)}
                <button class="link" @click=${()=>void this.#t?.load()}>${M(`action.retry`)}</button></p>`:this.#t?.histogram&&this.#t.histogram.bars.length===0?D:T`<eh-histogram .data=${this.#t?.histogram} @range=${this.#s}></eh-histogram>`}
          <div class="new" aria-live="polite">
            ${e.newCount>0?T`<button class="primary" @click=${this.#a}>${N(`up`)}${M(`history.new`,{n:e.newCount})}</button>`:D}
          </div>
          <div class="card list">
            <eh-history-list .model=${e} .version=${this.version} selected=${this.event}></eh-history-list>
          </div>
        </main>
      </div>
      ${this.event?T`<aside class="drawer" aria-label=${M(`event.title`)} @keydown=${this.#l}>
            <eh-event .eventId=${this.event} panel @close=${this.#c}></eh-event>
          </aside>`:D}`}#r(){this.#i();let e=()=>{this.version++};this.#e=new _i(this.filters,this.context.service,()=>{for(let e of this.#e?.rows.slice(-100)??[])e.source_name&&this.#n.set(`${e.source_type_id} ${e.source_id.toString()}`,e.source_name);e()}),this.#e.onRestart=()=>{this.#r(),scrollTo(0,0),e()},this.#t=new Tr(this.filters,e),this.#e.start(),this.#t.load()}#i(){this.#e?.stop(),this.#t?.stop()}#a=()=>{this.#e?.showNew(),scrollTo(0,0)};#o=e=>{zn(W(e.detail))};#s=({detail:e})=>{zn(W(q(q(this.filters,`event_time_from`,e.from),`event_time_to`,e.to)))};#c=()=>zn(W(this.filters));#l=e=>{e.key===`Escape`&&this.#c()};#u=()=>{document.hidden?this.#e?.pause():this.#e?.resume(),this.version++};#d=()=>{this.#e?.error&&this.#e.retry(),this.#t?.error&&this.#t.load()}});var Ei=`50`,Di=class{id;service;onChange;now;then;diff;error;events=[];eventsError;loading=!1;complete=!1;newCount=0;#e;#t=new AbortController;#n=new AbortController;#r=new AbortController;#i;constructor(e,t,n){this.id=e,this.service=t,this.onChange=n}async start(e){this.#c();let t=this.#s(async e=>{this.now=await this.#a(this.#o(),{},e)});await Promise.all([t,this.more()]),await this.show(e)}async show(e){this.#n.abort(),this.#n=new AbortController;let{signal:t}=this.#n;if(e===void 0)return[this.then,this.diff]=[this.now,void 0],this.onChange();await this.#s(async()=>{let[n,r]=await Promise.all([this.#a(this.#o(),{at:e},t).catch(e=>{if(e instanceof g&&e.status===404)return null;throw e}),this.#a(`${this.#o()}/diff`,{from:e},t)]);t.aborted||([this.then,this.diff]=[n,r])})}async more(){if(!(this.loading||this.complete)){this.loading=!0,this.eventsError=void 0,this.onChange();try{let e=this.#e?{cursor:this.#e}:{},t=await this.#a(`api/history/events`,{record_id:this.id,count:`none`,limit:Ei,...e});this.events=[...this.events,...t.results],this.#e=t.next_cursor??void 0,this.complete=this.#e===void 0}catch(e){if(v(e)||this.#t.signal.aborted)return;this.eventsError=e}this.loading=!1,this.onChange()}}async neighbour(e,t){let n=e??this.now?.last_event?.event_time??``,r=t===`before`?{event_time_to:n}:{event_time_from:Oi(n),ordering:`event_time`};return(await this.#a(`api/history/events`,{record_id:this.id,count:`none`,limit:`1`,...r})).results[0]?.event_time}setVisible(e){this.#r.abort(),e&&this.#i&&!this.#t.signal.aborted&&(this.#r=new AbortController,this.#i.signal=this.#r.signal,di(this.#i))}stop(){this.#t.abort(),this.#n.abort(),this.#r.abort()}#a(e,t,n=this.#t.signal){return _(e,t,n,this.service)}#o(){return`api/history/records/${this.id}`}async#s(e){try{await e(this.#t.signal),this.error=void 0}catch(e){if(v(e)||this.#t.signal.aborted)return;this.error=e}this.onChange()}async#c(){try{let{cursor:e}=await this.#a(`api/history/feed`,{after:`latest`,limit:`1`});this.#i={service:this.service,filters:new URLSearchParams({record_id:this.id}),after:e,signal:this.#t.signal,onEvent:()=>{this.newCount++,this.onChange()},onState:()=>void 0,onRefused:()=>void 0},this.setVisible(!document.hidden)}catch{}}};function Oi(e){let t=Number(L(e).slice(-3))+1,n=Date.parse(e);return Number.isNaN(n)?e:`${new Date(n+ +(t===1e3)).toISOString().slice(0,-1)}${String(t%1e3).padStart(3,`0`)}Z`}var ki=40;F(`eh-record-state`,class extends P{static properties={record:{attribute:!1},diff:{attribute:!1},all:{state:!0}};static styles=[I,yn,y`
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
    `];constructor(){super(),this.all=!1}render(){let{record:e,diff:t}=this,r=this.all?e.fields:e.fields.slice(0,ki),a=t?.fields.filter(e=>e.is_new)??[];return T`<div class="card">
      ${t?.exists?T`<section>${this.#r(M(t.exists.new?`record.exists_now`:`record.deleted_now`))}</section>`:D}
      <section>
        <h2>${M(`record.status`)}</h2>
        ${e.status?T`<div class="status">${U(e.status.value)}</div>${this.#n(e.status.event)}`:T`<span class="muted">${M(`record.no_status`)}</span>`}
        ${t?.status?this.#r(U(t.status.new)):D}
      </section>
      ${this.#e(M(`record.owners`),e.owners,t?.owners??[])} ${this.#e(M(`record.assignees`),e.assignees,t?.assignees??[])}
      <section>
        <h2>${M(`record.fields`,{n:e.fields.length})}</h2>
        ${r.map(e=>{let r=t?.fields.find(t=>t.field===e.field);return T`<div class="field">
            <div class="label text">${n(i(e.label||e.field,200))}</div>
            <div>${U(e.value)}</div>
            ${this.#n(e.event)} ${r?this.#r(bn(e.value,r.new)):D}
          </div>`})}
        ${r.length<e.fields.length?T`<button class="link" @click=${()=>this.all=!0}>${M(`record.all_fields`,{n:e.fields.length})}</button>`:D}
        ${a.map(e=>T`<div class="field"><div class="label text">${n(i(e.label||e.field,200))}</div><div class="muted">${M(`record.not_yet`)}</div>${this.#r(bn(void 0,e.new))}</div>`)}
        ${e.fields.length+a.length===0?T`<span class="muted">${M(`record.no_fields`)}</span>`:D}
      </section>
      ${this.#t()}
      ${e.unrecognised_count>0?T`<section class="muted">${M(`record.unrecognised`,{n:e.unrecognised_count})}</section>`:D}
    </div>`}#e(e,t,r){return t.length+r.length===0?D:T`<section>
      <h2>${e}</h2>
      ${t.length?T`<div class="people">${t.map(e=>T`<span class="person"><span class="avatar">${N(`user`)}</span><span class="text">${n(i(e.name||String(e.id),120))}</span></span>`)}</div>`:T`<span class="muted">${M(`record.nobody`)}</span>`}
      ${r.map(e=>this.#r(T`${M(`record.person_${e.change}`,{name:a(e.name||String(e.id))})}`))}
    </section>`}#t(){let{record:e,diff:t}=this,r=t?.document_count??0;return e.document_count+r===0?D:T`<section class="documents">
      <h2>${M(`record.documents`,{n:e.document_count})}</h2>
      ${e.documents.map(e=>T`<a href=${K(e.event.event_id)} data-file=${e.file_id}>${N(`file`)}<span><span class="text">${e.name?n(i(e.name,200)):e.file_id}</span><br /><span class="by">${B(e.event.event_time)}</span></span></a>`)}
      ${e.documents.length<e.document_count?T`<p class="muted">${M(`value.more`,{n:e.document_count-e.documents.length})}</p>`:D}
      ${r>0?this.#r(T`${M(`record.later_documents`,{n:r})}`):D}
    </section>`}#n(e){return T`<div class="by"><a href=${K(e.event_id)}>${X(e)}, ${B(e.event_time)}</a></div>`}#r(e){return T`<div class="since"><b>${M(`record.now`)}</b>${e}</div>`}});var Ai=12e4,ji=8,Mi=class extends P{static properties={events:{attribute:!1},at:{},opened:{state:!0}};static styles=[I,yn,y`
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
    `];constructor(){super(),this.events=[],this.at=``,this.opened=new Map,new fn(this)}render(){let e=this.at?L(this.at):void 0,[t,n]=[``,!1];return T`<ol>
      ${Ni(this.events).map(r=>{let i=r.events[0];if(!i)return D;let a=e!==void 0&&L(i.event_time)>e,o=r.day===t?D:T`<h2 class="day" part="day">${Qt(i.event_time)}</h2>`,s=e!==void 0&&!a&&!n?T`<div class="now">${M(`record.as_of_here`)}</div>`:D;return t=r.day,n||=e!==void 0&&!a,T`<li>${o}${s}<div class="act ${a?`later`:``}" part="event">${hr(i)}<div>${this.#e(r.events,i)}</div></div></li>`})}
    </ol>`}#e(e,t){let n=e.length===1,r=e.reduce((e,t)=>e+t.event_data.length,0),i=!n||r>0||Gn(t).length>0,o=i&&(this.opened.get(t.event_id)??r<=ji),s=[...e].reverse(),c=sr(s.map(tr)).join(M(`list.separator`));return T`<div class="head">
        <p>
          <strong title=${fr(t)}>${X(t)}</strong>
          ${n?T`<a class="told" href=${K(t.event_id)}>${c}</a>`:c}
          ${t.source_type===`mcp`&&t.source_info?T`<span class="model">· ${N(`spark`)} ${a(t.source_info,80)}</span>`:D}
        </p>
        ${ln(t.event_time)} ${i?this.#t(t.event_id,o,r):T`<span class="room"></span>`}
      </div>
      ${o?T`<div class="card events">${s.map(e=>this.#n(e,!n))}</div>`:D}`}#t(e,t,n){let r=M(t?`record.hide_changes`:`record.show_changes`,{n});return T`<button class="plain toggle" aria-expanded=${t} aria-label=${r} title=${r} @click=${()=>this.opened=new Map(this.opened).set(e,!t)}>
      ${N(t?`down`:`right`)}
    </button>`}#n(e,t){let n=Un(e).filter(e=>e.kind!==`document`),r=Gn(e);return T`<div class="event">
      ${t?T`<div class="title">
            <a href=${K(e.event_id)}>${Y(e.event_type,e.event_type_id)}</a>
            <span class="muted">${ln(e.event_time)}</span>
          </div>`:D}
      ${n.length?An(n,30):D}
      ${r.length?T`<div class="files">${r.map(t=>T`<a href=${K(e.event_id)} data-file=${t.fileId}>${N(`file`)}${t.name?a(t.name):t.fileId}</a>`)}</div>`:D}
    </div>`}};function Ni(e){let t=[];for(let n of e){let e=t.at(-1),r=e?.events.at(-1),i=en(n.event_time);e&&r&&e.day===i&&pr(r,n)&&Date.parse(r.event_time)-Date.parse(n.event_time)<=Ai?e.events.push(n):t.push({events:[n],day:i})}return t}F(`eh-timeline`,Mi);var Pi=1e3,Fi=class extends P{static properties={recordId:{},at:{},version:{state:!0},dragged:{state:!0}};#e;static styles=[I,yn,y`
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
    `];constructor(){super(),this.recordId=``,this.at=``,this.version=0}connectedCallback(){super.connectedCallback(),document.addEventListener(`visibilitychange`,this.#i)}disconnectedCallback(){super.disconnectedCallback(),document.removeEventListener(`visibilitychange`,this.#i),this.#e?.stop()}willUpdate(e){e.has(`recordId`)?this.#r():e.has(`at`)&&(this.dragged=void 0,this.#e?.show(this.at||void 0))}updated(e){e.has(`recordId`)&&this.context.takesFocus()&&this.renderRoot.querySelector(`h1`)?.focus()}render(){let e=this.#e;if(!e)return D;let{isEmbedded:t}=this.context,n=e=>t?e:T`<main>${e}</main>`,r=T`<h1 tabindex="-1" part="title" aria-level=${t?2:D}>${M(`history.record`,{id:this.recordId})}</h1>`;if(e.error instanceof g&&e.error.status===404)return n(T`${r}
        ${qt(`record`,M(`record.missing`),M(`record.missing_text`),t?void 0:T`<a class="button" href=${W(new URLSearchParams)}>${M(`history.title`)}</a>`)}`);let{now:i}=e,a=this.at?e.then:i;return n(T`<div class="top">
        ${r}
        ${a?.status?T`<span class="pill status" part="status">${U(a.status.value)}</span>`:D}
        ${a&&!a.exists?T`<span class="pill gone">${M(`record.deleted`)}</span>`:D}
      </div>
      <p class="facts" part="facts">
        ${i?.first_event&&i.last_event?T`${M(`history.count`,{n:i.event_count})} · ${M(`record.first`)} ${B(i.first_event.event_time)} · ${M(`record.last`)} ${B(i.last_event.event_time)}
              ${t?D:T`· <a href=${W(new URLSearchParams({record_id:this.recordId}))}>${M(`record.in_history`)}</a>`}`:T`&nbsp;`}
      </p>
      ${e.error?Kt(e.error,()=>this.#r()):D} ${i?this.#t(e):T`<div class="card travel"><div class="skeleton"></div></div>`}
      <div class="columns">
        <section aria-label=${M(`record.timeline`)}>
          <h2 class="column-title">${M(`record.timeline`)}</h2>
          ${e.newCount>0?T`<button class="new primary" part="new" @click=${()=>this.#r()}>${N(`up`)}${M(`history.new`,{n:e.newCount})}</button>`:D}
          <eh-timeline exportparts="day, event" .events=${e.events} at=${this.at}></eh-timeline>
          ${this.#n(e)}
        </section>
        <section class="state" part="state" aria-label=${M(`record.state`)}>
          <h2 class="column-title">${this.at?M(`record.state_then`,{time:R(this.at)}):M(`record.state_now`)}</h2>
          ${e.then?T`<eh-record-state .record=${e.then} .diff=${this.at?e.diff:void 0}></eh-record-state>`:e.then===null?T`<div class="card">${qt(`clock`,M(`record.before`),M(`record.before_text`))}</div>`:Jt(8)}
        </section>
      </div>`)}#t(e){let[t,n]=[e.now?.first_event?.event_time,e.now?.last_event?.event_time];if(!t||!n||t===n)return D;let r=this.dragged??this.at,i=e.diff&&this.at?Ri(e.diff):0;return T`<div class="card travel ${this.at?`then`:``}" part="travel">
      <div class="steps">
        <button aria-label=${M(`record.previous`)} title=${M(`record.previous`)} ?disabled=${this.at!==``&&L(this.at)<=L(t)} @click=${()=>void this.#o(`before`)}>${N(`left`)}</button>
        <button aria-label=${M(`record.next`)} title=${M(`record.next`)} ?disabled=${this.at===``} @click=${()=>void this.#o(`after`)}>${N(`right`)}</button>
      </div>
      <input type="range" min="0" max=${Pi} .value=${String(Ii(r,t,n))} aria-label=${M(`record.as_of`)} aria-valuetext=${r?R(r):M(`record.now`)}
        @input=${e=>this.dragged=Li(Number(e.target.value),t,n)}
        @change=${e=>this.#a(Li(Number(e.target.value),t,n))} />
      <div class="instant">
        <input type="datetime-local" step="1" aria-label=${M(`record.as_of`)} .value=${r?sn(r):``} @change=${e=>this.#a(cn(e.target.value)??``)} />
        <button ?disabled=${this.at===``} @click=${()=>this.#a(``)}>${M(`record.now`)}</button>
      </div>
      <div class="told" aria-live="polite">
        ${r?T`<span><strong>${M(`record.as_of`)} ${R(r)}</strong> · ${z(r)}</span><span>${e.diff?M(`record.differences`,{n:i}):``}</span>`:T`<span>${M(`record.travel_hint`)}</span>`}
      </div>
    </div>`}#n(e){return e.eventsError?Kt(e.eventsError,()=>void e.more()):e.loading?Jt(4):e.complete?D:T`<div class="more"><button @click=${()=>void e.more()}>${M(`record.earlier`)}</button></div>`}#r(){this.#e?.stop(),this.dragged=void 0,this.#e=new Di(this.recordId,this.context.service,()=>this.version++),this.#e.start(this.at||void 0),this.requestUpdate()}#i=()=>this.#e?.setVisible(!document.hidden);#a(e){this.dragged=void 0,this.context.replace(G(this.recordId,e||void 0))}async#o(e){try{let t=await this.#e?.neighbour(this.at||void 0,e),n=t===void 0||t===this.#e?.now?.last_event?.event_time;(t!==void 0||e===`after`)&&this.#a(n&&e===`after`?``:t??``)}catch(e){if(v(e)||!this.#e)return;this.#e.error=e,this.requestUpdate()}}};function Ii(e,t,n){if(!e)return Pi;let[r,i]=[Date.parse(t),Date.parse(n)],a=(Date.parse(e)-r)/Math.max(1,i-r);return Math.max(0,Math.min(999,Math.round(a*Pi)))}function Li(e,t,n){if(e>=Pi)return``;if(e<=0)return t;let[r,i]=[Date.parse(t),Date.parse(n)];return new Date(r+(i-r)*e/Pi).toISOString()}function Ri({exists:e,status:t,owners:n,assignees:r,fields:i,document_count:a}){return+!!e+ +!!t+n.length+r.length+i.length+a}F(`eh-record`,Fi);var zi=[`auto`,`light`,`dark`],Bi=`event-history.language`,Vi=`event-history.theme`,Hi=()=>zi.find(e=>e===localStorage.getItem(Vi))??`auto`;function Ui(e){localStorage.setItem(Bi,e),Ki(e)}function Wi(e){localStorage.setItem(Vi,e),qi(e)}function Gi(){let e=localStorage.getItem(Bi);Ki(e!==null&&e in Tt?e:Nt()),qi(Hi())}function Ki(e){Mt(e),document.documentElement.lang=e}function qi(e){e===`auto`?delete document.documentElement.dataset.theme:document.documentElement.dataset.theme=e}var Ji=[`tenant`,`key`,`token`],Yi=class extends A{static properties={reason:{},kind:{},error:{state:!0},busy:{state:!0}};static styles=[I,y`
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
    `];constructor(){super(),this.reason=``,this.kind=`tenant`,this.error=``,this.busy=!1}firstUpdated(){this.renderRoot.querySelector(`.input input`)?.focus()}render(){return T`<main>
      <div class="brand"><slot></slot></div>
      <h1>${M(`sign_in.title`)}</h1>
      <p class="lead">${M(`sign_in.lead`)}</p>
      ${this.reason?T`<div class="notice warn" role="alert">${N(`clock`)}<div>${M(`sign_in.ended`)} <span class="text">${n(this.reason)}</span></div></div>`:D}
      <form class="card" @submit=${this.#n} autocomplete="off">
        <fieldset>
          <legend class="hidden">${M(`sign_in.with`)}</legend>
          ${Ji.map(e=>T`<label><input type="radio" name="kind" value=${e} .checked=${e===this.kind} @change=${()=>this.#t(e)} />${M(`sign_in.${e}`)}</label>`)}
        </fieldset>
        ${this.#e()}
        <label class="keep"><input type="checkbox" name="keep" checked /><span>${M(`sign_in.keep`)}<br /><small>${M(`sign_in.keep_text`)}</small></span></label>
        ${this.error?T`<div class="notice bad" role="alert">${N(`alert`)}<div>${this.error}</div></div>`:D}
        <button class="primary" ?disabled=${this.busy}>${M(this.busy?`sign_in.busy`:`sign_in.go`)}</button>
      </form>
      <p class="note">${M(`sign_in.note`)}</p>
    </main>`}#e(){let e=(e,t,{secret:n=!1,optional:r=!1}={})=>T`<label class="input">
      <span>${M(t)}${r?T` <small>${M(`sign_in.optional`)}</small>`:D}</span>
      <input name=${e} type=${n?`password`:`text`} ?required=${!r} autocomplete="off" spellcheck="false" autocapitalize="none" />
    </label>`;switch(this.kind){case`tenant`:return T`${e(`clientId`,`sign_in.client_id`)}${e(`secret`,`sign_in.client_secret`,{secret:!0})}`;case`key`:return T`${e(`key`,`sign_in.api_key`,{secret:!0})}${e(`clientId`,`sign_in.client_id`,{optional:!0})}<small>${M(`sign_in.key_text`)}</small>`;case`token`:return T`${e(`token`,`sign_in.view_token`,{secret:!0})}`}}#t(e){[this.kind,this.error]=[e,``]}#n=async e=>{if(e.preventDefault(),this.busy)return;let t=new FormData(e.target),n=e=>String(t.get(e)??``).trim(),r=this.kind===`tenant`?{kind:`tenant`,clientId:n(`clientId`),secret:n(`secret`)}:this.kind===`key`?{kind:`key`,key:n(`key`),clientId:n(`clientId`)}:{kind:`token`,token:n(`token`)};if(Object.values(r).some(e=>!/^[\x21-\x7e]*$/.test(e)))this.error=M(`sign_in.not_ascii`);else{[this.busy,this.error]=[!0,``];try{await ge(he(`api/history/events`,{limit:`1`,count:`none`}),{who:r}),ie(r,t.get(`keep`)!==null)}catch(e){this.error=Xi(e,r)}this.busy=!1}}};function Xi(e,t){return e instanceof g&&e.status===401?e.message.includes(`expired`)?M(`sign_in.expired`):M(`sign_in.unknown_${t.kind}`):e instanceof g&&e.status===400&&t.kind===`key`?M(t.clientId?`sign_in.unknown_client`:`sign_in.client_needed`):e instanceof g&&e.status===403?M(`sign_in.may_not_read`):Gt(e)}customElements.define(`eh-sign-in`,Yi);var Zi=class extends A{static properties={route:{state:!0},catalogue:{state:!0},offline:{state:!0},reason:{state:!0}};#e;#t=0;#n=h()?.kind??`tenant`;static styles=[I,y`
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
        .brand span {
          display: none;
        }
        .jump {
          flex: 1;
          width: auto;
        }
        .space {
          display: none;
        }
      }
    `];constructor(){super(),this.route=Nn(),this.offline=!navigator.onLine,this.reason=``}connectedCallback(){super.connectedCallback(),addEventListener(`hashchange`,this.#a),addEventListener(`online`,this.#s),addEventListener(`offline`,this.#s),re.addEventListener(`changed`,this.#o),history.scrollRestoration=`manual`,h()&&this.#i()}disconnectedCallback(){super.disconnectedCallback(),removeEventListener(`hashchange`,this.#a),removeEventListener(`online`,this.#s),removeEventListener(`offline`,this.#s),re.removeEventListener(`changed`,this.#o)}render(){let e=h(),t=this.offline?T`<div class="notice warn offline" role="alert">${N(`alert`)}<div>${M(`error.offline`)}</div></div>`:D;return e?T`<nav class="bar" aria-label=${M(`nav.title`)}>
        <a class="skip" href=${location.hash||`#/history`} @click=${this.#l}>${M(`nav.skip`)}</a>
        <a class="brand" href="#/history">${Qi()}<span>Event History</span></a>
        <span class="space"></span>
        <form class="jump" @submit=${this.#u}>
          ${N(`record`)}
          <input name="record" inputmode="numeric" pattern="-?[0-9]{1,19}" required autocomplete="off" placeholder=${M(`nav.record`)} aria-label=${M(`nav.record`)} />
        </form>
        <eh-menu label=${M(`nav.settings`)} symbol="settings" compact>${this.#r(e)}</eh-menu>
      </nav>
      ${t}
      ${this.#e?T`<eh-history ?hidden=${this.route.view!==`history`} .filters=${this.#e.filters} event=${this.route.view===`history`?this.route.event??``:``} .catalogue=${this.catalogue}></eh-history>`:D}
      ${this.route.view===`record`?T`<eh-record recordId=${this.route.id} at=${this.route.at??``}></eh-record>`:D}
      ${this.route.view===`event`?T`<main><eh-event .eventId=${this.route.id}></eh-event></main>`:D}`:T`${t}<eh-sign-in reason=${this.reason} kind=${this.#n}>${Qi()}</eh-sign-in>`}updated(e){let t=h()?{history:()=>M(`history.title`),record:e=>M(`history.record`,{id:e}),event:()=>M(`event.title`)}[this.route.view](`id`in this.route?this.route.id:``):M(`sign_in.title`);document.title=`${t} · Event History`;let n=e.get(`route`);n&&n.view!==this.route.view&&scrollTo(0,this.route.view===`history`?this.#t:0)}#r(e){let t=ue(e),n=e.kind===`token`?t.tenant:e.clientId;return T`<div class="settings">
      <div class="who">
        <strong>${M(`who.${e.kind}`)}</strong>
        ${n?T`<span class="muted">${M(`who.client`,{id:a(n,80)})}</span>`:D}
        ${t.recordId?T`<br /><span class="muted">${M(`who.only_record`,{id:t.recordId})}</span>`:D}
        ${t.expiresAt?T`<br /><span class="muted">${M(`who.until`,{time:R(t.expiresAt)})}</span>`:D}
      </div>
      <label>
        ${M(`settings.language`)}
        <select @change=${e=>this.#c(e.target.value)}>
          ${Object.entries(Tt).map(([e,t])=>T`<option value=${e} lang=${e} ?selected=${e===At()}>${t}</option>`)}
        </select>
      </label>
      <label>
        ${M(`settings.theme`)}
        <select @change=${e=>Wi(zi.find(t=>t===e.target.value)??`auto`)}>
          ${zi.map(e=>T`<option value=${e} ?selected=${e===Hi()}>${M(`theme.${e}`)}</option>`)}
        </select>
      </label>
      <button @click=${()=>ae()}>${N(`out`)}${M(`nav.sign_out`)}</button>
      <a class="third" href="third-party.txt" target="_blank" rel="noopener">${M(`settings.licences`)}</a>
    </div>`}#i(){let e=h();if(!e)return;let t=ue(e);this.#n=e.kind,this.reason=``,t.recordId&&!location.hash&&Bn(G(t.recordId)),this.#a(),_(`api/catalogue`).then(e=>this.catalogue=e).catch(e=>{v(e)||(this.catalogue=void 0)})}#a=()=>{let e=Nn();this.route.view===`history`&&e.view!==`history`&&(this.#t=scrollY),e.view===`history`&&(this.#e=e),this.route=e};#o=e=>{this.#e=void 0,this.catalogue=void 0,h()?this.#i():this.reason=String(e.detail??``),this.requestUpdate()};#s=()=>{this.offline=!navigator.onLine};#c(e){Ui(e);let{body:t}=document;this.remove(),t.append(document.createElement(`eh-app`))}#l=e=>{e.preventDefault(),this.renderRoot.querySelector(`eh-${this.route.view}`)?.shadowRoot?.querySelector(`h1`)?.focus()};#u=e=>{e.preventDefault();let t=e.target,n=String(new FormData(t).get(`record`)).trim();t.reset(),this.renderRoot.querySelector(`eh-menu`)?.close(),zn(/^-?\d{1,19}$/.test(n)?G(n):W(new URLSearchParams))}},Qi=()=>T`<svg viewBox="0 0 32 32" aria-hidden="true">
  <rect width="32" height="32" rx="8" fill="#3b5bdb"></rect>
  <g fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round"><path d="M10 8v16M16 10h7M16 16h5M16 22h7"></path></g>
  <g fill="#fff"><circle cx="10" cy="10" r="2.6"></circle><circle cx="10" cy="16" r="2.6"></circle><circle cx="10" cy="22" r="2.6"></circle></g>
</svg>`;customElements.define(`eh-app`,Zi),Gi(),oe(),zt(document,{service:de,isEmbedded:!1,language:()=>void 0,takesFocus:()=>!0,replace:Bn,mayOpen:()=>!0}),document.body.append(document.createElement(`eh-app`));