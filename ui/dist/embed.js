/*! Event History, Apache-2.0. Contains Lit, Copyright (c) 2017 Google LLC, BSD-3-Clause: see third-party.txt beside this file. */
var e=globalThis,t=e.ShadowRoot&&(e.ShadyCSS===void 0||e.ShadyCSS.nativeShadow)&&`adoptedStyleSheets`in Document.prototype&&`replace`in CSSStyleSheet.prototype,n=Symbol(),r=new WeakMap,i=class{constructor(e,t,r){if(this._$cssResult$=!0,r!==n)throw Error("CSSResult is not constructable. Use `unsafeCSS` or `css` instead.");this.cssText=e,this.t=t}get styleSheet(){let e=this.o,n=this.t;if(t&&e===void 0){let t=n!==void 0&&n.length===1;t&&(e=r.get(n)),e===void 0&&((this.o=e=new CSSStyleSheet).replaceSync(this.cssText),t&&r.set(n,e))}return e}toString(){return this.cssText}},a=e=>new i(typeof e==`string`?e:e+``,void 0,n),o=(e,...t)=>new i(e.length===1?e[0]:t.reduce((t,n,r)=>t+(e=>{if(!0===e._$cssResult$)return e.cssText;if(typeof e==`number`)return e;throw Error(`Value passed to 'css' function must be a 'css' function result: `+e+`. Use 'unsafeCSS' to pass non-literal values, but take care to ensure page security.`)})(n)+e[r+1],e[0]),e,n),s=(n,r)=>{if(t)n.adoptedStyleSheets=r.map(e=>e instanceof CSSStyleSheet?e:e.styleSheet);else for(let t of r){let r=document.createElement(`style`),i=e.litNonce;i!==void 0&&r.setAttribute(`nonce`,i),r.textContent=t.cssText,n.appendChild(r)}},c=t?e=>e:e=>e instanceof CSSStyleSheet?(e=>{let t=``;for(let n of e.cssRules)t+=n.cssText;return a(t)})(e):e,{is:l,defineProperty:u,getOwnPropertyDescriptor:d,getOwnPropertyNames:f,getOwnPropertySymbols:p,getPrototypeOf:m}=Object,ee=globalThis,te=ee.trustedTypes,ne=te?te.emptyScript:``,re=ee.reactiveElementPolyfillSupport,h=(e,t)=>e,ie={toAttribute(e,t){switch(t){case Boolean:e=e?ne:null;break;case Object:case Array:e=e==null?e:JSON.stringify(e)}return e},fromAttribute(e,t){let n=e;switch(t){case Boolean:n=e!==null;break;case Number:n=e===null?null:Number(e);break;case Object:case Array:try{n=JSON.parse(e)}catch{n=null}}return n}},ae=(e,t)=>!l(e,t),oe={attribute:!0,type:String,converter:ie,reflect:!1,useDefault:!1,hasChanged:ae};Symbol.metadata??=Symbol(`metadata`),ee.litPropertyMetadata??=new WeakMap;var g=class extends HTMLElement{static addInitializer(e){this._$Ei(),(this.l??=[]).push(e)}static get observedAttributes(){return this.finalize(),this._$Eh&&[...this._$Eh.keys()]}static createProperty(e,t=oe){if(t.state&&(t.attribute=!1),this._$Ei(),this.prototype.hasOwnProperty(e)&&((t=Object.create(t)).wrapped=!0),this.elementProperties.set(e,t),!t.noAccessor){let n=Symbol(),r=this.getPropertyDescriptor(e,n,t);r!==void 0&&u(this.prototype,e,r)}}static getPropertyDescriptor(e,t,n){let{get:r,set:i}=d(this.prototype,e)??{get(){return this[t]},set(e){this[t]=e}};return{get:r,set(t){let a=r?.call(this);i?.call(this,t),this.requestUpdate(e,a,n)},configurable:!0,enumerable:!0}}static getPropertyOptions(e){return this.elementProperties.get(e)??oe}static _$Ei(){if(this.hasOwnProperty(h(`elementProperties`)))return;let e=m(this);e.finalize(),e.l!==void 0&&(this.l=[...e.l]),this.elementProperties=new Map(e.elementProperties)}static finalize(){if(this.hasOwnProperty(h(`finalized`)))return;if(this.finalized=!0,this._$Ei(),this.hasOwnProperty(h(`properties`))){let e=this.properties,t=[...f(e),...p(e)];for(let n of t)this.createProperty(n,e[n])}let e=this[Symbol.metadata];if(e!==null){let t=litPropertyMetadata.get(e);if(t!==void 0)for(let[e,n]of t)this.elementProperties.set(e,n)}this._$Eh=new Map;for(let[e,t]of this.elementProperties){let n=this._$Eu(e,t);n!==void 0&&this._$Eh.set(n,e)}this.elementStyles=this.finalizeStyles(this.styles)}static finalizeStyles(e){let t=[];if(Array.isArray(e)){let n=new Set(e.flat(1/0).reverse());for(let e of n)t.unshift(c(e))}else e!==void 0&&t.push(c(e));return t}static _$Eu(e,t){let n=t.attribute;return!1===n?void 0:typeof n==`string`?n:typeof e==`string`?e.toLowerCase():void 0}constructor(){super(),this._$Ep=void 0,this.isUpdatePending=!1,this.hasUpdated=!1,this._$Em=null,this._$Ev()}_$Ev(){this._$ES=new Promise(e=>this.enableUpdating=e),this._$AL=new Map,this._$E_(),this.requestUpdate(),this.constructor.l?.forEach(e=>e(this))}addController(e){(this._$EO??=new Set).add(e),this.renderRoot!==void 0&&this.isConnected&&e.hostConnected?.()}removeController(e){this._$EO?.delete(e)}_$E_(){let e=new Map,t=this.constructor.elementProperties;for(let n of t.keys())this.hasOwnProperty(n)&&(e.set(n,this[n]),delete this[n]);e.size>0&&(this._$Ep=e)}createRenderRoot(){let e=this.shadowRoot??this.attachShadow(this.constructor.shadowRootOptions);return s(e,this.constructor.elementStyles),e}connectedCallback(){this.renderRoot??=this.createRenderRoot(),this.enableUpdating(!0),this._$EO?.forEach(e=>e.hostConnected?.())}enableUpdating(e){}disconnectedCallback(){this._$EO?.forEach(e=>e.hostDisconnected?.())}attributeChangedCallback(e,t,n){this._$AK(e,n)}_$ET(e,t){let n=this.constructor.elementProperties.get(e),r=this.constructor._$Eu(e,n);if(r!==void 0&&!0===n.reflect){let i=(n.converter?.toAttribute===void 0?ie:n.converter).toAttribute(t,n.type);this._$Em=e,i==null?this.removeAttribute(r):this.setAttribute(r,i),this._$Em=null}}_$AK(e,t){let n=this.constructor,r=n._$Eh.get(e);if(r!==void 0&&this._$Em!==r){let e=n.getPropertyOptions(r),i=typeof e.converter==`function`?{fromAttribute:e.converter}:e.converter?.fromAttribute===void 0?ie:e.converter;this._$Em=r;let a=i.fromAttribute(t,e.type);this[r]=a??this._$Ej?.get(r)??a,this._$Em=null}}requestUpdate(e,t,n,r=!1,i){if(e!==void 0){let a=this.constructor;if(!1===r&&(i=this[e]),n??=a.getPropertyOptions(e),!((n.hasChanged??ae)(i,t)||n.useDefault&&n.reflect&&i===this._$Ej?.get(e)&&!this.hasAttribute(a._$Eu(e,n))))return;this.C(e,t,n)}!1===this.isUpdatePending&&(this._$ES=this._$EP())}C(e,t,{useDefault:n,reflect:r,wrapped:i},a){n&&!(this._$Ej??=new Map).has(e)&&(this._$Ej.set(e,a??t??this[e]),!0!==i||a!==void 0)||(this._$AL.has(e)||(this.hasUpdated||n||(t=void 0),this._$AL.set(e,t)),!0===r&&this._$Em!==e&&(this._$Eq??=new Set).add(e))}async _$EP(){this.isUpdatePending=!0;try{await this._$ES}catch(e){Promise.reject(e)}let e=this.scheduleUpdate();return e!=null&&await e,!this.isUpdatePending}scheduleUpdate(){return this.performUpdate()}performUpdate(){if(!this.isUpdatePending)return;if(!this.hasUpdated){if(this.renderRoot??=this.createRenderRoot(),this._$Ep){for(let[e,t]of this._$Ep)this[e]=t;this._$Ep=void 0}let e=this.constructor.elementProperties;if(e.size>0)for(let[t,n]of e){let{wrapped:e}=n,r=this[t];!0!==e||this._$AL.has(t)||r===void 0||this.C(t,void 0,n,r)}}let e=!1,t=this._$AL;try{e=this.shouldUpdate(t),e?(this.willUpdate(t),this._$EO?.forEach(e=>e.hostUpdate?.()),this.update(t)):this._$EM()}catch(t){throw e=!1,this._$EM(),t}e&&this._$AE(t)}willUpdate(e){}_$AE(e){this._$EO?.forEach(e=>e.hostUpdated?.()),this.hasUpdated||(this.hasUpdated=!0,this.firstUpdated(e)),this.updated(e)}_$EM(){this._$AL=new Map,this.isUpdatePending=!1}get updateComplete(){return this.getUpdateComplete()}getUpdateComplete(){return this._$ES}shouldUpdate(e){return!0}update(e){this._$Eq&&=this._$Eq.forEach(e=>this._$ET(e,this[e])),this._$EM()}updated(e){}firstUpdated(e){}};g.elementStyles=[],g.shadowRootOptions={mode:`open`},g[h(`elementProperties`)]=new Map,g[h(`finalized`)]=new Map,re?.({ReactiveElement:g}),(ee.reactiveElementVersions??=[]).push(`2.1.2`);var se=globalThis,ce=e=>e,le=se.trustedTypes,ue=le?le.createPolicy(`lit-html`,{createHTML:e=>e}):void 0,de=`$lit$`,_=`lit$${Math.random().toFixed(9).slice(2)}$`,fe=`?`+_,pe=`<${fe}>`,v=document,me=()=>v.createComment(``),y=e=>e===null||typeof e!=`object`&&typeof e!=`function`,he=Array.isArray,ge=e=>he(e)||typeof e?.[Symbol.iterator]==`function`,_e=`[ 	
\f\r]`,b=/<(?:(!--|\/[^a-zA-Z])|(\/?[a-zA-Z][^>\s]*)|(\/?$))/g,ve=/-->/g,ye=/>/g,x=RegExp(`>|${_e}(?:([^\\s"'>=/]+)(${_e}*=${_e}*(?:[^ \t\n\f\r"'\`<>=]|("|')|))|$)`,`g`),be=/'/g,xe=/"/g,Se=/^(?:script|style|textarea|title)$/i,Ce=e=>(t,...n)=>({_$litType$:e,strings:t,values:n}),S=Ce(1),we=Ce(2),C=Symbol.for(`lit-noChange`),w=Symbol.for(`lit-nothing`),Te=new WeakMap,T=v.createTreeWalker(v,129);function Ee(e,t){if(!he(e)||!e.hasOwnProperty(`raw`))throw Error(`invalid template strings array`);return ue===void 0?t:ue.createHTML(t)}var De=(e,t)=>{let n=e.length-1,r=[],i,a=t===2?`<svg>`:t===3?`<math>`:``,o=b;for(let t=0;t<n;t++){let n=e[t],s,c,l=-1,u=0;for(;u<n.length&&(o.lastIndex=u,c=o.exec(n),c!==null);)u=o.lastIndex,o===b?c[1]===`!--`?o=ve:c[1]===void 0?c[2]===void 0?c[3]!==void 0&&(o=x):(Se.test(c[2])&&(i=RegExp(`</`+c[2],`g`)),o=x):o=ye:o===x?c[0]===`>`?(o=i??b,l=-1):c[1]===void 0?l=-2:(l=o.lastIndex-c[2].length,s=c[1],o=c[3]===void 0?x:c[3]===`"`?xe:be):o===xe||o===be?o=x:o===ve||o===ye?o=b:(o=x,i=void 0);let d=o===x&&e[t+1].startsWith(`/>`)?` `:``;a+=o===b?n+pe:l>=0?(r.push(s),n.slice(0,l)+de+n.slice(l)+_+d):n+_+(l===-2?t:d)}return[Ee(e,a+(e[n]||`<?>`)+(t===2?`</svg>`:t===3?`</math>`:``)),r]},Oe=class e{constructor({strings:t,_$litType$:n},r){let i;this.parts=[];let a=0,o=0,s=t.length-1,c=this.parts,[l,u]=De(t,n);if(this.el=e.createElement(l,r),T.currentNode=this.el.content,n===2||n===3){let e=this.el.content.firstChild;e.replaceWith(...e.childNodes)}for(;(i=T.nextNode())!==null&&c.length<s;){if(i.nodeType===1){if(i.hasAttributes())for(let e of i.getAttributeNames())if(e.endsWith(de)){let t=u[o++],n=i.getAttribute(e).split(_),r=/([.?@])?(.*)/.exec(t);c.push({type:1,index:a,name:r[2],strings:n,ctor:r[1]===`.`?je:r[1]===`?`?Me:r[1]===`@`?Ne:D}),i.removeAttribute(e)}else e.startsWith(_)&&(c.push({type:6,index:a}),i.removeAttribute(e));if(Se.test(i.tagName)){let e=i.textContent.split(_),t=e.length-1;if(t>0){i.textContent=le?le.emptyScript:``;for(let n=0;n<t;n++)i.append(e[n],me()),T.nextNode(),c.push({type:2,index:++a});i.append(e[t],me())}}}else if(i.nodeType===8){if(i.data===fe)c.push({type:2,index:a});else{let e=-1;for(;(e=i.data.indexOf(_,e+1))!==-1;)c.push({type:7,index:a}),e+=_.length-1}}a++}}static createElement(e,t){let n=v.createElement(`template`);return n.innerHTML=e,n}};function E(e,t,n=e,r){if(t===C)return t;let i=r===void 0?n._$Cl:n._$Co?.[r],a=y(t)?void 0:t._$litDirective$;return i?.constructor!==a&&(i?._$AO?.(!1),a===void 0?i=void 0:(i=new a(e),i._$AT(e,n,r)),r===void 0?n._$Cl=i:(n._$Co??=[])[r]=i),i!==void 0&&(t=E(e,i._$AS(e,t.values),i,r)),t}var ke=class{constructor(e,t){this._$AV=[],this._$AN=void 0,this._$AD=e,this._$AM=t}get parentNode(){return this._$AM.parentNode}get _$AU(){return this._$AM._$AU}u(e){let{el:{content:t},parts:n}=this._$AD,r=(e?.creationScope??v).importNode(t,!0);T.currentNode=r;let i=T.nextNode(),a=0,o=0,s=n[0];for(;s!==void 0;){if(a===s.index){let t;s.type===2?t=new Ae(i,i.nextSibling,this,e):s.type===1?t=new s.ctor(i,s.name,s.strings,this,e):s.type===6&&(t=new Pe(i,this,e)),this._$AV.push(t),s=n[++o]}a!==s?.index&&(i=T.nextNode(),a++)}return T.currentNode=v,r}p(e){let t=0;for(let n of this._$AV)n!==void 0&&(n.strings===void 0?n._$AI(e[t]):(n._$AI(e,n,t),t+=n.strings.length-2)),t++}},Ae=class e{get _$AU(){return this._$AM?._$AU??this._$Cv}constructor(e,t,n,r){this.type=2,this._$AH=w,this._$AN=void 0,this._$AA=e,this._$AB=t,this._$AM=n,this.options=r,this._$Cv=r?.isConnected??!0}get parentNode(){let e=this._$AA.parentNode,t=this._$AM;return t!==void 0&&e?.nodeType===11&&(e=t.parentNode),e}get startNode(){return this._$AA}get endNode(){return this._$AB}_$AI(e,t=this){e=E(this,e,t),y(e)?e===w||e==null||e===``?(this._$AH!==w&&this._$AR(),this._$AH=w):e!==this._$AH&&e!==C&&this._(e):e._$litType$===void 0?e.nodeType===void 0?ge(e)?this.k(e):this._(e):this.T(e):this.$(e)}O(e){return this._$AA.parentNode.insertBefore(e,this._$AB)}T(e){this._$AH!==e&&(this._$AR(),this._$AH=this.O(e))}_(e){this._$AH!==w&&y(this._$AH)?this._$AA.nextSibling.data=e:this.T(v.createTextNode(e)),this._$AH=e}$(e){let{values:t,_$litType$:n}=e,r=typeof n==`number`?this._$AC(e):(n.el===void 0&&(n.el=Oe.createElement(Ee(n.h,n.h[0]),this.options)),n);if(this._$AH?._$AD===r)this._$AH.p(t);else{let e=new ke(r,this),n=e.u(this.options);e.p(t),this.T(n),this._$AH=e}}_$AC(e){let t=Te.get(e.strings);return t===void 0&&Te.set(e.strings,t=new Oe(e)),t}k(t){he(this._$AH)||(this._$AH=[],this._$AR());let n=this._$AH,r,i=0;for(let a of t)i===n.length?n.push(r=new e(this.O(me()),this.O(me()),this,this.options)):r=n[i],r._$AI(a),i++;i<n.length&&(this._$AR(r&&r._$AB.nextSibling,i),n.length=i)}_$AR(e=this._$AA.nextSibling,t){for(this._$AP?.(!1,!0,t);e!==this._$AB;){let t=ce(e).nextSibling;ce(e).remove(),e=t}}setConnected(e){this._$AM===void 0&&(this._$Cv=e,this._$AP?.(e))}},D=class{get tagName(){return this.element.tagName}get _$AU(){return this._$AM._$AU}constructor(e,t,n,r,i){this.type=1,this._$AH=w,this._$AN=void 0,this.element=e,this.name=t,this._$AM=r,this.options=i,n.length>2||n[0]!==``||n[1]!==``?(this._$AH=Array(n.length-1).fill(new String),this.strings=n):this._$AH=w}_$AI(e,t=this,n,r){let i=this.strings,a=!1;if(i===void 0)e=E(this,e,t,0),a=!y(e)||e!==this._$AH&&e!==C,a&&(this._$AH=e);else{let r=e,o,s;for(e=i[0],o=0;o<i.length-1;o++)s=E(this,r[n+o],t,o),s===C&&(s=this._$AH[o]),a||=!y(s)||s!==this._$AH[o],s===w?e=w:e!==w&&(e+=(s??``)+i[o+1]),this._$AH[o]=s}a&&!r&&this.j(e)}j(e){e===w?this.element.removeAttribute(this.name):this.element.setAttribute(this.name,e??``)}},je=class extends D{constructor(){super(...arguments),this.type=3}j(e){this.element[this.name]=e===w?void 0:e}},Me=class extends D{constructor(){super(...arguments),this.type=4}j(e){this.element.toggleAttribute(this.name,!!e&&e!==w)}},Ne=class extends D{constructor(e,t,n,r,i){super(e,t,n,r,i),this.type=5}_$AI(e,t=this){if((e=E(this,e,t,0)??w)===C)return;let n=this._$AH,r=e===w&&n!==w||e.capture!==n.capture||e.once!==n.once||e.passive!==n.passive,i=e!==w&&(n===w||r);r&&this.element.removeEventListener(this.name,this,n),i&&this.element.addEventListener(this.name,this,e),this._$AH=e}handleEvent(e){typeof this._$AH==`function`?this._$AH.call(this.options?.host??this.element,e):this._$AH.handleEvent(e)}},Pe=class{constructor(e,t,n){this.element=e,this.type=6,this._$AN=void 0,this._$AM=t,this.options=n}get _$AU(){return this._$AM._$AU}_$AI(e){E(this,e)}},Fe={M:de,P:_,A:fe,C:1,L:De,R:ke,D:ge,V:E,I:Ae,H:D,N:Me,U:Ne,B:je,F:Pe},Ie=se.litHtmlPolyfillSupport;Ie?.(Oe,Ae),(se.litHtmlVersions??=[]).push(`3.3.3`);var Le=(e,t,n)=>{let r=n?.renderBefore??t,i=r._$litPart$;if(i===void 0){let e=n?.renderBefore??null;r._$litPart$=i=new Ae(t.insertBefore(me(),e),e,void 0,n??{})}return i._$AI(e),i},Re=globalThis,O=class extends g{constructor(){super(...arguments),this.renderOptions={host:this},this._$Do=void 0}createRenderRoot(){let e=super.createRenderRoot();return this.renderOptions.renderBefore??=e.firstChild,e}update(e){let t=this.render();this.hasUpdated||(this.renderOptions.isConnected=this.isConnected),super.update(e),this._$Do=Le(t,this.renderRoot,this.renderOptions)}connectedCallback(){super.connectedCallback(),this._$Do?.setConnected(!0)}disconnectedCallback(){super.disconnectedCallback(),this._$Do?.setConnected(!1)}render(){return C}};O._$litElement$=!0,O.finalized=!0,Re.litElementHydrateSupport?.({LitElement:O});var ze=Re.litElementPolyfillSupport;ze?.({LitElement:O}),(Re.litElementVersions??=[]).push(`4.2.2`);var Be=new WeakMap;function Ve(e,t){Be.set(e,t)}function He(e){for(let t=e;;){let n=t.getRootNode(),r=n instanceof ShadowRoot?n.host:n,i=Be.get(r);if(i)return i;if(r===n)throw Error(`<${e.localName}> has no context`);t=r}}var Ue={en:{"nav.title":`Main`,"nav.skip":`Skip to content`,"nav.record":`Go to record…`,"nav.settings":`Settings`,"nav.sign_out":`Sign out`,"settings.language":`Language`,"settings.theme":`Colours`,"settings.licences":`Third-party licences`,"theme.auto":`As the system`,"theme.light":`Light`,"theme.dark":`Dark`,"who.key":`Signed in with an API key`,"who.tenant":`Signed in as a tenant`,"who.token":`Signed in with a view token`,"who.client":`Client id {id}`,"who.only_record":`Record {id} only`,"who.until":`Until {time}`,"sign_in.title":`Sign in`,"sign_in.lead":`See what happened to every record.`,"sign_in.ended":`You were signed out: what you signed in with is not accepted any more. The service says:`,"sign_in.with":`Sign in with`,"sign_in.tenant":`Tenant`,"sign_in.key":`API key`,"sign_in.token":`View token`,"sign_in.client_id":`Client id`,"sign_in.client_secret":`Client secret`,"sign_in.api_key":`API key`,"sign_in.view_token":`View token`,"sign_in.optional":`(optional)`,"sign_in.key_text":`A key for one tenant needs no client id.`,"sign_in.keep":`Stay signed in in this tab`,"sign_in.keep_text":`Until the tab is closed. Otherwise, until the page is loaded again.`,"sign_in.go":`Sign in`,"sign_in.busy":`Signing in…`,"sign_in.note":`What you enter is sent to this service only, and is never part of an address.`,"sign_in.not_ascii":`Credentials are letters, digits and signs without spaces. Check what you pasted.`,"sign_in.expired":`This view token has expired. Get a new one where you got this one.`,"sign_in.code":`This link can be opened once, while the demo runs that printed it. Sign in with what it printed above the link.`,"sign_in.unknown_tenant":`The service does not know this client id with this secret.`,"sign_in.unknown_key":`The service does not accept this key. It may have been revoked, or have expired.`,"sign_in.unknown_token":`The service does not accept this token.`,"sign_in.unknown_client":`The service has no tenant with this client id for this key.`,"sign_in.client_needed":`This key is for several tenants: enter the client id of one.`,"sign_in.may_not_read":`These credentials may not read histories: they lack the scope “read”.`,"state.loading":`Loading…`,"action.retry":`Try again`,"action.cancel":`Cancel`,"action.close":`Close`,"copy.json":`Copy`,"copy.copied":`Copied`,"copy.failed":`Not copied: your browser refuses it`,"error.offline":`You are offline.`,"error.unreachable":`The service does not answer.`,"error.unexpected":`Something went wrong: {reason}`,"error.forbidden":`You may not see this. The service says: {reason}`,"error.limited":`There were too many requests; wait a moment. The service says: {reason}`,"error.unavailable":`This cannot be answered right now. The service says: {reason}`,"error.refused":`The service refuses this: {reason}`,"time.now":`just now`,"size.bytes":{one:`{n} byte`,other:`{n} bytes`},"list.separator":`, `,"list.and":`and`,"history.title":`History`,"history.count":{one:`{n} event`,other:`{n} events`},"history.record":`Record {id}`,"history.file":`file`,"history.new":{one:`{n} new event`,other:`{n} new events`},"history.end":`This is the beginning of the history.`,"history.empty":`Nothing has happened yet`,"history.empty_text":`Events appear here as soon as the platform sends them.`,"history.no_match":`No event matches`,"history.no_match_text":`Remove a filter to see more.`,"live.on":`Live`,"live.off":`Not live`,"filter.title":`Filters`,"filter.words":`Search for words in values, names and files`,"filter.apply":`Apply`,"filter.clear":`Clear all`,"filter.remove":`Remove the filter {filter}`,"filter.q":`Words`,"filter.record_id":`Record`,"filter.event_type_id":`Type`,"filter.source_type_id":`By`,"filter.source_id":`Source id`,"filter.source_name":`Name of the source`,"filter.has_file":`Files`,"filter.field":`Changed field`,"filter.value":`From or to the value`,"filter.event_time_from":`From`,"filter.event_time_to":`Before`,"files.any":`With or without`,"files.true":`With files`,"files.false":`Without files`,"period.hour":`Last hour`,"period.day":`Last 24 hours`,"period.week":`Last 7 days`,"period.month":`Last 30 days`,"facet.title":`Narrow down`,"facet.event_type":`What happened`,"facet.source_type":`Kind of source`,"facet.source":`Most active`,"histogram.role":`Events over time`,"histogram.summary":{one:`{n} event from {from} to {to}`,other:`{n} events from {from} to {to}`},"histogram.keys":`Arrow keys choose a time, with Shift a range; Enter filters by it.`,"histogram.hint":`Drag to select a time`,"histogram.failed":`The events could not be counted.`,"views.title":`Views`,"views.name":`Keep these filters as`,"views.save":`Save`,"views.remove":`Remove the view {name}`,"views.hint":`Choose filters, and keep them here under a name. They stay in this browser.`,"views.failed":`It was not kept: there are {n} views already, or your browser keeps nothing.`,"export.title":`Export`,"export.csv":`CSV`,"export.csv_text":`For spreadsheets: all events that match`,"export.ndjson":`NDJSON`,"export.ndjson_text":`For programs: one event a line`,"export.under_way":`{size} so far…`,"type.record_created":`Record created`,"type.owner_initialized":`Owner set`,"type.owners_added":`Owners added`,"type.owners_removed":`Owners removed`,"type.assignees_added":`Assignees added`,"type.assignees_removed":`Assignees removed`,"type.field_values_changed":`Fields changed`,"type.record_deleted":`Record deleted`,"type.document_generated":`Document generated`,"type.status_initialized":`Status set`,"type.unknown":`Type {id}`,"source.user":`User`,"source.sequence":`Sequence`,"source.system":`System`,"source.mcp":`AI agent`,"source.unknown":`Source of type {id}`,"act.created":`created the record`,"act.deleted":`deleted the record`,"act.status":`set the status to {value}`,"act.fields":`changed {names}`,"act.fields_many":{one:`changed {n} field`,other:`changed {n} fields`},"act.documents":`generated {names}`,"act.documents_many":{one:`generated a document`,other:`generated {n} documents`},"act.owner_added":`made {names} an owner`,"act.owner_added_many":{one:`added {n} owner`,other:`added {n} owners`},"act.owner_removed":`removed {names} as owner`,"act.owner_removed_many":{one:`removed {n} owner`,other:`removed {n} owners`},"act.assignee_added":`assigned {names}`,"act.assignee_added_many":{one:`assigned {n} person`,other:`assigned {n} people`},"act.assignee_removed":`unassigned {names}`,"act.assignee_removed_many":{one:`unassigned {n} person`,other:`unassigned {n} people`},"act.other":`· {name}`,"act.other_many":`· {name} ({n} times)`,"event.title":`Event`,"event.missing":`There is no such event`,"event.missing_text":`It may have been deleted by a retention rule, or you may not see it.`,"event.changes":`Changes`,"event.data":`Data`,"event.documents":{one:`Document`,other:`Documents`},"event.details":`Details`,"event.related":`Before and after on this record`,"event.whole_record":`Whole record`,"event.this":`This event`,"event.raw":`JSON`,"fact.event_time":`Happened`,"fact.received_at":`Received`,"fact.type":`Type`,"fact.record":`Record`,"fact.source":`Source`,"fact.id":`id {id}`,"fact.source_name":`Name`,"fact.source_info":`Further information`,"fact.model":`Model`,"fact.event_id":`Event id`,"document.no_record":`Nothing was recorded of this file when its event was stored.`,"document.check":`Check the stored file`,"document.checking":`Checking…`,"document.preview":`Preview`,"document.download":`Download`,"document.confirmed":`Storage still has the file that was recorded with this event.`,"document.there":`Storage has a file under this id. Whether it is the original one is unknown, since nothing was recorded of it.`,"document.hash_same":`Your browser has computed the SHA-256 of the bytes below: it is the recorded one.`,"document.hash_different":`Your browser has computed the SHA-256 of the bytes below: it is NOT the recorded one.`,"document.missing":`Storage no longer has this file. What is shown here is what was recorded of it.`,"document.changed":`Storage has a different file now than the one that was recorded. The service does not hand it out.`,"document.changed_size":`Recorded: {recorded}. Now: {found}.`,"document.found_hash":`SHA-256 of the file that is there now:`,"document.preview_of":`Preview of {name}`,"document.text_cut":`Only the beginning is shown. Download the file to read all of it.`,"document.not_shown":`The browser cannot show this file as what its type says. Download it instead.`,"document.not_readable":`This page could not read the file from storage, which may not allow it to pages. Download it instead.`,"record.timeline":`What happened`,"record.state":`State`,"record.state_now":`Now`,"record.state_then":`As of {time}`,"record.as_of":`As of`,"record.as_of_here":`The record as shown here`,"record.now":`Now`,"record.travel_hint":`Move the slider to see the record as it was.`,"record.previous":`Previous change`,"record.next":`Next change`,"record.differences":{one:`{n} difference from now`,other:`{n} differences from now`},"record.first":`from`,"record.last":`to`,"record.in_history":`Show in history`,"record.deleted":`Deleted`,"record.deleted_now":`The record is deleted.`,"record.exists_now":`The record exists.`,"record.status":`Status`,"record.no_status":`No status`,"record.owner":`Owner`,"record.owners":`Owners`,"record.assignee":`Assignee`,"record.assignees":`Assignees`,"record.nobody":`Nobody`,"record.person_added":`{name} was added`,"record.person_removed":`{name} was removed`,"record.person_renamed":`The name is {name}`,"record.fields":{one:`Fields`,other:`Fields`},"record.all_fields":`Show all {n} fields`,"record.no_fields":`No fields`,"record.not_yet":`Not set yet`,"record.document":`Document`,"record.documents":{one:`Documents ({n})`,other:`Documents ({n})`},"record.later_documents":{one:`{n} more document`,other:`{n} more documents`},"record.unrecognised":{one:`{n} item of event data has a shape that is not known and is not part of this. It is in its event.`,other:`{n} items of event data have shapes that are not known and are not part of this. They are in their events.`},"record.show_changes":{one:`Show the change`,other:`Show {n} changes`},"record.hide_changes":{one:`Hide the change`,other:`Hide {n} changes`},"record.earlier":`Show earlier events`,"record.missing":`Nothing is known of this record`,"record.missing_text":`It has no events, or you may not see them.`,"record.before":`The record had no events yet`,"record.before_text":`Choose a later time to see its state.`,"admin.title":`Administration`,"admin.tenants":`Tenants`,"admin.keys":`API keys`,"admin.service":`Service`,"admin.refused":`You may not see this`,"admin.refused_text":`It needs an API key with the scope “admin”.`,"access.choose":`No tenant is chosen`,"access.choose_text":`Your key is for several tenants. Open the history of one of them.`,"access.no_read":`You may not read histories`,"access.no_read_text":`That needs the scope “read”, which your key does not have.`,"value.empty":`empty`,"value.yes":`yes`,"value.no":`no`,"value.became":`became`,"value.data":`Data`,"value.more":{one:`and {n} more`,other:`and {n} more`},"value.show_more":`Show {n} more characters`,"embed.back":`Back`,"embed.refused":`This is not shown any more: the view token of this page is not accepted. The service says:`,"embed.incomplete":`This page does not say what is to be shown here.`,"embed.bad_src":`This page names a service here whose address is none.`},de:{"nav.title":`Hauptnavigation`,"nav.skip":`Zum Inhalt`,"nav.record":`Gehe zu Datensatz…`,"nav.settings":`Einstellungen`,"nav.sign_out":`Abmelden`,"settings.language":`Sprache`,"settings.theme":`Farben`,"settings.licences":`Lizenzen Dritter`,"theme.auto":`Wie das System`,"theme.light":`Hell`,"theme.dark":`Dunkel`,"who.key":`Angemeldet mit API-Schlüssel`,"who.tenant":`Angemeldet als Mandant`,"who.token":`Angemeldet mit Lese-Token`,"who.client":`Client-ID {id}`,"who.only_record":`Nur Datensatz {id}`,"who.until":`Bis {time}`,"sign_in.title":`Anmelden`,"sign_in.lead":`Sehen, was mit jedem Datensatz geschah.`,"sign_in.ended":`Sie wurden abgemeldet: Ihre Zugangsdaten gelten nicht mehr. Der Dienst meldet:`,"sign_in.with":`Anmelden mit`,"sign_in.tenant":`Mandant`,"sign_in.key":`API-Schlüssel`,"sign_in.token":`Lese-Token`,"sign_in.client_id":`Client-ID`,"sign_in.client_secret":`Client-Secret`,"sign_in.api_key":`API-Schlüssel`,"sign_in.view_token":`Lese-Token`,"sign_in.optional":`(optional)`,"sign_in.key_text":`Ein Schlüssel für einen einzigen Mandanten braucht keine Client-ID.`,"sign_in.keep":`In diesem Tab angemeldet bleiben`,"sign_in.keep_text":`Bis der Tab geschlossen wird. Sonst bis zum Neuladen der Seite.`,"sign_in.go":`Anmelden`,"sign_in.busy":`Anmeldung läuft…`,"sign_in.note":`Ihre Eingaben gehen nur an diesen Dienst und stehen nie in einer Adresse.`,"sign_in.not_ascii":`Zugangsdaten bestehen aus Buchstaben, Ziffern und Zeichen ohne Leerzeichen. Prüfen Sie die Eingabe.`,"sign_in.expired":`Dieses Lese-Token ist abgelaufen. Holen Sie dort, wo es herkam, ein neues.`,"sign_in.code":`Dieser Link lässt sich einmal öffnen, solange die Demo läuft, die ihn ausgegeben hat. Melden Sie sich mit dem an, was sie über dem Link ausgegeben hat.`,"sign_in.unknown_tenant":`Der Dienst kennt diese Client-ID mit diesem Secret nicht.`,"sign_in.unknown_key":`Der Dienst nimmt diesen Schlüssel nicht an. Er kann widerrufen oder abgelaufen sein.`,"sign_in.unknown_token":`Der Dienst nimmt dieses Token nicht an.`,"sign_in.unknown_client":`Der Dienst hat für diesen Schlüssel keinen Mandanten mit dieser Client-ID.`,"sign_in.client_needed":`Dieser Schlüssel gilt für mehrere Mandanten: Geben Sie die Client-ID eines davon ein.`,"sign_in.may_not_read":`Diese Zugangsdaten dürfen keine Historien lesen: Ihnen fehlt der Scope „read“.`,"state.loading":`Wird geladen…`,"action.retry":`Noch einmal versuchen`,"action.cancel":`Abbrechen`,"action.close":`Schließen`,"copy.json":`Kopieren`,"copy.copied":`Kopiert`,"copy.failed":`Nicht kopiert: Der Browser lehnt es ab`,"error.offline":`Sie sind offline.`,"error.unreachable":`Der Dienst antwortet nicht.`,"error.unexpected":`Etwas ist schiefgegangen: {reason}`,"error.forbidden":`Das dürfen Sie nicht sehen. Der Dienst meldet: {reason}`,"error.limited":`Es waren zu viele Anfragen; warten Sie einen Moment. Der Dienst meldet: {reason}`,"error.unavailable":`Das lässt sich gerade nicht beantworten. Der Dienst meldet: {reason}`,"error.refused":`Der Dienst lehnt das ab: {reason}`,"time.now":`gerade eben`,"size.bytes":{one:`{n} Byte`,other:`{n} Bytes`},"list.separator":`, `,"list.and":`und`,"history.title":`Historie`,"history.count":{one:`{n} Ereignis`,other:`{n} Ereignisse`},"history.record":`Datensatz {id}`,"history.file":`Datei`,"history.new":{one:`{n} neues Ereignis`,other:`{n} neue Ereignisse`},"history.end":`Hier beginnt die Historie.`,"history.empty":`Noch ist nichts geschehen`,"history.empty_text":`Ereignisse erscheinen hier, sobald die Plattform sie sendet.`,"history.no_match":`Kein Ereignis passt`,"history.no_match_text":`Entfernen Sie einen Filter, um mehr zu sehen.`,"live.on":`Live`,"live.off":`Nicht live`,"filter.title":`Filter`,"filter.words":`Wörter in Werten, Namen und Dateien suchen`,"filter.apply":`Anwenden`,"filter.clear":`Alle entfernen`,"filter.remove":`Filter {filter} entfernen`,"filter.q":`Wörter`,"filter.record_id":`Datensatz`,"filter.event_type_id":`Art`,"filter.source_type_id":`Durch`,"filter.source_id":`Quellen-ID`,"filter.source_name":`Name der Quelle`,"filter.has_file":`Dateien`,"filter.field":`Geändertes Feld`,"filter.value":`Von oder zu Wert`,"filter.event_time_from":`Ab`,"filter.event_time_to":`Vor`,"files.any":`Mit oder ohne`,"files.true":`Mit Dateien`,"files.false":`Ohne Dateien`,"period.hour":`Letzte Stunde`,"period.day":`Letzte 24 Stunden`,"period.week":`Letzte 7 Tage`,"period.month":`Letzte 30 Tage`,"facet.title":`Eingrenzen`,"facet.event_type":`Was geschah`,"facet.source_type":`Art der Quelle`,"facet.source":`Am aktivsten`,"histogram.role":`Ereignisse im Zeitverlauf`,"histogram.summary":{one:`{n} Ereignis vom {from} bis {to}`,other:`{n} Ereignisse vom {from} bis {to}`},"histogram.keys":`Pfeiltasten wählen eine Zeit, mit Umschalt einen Bereich; Enter filtert danach.`,"histogram.hint":`Zum Auswählen einer Zeit ziehen`,"histogram.failed":`Die Ereignisse konnten nicht gezählt werden.`,"views.title":`Ansichten`,"views.name":`Diese Filter merken als`,"views.save":`Merken`,"views.remove":`Ansicht {name} entfernen`,"views.hint":`Wählen Sie Filter, und merken Sie sie hier unter einem Namen. Sie bleiben in diesem Browser.`,"views.failed":`Sie wurde nicht gemerkt: Es gibt schon {n} Ansichten, oder Ihr Browser merkt sich nichts.`,"export.title":`Export`,"export.csv":`CSV`,"export.csv_text":`Für Tabellen: alle passenden Ereignisse`,"export.ndjson":`NDJSON`,"export.ndjson_text":`Für Programme: ein Ereignis je Zeile`,"export.under_way":`Bisher {size}…`,"type.record_created":`Datensatz angelegt`,"type.owner_initialized":`Verantwortliche festgelegt`,"type.owners_added":`Verantwortliche hinzugefügt`,"type.owners_removed":`Verantwortliche entfernt`,"type.assignees_added":`Zuständige hinzugefügt`,"type.assignees_removed":`Zuständige entfernt`,"type.field_values_changed":`Felder geändert`,"type.record_deleted":`Datensatz gelöscht`,"type.document_generated":`Dokument erzeugt`,"type.status_initialized":`Status festgelegt`,"type.unknown":`Art {id}`,"source.user":`Person`,"source.sequence":`Sequenz`,"source.system":`System`,"source.mcp":`KI-Agent`,"source.unknown":`Quelle der Art {id}`,"act.created":`legte den Datensatz an`,"act.deleted":`löschte den Datensatz`,"act.status":`setzte den Status auf {value}`,"act.fields":`änderte {names}`,"act.fields_many":{one:`änderte {n} Feld`,other:`änderte {n} Felder`},"act.documents":`erzeugte {names}`,"act.documents_many":{one:`erzeugte ein Dokument`,other:`erzeugte {n} Dokumente`},"act.owner_added":`machte {names} verantwortlich`,"act.owner_added_many":{one:`machte {n} Person verantwortlich`,other:`machte {n} Personen verantwortlich`},"act.owner_removed":`entband {names} von der Verantwortung`,"act.owner_removed_many":{one:`entband {n} Person von der Verantwortung`,other:`entband {n} Personen von der Verantwortung`},"act.assignee_added":`wies {names} zu`,"act.assignee_added_many":{one:`wies {n} Person zu`,other:`wies {n} Personen zu`},"act.assignee_removed":`entfernte die Zuweisung an {names}`,"act.assignee_removed_many":{one:`entfernte {n} Zuweisung`,other:`entfernte {n} Zuweisungen`},"act.other":`· {name}`,"act.other_many":`· {name} ({n}-mal)`,"event.title":`Ereignis`,"event.missing":`Dieses Ereignis gibt es nicht`,"event.missing_text":`Es kann nach einer Aufbewahrungsregel gelöscht worden sein, oder Sie dürfen es nicht sehen.`,"event.changes":`Änderungen`,"event.data":`Daten`,"event.documents":{one:`Dokument`,other:`Dokumente`},"event.details":`Einzelheiten`,"event.related":`Davor und danach an diesem Datensatz`,"event.whole_record":`Ganzer Datensatz`,"event.this":`Dieses Ereignis`,"event.raw":`JSON`,"fact.event_time":`Geschehen`,"fact.received_at":`Empfangen`,"fact.type":`Art`,"fact.record":`Datensatz`,"fact.source":`Quelle`,"fact.id":`ID {id}`,"fact.source_name":`Name`,"fact.source_info":`Weitere Angaben`,"fact.model":`Modell`,"fact.event_id":`Ereignis-ID`,"document.no_record":`Zu dieser Datei wurde beim Speichern des Ereignisses nichts festgehalten.`,"document.check":`Gespeicherte Datei prüfen`,"document.checking":`Wird geprüft…`,"document.preview":`Vorschau`,"document.download":`Herunterladen`,"document.confirmed":`Der Speicher hat noch die Datei, die mit diesem Ereignis festgehalten wurde.`,"document.there":`Der Speicher hat unter dieser ID eine Datei. Ob es die ursprüngliche ist, ist unbekannt, denn es wurde nichts von ihr festgehalten.`,"document.hash_same":`Ihr Browser hat die SHA-256 der unten gezeigten Bytes berechnet: Es ist die festgehaltene.`,"document.hash_different":`Ihr Browser hat die SHA-256 der unten gezeigten Bytes berechnet: Es ist NICHT die festgehaltene.`,"document.missing":`Der Speicher hat diese Datei nicht mehr. Hier steht, was von ihr festgehalten wurde.`,"document.changed":`Der Speicher hat jetzt eine andere Datei als die festgehaltene. Der Dienst gibt sie nicht heraus.`,"document.changed_size":`Festgehalten: {recorded}. Jetzt: {found}.`,"document.found_hash":`SHA-256 der Datei, die jetzt dort ist:`,"document.preview_of":`Vorschau von {name}`,"document.text_cut":`Nur der Anfang wird gezeigt. Laden Sie die Datei herunter, um alles zu lesen.`,"document.not_shown":`Der Browser kann diese Datei nicht als das zeigen, was ihr Typ sagt. Laden Sie sie herunter.`,"document.not_readable":`Diese Seite konnte die Datei nicht aus dem Speicher lesen; vielleicht erlaubt er es Seiten nicht. Laden Sie sie herunter.`,"record.timeline":`Was geschah`,"record.state":`Zustand`,"record.state_now":`Jetzt`,"record.state_then":`Stand {time}`,"record.as_of":`Stand`,"record.as_of_here":`Der Datensatz wie hier gezeigt`,"record.now":`Jetzt`,"record.travel_hint":`Verschieben Sie den Regler, um den Datensatz zu sehen, wie er war.`,"record.previous":`Vorige Änderung`,"record.next":`Nächste Änderung`,"record.differences":{one:`{n} Unterschied zu jetzt`,other:`{n} Unterschiede zu jetzt`},"record.first":`von`,"record.last":`bis`,"record.in_history":`In der Historie zeigen`,"record.deleted":`Gelöscht`,"record.deleted_now":`Der Datensatz ist gelöscht.`,"record.exists_now":`Den Datensatz gibt es.`,"record.status":`Status`,"record.no_status":`Kein Status`,"record.owner":`Verantwortlich`,"record.owners":`Verantwortliche`,"record.assignee":`Zuständig`,"record.assignees":`Zuständige`,"record.nobody":`Niemand`,"record.person_added":`{name} kam hinzu`,"record.person_removed":`{name} wurde entfernt`,"record.person_renamed":`Der Name ist {name}`,"record.fields":{one:`Felder`,other:`Felder`},"record.all_fields":`Alle {n} Felder zeigen`,"record.no_fields":`Keine Felder`,"record.not_yet":`Noch nicht gesetzt`,"record.document":`Dokument`,"record.documents":{one:`Dokumente ({n})`,other:`Dokumente ({n})`},"record.later_documents":{one:`{n} weiteres Dokument`,other:`{n} weitere Dokumente`},"record.unrecognised":{one:`{n} Teil der Ereignisdaten hat keine bekannte Form und ist hier nicht enthalten. Er steht in seinem Ereignis.`,other:`{n} Teile der Ereignisdaten haben keine bekannte Form und sind hier nicht enthalten. Sie stehen in ihren Ereignissen.`},"record.show_changes":{one:`Änderung zeigen`,other:`{n} Änderungen zeigen`},"record.hide_changes":{one:`Änderung verbergen`,other:`{n} Änderungen verbergen`},"record.earlier":`Frühere Ereignisse zeigen`,"record.missing":`Von diesem Datensatz ist nichts bekannt`,"record.missing_text":`Er hat keine Ereignisse, oder Sie dürfen sie nicht sehen.`,"record.before":`Der Datensatz hatte noch keine Ereignisse`,"record.before_text":`Wählen Sie eine spätere Zeit, um seinen Zustand zu sehen.`,"admin.title":`Verwaltung`,"admin.tenants":`Mandanten`,"admin.keys":`API-Schlüssel`,"admin.service":`Dienst`,"admin.refused":`Das dürfen Sie nicht sehen`,"admin.refused_text":`Dafür ist ein API-Schlüssel mit dem Scope „admin“ nötig.`,"access.choose":`Kein Mandant ist gewählt`,"access.choose_text":`Ihr Schlüssel gilt für mehrere Mandanten. Öffnen Sie die Historie eines davon.`,"access.no_read":`Sie dürfen keine Historien lesen`,"access.no_read_text":`Dafür ist der Scope „read“ nötig, den Ihr Schlüssel nicht hat.`,"value.empty":`leer`,"value.yes":`ja`,"value.no":`nein`,"value.became":`wurde zu`,"value.data":`Daten`,"value.more":{one:`und {n} weiteres`,other:`und {n} weitere`},"value.show_more":`{n} weitere Zeichen zeigen`,"embed.back":`Zurück`,"embed.refused":`Dies wird nicht mehr gezeigt: Das Lese-Token dieser Seite wird nicht angenommen. Der Dienst sagt:`,"embed.incomplete":`Diese Seite sagt nicht, was hier zu zeigen ist.`,"embed.bad_src":`Diese Seite nennt hier einen Dienst, dessen Adresse keine ist.`}},We=class{language;locale;plurals;numbers;constructor(e){this.language=e,this.locale=navigator.languages.find(t=>t.split(`-`)[0]===e)??e,this.plurals=new Intl.PluralRules(this.locale),this.numbers=new Intl.NumberFormat(this.locale)}},Ge=new Map,k=Ke(`en`);function Ke(e){let t=Ge.get(e)??new We(e);return Ge.set(e,t),t}var qe=()=>k.locale;function Je(e){e!==k.language&&(k=Ke(e))}var Ye=()=>navigator.languages.map(Xe).find(e=>e!==void 0)??`en`;function Xe(e){let t=e.split(`-`)[0]?.toLowerCase()??``;return Object.hasOwn(Ue,t)?t:void 0}function A(e,t={}){let n=Ue[k.language][e]??e;return typeof n!=`string`&&(n=k.plurals.select(Number(t.n))===`one`?n.one:n.other),n.replace(/\{(\w+)\}/g,(e,n)=>{let r=t[n];return typeof r==`number`?Ze(r):r??``})}var Ze=e=>k.numbers.format(e),Qe=e=>Object.hasOwn(Ue.en,e)?e:void 0,j=class extends O{connectedCallback(){this.context=He(this),super.connectedCallback()}performUpdate(){let e=this.context.language();e&&Je(e),super.performUpdate()}};function M(e,t){customElements.get(e)||customElements.define(e,t)}var $e=[`q`,`record_id`,`event_type_id`,`source_type_id`,`source_id`,`source_name`,`has_file`,`field`,`value`,`event_time_from`,`event_time_to`];function et(e){let[t=``,n=``]=e.replace(/^#\/?/,``).split(`?`),r=new URLSearchParams(n),[i,a]=t.split(`/`);return i===`records`&&a&&tt(a)?{view:`record`,id:a,at:rt(r.get(`at`))}:i===`events`&&a&&nt(a)?{view:`event`,id:a}:i===`tenants`?a?{view:`tenant`,id:a}:{view:`tenants`,q:r.get(`q`)??``}:i===`keys`||i===`service`?{view:i}:{view:`history`,filters:it(r),event:r.get(`event`)??void 0}}var tt=e=>/^-?\d{1,19}$/.test(e),nt=e=>/^[0-9a-f-]{36}$/i.test(e);function rt(e){let t=new Date(e??``);if(!Number.isNaN(t.getTime()))return e?.endsWith(`Z`)?e:t.toISOString()}function it(e){let t=new URLSearchParams;for(let n of $e)for(let r of e.getAll(n))r&&t.append(n,r);return t}function at(e,t){let n=new URLSearchParams(e);t&&n.set(`event`,t);let r=n.toString();return`#/history${r?`?${r}`:``}`}var ot=(e,t)=>`#/records/${e}${t===void 0?``:`?${new URLSearchParams({at:t}).toString()}`}`,N=e=>`#/events/${e}`;function st(e,t,...n){let r=new URLSearchParams(e);r.delete(t);for(let e of n)e&&r.append(t,e);return r}var ct={ATTRIBUTE:1,CHILD:2,PROPERTY:3,BOOLEAN_ATTRIBUTE:4,EVENT:5,ELEMENT:6},lt=e=>(...t)=>({_$litDirective$:e,values:t}),ut=class{constructor(e){}get _$AU(){return this._$AM._$AU}_$AT(e,t,n){this._$Ct=e,this._$AM=t,this._$Ci=n}_$AS(e,t){return this.update(e,t)}update(e,t){return this.render(...t)}},{I:dt}=Fe,ft=e=>e,pt=()=>document.createComment(``),mt=(e,t,n)=>{let r=e._$AA.parentNode,i=t===void 0?e._$AB:t._$AA;if(n===void 0)n=new dt(r.insertBefore(pt(),i),r.insertBefore(pt(),i),e,e.options);else{let t=n._$AB.nextSibling,a=n._$AM,o=a!==e;if(o){let t;n._$AQ?.(e),n._$AM=e,n._$AP!==void 0&&(t=e._$AU)!==a._$AU&&n._$AP(t)}if(t!==i||o){let e=n._$AA;for(;e!==t;){let t=ft(e).nextSibling;ft(r).insertBefore(e,i),e=t}}}return n},P=(e,t,n=e)=>(e._$AI(t,n),e),ht={},gt=(e,t=ht)=>e._$AH=t,_t=e=>e._$AH,vt=e=>{e._$AR(),e._$AA.remove()},yt=lt(class extends ut{constructor(){super(...arguments),this.key=w}render(e,t){return this.key=e,t}update(e,[t,n]){return t!==this.key&&(gt(e),this.key=t),n}}),bt=`:root,.embedded{--surface:var(--event-history-surface,light-dark(#fff,#181b21));--raised:var(--event-history-raised,light-dark(#f3f4f7,#20242c));--text:var(--event-history-text,light-dark(#1b1d23,#e8eaf0));--muted:var(--event-history-muted,light-dark(#5c6270,#a3a9b8));--line:var(--event-history-line,light-dark(#e3e5ea,#2a2f39));--line-strong:var(--event-history-line-strong,light-dark(#c9cdd6,#424957));--accent:var(--event-history-accent,light-dark(#3b5bdb,#8fa7ff));--accent-text:var(--event-history-accent-text,light-dark(#fff,#10142a));--accent-soft:var(--event-history-accent-soft,light-dark(#eaefff,#232b47));--add:var(--event-history-add,light-dark(#0b6b43,#6cd6a0));--add-soft:var(--event-history-add-soft,light-dark(#e3f5ea,#15301f));--remove:var(--event-history-remove,light-dark(#a8261c,#ff9d92));--remove-soft:var(--event-history-remove-soft,light-dark(#fdeae8,#3a1b19));--warn:var(--event-history-warn,light-dark(#7a4f00,#f1c66a));--warn-soft:var(--event-history-warn-soft,light-dark(#fff3d6,#352a10));--shadow:0 1px 2px light-dark(#1418280f,#0006), 0 8px 24px light-dark(#1418281a,#00000073);--radius:var(--event-history-radius,12px);--sans:var(--event-history-font-family,system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif);--mono:var(--event-history-code-font-family,ui-monospace, "SF Mono", "Cascadia Mono", "Roboto Mono", "DejaVu Sans Mono", monospace)}`,xt=/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g,St=e=>e.charCodeAt(0).toString(16).toUpperCase().padStart(4,`0`);function F(e){return e.replace(xt,e=>`\u2039U+${St(e)}\u203a`)}function Ct(e){return e.replace(xt,e=>`\\u${St(e).toLowerCase()}`)}function I(e,t){if(e.length<=t)return e;let n=e.charCodeAt(t-1),r=n>=55296&&n<56320?t-1:t;return`${e.slice(0,r)}…`}function L(e,t=120){return`\u2068${F(I(e,t))}\u2069`}var wt=class{source;constructor(e){this.source=e}toString(){return this.source}},Tt=(e,t,n)=>typeof t==`number`&&n?.source!==void 0&&String(t)!==n.source?new wt(n.source):t;function Et(e){return JSON.parse(e,Tt)}var R=e=>typeof e==`number`||e instanceof wt,z=e=>typeof e==`object`&&!!e&&!Array.isArray(e)&&!(e instanceof wt);function Dt(e,t=``){let n=`${t}  `;if(Array.isArray(e))return e.length===0?`[]`:`[\n${e.map(e=>n+Dt(e,n)).join(`,
`)}\n${t}]`;if(z(e)){let r=Object.entries(e);return r.length===0?`{}`:`{\n${r.map(([e,t])=>`${n}${At(e)}: ${Dt(t,n)}`).join(`,
`)}\n${t}}`}return kt(e)}function Ot(e,t=200){let n=``,r=e=>{n.length>t||(Array.isArray(e)?i(`[`,e.map(e=>[``,e]),`]`):z(e)?i(`{`,Object.entries(e).map(([e,t])=>[`${At(e)}: `,t]),`}`):n+=kt(typeof e==`string`?e.slice(0,t+1):e))},i=(e,i,a)=>{n+=e;for(let[e,[a,o]]of i.entries()){if(n.length>t)return;n+=`${e>0?`, `:``}${a}`,r(o)}n+=a};return r(e),n.length>t?`${n.slice(0,t)}…`:n}function B(e,t){if(R(e)&&R(t))return String(e)===String(t)||Number(e)===Number(t);if(Array.isArray(e)&&Array.isArray(t))return e.length===t.length&&e.every((e,n)=>B(e,t[n]??null));if(z(e)&&z(t)){let n=Object.keys(e);return n.length===Object.keys(t).length&&n.every(n=>Object.hasOwn(t,n)&&B(e[n]??null,t[n]??null))}return e===t}function kt(e){return e instanceof wt?e.source:Ct(JSON.stringify(e))}var At=e=>Ct(JSON.stringify(e)),jt=`event-history.session`,Mt,Nt=new EventTarget,Pt=()=>Mt;function Ft(e){Mt&&(Mt=void 0,sessionStorage.removeItem(jt),Nt.dispatchEvent(new CustomEvent(`changed`,{detail:e})))}function It(e){switch(e.kind){case`key`:return{"X-API-Key":e.key,...e.clientId?{"X-Client-Id":e.clientId}:{}};case`tenant`:{let t=new TextEncoder().encode(`${e.clientId}:${e.secret}`);return{Authorization:`Basic ${btoa(String.fromCharCode(...t))}`}}case`token`:return{Authorization:`Bearer ${e.token}`}}}function Lt(e){if(e.kind!==`token`)return{};try{let t=(e.token.split(`.`)[1]??``).replaceAll(`-`,`+`).replaceAll(`_`,`/`),n=atob(t),r=JSON.parse(n),i=/"record_id"\s*:\s*(-?\d+)/.exec(n)?.[1];return{...i===void 0?{}:{recordId:i},...typeof r.sub==`string`?{tenant:r.sub}:{},...typeof r.exp==`number`?{expiresAt:new Date(r.exp*1e3)}:{}}}catch{return{}}}var Rt={root:()=>new URL(`../`,document.baseURI),session:Pt,refused:Ft},zt=4,Bt=10,V=class extends Error{status;detail;retryAfter;constructor(e,t,n){super(Kt(t)||`HTTP ${e}`),this.status=e,this.detail=t,this.retryAfter=n}},Vt=class extends Error{};function Ht(e,t={},n=Rt){let r=new URL(e,n.root());return r.search=new URLSearchParams(t).toString(),r}async function Ut(e,{method:t=`GET`,body:n,signal:r,headers:i={},service:a=Rt,who:o=a.session(),clientId:s}={}){if(!o)throw new V(401,``,void 0);let c;try{let a={headers:{...It(s!==void 0&&o.kind===`key`?{...o,clientId:s}:o),...i},credentials:`omit`,redirect:`error`};c=await fetch(e,{...a,method:t,body:n??null,signal:r??null})}catch(e){throw r?.aborted?e:new Vt(String(e))}if(c.ok)return c;let l=await Gt(c);throw l.status===401&&o===a.session()&&a.refused(l.message),l}async function H(e,t={},n,r=Rt){for(let i=1;;i++)try{return Et(await(await Ut(Ht(e,t,r),{signal:n,service:r})).text())}catch(e){let t=e instanceof V?e.retryAfter:void 0;if(t===void 0||t>Bt||i===zt)throw e;await Wt(t*1e3,n)}}function Wt(e,t){return new Promise((n,r)=>{let i=()=>{clearTimeout(a),r(t?.reason)},a=setTimeout(()=>{t?.removeEventListener(`abort`,i),n()},e);t?.aborted?i():t?.addEventListener(`abort`,i,{once:!0})})}var U=e=>e instanceof DOMException&&e.name===`AbortError`;async function Gt(e){let t=Number(e.headers.get(`Retry-After`)??NaN),n=``;try{n=Et(await e.text()).detail}catch{}return new V(e.status,n,Number.isNaN(t)?void 0:t)}function Kt(e){return typeof e==`string`?e:Array.isArray(e)?e.map(e=>`${e.loc?.join(`.`)??``}: ${String(e.msg)}`).slice(0,3).join(`; `):``}var qt={user:`M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.5 20c.8-3.6 3.800-5.500 7.500-5.500s6.700 1.900 7.500 5.500`,"person-plus":`M10 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM3 20c.7-3.600 3.500-5.500 7-5.500 1.800 0 3.400.5 4.600 1.400M18.500 14.500v6M15.500 17.500h6`,"person-minus":`M10 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM3 20c.7-3.600 3.500-5.500 7-5.500 1.800 0 3.400.5 4.600 1.400M15.500 17.500h6`,repeat:`M17 3l3.500 3.500L17 10M3.500 11V9.500a3 3 0 0 1 3-3h14M7 21l-3.500-3.500L7 14M20.500 13v1.500a3 3 0 0 1-3 3h-14`,gear:`M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM12 3v2.500M12 18.500V21M3 12h2.500M18.500 12H21M5.600 5.600l1.800 1.800M16.600 16.600l1.800 1.800M5.600 18.400l1.800-1.800M16.600 7.400l1.800-1.800`,spark:`M12 3l1.900 5.600a2.500 2.500 0 0 0 1.500 1.500L21 12l-5.600 1.900a2.500 2.500 0 0 0-1.500 1.500L12 21l-1.900-5.600a2.500 2.500 0 0 0-1.500-1.500L3 12l5.600-1.900a2.500 2.500 0 0 0 1.500-1.500L12 3Z`,dot:`M12 15.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7Z`,plus:`M12 5v14M5 12h14`,pencil:`M4 20l1-4.500L16.500 4a1.800 1.800 0 0 1 2.600 0l.9.9a1.800 1.800 0 0 1 0 2.600L8.500 19 4 20ZM14.500 6l3.500 3.500`,trash:`M4 6.500h16M9 6.500V4h6v2.500M6.500 6.500l.8 13.500h9.400l.8-13.500M10 10.500v6M14 10.500v6`,flag:`M5.500 21V4M5.500 4.500h11l-2 4 2 4h-11`,file:`M13.500 3H7a1.500 1.500 0 0 0-1.500 1.500v15A1.500 1.500 0 0 0 7 21h10a1.500 1.500 0 0 0 1.500-1.500V8L13.500 3ZM13.500 3v5h5`,bookmark:`M7 4h10v16l-5-4-5 4V4Z`,search:`M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM16 16l4.500 4.500`,close:`M6 6l12 12M18 6L6 18`,down:`M6 9l6 6 6-6`,left:`M15 5l-7 7 7 7`,right:`M9 5l7 7-7 7`,up:`M12 19V6M6 11.500L12 5.500l6 6`,copy:`M9 9h10.500v11.500H9zM5.500 15H4.500V3.500H15v1`,download:`M12 4v11M7 10.500l5 5 5-5M4.500 20h15`,check:`M4.500 12.500l5 5L19.500 7`,alert:`M12 4L2.800 20h18.400L12 4ZM12 10v4.500M12 17v.5`,clock:`M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 7v5.500l3.500 2`,filter:`M4 6h16M7 12h10M10 18h4`,out:`M14 4H6.500A1.500 1.500 0 0 0 5 5.500v13A1.500 1.500 0 0 0 6.500 20H14M10.500 12H21M17.500 8.500L21 12l-3.500 3.500`,settings:`M4 7h9M17 7h3M4 17h3M11 17h9M15 9.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5ZM9 19.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5Z`,record:`M4.500 4.500h15v15h-15zM8 9h8M8 12.500h8M8 16h5`,empty:`M4 13l2.500-8h11l2.500 8v6H4v-6ZM4 13h5l1 2.500h4l1-2.500h5`,external:`M14 4h6v6M20 4l-9 9M11 5H5v14h14v-6`},W=e=>S`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">${we`<path d=${qt[e]} />`}</svg>`,G=o`
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
`,Jt=2e3;M(`eh-copy`,class extends j{static properties={text:{attribute:!1},label:{},state:{state:!0}};static styles=[G];constructor(){super(),this.text=``,this.label=``,this.state=``}render(){let e=this.state?A(`copy.${this.state}`):this.label;return S`<button @click=${this.#e}>
      ${W(this.state===`copied`?`check`:`copy`)}<span aria-live="polite">${e}</span>
    </button>`}async#e(){let e=await navigator.clipboard?.writeText(this.text).then(()=>!0,()=>!1);this.state=e?`copied`:`failed`,setTimeout(()=>this.state=``,Jt)}});var Yt=300,Xt=900,Zt=1e5;M(`eh-long-text`,class extends j{static properties={text:{attribute:!1},code:{type:Boolean},limit:{state:!0}};static styles=[G,o`
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
    `];constructor(){super(),this.text=``,this.code=!1,this.limit=0}render(){let e=this.code?Xt:Yt,t=Math.max(this.limit,e),n=this.text.length-t,r=I(this.text,t);return S`<pre tabindex=${this.code||this.limit?0:w}>${this.code?r:F(r)}</pre>
      ${n>0?S`<button class="link" @click=${()=>this.limit=t+Zt}>${A(`value.show_more`,{n:Ze(n)})}</button>`:w}`}});function Qt(e){if(e instanceof Vt)return navigator.onLine?A(`error.unreachable`):A(`error.offline`);if(!(e instanceof V))return A(`error.unexpected`,{reason:F(I(String(e),300))});let t=F(I(e.message,500));return e.status===403?A(`error.forbidden`,{reason:t}):e.status===429?A(`error.limited`,{reason:t}):e.status===503?A(`error.unavailable`,{reason:t}):A(`error.refused`,{reason:t})}var $t=(e,t)=>S`<div class="notice bad" role="alert">
    ${W(`alert`)}
    <div>${Qt(e)} <button class="link" @click=${t}>${A(`action.retry`)}</button></div>
  </div>`,en=(e,t,n,r)=>S`<div class="blank">${W(e)}<strong>${t}</strong><p>${n}</p>${r??w}</div>`,tn=e=>S`<div role="status">
    <span class="hidden">${A(`state.loading`)}</span>
    ${Array.from({length:e},()=>S`<div class="skeleton bar"></div>`)}
  </div>`,nn=new Map;function rn(e,t){let n=`${qe()} ${e}`,r=nn.get(n);return r||(r=new Intl.DateTimeFormat(qe(),t),nn.set(n,r)),r}function K(e){let[t=``,n=``]=e.replace(`Z`,``).split(`.`);return`${t}.${n.padEnd(6,`0`)}`}var q=e=>rn(`local`,{dateStyle:`medium`,timeStyle:`medium`}).format(new Date(e)),an=e=>rn(`clock`,{timeStyle:`medium`}).format(new Date(e)),on=e=>rn(`day`,{weekday:`long`,day:`numeric`,month:`long`,year:`numeric`}).format(new Date(e));function sn(e){let t=new Date(e);return`${t.getFullYear()}-${t.getMonth()}-${t.getDate()}`}var cn=e=>`${e.replace(`T`,` `).replace(`Z`,``)} UTC`,ln=36e5;function un(e,t=Date.now()){let n=t-Date.parse(e);if(!(n>-5e3&&n<24*ln))return;if(n<6e4)return A(`time.now`);let r=new Intl.RelativeTimeFormat(qe(),{numeric:`always`});return n<ln?r.format(-Math.floor(n/6e4),`minute`):r.format(-Math.floor(n/ln),`hour`)}var dn=[`byte`,`kilobyte`,`megabyte`,`gigabyte`,`terabyte`];function fn(e){if(e<1e3)return A(`size.bytes`,{n:e});let[t,n]=[e,0];for(;t>=1e3&&n<dn.length-1;)[t,n]=[t/1e3,n+1];let r={style:`unit`,unit:dn[n],maximumSignificantDigits:3};return new Intl.NumberFormat(qe(),r).format(t)}var pn=e=>e<1e3?fn(e):`${fn(e)} (${A(`size.bytes`,{n:e})})`;function mn(e){let t=new Date(e);if(Number.isNaN(t.getTime()))return``;let n=e=>String(e).padStart(2,`0`);return`${`${String(t.getFullYear()).padStart(4,`0`)}-${n(t.getMonth()+1)}-${n(t.getDate())}`}T${n(t.getHours())}:${n(t.getMinutes())}:${n(t.getSeconds())}`}function hn(e){let t=new Date(e);return Number.isNaN(t.getTime())?void 0:t.toISOString()}function J(e){let t=un(e);return S`<time datetime=${e} title=${t===void 0?cn(e):`${q(e)}\n${cn(e)}`}>${t??q(e)}</time>`}function gn(e){return S`<time datetime=${e} title=${`${q(e)}\n${cn(e)}`}>${un(e)??an(e)}</time>`}var _n=e=>S`<time datetime=${e}>${q(e)}</time><br /><span class="muted utc">${cn(e)}</span>`,vn=3e4,yn=class{host;#e;constructor(e){this.host=e,e.addController(this)}hostConnected(){this.#e=setInterval(()=>this.host.requestUpdate(),vn)}hostDisconnected(){clearInterval(this.#e)}},bn=600,xn=2e4,Sn=e=>e.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu)??[];function Cn(e,t){if(e.length>xn||t.length>xn)return;let[n,r]=[Sn(e),Sn(t)],i=0;for(;i<n.length&&i<r.length&&n[i]===r[i];)i++;let a=0;for(;a<n.length-i&&a<r.length-i&&n.at(-1-a)===r.at(-1-a);)a++;let[o,s]=[n.slice(i,n.length-a),r.slice(i,r.length-a)];if(o.length>bn||s.length>bn)return;let c=[];return Y(c,`same`,n.slice(0,i)),wn(o,s,c),Y(c,`same`,n.slice(n.length-a)),c.filter(e=>e.kind===`same`).reduce((e,t)=>e+t.text.trim().length,0)*3>=Math.max(e.length,t.length)?c:void 0}function wn(e,t,n){let r=t.length+1,i=new Uint16Array((e.length+1)*r);for(let n=e.length-1;n>=0;n--)for(let a=t.length-1;a>=0;a--)i[n*r+a]=e[n]===t[a]?(i[(n+1)*r+a+1]??0)+1:Math.max(i[(n+1)*r+a]??0,i[n*r+a+1]??0);let[a,o]=[0,0];for(;a<e.length&&o<t.length;)e[a]===t[o]?(Y(n,`same`,[e[a]??``]),a++,o++):(i[(a+1)*r+o]??0)>=(i[a*r+o+1]??0)?Y(n,`old`,[e[a++]??``]):Y(n,`new`,[t[o++]??``]);Y(n,`old`,e.slice(a)),Y(n,`new`,t.slice(o))}function Y(e,t,n){if(n.length===0)return;let r=e.at(-1);r?.kind===t?r.text+=n.join(``):e.push({kind:t,text:n.join(``)})}var Tn=300,X=50,En=o`
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
`;function Z(e){if(e==null||e===``)return S`<span class="value none">${A(`value.empty`)}</span>`;if(typeof e==`boolean`)return S`<span class="value">${A(e?`value.yes`:`value.no`)}</span>`;if(R(e))return S`<span class="value number">${String(e)}</span>`;if(typeof e==`string`)return e.length>Tn?S`<eh-long-text .text=${e}></eh-long-text>`:S`<span class="value">${F(e)}</span>`;if(Array.isArray(e)&&e.every(e=>typeof e!=`object`||e instanceof wt)){if(e.length===0)return S`<span class="value none">${A(`value.empty`)}</span>`;let t=e.length-X;return S`${Nn(e.slice(0,X).map(Z))}${t>0?S` <span class="muted">${A(`value.more`,{n:t})}</span>`:w}`}return S`<eh-long-text code .text=${Dt(e)}></eh-long-text>`}function Dn(e,t){if(e===void 0)return S`<ins>${Z(t)}</ins>`;if(typeof e==`string`&&typeof t==`string`&&e&&t){let n=Cn(e,t);if(n)return S`<span class="value">${n.map(kn)}</span>`}return R(e)&&R(t)?S`${On(e,t)}${jn(e,t)}`:Array.isArray(e)&&Array.isArray(t)&&e.length<=X&&t.length<=X?Mn(e,t):z(e)&&z(t)?Pn(e,t):On(e,t)}var On=(e,t)=>S`<del>${Z(e)}</del><span class="arrow" aria-label=${A(`value.became`)}>→</span><ins>${Z(t)}</ins>`;function kn({kind:e,text:t}){let n=e===`same`?An(t):F(I(t,2e3));return e===`same`?S`${n}`:e===`old`?S`<del>${n}</del>`:S`<ins>${n}</ins>`}function An(e){return e.length<=400?F(e):`${F(I(e,160))} ${F(e.slice(-160))}`}function jn(e,t){let[n,r]=[Number(e),Number(t)],i=r-n;if(!Number.isFinite(i)||i===0||Math.max(Math.abs(n),Math.abs(r))>0xe8d4a51000)return w;let a=Math.max(...[e,t].map(e=>String(e).split(`.`)[1]?.length??0)),o=Number(i.toFixed(Math.min(a,10)));return S`<span class="delta">${o>0?`+`:`−`}${Ze(Math.abs(o))}</span>`}function Mn(e,t){let n=e.filter(e=>!t.some(t=>B(e,t))),r=t.filter(t=>!e.some(e=>B(t,e))),i=t.filter(t=>e.some(e=>B(t,e)));return n.length+r.length===0?On(e,t):Nn([...i.map(e=>Z(e)),...n.map(e=>S`<del>${Z(e)}</del>`),...r.map(e=>S`<ins>${Z(e)}</ins>`)])}var Nn=e=>S`${e.map((e,t)=>t===0?e:S`<span class="muted">, </span>${e}`)}`;function Pn(e,t){let n=[...new Set([...Object.keys(e),...Object.keys(t)])].filter(n=>!(n in e&&n in t&&B(e[n]??null,t[n]??null)));return n.length===0?On(e,t):S`<div class="members">
    ${n.slice(0,X).map(n=>S`<div>
        <span class="name text">${F(I(n,200))}:</span>
        ${n in t?n in e?On(e[n]??null,t[n]??null):S`<ins>${Z(t[n])}</ins>`:S`<del>${Z(e[n])}</del>`}
      </div>`)}
    ${n.length>X?S`<div class="muted">${A(`value.more`,{n:n.length-X})}</div>`:w}
  </div>`}var Fn=e=>{if(!z(e))return!1;let t=Object.values(e);return t.length>0&&t.length<=X&&t.every(e=>typeof e!=`object`||!e||R(e))},In=e=>S`<div class="members">
    ${Object.entries(e).map(([e,t])=>S`<div><span class="name text">${F(I(e,200))}:</span> ${Z(t)}</div>`)}
  </div>`;function Ln(e,t=200){let n=e.length-t;return S`<dl>
      ${e.slice(0,t).map(Rn)}
    </dl>
    ${n>0?S`<p class="muted">${A(`value.more`,{n})}</p>`:w}`}function Rn(e){let t=(e,t)=>S`<div class="change"><dt class="text">${e}</dt><dd>${t}</dd></div>`,n=e=>Z(e);switch(e.kind){case`field`:return t(F(I(e.label,200)),Dn(e.old,e.new));case`status`:return t(A(`record.status`),Dn(void 0,e.value));case`person`:return t(A(e.role===`owner`?`record.owner`:`record.assignee`),e.added?S`<ins>${n(e.name)}</ins>`:S`<del>${n(e.name)}</del>`);case`document`:return t(A(`record.document`),n(e.name||e.fileId));case`other`:return t(A(`value.data`),Fn(e.item)?In(e.item):Z(e.item))}}var zn={owner_initialized:{role:`owner`,added:!0},owners_added:{role:`owner`,added:!0},owners_removed:{role:`owner`,added:!1},assignees_added:{role:`assignee`,added:!0},assignees_removed:{role:`assignee`,added:!1}};function Bn(e){return e.event_data.map(t=>Vn(e.event_type??``,t))}function Vn(e,t){let n={kind:`other`,item:t};if(!z(t))return n;let{field:r,label:i,id:a,name:o,file_id:s}=t,c=zn[e];return c&&(R(a)||typeof a==`string`)&&typeof o==`string`?{kind:`person`,...c,id:String(a),name:o}:typeof r==`string`&&`new`in t?{kind:`field`,field:r,label:typeof i==`string`&&i?i:r,old:t.old,new:t.new??null}:e===`status_initialized`&&`status`in t?{kind:`status`,value:t.status??null}:typeof s==`string`&&e===`document_generated`?{kind:`document`,fileId:s,name:typeof o==`string`?o:``}:n}function Hn(e){let t=e.files?.length?e.files:e.file?[e.file]:[],n=new Map;for(let t of Bn(e))t.kind===`document`&&t.name&&n.set(t.fileId,t.name);let r=(e,t)=>({fileId:e,name:n.get(e)??t?.file_name??``,record:t}),i=t.map(e=>r(e.file_id,e)),a=new Set(i.map(e=>e.fileId));return e.file_id&&!a.has(e.file_id)&&i.unshift(r(e.file_id)),i}var Un=2e6,Wn=5e7,Gn=2e5,Kn=/^image\/(png|jpeg|gif|webp|avif|bmp)$/,qn=/^(text\/.*|application\/(json|xml|x-ndjson|yaml|csv|javascript|.*\+(json|xml))|image\/svg\+xml)$/,Jn=class extends j{static properties={eventId:{attribute:!1},recordId:{attribute:!1},file:{attribute:!1},auto:{type:Boolean},check:{state:!0},preview:{state:!0},hash:{state:!0},busy:{state:!0}};#e=new AbortController;static styles=[G,o`
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
    `];constructor(){super(),this.eventId=``,this.recordId=``,this.auto=!1,this.busy=!1}connectedCallback(){super.connectedCallback(),this.#e=new AbortController}disconnectedCallback(){super.disconnectedCallback(),this.#l()}willUpdate(e){let t=e.get(`file`);e.has(`file`)&&t?.fileId!==this.file.fileId&&(t&&this.#l(),this.#e=new AbortController,this.auto&&this.#i())}render(){let{fileId:e,name:t,record:n}=this.file,r=[n&&fn(n.size_bytes),n?.content_type&&L(n.content_type,80)].filter(Boolean);return S`<div class="card" part="document">
      <div class="head">
        <span class="mark">${W(`file`)}</span>
        <div>
          <div class="name text">${t?F(I(t,300)):S`<span class="mono">${e}</span>`}</div>
          <div class="muted">${r.length?r.join(` · `):A(`document.no_record`)}</div>
          ${n?.sha256?S`<div class="mono muted sha">SHA-256 ${n.sha256}</div>`:w}
        </div>
      </div>
      ${this.#t()}
      <div class="actions">
        ${this.check?.state===`confirmed`?w:S`<button ?disabled=${this.busy} @click=${()=>void this.#a()}>${W(`check`)}${A(this.busy?`document.checking`:`document.check`)}</button>`}
        ${this.#r()&&!this.preview?S`<button ?disabled=${this.busy} @click=${()=>void this.#s()}>${A(`document.preview`)}</button>`:w}
        <button ?disabled=${this.busy} @click=${()=>void this.#o()}>${W(`download`)}${A(`document.download`)}</button>
      </div>
      ${this.#n()}
    </div>`}#t(){let e=this.check;if(!e)return w;let t=this.file.record;switch(e.state){case`confirmed`:return S`<div class="notice ${this.hash===`different`?`bad`:`good`}" role="status">
          ${W(this.hash===`different`?`alert`:`check`)}
          <div>
            <p>${A(t?`document.confirmed`:`document.there`)}</p>
            ${this.hash?S`<p>${A(`document.hash_${this.hash}`)}</p>`:w}
          </div>
        </div>`;case`missing`:return S`<div class="notice bad" role="alert">${W(`alert`)}<div><p>${A(`document.missing`)}</p></div></div>`;case`changed`:return S`<div class="notice bad" role="alert">
          ${W(`alert`)}
          <div>
            <p>${A(`document.changed`)}</p>
            ${e.found&&t&&e.found.size_bytes!==t.size_bytes?S`<p>${A(`document.changed_size`,{recorded:pn(t.size_bytes),found:pn(e.found.size_bytes)})}</p>`:w}
            ${e.found?.sha256?S`<p>${A(`document.found_hash`)} <span class="mono">${e.found.sha256}</span></p>`:w}
          </div>
        </div>`;case`failed`:return S`<div class="notice warn" role="alert">${W(`alert`)}<div>${Qt(e.error)}</div></div>`}}#n(){let e=this.preview;if(!e)return w;let t=this.file.name?L(this.file.name):this.file.fileId;return S`<div class="preview">${(()=>{switch(e.kind){case`image`:return S`<img src=${e.url} alt=${A(`document.preview_of`,{name:t})} @error=${()=>this.preview={kind:`failed`,reason:`document.not_shown`}} />`;case`pdf`:return S`<iframe src=${e.url} title=${A(`document.preview_of`,{name:t})}></iframe>`;case`text`:return S`<pre tabindex="0">${F(e.text.slice(0,Gn))}</pre>${e.text.length>Gn?S`<p>${A(`document.text_cut`)}</p>`:w}`;case`failed`:return S`<p role="status">${A(e.reason)}</p>`}})()}</div>`}#r(){let e=(this.file.record?.content_type??``).split(`;`)[0]?.trim().toLowerCase()??``;if(!((this.file.record?.size_bytes??0)>Wn))return Kn.test(e)?`image`:e===`application/pdf`&&navigator.pdfViewerEnabled?`pdf`:qn.test(e)?`text`:void 0}async#i(){let e=await this.#a();e&&this.#r()&&(this.file.record?.size_bytes??0)<=Un&&await this.#s(e)}async#a(e=`inline`){this.busy=!0;let{signal:t}=this.#e;try{let{download_url:n}=await H(`api/history/events/${encodeURIComponent(this.eventId)}/file`,{file_id:this.file.fileId,disposition:e},t,this.context.service);return this.check={state:`confirmed`},n}catch(e){if(U(e)||t.aborted)return;this.check=Yn(e);return}finally{this.busy=!1}}async#o(){if(!this.context.mayOpen({event:this.eventId,record:this.recordId,file:this.file.fileId}))return;let e=await this.#a(`attachment`);if(!e)return;let t=document.createElement(`a`);t.href=e,t.rel=`noreferrer`,t.click()}async#s(e){let t=e??await this.#a(),n=this.#r();if(!t||!n)return;let{signal:r}=this.#e;this.busy=!0;try{let e=await fetch(t,{signal:r,credentials:`omit`,referrerPolicy:`no-referrer`});if(!e.ok)throw Error(`HTTP ${e.status}`);let i=await e.arrayBuffer();await this.#c(i),r.aborted||(this.preview=Xn(n,i,this.file.record?.content_type??``))}catch{r.aborted||(this.preview={kind:`failed`,reason:`document.not_readable`})}finally{this.busy=!1}}async#c(e){let t=this.file.record?.sha256;if(!t||!globalThis.crypto?.subtle)return;let n=new Uint8Array(await crypto.subtle.digest(`SHA-256`,e)),r=Array.from(n,e=>e.toString(16).padStart(2,`0`)).join(``);this.hash=r===t?`same`:`different`}#l(){this.#e.abort(),this.preview&&`url`in this.preview&&URL.revokeObjectURL(this.preview.url),[this.check,this.preview,this.hash]=[void 0,void 0,void 0]}};function Yn(e){let t=e instanceof V&&e.status===409&&Array.isArray(e.detail)?e.detail[0]:void 0;return t?{state:t.type===`file_missing`?`missing`:`changed`,found:t.found}:{state:`failed`,error:e}}function Xn(e,t,n){if(e===`text`)return{kind:e,text:new TextDecoder().decode(t)};let r=e===`pdf`?`application/pdf`:n.split(`;`)[0]??``;return{kind:e,url:URL.createObjectURL(new Blob([t],{type:r}))}}M(`eh-document`,Jn);var Zn=4,Q=120;function Qn(e){let t=Bn(e);return{id:e.event_id,time:e.event_time,order:`${K(e.event_time)} ${e.event_id}`,day:sn(e.event_time),type:e.event_type,typeId:e.event_type_id,recordId:String(e.record_id),source_type_id:e.source_type_id,source_id:String(e.source_id),source_type:e.source_type,source_name:I(e.source_name,Q),source_info:I(e.source_info,Q),changes:t.slice(0,Zn).map($n),more:Math.max(0,t.length-Zn),files:Hn(e).slice(0,Zn).map(e=>I(e.name,Q))}}function $n(e){switch(e.kind){case`field`:return{...e,field:``,label:I(e.label,Q),old:null,new:null};case`person`:return{...e,id:``,name:I(e.name,Q)};case`document`:return{...e,fileId:``,name:I(e.name,Q)};case`status`:return{...e,value:typeof e.value==`string`?I(e.value,Q):null};case`other`:return{kind:`other`,item:null}}}var er=3,tr={record_created:`plus`,owner_initialized:`person-plus`,owners_added:`person-plus`,owners_removed:`person-minus`,assignees_added:`person-plus`,assignees_removed:`person-minus`,field_values_changed:`pencil`,record_deleted:`trash`,document_generated:`file`,status_initialized:`flag`},nr=e=>tr[e??``]??`dot`;function rr(e,t){let n=Qe(`type.${e??``}`);return n?A(n):e?L(e.replaceAll(`_`,` `),60):A(`type.unknown`,{id:String(t)})}function ir(e){return ar([e]).join(A(`list.separator`))}function ar(e){let t=[],n=new Map,r=[],i=new Map,a=[];for(let o of e){let{type:e,typeId:s,changes:c,files:l}=o;e===`record_created`?a.push(A(`act.created`)):e===`record_deleted`&&a.push(A(`act.deleted`));let u=t.length+r.length+n.size+a.length;for(let i of c)if(i.kind===`field`&&e!==`record_created`)t.push(i.label);else if(i.kind===`status`)a.push(A(`act.status`,{value:sr(i.value)}));else if(i.kind===`document`)r.push(i.name);else if(i.kind===`person`){let e=`${i.role}_${i.added?`added`:`removed`}`;n.set(e,[...n.get(e)??[],i.name])}for(let n=0;n<o.more&&e===`field_values_changed`;n++)t.push(``);if(e===`document_generated`&&r.length===0&&r.push(...l.length?l:[``]),t.length+r.length+n.size+a.length===u&&e!==`record_created`&&e!==`record_deleted`){let t=rr(e,s);i.set(t,(i.get(t)??0)+1)}}t.length&&a.push(or(`act.fields`,`act.fields_many`,t));for(let[e,t]of n)a.push(or(`act.${e}`,`act.${e}_many`,t));r.length&&a.push(or(`act.documents`,`act.documents_many`,r));for(let[e,t]of i)a.push(t===1?A(`act.other`,{name:e}):A(`act.other_many`,{name:e,n:t}));return a}function or(e,t,n){let r=[...new Set(n)];if(r.length>er||r.includes(``))return A(t,{n:r.includes(``)?n.length:r.length});let i=r.map(e=>L(e,48)),a=i.pop()??``;return A(e,{names:i.length?`${i.join(`, `)} ${A(`list.and`)} ${a}`:a})}var sr=e=>L(typeof e==`string`?e:Ot(e,48),48),cr={user:`user`,sequence:`repeat`,system:`gear`,mcp:`spark`};function lr(e){let t=Qe(`source.${e.source_type??``}`);return t?A(t):e.source_type?L(e.source_type,60):A(`source.unknown`,{id:String(e.source_type_id)})}function $(e){return e.source_name?L(e.source_name,60):`${lr(e)} ${e.source_id.toString()}`}function ur(e){return e.source_info?`${$(e)} (${L(e.source_info,80)})`:$(e)}var dr=(e,t)=>e.source_type_id===t.source_type_id&&e.source_id.toString()===t.source_id.toString()&&e.source_name===t.source_name,fr=e=>cr[e??``]??`dot`,pr=e=>S`<span class="avatar" data-kind=${e.source_type??``} aria-hidden="true">${W(fr(e.source_type))}</span>`,mr=3;M(`eh-event`,class extends j{static properties={eventId:{attribute:!1},panel:{type:Boolean},event:{state:!0},related:{state:!0},error:{state:!0}};#e=new AbortController;static styles=[G,En,o`
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
    `];constructor(){super(),this.eventId=``,this.panel=!1}disconnectedCallback(){super.disconnectedCallback(),this.#e.abort()}willUpdate(e){e.has(`eventId`)&&this.#i()}updated(e){e.has(`event`)&&this.event&&this.context.takesFocus()&&this.renderRoot.querySelector(`h1`)?.focus({preventScroll:this.panel})}render(){if(this.error instanceof V&&this.error.status===404)return S`${this.#t()}${en(`empty`,A(`event.missing`),A(`event.missing_text`))}`;if(this.error)return S`${this.#t()}${$t(this.error,()=>void this.#i())}`;let e=this.event;if(!e)return S`${this.#t()}${tn(10)}`;let t=Hn(e),n=Bn(e).filter(e=>e.kind!==`document`),r=Dt(e);return S`<article>
      <header>
        <span class="mark">${W(nr(e.event_type))}</span>
        <div>
          <h1 tabindex="-1" part="title" aria-level=${this.context.isEmbedded?2:w}>${rr(e.event_type,e.event_type_id)}</h1>
          <div class="by">
            ${pr(e)}<span>${$(e)}</span>
            <span>· <a href=${ot(String(e.record_id))}>${A(`history.record`,{id:String(e.record_id)})}</a></span>
            <span>· ${J(e.event_time)}</span>
          </div>
        </div>
        ${this.#t()}
      </header>
      ${n.length?S`<section part="section"><h2>${A(n.some(e=>e.kind!==`other`)?`event.changes`:`event.data`)}</h2><div class="card">${Ln(n)}</div></section>`:w}
      ${t.length?S`<section part="section">
            <h2>${A(`event.documents`,{n:t.length})}</h2>
            ${t.map((t,n)=>S`<eh-document exportparts="document" .eventId=${e.event_id} .recordId=${String(e.record_id)} .file=${t} ?auto=${n<3}></eh-document>`)}
          </section>`:w}
      <section part="section"><h2>${A(`event.details`)}</h2><div class="card">${this.#n(e)}</div></section>
      ${this.#r(e)}
      <section class="raw" part="section">
        <h2>${A(`event.raw`)}<eh-copy .text=${r} label=${A(`copy.json`)}></eh-copy></h2>
        <eh-long-text code .text=${r}></eh-long-text>
      </section>
    </article>`}#t(){return this.panel?S`<button class="plain" aria-label=${A(`action.close`)} title=${A(`action.close`)} @click=${()=>this.dispatchEvent(new CustomEvent(`close`))}>${W(`close`)}</button>`:w}#n(e){let t=(e,t)=>S`<dt>${e}</dt><dd>${t}</dd>`,n=e=>e?S`<eh-long-text .text=${e}></eh-long-text>`:S`<span class="muted">–</span>`;return S`<dl class="facts">
      ${t(A(`fact.event_time`),_n(e.event_time))}
      ${e.received_at?t(A(`fact.received_at`),_n(e.received_at)):w}
      ${t(A(`fact.type`),S`${rr(e.event_type,e.event_type_id)} <span class="muted">· ${F(e.event_type??``)} (${e.event_type_id})</span>`)}
      ${t(A(`fact.record`),S`<a href=${ot(String(e.record_id))}>${String(e.record_id)}</a>`)}
      ${t(A(`fact.source`),S`${lr(e)} <span class="muted">(${e.source_type_id}) · ${A(`fact.id`,{id:String(e.source_id)})}</span>`)}
      ${t(A(`fact.source_name`),n(e.source_name))}
      ${t(A(e.source_type===`mcp`?`fact.model`:`fact.source_info`),n(e.source_info))}
      ${t(A(`fact.event_id`),S`<span class="mono">${e.event_id}</span>`)}
    </dl>`}#r(e){return this.related?.some(t=>t.event_id!==e.event_id)?S`<section class="related" part="section">
      <h2>${A(`event.related`)}<a href=${ot(String(e.record_id))}>${A(`event.whole_record`)}</a></h2>
      <ul class="card">
        ${this.related.map(t=>{let n=ir(Qn(t));return t.event_id===e.event_id?S`<li class="this">${W(`dot`)}<span>${A(`event.this`)}</span></li>`:S`<li><a href=${N(t.event_id)} data-record=${String(t.record_id)}>${W(nr(t.event_type))}<span class="line">${$(t)} ${n}</span>${J(t.event_time)}</a></li>`})}
      </ul>
    </section>`:w}async#i(){this.#e.abort(),this.#e=new AbortController;let{signal:e}=this.#e;[this.event,this.related,this.error]=[void 0,void 0,void 0];try{let t=await H(`api/history/events/${encodeURIComponent(this.eventId)}`,{},e,this.context.service);this.event=t,this.related=await this.#a(t,e)}catch(t){U(t)||e.aborted||this.event||(this.error=t)}}async#a(e,t){let n=n=>H(`api/history/events`,{record_id:String(e.record_id),count:`none`,...n},t,this.context.service),[r,i]=await Promise.all([n({event_time_from:e.event_time,ordering:`event_time`,limit:`4`}),n({event_time_to:e.event_time,limit:String(mr)})]);return[...r.results.filter(t=>t.event_id!==e.event_id).slice(0,mr).reverse(),e,...i.results]}});var hr=6e4,gr=1e3,_r=3e4;async function vr(e){let{service:t,filters:n,signal:r,onState:i,onRefused:a}=e,o=gr;for(;!r.aborted;){try{let a=new AbortController,s=AbortSignal.any([r,a.signal]),c=new URLSearchParams(n);c.set(`after`,e.after);let l=await Ut(Ht(`api/history/stream`,c,t),{signal:s,service:t});i(!0),o=gr,await yr(l,a,(t,n)=>{e.after=t,n&&e.onEvent(Et(n))})}catch(e){if(r.aborted)return;if(e instanceof V&&e.status===400)return a();if(e instanceof V&&[401,403,422].includes(e.status))return i(!1);U(e)||(o=Math.min(o*2,_r))}i(!1),await Wt(o,r).catch(()=>void 0)}}async function yr(e,t,n){let r=e.body.pipeThrough(new TextDecoderStream).getReader(),i,a=[],[o,s]=[``,``];try{for(;;){clearTimeout(i),i=setTimeout(()=>t.abort(),hr);let{value:e,done:c}=await r.read();if(c)return;if(!e.includes(`
`)){a.push(e);continue}let l=(a.splice(0).join(``)+e).split(`
`);a.push(l.pop()??``);for(let e of l)e.startsWith(`id: `)?o=e.slice(4):e.startsWith(`data: `)?s=e.slice(6):e===``&&o&&(n(o,s),s=``)}}finally{clearTimeout(i),await r.cancel().catch(()=>void 0)}}var br=`50`,xr=class{id;service;onChange;now;then;diff;error;events=[];eventsError;loading=!1;complete=!1;newCount=0;#e;#t=new AbortController;#n=new AbortController;#r=new AbortController;#i;constructor(e,t,n){this.id=e,this.service=t,this.onChange=n}async start(e){this.#c();let t=this.#s(async e=>{this.now=await this.#a(this.#o(),{},e)});await Promise.all([t,this.more()]),await this.show(e)}async show(e){this.#n.abort(),this.#n=new AbortController;let{signal:t}=this.#n;if(e===void 0)return[this.then,this.diff]=[this.now,void 0],this.onChange();await this.#s(async()=>{let[n,r]=await Promise.all([this.#a(this.#o(),{at:e},t).catch(e=>{if(e instanceof V&&e.status===404)return null;throw e}),this.#a(`${this.#o()}/diff`,{from:e},t)]);t.aborted||([this.then,this.diff]=[n,r])})}async more(){if(!(this.loading||this.complete)){this.loading=!0,this.eventsError=void 0,this.onChange();try{let e=this.#e?{cursor:this.#e}:{},t=await this.#a(`api/history/events`,{record_id:this.id,count:`none`,limit:br,...e});this.events=[...this.events,...t.results],this.#e=t.next_cursor??void 0,this.complete=this.#e===void 0}catch(e){if(U(e)||this.#t.signal.aborted)return;this.eventsError=e}this.loading=!1,this.onChange()}}async neighbour(e,t){let n=e??this.now?.last_event?.event_time??``,r=t===`before`?{event_time_to:n}:{event_time_from:Sr(n),ordering:`event_time`};return(await this.#a(`api/history/events`,{record_id:this.id,count:`none`,limit:`1`,...r})).results[0]?.event_time}setVisible(e){this.#r.abort(),e&&this.#i&&!this.#t.signal.aborted&&(this.#r=new AbortController,this.#i.signal=this.#r.signal,vr(this.#i))}stop(){this.#t.abort(),this.#n.abort(),this.#r.abort()}#a(e,t,n=this.#t.signal){return H(e,t,n,this.service)}#o(){return`api/history/records/${this.id}`}async#s(e){try{await e(this.#t.signal),this.error=void 0}catch(e){if(U(e)||this.#t.signal.aborted)return;this.error=e}this.onChange()}async#c(){try{let{cursor:e}=await this.#a(`api/history/feed`,{after:`latest`,limit:`1`});this.#i={service:this.service,filters:new URLSearchParams({record_id:this.id}),after:e,signal:this.#t.signal,onEvent:()=>{this.newCount++,this.onChange()},onState:()=>void 0,onRefused:()=>void 0},this.setVisible(!document.hidden)}catch{}}};function Sr(e){let t=Number(K(e).slice(-3))+1,n=Date.parse(e);return Number.isNaN(n)?e:`${new Date(n+ +(t===1e3)).toISOString().slice(0,-1)}${String(t%1e3).padStart(3,`0`)}Z`}var Cr=40;M(`eh-record-state`,class extends j{static properties={record:{attribute:!1},diff:{attribute:!1},all:{state:!0}};static styles=[G,En,o`
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
    `];constructor(){super(),this.all=!1}render(){let{record:e,diff:t}=this,n=this.all?e.fields:e.fields.slice(0,Cr),r=t?.fields.filter(e=>e.is_new)??[];return S`<div class="card">
      ${t?.exists?S`<section>${this.#r(A(t.exists.new?`record.exists_now`:`record.deleted_now`))}</section>`:w}
      <section>
        <h2>${A(`record.status`)}</h2>
        ${e.status?S`<div class="status">${Z(e.status.value)}</div>${this.#n(e.status.event)}`:S`<span class="muted">${A(`record.no_status`)}</span>`}
        ${t?.status?this.#r(Z(t.status.new)):w}
      </section>
      ${this.#e(A(`record.owners`),e.owners,t?.owners??[])} ${this.#e(A(`record.assignees`),e.assignees,t?.assignees??[])}
      <section>
        <h2>${A(`record.fields`,{n:e.fields.length})}</h2>
        ${n.map(e=>{let n=t?.fields.find(t=>t.field===e.field);return S`<div class="field">
            <div class="label text">${F(I(e.label||e.field,200))}</div>
            <div>${Z(e.value)}</div>
            ${this.#n(e.event)} ${n?this.#r(Dn(e.value,n.new)):w}
          </div>`})}
        ${n.length<e.fields.length?S`<button class="link" @click=${()=>this.all=!0}>${A(`record.all_fields`,{n:e.fields.length})}</button>`:w}
        ${r.map(e=>S`<div class="field"><div class="label text">${F(I(e.label||e.field,200))}</div><div class="muted">${A(`record.not_yet`)}</div>${this.#r(Dn(void 0,e.new))}</div>`)}
        ${e.fields.length+r.length===0?S`<span class="muted">${A(`record.no_fields`)}</span>`:w}
      </section>
      ${this.#t()}
      ${e.unrecognised_count>0?S`<section class="muted">${A(`record.unrecognised`,{n:e.unrecognised_count})}</section>`:w}
    </div>`}#e(e,t,n){return t.length+n.length===0?w:S`<section>
      <h2>${e}</h2>
      ${t.length?S`<div class="people">${t.map(e=>S`<span class="person"><span class="avatar">${W(`user`)}</span><span class="text">${F(I(e.name||String(e.id),120))}</span></span>`)}</div>`:S`<span class="muted">${A(`record.nobody`)}</span>`}
      ${n.map(e=>this.#r(S`${A(`record.person_${e.change}`,{name:L(e.name||String(e.id))})}`))}
    </section>`}#t(){let{record:e,diff:t}=this,n=t?.document_count??0;return e.document_count+n===0?w:S`<section class="documents">
      <h2>${A(`record.documents`,{n:e.document_count})}</h2>
      ${e.documents.map(e=>S`<a href=${N(e.event.event_id)} data-file=${e.file_id}>${W(`file`)}<span><span class="text">${e.name?F(I(e.name,200)):e.file_id}</span><br /><span class="by">${J(e.event.event_time)}</span></span></a>`)}
      ${e.documents.length<e.document_count?S`<p class="muted">${A(`value.more`,{n:e.document_count-e.documents.length})}</p>`:w}
      ${n>0?this.#r(S`${A(`record.later_documents`,{n})}`):w}
    </section>`}#n(e){return S`<div class="by"><a href=${N(e.event_id)}>${$(e)}, ${J(e.event_time)}</a></div>`}#r(e){return S`<div class="since"><b>${A(`record.now`)}</b>${e}</div>`}});var wr=12e4,Tr=8,Er=class extends j{static properties={events:{attribute:!1},at:{},opened:{state:!0}};static styles=[G,En,o`
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
    `];constructor(){super(),this.events=[],this.at=``,this.opened=new Map,new yn(this)}render(){let e=this.at?K(this.at):void 0,[t,n]=[``,!1];return S`<ol>
      ${Dr(this.events).map(r=>{let i=r.events[0];if(!i)return w;let a=e!==void 0&&K(i.event_time)>e,o=r.day===t?w:S`<h2 class="day" part="day">${on(i.event_time)}</h2>`,s=e!==void 0&&!a&&!n?S`<div class="now">${A(`record.as_of_here`)}</div>`:w;return t=r.day,n||=e!==void 0&&!a,S`<li>${o}${s}<div class="act ${a?`later`:``}" part="event">${pr(i)}<div>${this.#e(r.events,i)}</div></div></li>`})}
    </ol>`}#e(e,t){let n=e.length===1,r=e.reduce((e,t)=>e+t.event_data.length,0),i=!n||r>0||Hn(t).length>0,a=i&&(this.opened.get(t.event_id)??r<=Tr),o=[...e].reverse(),s=ar(o.map(Qn)).join(A(`list.separator`));return S`<div class="head">
        <p>
          <strong title=${ur(t)}>${$(t)}</strong>
          ${n?S`<a class="told" href=${N(t.event_id)}>${s}</a>`:s}
          ${t.source_type===`mcp`&&t.source_info?S`<span class="model">· ${W(`spark`)} ${L(t.source_info,80)}</span>`:w}
        </p>
        ${gn(t.event_time)} ${i?this.#t(t.event_id,a,r):S`<span class="room"></span>`}
      </div>
      ${a?S`<div class="card events">${o.map(e=>this.#n(e,!n))}</div>`:w}`}#t(e,t,n){let r=A(t?`record.hide_changes`:`record.show_changes`,{n});return S`<button class="plain toggle" aria-expanded=${t} aria-label=${r} title=${r} @click=${()=>this.opened=new Map(this.opened).set(e,!t)}>
      ${W(t?`down`:`right`)}
    </button>`}#n(e,t){let n=Bn(e).filter(e=>e.kind!==`document`),r=Hn(e);return S`<div class="event">
      ${t?S`<div class="title">
            <a href=${N(e.event_id)}>${rr(e.event_type,e.event_type_id)}</a>
            <span class="muted">${gn(e.event_time)}</span>
          </div>`:w}
      ${n.length?Ln(n,30):w}
      ${r.length?S`<div class="files">${r.map(t=>S`<a href=${N(e.event_id)} data-file=${t.fileId}>${W(`file`)}${t.name?L(t.name):t.fileId}</a>`)}</div>`:w}
    </div>`}};function Dr(e){let t=[];for(let n of e){let e=t.at(-1),r=e?.events.at(-1),i=sn(n.event_time);e&&r&&e.day===i&&dr(r,n)&&Date.parse(r.event_time)-Date.parse(n.event_time)<=wr?e.events.push(n):t.push({events:[n],day:i})}return t}M(`eh-timeline`,Er);var Or=1e3,kr=class extends j{static properties={recordId:{},at:{},version:{state:!0},dragged:{state:!0}};#e;static styles=[G,En,o`
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
    `];constructor(){super(),this.recordId=``,this.at=``,this.version=0}connectedCallback(){super.connectedCallback(),document.addEventListener(`visibilitychange`,this.#i)}disconnectedCallback(){super.disconnectedCallback(),document.removeEventListener(`visibilitychange`,this.#i),this.#e?.stop()}willUpdate(e){e.has(`recordId`)?this.#r():e.has(`at`)&&(this.dragged=void 0,this.#e?.show(this.at||void 0))}updated(e){e.has(`recordId`)&&this.context.takesFocus()&&this.renderRoot.querySelector(`h1`)?.focus()}render(){let e=this.#e;if(!e)return w;let{isEmbedded:t}=this.context,n=e=>t?e:S`<main>${e}</main>`,r=S`<h1 tabindex="-1" part="title" aria-level=${t?2:w}>${A(`history.record`,{id:this.recordId})}</h1>`;if(e.error instanceof V&&e.error.status===404)return n(S`${r}
        ${en(`record`,A(`record.missing`),A(`record.missing_text`),t?void 0:S`<a class="button" href=${at(new URLSearchParams)}>${A(`history.title`)}</a>`)}`);let{now:i}=e,a=this.at?e.then:i;return n(S`<div class="top">
        ${r}
        ${a?.status?S`<span class="pill status" part="status">${Z(a.status.value)}</span>`:w}
        ${a&&!a.exists?S`<span class="pill gone">${A(`record.deleted`)}</span>`:w}
      </div>
      <p class="facts" part="facts">
        ${i?.first_event&&i.last_event?S`${A(`history.count`,{n:i.event_count})} · ${A(`record.first`)} ${J(i.first_event.event_time)} · ${A(`record.last`)} ${J(i.last_event.event_time)}
              ${t?w:S`· <a href=${at(new URLSearchParams({record_id:this.recordId}))}>${A(`record.in_history`)}</a>`}`:S`&nbsp;`}
      </p>
      ${e.error?$t(e.error,()=>this.#r()):w} ${i?this.#t(e):S`<div class="card travel"><div class="skeleton"></div></div>`}
      <div class="columns">
        <section aria-label=${A(`record.timeline`)}>
          <h2 class="column-title">${A(`record.timeline`)}</h2>
          ${e.newCount>0?S`<button class="new primary" part="new" @click=${()=>this.#r()}>${W(`up`)}${A(`history.new`,{n:e.newCount})}</button>`:w}
          <eh-timeline exportparts="day, event" .events=${e.events} at=${this.at}></eh-timeline>
          ${this.#n(e)}
        </section>
        <section class="state" part="state" aria-label=${A(`record.state`)}>
          <h2 class="column-title">${this.at?A(`record.state_then`,{time:q(this.at)}):A(`record.state_now`)}</h2>
          ${e.then?S`<eh-record-state .record=${e.then} .diff=${this.at?e.diff:void 0}></eh-record-state>`:e.then===null?S`<div class="card">${en(`clock`,A(`record.before`),A(`record.before_text`))}</div>`:tn(8)}
        </section>
      </div>`)}#t(e){let[t,n]=[e.now?.first_event?.event_time,e.now?.last_event?.event_time];if(!t||!n||t===n)return w;let r=this.dragged??this.at,i=e.diff&&this.at?Mr(e.diff):0;return S`<div class="card travel ${this.at?`then`:``}" part="travel">
      <div class="steps">
        <button aria-label=${A(`record.previous`)} title=${A(`record.previous`)} ?disabled=${this.at!==``&&K(this.at)<=K(t)} @click=${()=>void this.#o(`before`)}>${W(`left`)}</button>
        <button aria-label=${A(`record.next`)} title=${A(`record.next`)} ?disabled=${this.at===``} @click=${()=>void this.#o(`after`)}>${W(`right`)}</button>
      </div>
      <input type="range" min="0" max=${Or} .value=${String(Ar(r,t,n))} aria-label=${A(`record.as_of`)} aria-valuetext=${r?q(r):A(`record.now`)}
        @input=${e=>this.dragged=jr(Number(e.target.value),t,n)}
        @change=${e=>this.#a(jr(Number(e.target.value),t,n))} />
      <div class="instant">
        <input type="datetime-local" step="1" aria-label=${A(`record.as_of`)} .value=${r?mn(r):``} @change=${e=>this.#a(hn(e.target.value)??``)} />
        <button ?disabled=${this.at===``} @click=${()=>this.#a(``)}>${A(`record.now`)}</button>
      </div>
      <div class="told" aria-live="polite">
        ${r?S`<span><strong>${A(`record.as_of`)} ${q(r)}</strong> · ${cn(r)}</span><span>${e.diff?A(`record.differences`,{n:i}):``}</span>`:S`<span>${A(`record.travel_hint`)}</span>`}
      </div>
    </div>`}#n(e){return e.eventsError?$t(e.eventsError,()=>void e.more()):e.loading?tn(4):e.complete?w:S`<div class="more"><button @click=${()=>void e.more()}>${A(`record.earlier`)}</button></div>`}#r(){this.#e?.stop(),this.dragged=void 0,this.#e=new xr(this.recordId,this.context.service,()=>this.version++),this.#e.start(this.at||void 0),this.requestUpdate()}#i=()=>this.#e?.setVisible(!document.hidden);#a(e){this.dragged=void 0,this.context.replace(ot(this.recordId,e||void 0))}async#o(e){try{let t=await this.#e?.neighbour(this.at||void 0,e),n=t===void 0||t===this.#e?.now?.last_event?.event_time;(t!==void 0||e===`after`)&&this.#a(n&&e===`after`?``:t??``)}catch(e){if(U(e)||!this.#e)return;this.#e.error=e,this.requestUpdate()}}};function Ar(e,t,n){if(!e)return Or;let[r,i]=[Date.parse(t),Date.parse(n)],a=(Date.parse(e)-r)/Math.max(1,i-r);return Math.max(0,Math.min(999,Math.round(a*Or)))}function jr(e,t,n){if(e>=Or)return``;if(e<=0)return t;let[r,i]=[Date.parse(t),Date.parse(n)];return new Date(r+(i-r)*e/Or).toISOString()}function Mr({exists:e,status:t,owners:n,assignees:r,fields:i,document_count:a}){return+!!e+ +!!t+n.length+r.length+i.length+a}M(`eh-record`,kr);var Nr=(e,t,n)=>{let r=new Map;for(let i=t;i<=n;i++)r.set(e[i],i);return r},Pr=lt(class extends ut{constructor(e){if(super(e),e.type!==ct.CHILD)throw Error(`repeat() can only be used in text expressions`)}dt(e,t,n){let r;n===void 0?n=t:t!==void 0&&(r=t);let i=[],a=[],o=0;for(let t of e)i[o]=r?r(t,o):o,a[o]=n(t,o),o++;return{values:a,keys:i}}render(e,t,n){return this.dt(e,t,n).values}update(e,[t,n,r]){let i=_t(e),{values:a,keys:o}=this.dt(t,n,r);if(!Array.isArray(i))return this.ut=o,a;let s=this.ut??=[],c=[],l,u,d=0,f=i.length-1,p=0,m=a.length-1;for(;d<=f&&p<=m;)if(i[d]===null)d++;else if(i[f]===null)f--;else if(s[d]===o[p])c[p]=P(i[d],a[p]),d++,p++;else if(s[f]===o[m])c[m]=P(i[f],a[m]),f--,m--;else if(s[d]===o[m])c[m]=P(i[d],a[m]),mt(e,c[m+1],i[d]),d++,m--;else if(s[f]===o[p])c[p]=P(i[f],a[p]),mt(e,i[d],i[f]),f--,p++;else if(l===void 0&&(l=Nr(o,p,m),u=Nr(s,d,f)),l.has(s[d])){if(l.has(s[f])){let t=u.get(o[p]),n=t===void 0?null:i[t];if(n===null){let t=mt(e,i[d]);P(t,a[p]),c[p]=t}else c[p]=P(n,a[p]),mt(e,i[d],n),i[t]=null;p++}else vt(i[f]),f--}else vt(i[d]),d++;for(;p<=m;){let t=mt(e,c[m+1]);P(t,a[p]),c[p++]=t}for(;d<=f;){let e=i[d++];e!==null&&vt(e)}return this.ut=o,gt(e,c),C}});function Fr(e){let t=[];for(let n=e.getRootNode();n instanceof ShadowRoot;n=n.host.getRootNode())t.push(n);return t}function Ir(e){for(let t=Lr(e);t&&t!==document.body&&t!==document.documentElement;t=Lr(t))if(/auto|scroll/.test(getComputedStyle(t).overflowY)&&t.scrollHeight>t.clientHeight)return t}function Lr(e){let t=e.assignedSlot??e.parentNode;return t instanceof ShadowRoot?t.host:t instanceof Element?t:void 0}var Rr=62,zr=84,Br=600,Vr=38,Hr=600,Ur=110,Wr=30;M(`eh-history-list`,class extends j{static properties={model:{attribute:!1},version:{attribute:!1},selected:{},active:{state:!0}};#e=[];#t;#n=!1;#r=0;#i=!1;#a=new AbortController;#o=new ResizeObserver(()=>this.#f());static styles=[G,o`
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
    `];constructor(){super(),this.version=0,this.selected=``,this.active=0,new yn(this)}connectedCallback(){super.connectedCallback(),this.#a=new AbortController;let e={passive:!0,capture:!0,signal:this.#a.signal};for(let t of[window,...Fr(this)])t.addEventListener(`scroll`,this.#f,e);addEventListener(`resize`,this.#f,e),this.#o.observe(this)}disconnectedCallback(){super.disconnectedCallback(),this.#a.abort(),this.#o.disconnect()}render(){let e=this.model;if(!e)return w;this.#l(e.rows);let t=this.#e.at(-1),n=this.#u(),r=n.some(e=>e.row&&e.index===this.active)?this.active:n.find(e=>e.row)?.index??0;return S`<div class="list" role="list" aria-label=${A(`history.title`)} .style=${`height:${t?t.top+t.height:0}px`} @keydown=${this.#p}>
        ${Pr(n,e=>e.row?.id??e.day,e=>S`<div class="item" .style=${`transform:translateY(${e.top}px)`} role=${e.row?`listitem`:`presentation`} aria-setsize=${e.row?-1:w} aria-posinset=${e.row?e.index+1:w}>
            ${e.row?this.#s(e.row,e.index,e.index===r):S`<div class="day" part="day">${on(e.day)}</div>`}
          </div>`)}
      </div>
      ${this.#c(e)}`}updated(){this.#i&&(this.#i=!1,this.renderRoot.querySelector(`a[data-index="${this.active}"]`)?.focus({preventScroll:!0}));let e=this.model;e&&!e.error&&this.checkVisibility()&&(this.#u().at(-1)?.index??0)>=e.rows.length-Wr&&e.more()}focusRow(e){let t=this.model?.rows.findIndex(t=>t.id===e)??-1;t>=0&&this.#m(t)}#s(e,t,n){let r=A(`history.record`,{id:e.recordId});return S`<a
      href=${at(this.model?.filters??new URLSearchParams,e.id)}
      data-index=${t}
      data-id=${e.id}
      data-record=${e.recordId}
      part="event"
      tabindex=${n?0:-1}
      aria-current=${e.id===this.selected?`true`:w}
      @focus=${()=>this.active=t}
    >
      <span class="mark" data-type=${e.type??``}>${W(nr(e.type))}</span>
      <span class="lines">
        <span class="first"><strong title=${ur(e)}>${$(e)}</strong> ${ir(e)}</span>
        <span class="second">
          ${r} · ${rr(e.type,e.typeId)}${e.source_type===`mcp`?S` · ${W(`spark`)} ${L(e.source_info||``,40)}`:w}
          ${e.files.length&&e.type!==`document_generated`?S` · ${W(`file`)} ${e.files[0]?L(e.files[0],48):A(`history.file`)}`:w}
        </span>
      </span>
      ${gn(e.time)}
    </a>`}#c(e){if(e.error)return S`<div class="foot">${$t(e.error,()=>e.retry())}</div>`;if(e.rows.length===0&&e.complete){let t=e.filters.size>0;return en(`empty`,A(t?`history.no_match`:`history.empty`),A(t?`history.no_match_text`:`history.empty_text`))}if(e.complete)return S`<p class="foot end muted">${A(`history.end`)}</p>`;let t=S`<div class="waiting"><div class="skeleton"></div><div class="skeleton"></div></div>`;return S`<div role="status"><span class="hidden">${A(`state.loading`)}</span>${Array.from({length:e.rows.length?2:8},()=>t)}</div>`}#l(e){let t=this.clientWidth>0?this.clientWidth<=Br:this.#n;if(this.#t===e&&this.#n===t)return;[this.#t,this.#n]=[e,t];let n=this.#n?zr:Rr,r=[],[i,a]=[0,``];for(let[t,o]of e.entries())o.day!==a&&(r.push({top:i,height:Vr,index:t,day:o.time}),[i,a]=[i+Vr,o.day]),r.push({top:i,height:n,row:o,index:t,day:o.time}),i+=n;this.#e=r}#u(){let e=this.hasUpdated?-this.getBoundingClientRect().top:0,t=this.#d(e-Hr),n=this.#d(e+innerHeight+Hr);return this.#e.slice(t,n+1)}#d(e){let[t,n]=[0,this.#e.length-1];for(;t<n;){let r=Math.ceil((t+n)/2);(this.#e[r]?.top??0)<=e?t=r:n=r-1}return t}#f=()=>{this.#r||=requestAnimationFrame(()=>{this.#r=0,this.requestUpdate()})};#p=e=>{let t=this.model?.rows.length??0,n={ArrowDown:this.active+1,j:this.active+1,ArrowUp:this.active-1,k:this.active-1,Home:0,End:t-1}[e.key];n===void 0||e.ctrlKey||e.metaKey||e.altKey||t===0||(e.preventDefault(),this.#m(Math.max(0,Math.min(n,t-1))))};#m(e){this.active=e,this.#i=!0;let t=this.#e.find(t=>t.row&&t.index===e);if(t){let e=this.getBoundingClientRect().top+t.top,{scroller:n,from:r,to:i}=this.#h();e<r?n.scrollBy(0,e-r):e+t.height>i&&n.scrollBy(0,e+t.height-i+8)}this.requestUpdate()}#h(){let e=document.scrollingElement??document.documentElement,t=Ir(this)??e,n=this.context.isEmbedded?0:Ur;if(t===e)return{scroller:t,from:n,to:innerHeight};let{top:r,bottom:i}=t.getBoundingClientRect();return{scroller:t,from:Math.max(0,r),to:Math.min(innerHeight,i)}}});var Gr=`100`,Kr=500,qr=1500,Jr=250,Yr=class{filters;service;onChange;rows=[];error;loading=!1;complete=!1;live=!1;newCount=0;#e=new Set;#t=new Map;#n=new AbortController;#r=new AbortController;#i;#a;#o=new AbortController;#s;constructor(e,t,n){this.filters=e,this.service=t,this.onChange=n}async start(){this.loading=!0,this.onChange();let e=H(`api/history/feed`,{after:`latest`,limit:`1`},this.#n.signal,this.service),t=await Promise.race([e.then(()=>!0),Wt(qr)]).catch(()=>!1);e.then(e=>this.#c(e.cursor,!t),()=>void 0),this.#n.signal.aborted||(this.loading=!1,await this.more())}async more(){if(this.loading||this.complete)return;this.loading=!0,this.error=void 0,this.onChange();let{signal:e}=this.#r;try{for(let t=this.rows.length;this.rows.length===t&&!this.complete;){let t=new URLSearchParams(this.filters);t.set(`limit`,Gr),t.set(`count`,`none`),this.#i&&t.set(`cursor`,this.#i);let n=await H(`api/history/events`,t,e,this.service);if(e.aborted)return;this.#u(n)}}catch(t){if(U(t)||e.aborted)return;this.error=t}this.loading=!1,this.onChange()}retry(){this.error=void 0,this.#a||this.rows.length>0?this.more():this.start()}showNew(){if(this.newCount>this.#t.size)return this.restart();let e=this.rows.at(-1)?.order,t=t=>this.complete||e===void 0||t.order>e,n=[...this.#t.values()].filter(e=>!this.#e.has(e.id)&&t(e));for(let e of n)this.#e.add(e.id);this.rows=[...n,...this.rows].sort((e,t)=>e.order<t.order?1:-1),this.#f(),this.onChange()}restart(){this.stop(),this.onRestart()}onRestart=()=>void 0;resume(){!this.#a||this.#n.signal.aborted||this.live||(this.#o.abort(),this.#o=new AbortController,this.#a.signal=this.#o.signal,vr(this.#a))}pause(){this.#o.abort(),this.live=!1}stop(){this.#n.abort(),this.#r.abort(),this.#o.abort(),clearTimeout(this.#s)}#c(e,t){this.#a={service:this.service,filters:this.filters,after:e,signal:this.#o.signal,onEvent:e=>this.#d(e),onState:e=>{this.live=e,this.onChange()},onRefused:()=>this.restart()},document.hidden||this.resume(),t&&this.#l()}async#l(){let e=this.rows[0]?.order;if(e===void 0)return;let t=new URLSearchParams(this.filters);t.set(`limit`,Gr),t.set(`count`,`none`);let n=await H(`api/history/events`,t,this.#n.signal,this.service).catch(()=>void 0);for(let t of n?.results??[])Qn(t).order>e&&this.#d(t)}#u(e){let t=e.results.filter(e=>!this.#e.has(e.event_id)).map(Qn);for(let e of t)this.#e.add(e.id),this.#t.delete(e.id)&&this.newCount--;this.rows=[...this.rows,...t],this.#i=e.next_cursor??void 0,this.complete=this.#i===void 0}#d(e){this.#e.has(e.event_id)||this.#t.has(e.event_id)||(this.newCount++,this.newCount<=Kr?this.#t.set(e.event_id,Qn(e)):this.#t.clear(),this.#s??=setTimeout(()=>{this.#s=void 0,this.onChange()},Jr))}#f(){this.#t.clear(),this.newCount=0}};M(`eh-embedded-list`,class extends j{static properties={filters:{attribute:!1},version:{state:!0}};#e;static styles=[G,o`
      .card {
        overflow: clip;
      }
      .new {
        width: 100%;
        margin-bottom: 10px;
      }
    `];constructor(){super(),this.filters=new URLSearchParams,this.version=0}connectedCallback(){super.connectedCallback(),document.addEventListener(`visibilitychange`,this.#n),addEventListener(`online`,this.#r)}disconnectedCallback(){super.disconnectedCallback(),document.removeEventListener(`visibilitychange`,this.#n),removeEventListener(`online`,this.#r),this.#e?.stop()}willUpdate(e){e.has(`filters`)&&this.#t()}render(){let e=this.#e;return e?S`<div aria-live="polite">
        ${e.newCount>0?S`<button class="new primary" part="new" @click=${()=>e.showNew()}>${W(`up`)}${A(`history.new`,{n:e.newCount})}</button>`:w}
      </div>
      <div class="card"><eh-history-list exportparts="day, event" .model=${e} .version=${this.version}></eh-history-list></div>`:w}#t(){this.#e?.stop(),this.#e=new Yr(this.filters,this.context.service,()=>this.version++),this.#e.onRestart=()=>this.#t(),this.#e.start(),this.requestUpdate()}#n=()=>{document.hidden?this.#e?.pause():this.#e?.resume(),this.version++};#r=()=>{this.#e?.error&&this.#e.retry()}});var Xr=3e4,Zr=3e3,Qr=6e4,$r=2**31-1,ei=class{onNeeded;current;refusal;#e;#t=-1/0;#n=Zr;constructor(e){this.onNeeded=e}take(e){let t=!this.current||this.refusal!==void 0;return this.current=e?{kind:`token`,token:e}:void 0,this.refusal=void 0,this.#n=Zr,this.watch(),t}refuse(e){this.refusal=e,this.watch()}watch(){if(!this.current)return this.#r(`none`,0);if(this.refusal!==void 0)return this.#r(`refused`,0);let e=(Lt(this.current).expiresAt?.getTime()??NaN)-Date.now();e>0?this.#r(`expiring`,e-Math.min(Xr,e/2)):this.stop()}stop(){clearTimeout(this.#e)}#r(e,t){this.stop();let n=this.#t+this.#n-performance.now();this.#e=setTimeout(()=>{this.#t=performance.now(),this.onNeeded(e),e!==`expiring`&&(this.#r(e,0),this.#n=Math.min(this.#n*2,Qr))},Math.min(Math.max(t,n),$r))}},ti=import.meta.url,ni=class extends O{static properties={src:{},token:{},opened:{state:!0},version:{state:!0}};#e;#t;#n=`en`;#r=[];#i=new ei(e=>this.#d(e));static styles=[G,a(bt),o`
      /* Nothing of the page around it comes in other than by properties of its own. The host itself is the page's. */
      .embedded {
        all: initial;
        display: block;
        container-type: inline-size;
        color-scheme: inherit;
        visibility: inherit;
        pointer-events: inherit;
        --bar: 0px;
        color: var(--text);
        font: 14px/1.45 var(--sans);
        overflow-anchor: none;
      }
      :host([theme="light"]) .embedded {
        color-scheme: light;
      }
      :host([theme="dark"]) .embedded {
        color-scheme: dark;
      }
      eh-record,
      eh-event {
        max-width: none;
        padding: 0;
      }
      .back {
        margin-bottom: 8px;
      }
    `];constructor(){super(),this.opened=[],this.version=0,Ve(this,{service:{root:()=>this.#t,session:()=>this.#i.current,refused:e=>{this.#i.refuse(e),this.requestUpdate()}},isEmbedded:!0,language:()=>this.#n,takesFocus:()=>this.opened.length>0,replace:e=>this.#l(e),mayOpen:e=>this.#u(e)})}static get observedAttributes(){return[...super.observedAttributes,`lang`]}attributeChangedCallback(e,t,n){super.attributeChangedCallback(e,t,n),e===`lang`&&this.requestUpdate()}connectedCallback(){super.connectedCallback();let e=()=>{this.isConnected&&this.#i.watch()};document.readyState===`complete`?e():(document.addEventListener(`DOMContentLoaded`,e,{once:!0}),addEventListener(`load`,e,{once:!0})),this.hasUpdated&&this.version++}disconnectedCallback(){super.disconnectedCallback(),this.#i.stop()}willUpdate(e){e.has(`token`)&&this.#i.take(this.token??``)&&this.version++;let t=this.src||new URL(`../`,ti).href;this.#t=URL.canParse(t,document.baseURI)?new URL(t.replace(/\/?$/,`/`),document.baseURI):void 0,this.#n=ai(this)??Ye(),([...e.keys()].filter(e=>![`src`,`token`,`opened`,`version`].includes(String(e))).length>0||!this.hasUpdated)&&(this.#e=this.start(),this.opened=[],this.#r.length=0),Je(this.#n)}updated(e){let t=e.get(`opened`);t&&t.length>this.opened.length&&this.#r.splice(this.opened.length)[0]?.focus()}render(){return S`<div class="embedded" lang=${this.#n} @click=${this.#s} @auxclick=${this.#s}>${this.#a()}</div>`}#a(){let e=(e,t)=>S`<div class="notice warn" role="alert" part="notice">${W(e)}<div>${t}</div></div>`;if(!this.#t)return e(`alert`,A(`embed.bad_src`));if(!this.#e)return e(`alert`,A(`embed.incomplete`));let{refusal:t,current:n}=this.#i;if(t!==void 0)return e(`clock`,S`${A(`embed.refused`)} <span class="text">${F(I(t,300))}</span>`);if(!n)return tn(4);let[r,i]=[this.#e,this.opened.at(-1)];return S`${yt(`${this.version} ${this.#n} ${this.#t.href}`,S`<div ?hidden=${i!==void 0}>${ri(r)}</div>
        ${i?S`<button class="plain back" part="back" @click=${this.#o}>${W(`left`)}${A(`embed.back`)}</button>${yt(i,ri(i))}`:w}`)}`}#o=()=>{this.opened=this.opened.slice(0,-1)};#s=e=>{let t=e.composedPath(),n=t.slice(0,t.indexOf(this)).find(e=>e instanceof HTMLAnchorElement),r=n?.getAttribute(`href`);n&&r?.startsWith(`#/`)&&(e.preventDefault(),e.button<=1&&this.#c(r,n))};#c(e,t){let n=ii(e),{record:r,file:i}=t.dataset,a=this.opened.at(-1)??this.#e,o=a?.view===`record`?a.id:void 0,s=n.view===`event`?{event:n.id,record:r??o,file:i}:{record:n.view===`record`?n.id:void 0};this.#u(s)&&(this.#r[this.opened.length]=t,this.opened=[...this.opened,n])}#l(e){let t=ii(e);if(this.opened.length>0){let e=this.opened.at(-1);e&&e.view===`record`&&t.view===`record`&&Object.assign(e,t)}else this.#e=t;this.requestUpdate()}#u({event:e,record:t,file:n}){let r={event:e??null,record:t??null,file:n??null};return this.dispatchEvent(new CustomEvent(`event-history-open`,{detail:r,bubbles:!0,composed:!0,cancelable:!0}))}#d(e){let t={reason:e,message:this.#i.refusal??``};this.dispatchEvent(new CustomEvent(`event-history-token-needed`,{detail:t,bubbles:!0,composed:!0}))}},ri=e=>{switch(e.view){case`history`:return S`<eh-embedded-list exportparts="day, event, new" .filters=${e.filters}></eh-embedded-list>`;case`record`:return S`<eh-record exportparts="title, status, facts, travel, day, event, new, state" recordId=${e.id} at=${e.at??``}></eh-record>`;case`event`:return S`<eh-event exportparts="title, section, document" .eventId=${e.id}></eh-event>`}};function ii(e){let t=et(e);return t.view===`record`||t.view===`event`?t:t.view===`history`?t.event?{view:`event`,id:t.event}:t:{view:`history`,filters:new URLSearchParams}}function ai(e){for(let t=e;t;){let e=t.getAttribute(`lang`);if(e)return Xe(e);let n=t.getRootNode();t=t.parentElement??(n instanceof ShadowRoot?n.host:null)}}var oi=class extends ni{static properties={record:{},filters:{}};start(){let e=it(new URLSearchParams(this.filters??``)),t=String(this.record??``);if(!t||tt(t))return{view:`history`,filters:t?st(e,`record_id`,t):e}}},si=class extends ni{static properties={record:{},at:{}};start(){let e=String(this.record??``);return tt(e)?{view:`record`,id:e,at:rt(this.at??null)}:void 0}},ci=class extends ni{static properties={eventId:{attribute:`event-id`}};start(){let e=this.eventId??``;return nt(e)?{view:`event`,id:e}:void 0}};M(`event-history-timeline`,oi),M(`event-history-record`,si),M(`event-history-event`,ci);