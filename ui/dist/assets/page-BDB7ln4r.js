import{D as e,E as t,Et as n,F as r,J as i,K as a,M as o,N as s,P as c,Q as l,T as u,Tt as d,U as f,V as ee,W as te,X as p,Y as m,at as h,b as g,ct as ne,dt as re,f as ie,gt as _,i as v,it as y,j as b,l as x,m as S,p as C,st as w,tt as T,u as ae,v as oe,w as se,wt as E,xt as ce,z as D}from"./sentences-CdbOQaPp.js";function O(e){x(ae(new URLSearchParams)),_(e)}var le={"admin.audit":`Protokoll`,"action.save":`Speichern`,"confirm.type":`Das lässt sich nicht rückgängig machen. Geben Sie zur Bestätigung ein:`,"confirm.wrong":`Das ist nicht der Name. Es wurde nichts getan.`,"secret.once":`Das wird nur dieses eine Mal gezeigt. Kopieren Sie es jetzt, und bewahren Sie es so auf, dass nur die es lesen können, die es brauchen.`,"secret.done":`Ich habe es aufbewahrt`,"tenants.search":`Nach Name, Bezeichnung oder Client-ID suchen`,"tenants.create":`Mandant anlegen`,"tenants.created":`{name} wurde angelegt`,"tenants.open_new":`Neuen Mandanten öffnen`,"tenants.name":`Name der Datenbank`,"tenants.name_text":`1 bis 64 Buchstaben, Ziffern, _ und -, am Anfang ein Buchstabe oder eine Ziffer. Er lässt sich nicht ändern.`,"tenants.label":`Bezeichnung`,"tenants.placement":`Ablage`,"tenants.placement_text":`Nur bei ClickHouse von Bedeutung.`,"placement.default":`Wie der Dienst eingestellt ist`,"placement.pooled":`Gemeinsam: in Tabellen, die sich Mandanten teilen`,"placement.dedicated":`Eigenständig: in eigenen Tabellen`,"tenants.more":`Mehr zeigen`,"tenants.none":`Noch gibt es keine Mandanten`,"tenants.none_text":`Legen Sie einen an, um Ereignisse für ihn zu senden.`,"tenants.no_match":`Kein Mandant passt`,"tenants.no_match_text":`Suchen Sie nach einem Teil des Namens oder der Bezeichnung oder nach der ganzen Client-ID.`,"tenant.title":`Mandant`,"tenant.history":`Historie öffnen`,"tenant.rename":`Bezeichnung ändern`,"tenant.events":`Ereignisse`,"tenant.files":`Dateien`,"tenant.bytes":`Größe der Dateien`,"tenant.last":`Neuestes Ereignis`,"tenant.database":`Datenbank`,"tenant.created":`Angelegt`,"tenant.secret":`Client-Secret`,"tenant.secret_text":`Mit Client-ID und diesem Secret sendet und liest der Mandant seine eigenen Ereignisse.`,"tenant.rotate":`Neues Secret erzeugen`,"tenant.rotated":`Das neue Secret`,"tenant.overlap":`Das bisherige Secret gilt weiter`,"tenant.overlap_text":`Ein Secret vor dem bisherigen endet sofort.`,"tenant.previous_until":`Das bisherige Secret gilt bis {time}.`,"overlap.0":`gar nicht`,"overlap.3600":`eine Stunde`,"overlap.86400":`einen Tag`,"overlap.604800":`7 Tage`,"overlap.2592000":`30 Tage`,"tenant.delete":`Mandant löschen`,"tenant.delete_text":`Entfernt den Mandanten mit allen Ereignissen, endgültig. Unter einer Sperre lehnt der Dienst es ab.`,"tenant.delete_confirm":{one:`{name} und {n} Ereignis werden gelöscht.`,other:`{name} und {n} Ereignisse werden gelöscht.`},"tenant.delete_files":`Auch die Dateien aus dem Speicher löschen`,"keys.text":`Über die API erzeugt, für Programme und Personen. Schlüssel aus den Einstellungen stehen nicht hier.`,"keys.text_tenant":`Schlüssel nur für diesen Mandanten. Solche für alle Mandanten stehen unter „API-Schlüssel“.`,"keys.create":`Schlüssel anlegen`,"keys.created":`Der Schlüssel {name}`,"keys.none":`Es gibt keine Schlüssel.`,"keys.no_match":`Kein Schlüssel hat das im Namen.`,"keys.filter":`Nach Namen suchen`,"keys.used":`Benutzt`,"keys.unused":`Nie benutzt`,"keys.expires":`bis {time}`,"keys.expired":`abgelaufen am {time}`,"keys.one_tenant":`Ein Mandant`,"keys.all_tenants":`Alle Mandanten`,"keys.name":`Name`,"keys.scopes":`Darf`,"keys.no_scope":`Wählen Sie mindestens einen Scope.`,"scope.read":`Historien und Dateien lesen`,"scope.write":`Ereignisse senden und Dateien hochladen`,"scope.admin":`alles andere, und Schlüssel jeder Art anlegen`,"keys.tenant":`Client-ID eines Mandanten`,"keys.tenant_text":`Ohne sie gilt der Schlüssel für alle Mandanten.`,"keys.expiry":`Läuft ab`,"keys.revoke":`Widerrufen`,"keys.revoke_named":`{name} widerrufen`,"keys.revoke_confirm":`Wer den Schlüssel {name} benutzt, wird innerhalb von 5 Sekunden abgewiesen.`,"retention.title":`Aufbewahrung`,"retention.text":`Nach wie vielen Tagen Ereignisse gelöscht werden. Ohne Regel bleiben sie für immer, ebenso was unter einer Sperre steht.`,"retention.none":`Es gibt keine Regeln: Alle Ereignisse bleiben.`,"retention.add":`Regel hinzufügen`,"retention.remove":`Regel entfernen`,"retention.saved":`Gespeichert`,"retention.type":`Ereignisse`,"retention.all":`Alle ohne eigene Regel`,"retention.other":`Andere Art…`,"retention.type_id":`ID der Art`,"retention.days":`Tage`,"retention.for_ever":`für immer`,"retention.age_from":`Das Alter zählt ab`,"retention.age_latest":`Zeit oder Eingang, dem späteren`,"retention.age_event":`der Zeit des Ereignisses`,"retention.twice":`Zwei Regeln gelten für dieselben Ereignisse.`,"retention.confirm":`Ereignisse, die älter sind, als die Regeln erlauben, werden endgültig gelöscht.`,"holds.title":`Sperren`,"holds.text":`Was unter einer Sperre steht, wird nicht gelöscht oder geschwärzt, solange sie gilt, auch nicht der Mandant.`,"holds.none":`Es gibt keine Sperren.`,"holds.all":`Alle Datensätze`,"holds.reason":`Grund`,"holds.place":`Sperre setzen`,"holds.release":`Aufheben`,"holds.release_confirm":`Die Sperre „{what}“ endet. Was sie bewahrt hat, kann dann gelöscht werden.`,"service.text":`Was die Instanz, die geantwortet hat, über sich sagt. Ihre Einstellungen nennt die API nicht.`,"service.refresh":`Aktualisieren`,"service.ok":`In Ordnung`,"service.down":`antwortet nicht`,"service.read_only":`speichert nichts`,"service.backends":`Backends`,"service.database":`Datenbank`,"service.files":`Dateien`,"service.embedded":`eingebauter Speicher`,"service.writes":`Schreiben`,"service.writes_failed":`der letzte Schreibvorgang schlug fehl`,"service.version":`Version`,"service.figures":`Zahlen`,"service.elsewhere":`Metriken gibt es an der administrativen Adresse des Dienstes (--admin-listen), die diese Seite nicht erreicht.`,"service.no_backup":`noch keine`,"service.nodes":`Knoten von ClickHouse`,"metric.write_queue":`Ereignisse, die aufs Speichern warten`,"metric.in_flight":`Laufende Anfragen`,"metric.connections":`Verbindungen`,"metric.feed_waiters":`Anfragen, die auf neue Ereignisse warten`,"metric.exports":`Laufende Exporte`,"metric.feed_lag":`Rückstand des Feeds`,"metric.retention_backlog":`Zur Löschung fällige Ereignisse`,"metric.retention_failures":`Fehlgeschlagene Löschungen nach Regeln`,"metric.sweep_failures":`Fehlgeschlagene Löschungen verwaister Dateien`,"metric.changed_files":`Abgelehnte Downloads veränderter Dateien`,"metric.deleted_tenants":`Gelöschte Mandanten, noch auf der Platte`,"metric.unavailable":`Anfragen mit Antwort 503`,"metric.backup":`Letzte vollständige Sicherung`,"node.node":`Knoten`,"node.shard":`Shard`,"node.state":`Zustand`,"node.delay":`Rückstand`,"node.queue":`Warteschlange`,"node.clock":`Uhr`},ue={"admin.audit":`Audit`,"action.save":`Save`,"confirm.type":`This cannot be undone. To confirm, type`,"confirm.wrong":`That is not the name. Nothing was done.`,"secret.once":`This is shown only once. Copy it now, and keep it where only those who need it can read it.`,"secret.done":`I have kept it`,"tenants.search":`Find by name, label or client id`,"tenants.create":`Create tenant`,"tenants.created":`{name} was created`,"tenants.open_new":`Open the new tenant`,"tenants.name":`Database name`,"tenants.name_text":`1 to 64 letters, digits, _ and -, beginning with a letter or digit. It cannot be changed.`,"tenants.label":`Label`,"tenants.placement":`Placement`,"tenants.placement_text":`Matters on ClickHouse alone.`,"placement.default":`As the service is set`,"placement.pooled":`Pooled: in tables that tenants share`,"placement.dedicated":`Dedicated: in tables of its own`,"tenants.more":`Show more`,"tenants.none":`There are no tenants yet`,"tenants.none_text":`Create one to send events for it.`,"tenants.no_match":`No tenant matches`,"tenants.no_match_text":`Search for a part of its name or label, or for its whole client id.`,"tenant.title":`Tenant`,"tenant.history":`Open history`,"tenant.rename":`Change label`,"tenant.events":`Events`,"tenant.files":`Files`,"tenant.bytes":`Size of the files`,"tenant.last":`Newest event`,"tenant.database":`Database`,"tenant.created":`Created`,"tenant.secret":`Client secret`,"tenant.secret_text":`With its client id and this secret, the tenant sends and reads its own events.`,"tenant.rotate":`Make a new secret`,"tenant.rotated":`The new secret`,"tenant.overlap":`The present secret stays valid`,"tenant.overlap_text":`A secret before the present one ends at once.`,"tenant.previous_until":`The previous secret is valid until {time}.`,"overlap.0":`not at all`,"overlap.3600":`for an hour`,"overlap.86400":`for a day`,"overlap.604800":`for 7 days`,"overlap.2592000":`for 30 days`,"tenant.delete":`Delete tenant`,"tenant.delete_text":`Removes the tenant with all of its events, for good. Under a legal hold, the service refuses it.`,"tenant.delete_confirm":{one:`{name} and its {n} event will be deleted.`,other:`{name} and its {n} events will be deleted.`},"tenant.delete_files":`Delete its files from storage, too`,"keys.text":`Made through the API, for programs and people. Keys of the settings are not listed.`,"keys.text_tenant":`Keys for this tenant alone. Those for all tenants are listed under “API keys”.`,"keys.create":`Create key`,"keys.created":`The key {name}`,"keys.none":`There are no keys.`,"keys.no_match":`No key has this in its name.`,"keys.filter":`Find by name`,"keys.used":`Used`,"keys.unused":`Never used`,"keys.expires":`until {time}`,"keys.expired":`expired on {time}`,"keys.one_tenant":`One tenant`,"keys.all_tenants":`All tenants`,"keys.name":`Name`,"keys.scopes":`May`,"keys.no_scope":`Choose at least one scope.`,"scope.read":`read histories and files`,"scope.write":`send events and upload files`,"scope.admin":`everything else, and make keys of any kind`,"keys.tenant":`Client id of one tenant`,"keys.tenant_text":`Without it, the key is for all tenants.`,"keys.expiry":`Expires`,"keys.revoke":`Revoke`,"keys.revoke_named":`Revoke {name}`,"keys.revoke_confirm":`Whoever uses the key {name} is refused within 5 seconds.`,"retention.title":`Retention`,"retention.text":`After how many days events are deleted. Without a rule they stay for ever, and so does what is under a legal hold.`,"retention.none":`There are no rules: all events stay.`,"retention.add":`Add rule`,"retention.remove":`Remove rule`,"retention.saved":`Saved`,"retention.type":`Events`,"retention.all":`All without a rule of their own`,"retention.other":`Another type…`,"retention.type_id":`Id of the type`,"retention.days":`Days`,"retention.for_ever":`for ever`,"retention.age_from":`Age counts from`,"retention.age_latest":`the later of time and arrival`,"retention.age_event":`the time of the event`,"retention.twice":`Two rules are about the same events.`,"retention.confirm":`Events that are older than the rules allow will be deleted, for good.`,"holds.title":`Legal holds`,"holds.text":`What a hold covers is not deleted or redacted until the hold is released, and neither is the tenant.`,"holds.none":`There are no holds.`,"holds.all":`All records`,"holds.reason":`Reason`,"holds.place":`Place hold`,"holds.release":`Release`,"holds.release_confirm":`The hold on “{what}” ends. What it has kept may then be deleted.`,"service.text":`What the replica that answered says about itself. The API does not tell its settings.`,"service.refresh":`Refresh`,"service.ok":`OK`,"service.down":`does not answer`,"service.read_only":`stores nothing`,"service.backends":`Backends`,"service.database":`Database`,"service.files":`Files`,"service.embedded":`embedded storage`,"service.writes":`Writing`,"service.writes_failed":`the last write failed`,"service.version":`Version`,"service.figures":`Figures`,"service.elsewhere":`Metrics are at the administrative address of the service (--admin-listen), which this page does not reach.`,"service.no_backup":`none yet`,"service.nodes":`Nodes of ClickHouse`,"metric.write_queue":`Events waiting to be stored`,"metric.in_flight":`Requests under way`,"metric.connections":`Connections`,"metric.feed_waiters":`Requests waiting for new events`,"metric.exports":`Exports under way`,"metric.feed_lag":`Lag of the feed`,"metric.retention_backlog":`Events due for deletion`,"metric.retention_failures":`Failed deletions by retention`,"metric.sweep_failures":`Failed removals of orphaned files`,"metric.changed_files":`Downloads of changed files refused`,"metric.deleted_tenants":`Deleted tenants still on disk`,"metric.unavailable":`Requests answered 503`,"metric.backup":`Last complete backup`,"node.node":`Node`,"node.shard":`Shard`,"node.state":`State`,"node.delay":`Delay`,"node.queue":`Queue`,"node.clock":`Clock`};async function k(e,t,{parameters:n={},body:r,signal:i,clientId:a=``}={}){let o=await ne(h(t,n),{method:e,body:r,signal:i,clientId:a});return ce(await o.text())}var A=(e,t=``)=>`api/tenants/${encodeURIComponent(e)}${t}`,j=(e,t,n)=>k(`GET`,`api/tenants`,{parameters:{...e?{q:e}:{},...t?{cursor:t}:{}},signal:n}),M=(e,t)=>k(`GET`,A(e),{signal:t}),N=(e,t,n)=>k(`POST`,`api/initialize-tenant`,{body:JSON.stringify({database_name:e,client_label:t,...n?{placement:n}:{}})}),P=(e,t)=>k(`PATCH`,A(e),{body:JSON.stringify({client_label:t})}),F=(e,t)=>k(`POST`,A(e,`/rotate-secret`),{parameters:{overlap:t}}),I=(e,t)=>k(`DELETE`,`api/delete-tenant`,{clientId:e,parameters:{files:t}}),L=async e=>(await k(`GET`,`api/keys`,{signal:e})).keys,R=e=>k(`POST`,`api/keys`,{body:JSON.stringify(e)}),z=e=>k(`DELETE`,`api/keys/${encodeURIComponent(e)}`),B=async(e,t)=>(await k(`GET`,A(e,`/retention`),{signal:t})).rules,V=async(e,t)=>(await k(`PUT`,A(e,`/retention`),{body:JSON.stringify({rules:t})})).rules,H=async(e,t)=>(await k(`GET`,A(e,`/holds`),{signal:t})).holds,U=(e,t,n)=>k(`POST`,A(e,`/holds`),{body:`{"record_id": ${t||`null`}, "reason": ${JSON.stringify(n)}}`}),de=(e,t)=>k(`DELETE`,A(e,`/holds/${encodeURIComponent(t)}`)),fe=class extends m{static properties={label:{}};#e;static styles=[r,T`
      dialog {
        width: 480px;
        max-width: calc(100vw - 24px);
        max-height: calc(100dvh - 24px);
        overflow: auto;
        padding: 18px 20px 20px;
        color: inherit;
        background: var(--surface);
        border: 1px solid var(--line);
        border-radius: 14px;
        box-shadow: var(--shadow);
      }
      dialog::backdrop {
        background: rgb(10 12 20 / 45%);
      }
      header {
        display: flex;
        justify-content: space-between;
        align-items: start;
        gap: 12px;
        margin-bottom: 12px;
      }
      h2 {
        font-size: 16px;
        overflow-wrap: anywhere;
      }
    `];constructor(){super(),this.label=``}connectedCallback(){super.connectedCallback(),this.#e=pe()}disconnectedCallback(){super.disconnectedCallback();let e=this.#e;queueMicrotask(()=>e?.isConnected&&e.focus())}firstUpdated(){this.renderRoot.querySelector(`dialog`)?.showModal(),this.querySelector(`input, select, button`)?.focus()}render(){return l`<dialog aria-labelledby="label" @cancel=${this.#t} @close=${this.#t}>
      <header>
        <h2 id="label">${this.label}</h2>
        <button class="plain" type="button" aria-label=${i(`action.close`)} title=${i(`action.close`)} @click=${this.#t}>${D(`close`)}</button>
      </header>
      <slot></slot>
    </dialog>`}#t=e=>{e.preventDefault(),this.dispatchEvent(new CustomEvent(`dismissed`))}};function pe(){let e=document.activeElement;for(;e?.shadowRoot?.activeElement;)e=e.shadowRoot.activeElement;return e instanceof HTMLElement?e:void 0}customElements.define(`eh-dialog`,fe);var me=class extends m{static properties={told:{attribute:!1}};static styles=[r,T`
      :host {
        margin: 16px 0;
      }
      .card {
        padding: 16px;
        border-color: var(--accent);
        display: grid;
        gap: 12px;
      }
      h2 {
        font-size: 15px;
      }
      h2:focus {
        outline: none;
      }
      dl {
        display: grid;
        gap: 10px;
      }
      dt {
        color: var(--muted);
        font-size: 12.5px;
      }
      dd {
        display: flex;
        flex-wrap: wrap;
        gap: 8px;
        align-items: center;
      }
      code {
        flex: 1 1 220px;
        min-width: 0;
        padding: 6px 10px;
        border-radius: 8px;
        background: var(--raised);
        user-select: all;
      }
    `];firstUpdated(){setTimeout(()=>this.renderRoot.querySelector(`h2`)?.focus())}render(){let{told:e}=this;return e?l`<section class="card" aria-labelledby="label">
      <h2 id="label" tabindex="-1">${e.label}</h2>
      <div class="notice warn">${D(`alert`)}<div>${i(`secret.once`)}</div></div>
      <dl>
        ${e.items.map(({name:e,value:t})=>l`<div>
            <dt>${e}</dt>
            <dd><code class="mono">${n(t)}</code><eh-copy .text=${t} label=${i(`copy.json`)}></eh-copy></dd>
          </div>`)}
      </dl>
      ${e.note?l`<p class="muted">${e.note}</p>`:p}
      <div><button @click=${()=>this.dispatchEvent(new CustomEvent(`done`))}>${D(`check`)}${i(`secret.done`)}</button></div>
    </section>`:p}};customElements.define(`eh-secret`,me);var W=T`
  /* Not under the bar, once what has the focus is scrolled to. */
  a,
  button,
  input,
  select,
  h1,
  h2 {
    scroll-margin-top: calc(var(--bar) + 12px);
  }
  header.title {
    display: flex;
    flex-wrap: wrap;
    gap: 8px 12px;
    align-items: center;
    justify-content: space-between;
    margin-bottom: 14px;
  }
  section {
    margin-top: 26px;
  }
  section > h2 {
    font-size: 15px;
    margin-bottom: 4px;
  }
  section > p.muted {
    margin-bottom: 10px;
    max-width: 68ch;
  }
  .card {
    padding: 14px 16px;
  }
  .buttons {
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
    align-items: center;
  }
  button.danger {
    color: var(--remove);
    border-color: var(--remove);
  }
  button.danger.primary {
    color: var(--surface);
    background: var(--remove);
  }
  ul.list {
    border: 1px solid var(--line);
    border-radius: 12px;
    background: var(--surface);
    overflow: hidden;
  }
  ul.list > li + li {
    border-top: 1px solid var(--line);
  }
  .line {
    display: grid;
    grid-template-columns: minmax(0, 1fr) auto;
    gap: 2px 14px;
    align-items: center;
    padding: 10px 14px;
    color: inherit;
  }
  a.line:hover {
    background: var(--raised);
    text-decoration: none;
  }
  a.line:focus-visible {
    outline-offset: -2px;
  }
  .line strong {
    font-weight: 600;
    overflow-wrap: anywhere;
  }
  .line .muted {
    font-size: 12.5px;
    overflow-wrap: anywhere;
  }
  label input,
  label select {
    font-weight: 400;
  }
  form.stacked {
    display: grid;
    gap: 14px;
  }
  form.stacked label {
    display: grid;
    gap: 5px;
  }
  form.stacked label.check,
  label.check {
    display: flex;
    gap: 8px;
    align-items: center;
    font-weight: 450;
  }
  fieldset {
    border: 0;
    margin: 0;
    padding: 0;
    display: grid;
    gap: 6px;
  }
  legend {
    padding: 0 0 6px;
    font-weight: 550;
  }
  form.inline {
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
    align-items: end;
  }
  form.inline label {
    display: grid;
    gap: 5px;
    flex: 1 1 160px;
  }
  small {
    color: var(--muted);
    font-weight: 400;
  }
  .more {
    padding: 12px 0;
    text-align: center;
  }
  .notice {
    margin: 10px 0;
  }
  .scope {
    display: inline-block;
    border-radius: 10px;
    padding: 0 8px;
    background: var(--raised);
    font-size: 12px;
    margin-inline-end: 4px;
  }
`,he=class extends m{static properties={act:{attribute:!1},problem:{state:!0},busy:{state:!0}};static styles=[r,W,T`
      .name {
        user-select: all;
      }
    `];constructor(){super(),this.problem=``,this.busy=!1}render(){let{act:e}=this;return e?l`<eh-dialog label=${e.title} @dismissed=${()=>this.#t(`dismissed`)}>
      <form class="stacked" autocomplete="off" @submit=${this.#e}>
        <p>${e.text}</p>
        <slot></slot>
        <label>
          <span>${i(`confirm.type`)} <bdi class="mono name">${n(e.name)}</bdi></span>
          <input name="confirmation" autocomplete="off" spellcheck="false" autocapitalize="none" aria-invalid=${this.problem?`true`:p} aria-describedby="problem" @input=${()=>this.problem=``} />
        </label>
        <div id="problem" role="alert">${this.problem?l`<div class="notice bad">${D(`alert`)}<div>${this.problem}</div></div>`:p}</div>
        <div class="buttons">
          <button class="danger primary" ?disabled=${this.busy}>${e.action}</button>
          <button type="button" @click=${()=>this.#t(`dismissed`)}>${i(`action.cancel`)}</button>
        </div>
      </form>
    </eh-dialog>`:p}#e=async e=>{e.preventDefault();let{act:t}=this;if(t&&!this.busy){if(String(new FormData(e.target).get(`confirmation`)).trim()!==t.name)this.problem=i(`confirm.wrong`);else{[this.busy,this.problem]=[!0,``];try{await t.run(),this.#t(`done`)}catch(e){this.problem=s(e)}this.busy=!1}}};#t(e){this.dispatchEvent(new CustomEvent(e))}},ge=(e,t)=>/^[\p{L}\p{N}_.-](?:[\p{L}\p{N} _.-]{0,60}[\p{L}\p{N}_.-])?$/u.test(e)?e:t;customElements.define(`eh-confirm`,he);var G=[`read`,`write`,`admin`],K=100,_e=class extends m{static properties={clientId:{},keys:{state:!0},error:{state:!0},wanted:{state:!0},limit:{state:!0},creating:{state:!0},problem:{state:!0},told:{state:!0},revoking:{state:!0}};#e=new AbortController;static styles=[r,W,T`
      header.title {
        margin-bottom: 4px;
      }
      h2 {
        font-size: 15px;
      }
      .lead {
        margin-bottom: 10px;
        max-width: 68ch;
      }
      .filter {
        margin-bottom: 10px;
      }
    `];constructor(){super(),this.clientId=``,this.wanted=``,this.limit=K,this.creating=``,this.problem=``}disconnectedCallback(){super.disconnectedCallback(),this.#e.abort()}willUpdate(e){e.has(`clientId`)&&this.#s()}firstUpdated(){this.renderRoot.querySelector(`h1`)?.focus()}render(){let e=this.clientId?l`<h2>${i(`admin.keys`)}</h2>`:l`<h1 tabindex="-1">${i(`admin.keys`)}</h1>`;return l`<header class="title">
        ${e}
        <button @click=${()=>[this.creating,this.problem]=[`open`,``]}>${D(`plus`)}${i(`keys.create`)}</button>
      </header>
      <p class="muted lead">${i(this.clientId?`keys.text_tenant`:`keys.text`)}</p>
      ${this.told?l`<eh-secret .told=${this.told} @done=${()=>this.told=void 0}></eh-secret>`:p}
      ${this.#t()} ${this.creating?this.#r():p}
      ${this.revoking?l`<eh-confirm .act=${this.#a(this.revoking)} @dismissed=${()=>this.revoking=void 0} @done=${this.#o}></eh-confirm>`:p}`}#t(){if(this.error)return c(this.error,()=>void this.#s());if(!this.keys)return b(3);let e=this.keys.filter(e=>!this.clientId||e.client_id===this.clientId);if(e.length===0)return l`<p class="muted">${i(`keys.none`)}</p>`;let t=e.filter(e=>e.name.toLocaleLowerCase().includes(this.wanted.toLocaleLowerCase())),n=l`<input class="filter" type="search" name="key-name" autocomplete="off" placeholder=${i(`keys.filter`)} aria-label=${i(`keys.filter`)} @input=${e=>this.wanted=e.target.value} />`;return l`${e.length>10?n:p}
      ${t.length>0?l`<ul class="list">
            ${t.slice(0,this.limit).map(e=>this.#n(e))}
          </ul>`:l`<p class="muted">${i(`keys.no_match`)}</p>`}
      ${t.length>this.limit?l`<div class="more"><button @click=${()=>this.limit+=K}>${i(`tenants.more`)}</button></div>`:p}`}#n(e){let r=e.last_used_at?l`${i(`keys.used`)} ${g(e.last_used_at)}`:i(`keys.unused`),a=e.expires_at&&Date.parse(e.expires_at)<=Date.now(),o=e.expires_at?l` · ${i(a?`keys.expired`:`keys.expires`,{time:t(e.expires_at)})}`:p,s=this.clientId?p:e.client_id?l` · <a href=${C(e.client_id)}>${i(`keys.one_tenant`)}</a>`:l` · ${i(`keys.all_tenants`)}`;return l`<li class="line">
      <span>
        <strong class="text">${n(E(e.name,256))}</strong> ${e.scopes.map(e=>l`<span class="scope">${e}</span>`)}<br />
        <span class="muted">${r}${o}${s} · <span class="mono">${e.id}</span></span>
      </span>
      <button class="danger" aria-label=${i(`keys.revoke_named`,{name:d(e.name,60)})} @click=${()=>this.revoking=e}>${i(`keys.revoke`)}</button>
    </li>`}#r(){return l`<eh-dialog label=${i(`keys.create`)} @dismissed=${()=>this.creating=``}>
      <form class="stacked" autocomplete="off" @submit=${this.#i}>
        <label><span>${i(`keys.name`)}</span><input name="name" required maxlength="64" autocomplete="off" /></label>
        <fieldset>
          <legend>${i(`keys.scopes`)}</legend>
          ${G.map(e=>l`<label class="check"><input type="checkbox" name="scope" value=${e} .checked=${e===`read`} /><span>${e} <small>${i(`scope.${e}`)}</small></span></label>`)}
        </fieldset>
        ${this.clientId?p:l`<label><span>${i(`keys.tenant`)} <small>${i(`sign_in.optional`)}</small></span><input name="client" autocomplete="off" spellcheck="false" autocapitalize="none" /><small>${i(`keys.tenant_text`)}</small></label>`}
        <label><span>${i(`keys.expiry`)} <small>${i(`sign_in.optional`)}</small></span><input name="expires" type="datetime-local" /></label>
        ${this.problem?l`<div class="notice bad" role="alert">${D(`alert`)}<div>${this.problem}</div></div>`:p}
        <div class="buttons">
          <button class="primary" ?disabled=${this.creating===`busy`}>${i(`keys.create`)}</button>
          <button type="button" @click=${()=>this.creating=``}>${i(`action.cancel`)}</button>
        </div>
      </form>
    </eh-dialog>`}#i=async e=>{if(e.preventDefault(),this.creating===`busy`)return;let t=new FormData(e.target),n=G.filter(e=>t.getAll(`scope`).includes(e));if(n.length===0){this.problem=i(`keys.no_scope`);return}let r=String(t.get(`name`)).trim(),a=this.clientId||String(t.get(`client`)??``).trim(),o=u(String(t.get(`expires`)??``));[this.creating,this.problem]=[`busy`,``];try{let e=await R({name:r,scopes:n,...a?{client_id:a}:{},...o?{expires_at:o}:{}});this.creating=``,this.told={label:i(`keys.created`,{name:d(e.name,60)}),items:[{name:i(`sign_in.api_key`),value:e.key}]},this.#s()}catch(e){this.problem=s(e),this.creating=`open`}};#a(e){let t=i(`keys.revoke_confirm`,{name:d(e.name,60)});return{title:i(`keys.revoke`),text:t,name:ge(e.name,e.id),action:i(`keys.revoke`),run:async()=>void await z(e.id)}}#o=()=>{this.revoking=void 0,this.#s()};async#s(){this.#e.abort();let{signal:e}=this.#e=new AbortController;this.error=void 0;try{this.keys=await L(e)}catch(t){!w(t)&&!e.aborted&&(this.error=t)}}};customElements.define(`eh-keys`,_e);var ve=class{#e=new Map;constructor(e){for(let t of e.split(`
`)){let e=/^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(t);if(!e)continue;let[,n=``,r=``,i=``]=e,a={labels:ye(r),value:Number(i)};this.#e.set(n,[...this.#e.get(n)??[],a])}}all(e){return this.#e.get(e)??[]}sum(e,t={}){let n=this.all(e).filter(e=>Object.entries(t).every(([t,n])=>e.labels[t]===n));return n.length>0?n.reduce((e,t)=>e+t.value,0):void 0}hasAny(e){return[...this.#e.keys()].some(t=>t.startsWith(e))}};function ye(e){let t=e.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g);return Object.fromEntries([...t].map(([,e=``,t=``])=>[e,t.replace(/\\(.)/g,(e,t)=>t===`n`?`
`:t)]))}var be=1e4,xe=[{name:`write_queue`,metric:`event_history_write_queue_events`},{name:`in_flight`,metric:`event_history_http_requests_in_flight`},{name:`connections`,metric:`event_history_connections`},{name:`feed_waiters`,metric:`event_history_feed_waiters`},{name:`exports`,metric:`event_history_exports`},{name:`feed_lag`,metric:`event_history_feed_lag_seconds`,unit:`s`},{name:`retention_backlog`,metric:`event_history_retention_backlog_events`},{name:`retention_failures`,metric:`event_history_retention_failures_total`,isProblem:!0},{name:`sweep_failures`,metric:`event_history_sweep_failures_total`,isProblem:!0},{name:`changed_files`,metric:`event_history_changed_files_total`,isProblem:!0},{name:`deleted_tenants`,metric:`event_history_deleted_tenants_on_disk`}],Se=class extends m{static properties={state:{state:!0},error:{state:!0}};#e=new AbortController;#t;#n;static styles=[r,W,T`
      .states {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(220px, 1fr));
        gap: 12px;
      }
      .states .card {
        display: grid;
        grid-template-columns: 20px minmax(0, 1fr);
        gap: 2px 10px;
      }
      .states .icon {
        margin-top: 3px;
      }
      .ok .icon {
        color: var(--add);
      }
      .bad .icon {
        color: var(--remove);
      }
      dl.figures {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(260px, 1fr));
        gap: 0 28px;
      }
      dl.figures div {
        display: flex;
        justify-content: space-between;
        gap: 12px;
        padding: 7px 0;
        border-bottom: 1px solid var(--line);
      }
      dl.figures dt {
        color: var(--muted);
      }
      dl.figures dd {
        font-variant-numeric: tabular-nums;
        white-space: nowrap;
      }
      .states + p {
        margin-top: 10px;
      }
      .problem {
        color: var(--remove);
        font-weight: 600;
      }
      .wide {
        overflow-x: auto;
      }
      table {
        width: 100%;
        border-collapse: collapse;
      }
      th,
      td {
        text-align: start;
        padding: 7px 12px 7px 0;
        border-bottom: 1px solid var(--line);
        white-space: nowrap;
      }
      th {
        color: var(--muted);
        font-weight: 450;
      }
    `];connectedCallback(){super.connectedCallback(),this.#n=setInterval(()=>document.hidden||void this.#o(),be),this.#o()}disconnectedCallback(){super.disconnectedCallback(),clearInterval(this.#n),this.#e.abort()}firstUpdated(){this.renderRoot.querySelector(`h1`)?.focus()}render(){let{state:e}=this;return l`<header class="title">
        <h1 tabindex="-1">${i(`admin.service`)}</h1>
        <button @click=${()=>void this.#o()}>${D(`repeat`)}${i(`service.refresh`)}</button>
      </header>
      <p class="muted">${i(`service.text`)}</p>
      ${this.error?c(this.error,()=>void this.#o()):p}
      ${e?l`${this.#r(e)} ${this.#i(e)} ${this.#a(e)}`:this.error?p:b(5)}`}#r({readiness:e,metrics:t,version:r}){let a=(e,t,r)=>l`<div class="card ${r===`ok`?`ok`:`bad`}">
      ${D(r===`ok`?`check`:`alert`)}
      <div><strong>${e}</strong>${t?l` <span class="muted">${t}</span>`:p}<br />${r===`ok`?i(`service.ok`):n(E(r,500))}</div>
    </div>`,o=e=>Object.entries(e).find(([e])=>t?.hasAny(e))?.[1]??``,s=o({event_history_sqlite_:`SQLite`,event_history_clickhouse_:`ClickHouse`}),c=o({event_history_embedded_:i(`service.embedded`),event_history_storage_request_:`S3`});return l`<section aria-label=${i(`service.backends`)}>
      <h2>${i(`service.backends`)}</h2>
      <div class="states">
        ${a(i(`service.database`),s,e.database)} ${a(i(`service.files`),c,e.files)}
        ${a(i(`service.writes`),``,e.writes===`ok`?`ok`:i(`service.writes_failed`))}
      </div>
      <p>${r?l`${i(`service.version`)} <span class="mono">${n(E(r,100))}</span>`:p}</p>
    </section>`}#i({metrics:e}){if(!e)return l`<section><div class="notice">${D(`alert`)}<div>${i(`service.elsewhere`)}</div></div></section>`;let t=(e,t,n=!1)=>l`<div><dt>${e}</dt><dd class=${n?`problem`:p}>${t}</dd></div>`,n=e.sum(`event_history_last_backup_timestamp_seconds`),r=e.sum(`event_history_http_requests_total`,{status:`503`});return l`<section aria-label=${i(`service.figures`)}>
      <h2>${i(`service.figures`)}</h2>
      <dl class="figures">
        ${xe.map(({name:n,metric:r,isProblem:o=!1,unit:s})=>{let c=e.sum(r),l=te(`metric.${n}`);return c===void 0||!l?p:t(i(l),s?J(c):a(c),o&&c>0)})}
        ${r===void 0?p:t(i(`metric.unavailable`),a(r),r>0)}
        ${n===void 0?e.hasAny(`event_history_sqlite_`)?t(i(`metric.backup`),i(`service.no_backup`),!0):p:t(i(`metric.backup`),g(new Date(n*1e3).toISOString()))}
      </dl>
    </section>`}#a({metrics:e}){let t=e?.all(`event_history_clickhouse_node_up`)??[];if(!e||t.length===0)return p;let r=t.map(({labels:t,value:r})=>{let o=n=>e.sum(`event_history_clickhouse_node_${n}`,t),[s,c,u,d]=[o(`read_only`),o(`replication_delay_seconds`),o(`replication_queue`),o(`clock_offset_seconds`)],f=r===1&&s!==1;return l`<tr>
        <td class="text">${n(E(t.node??``,200))}</td>
        <td>${n(E(t.shard??``,50))}</td>
        <td class=${f?p:`problem`}>${i(f?`service.ok`:r===1?`service.read_only`:`service.down`)}</td>
        <td>${c===void 0?`–`:J(c)}</td>
        <td>${u===void 0?`–`:a(u)}</td>
        <td>${d===void 0?`–`:J(d)}</td>
      </tr>`});return l`<section aria-label=${i(`service.nodes`)}>
      <h2>${i(`service.nodes`)}</h2>
      <div class="wide" tabindex="0" role="group" aria-label=${i(`service.nodes`)}>
        <table>
          <thead><tr>${[`node`,`shard`,`state`,`delay`,`queue`,`clock`].map(e=>l`<th scope="col">${i(`node.${e}`)}</th>`)}</tr></thead>
          <tbody>${r}</tbody>
        </table>
      </div>
    </section>`}async#o(){this.#e.abort();let{signal:e}=this.#e=new AbortController;try{this.#t===void 0&&(this.#t=Ce(await q(`openapi.json`,e)));let[t,n]=await Promise.all([q(`health/ready`,e),q(`metrics`,e)]);this.state={readiness:JSON.parse(t.text),version:this.#t,metrics:n.status===200?new ve(n.text):void 0},this.error=void 0}catch(t){!w(t)&&!e.aborted&&(this.error=t)}}};async function q(e,t){try{let n=await fetch(h(e),{signal:t,credentials:`omit`,redirect:`error`});return{status:n.status,text:await n.text()}}catch(e){throw t.aborted?e:new y(String(e))}}function Ce({status:e,text:t}){return e===200?JSON.parse(t).info?.version??null:null}var J=e=>new Intl.NumberFormat(f(),{style:`unit`,unit:`second`,maximumFractionDigits:2}).format(e);customElements.define(`eh-service`,Se);var we=class extends m{static properties={clientId:{},name:{},holds:{state:!0},error:{state:!0},problem:{state:!0},busy:{state:!0},releasing:{state:!0}};#e=new AbortController;static styles=[r,W,T`
      h2 {
        font-size: 15px;
        margin-bottom: 4px;
      }
      .lead {
        margin-bottom: 10px;
        max-width: 68ch;
      }
      form {
        margin-top: 12px;
      }
      form.inline label.reason {
        flex: 3 1 240px;
      }
    `];constructor(){super(),this.clientId=``,this.name=``,this.problem=``,this.busy=!1}disconnectedCallback(){super.disconnectedCallback(),this.#e.abort()}willUpdate(e){e.has(`clientId`)&&this.#a()}render(){return l`<h2>${i(`holds.title`)}</h2>
      <p class="muted lead">${i(`holds.text`)}</p>
      ${this.error?c(this.error,()=>void this.#a()):this.#t()}
      <form class="inline" autocomplete="off" @submit=${this.#n}>
        <label><span>${i(`fact.record`)} <small>${i(`sign_in.optional`)}</small></span><input name="record" inputmode="numeric" pattern="-?[0-9]{1,19}" placeholder=${i(`holds.all`)} /></label>
        <label class="reason"><span>${i(`holds.reason`)}</span><input name="reason" required maxlength="256" /></label>
        <button ?disabled=${this.busy}>${D(`plus`)}${i(`holds.place`)}</button>
      </form>
      ${this.problem?l`<div class="notice bad" role="alert">${D(`alert`)}<div>${this.problem}</div></div>`:p}
      ${this.releasing?l`<eh-confirm .act=${this.#r(this.releasing)} @dismissed=${()=>this.releasing=void 0} @done=${this.#i}></eh-confirm>`:p}`}#t(){return this.holds?this.holds.length===0?l`<p class="muted">${i(`holds.none`)}</p>`:l`<ul class="list">
      ${this.holds.map(e=>{let t=Y(e);return l`<li class="line">
          <span>
            <strong>${t}</strong> <span class="muted">${g(e.created_at)}</span><br />
            <eh-long-text .text=${e.reason}></eh-long-text>
          </span>
          <button class="danger" aria-label=${`${i(`holds.release`)}: ${t}`} @click=${()=>this.releasing=e}>${i(`holds.release`)}</button>
        </li>`})}
    </ul>`:b(2)}#n=async e=>{if(e.preventDefault(),this.busy)return;let t=e.target,n=new FormData(t),r=String(n.get(`record`)).trim();[this.busy,this.problem]=[!0,``];try{let e=await U(this.clientId,r&&BigInt(r).toString(),String(n.get(`reason`)).trim());this.holds=[...this.holds??[],e],t.reset()}catch(e){this.problem=s(e)}this.busy=!1};#r(e){let t=i(`holds.release_confirm`,{what:Y(e)});return{title:i(`holds.release`),text:t,name:this.name,action:i(`holds.release`),run:async()=>void await de(this.clientId,e.id)}}#i=()=>{this.releasing=void 0,this.#a()};async#a(){this.#e.abort();let{signal:e}=this.#e=new AbortController;this.error=void 0;try{this.holds=await H(this.clientId,e)}catch(t){!w(t)&&!e.aborted&&(this.error=t)}}},Y=e=>e.record_id===null||e.record_id===void 0?i(`holds.all`):i(`history.record`,{id:String(e.record_id)});customElements.define(`eh-holds`,we);var Te=256,Ee=36525,X=`all`,Z=`other`,De=class extends m{static properties={clientId:{},name:{},catalogue:{attribute:!1},rows:{state:!0},state:{state:!0},error:{state:!0},problem:{state:!0},confirming:{state:!0}};#e=new AbortController;static styles=[r,W,T`
      h2 {
        font-size: 15px;
        margin-bottom: 4px;
      }
      .lead {
        margin-bottom: 10px;
        max-width: 68ch;
      }
      .rule {
        display: grid;
        grid-template-columns: minmax(0, 2fr) minmax(90px, 1fr) minmax(0, 2fr) auto;
        gap: 8px 12px;
        align-items: end;
        padding: 10px 14px;
      }
      .rule label {
        display: grid;
        gap: 4px;
        font-size: 12.5px;
      }
      .type {
        display: grid;
        gap: 6px;
      }
      .buttons {
        margin-top: 10px;
      }
      @media (max-width: 640px) {
        .rule {
          grid-template-columns: minmax(0, 1fr) auto;
        }
        .rule > :not(button) {
          grid-column: 1 / -1;
        }
      }
    `];constructor(){super(),this.clientId=``,this.name=``,this.state=``,this.problem=``}disconnectedCallback(){super.disconnectedCallback(),this.#e.abort()}willUpdate(e){e.has(`clientId`)&&this.#l()}render(){return l`<h2>${i(`retention.title`)}</h2>
      <p class="muted lead">${i(`retention.text`)}</p>
      ${this.error?c(this.error,()=>void this.#l()):this.rows?this.#t(this.rows):b(2)}
      ${this.confirming?l`<eh-confirm .act=${this.#s(this.confirming)} @dismissed=${()=>this.confirming=void 0} @done=${()=>this.confirming=void 0}></eh-confirm>`:p}`}#t(e){return l`<form @submit=${this.#o} autocomplete="off">
      ${e.length>0?l`<ul class="list">
            ${e.map((e,t)=>this.#n(e,t))}
          </ul>`:l`<p class="muted">${i(`retention.none`)}</p>`}
      ${this.problem?l`<div class="notice bad" role="alert">${D(`alert`)}<div>${this.problem}</div></div>`:p}
      <div class="buttons">
        <button type="button" ?disabled=${e.length>=Te} @click=${this.#r}>${D(`plus`)}${i(`retention.add`)}</button>
        ${this.state===`changed`||this.state===`busy`?l`<button class="primary" ?disabled=${this.state===`busy`}>${i(`action.save`)}</button>`:p}
        <span role="status">${this.state===`saved`?i(`retention.saved`):``}</span>
      </div>
    </form>`}#n(e,t){let n=e=>n=>this.#i(t,{[e]:n.target.value}),r=this.catalogue?.event_types??[],a=(t,n)=>l`<option value=${t} .selected=${t===e.type}>${n}</option>`,o=e.type!==X&&e.type!==Z&&!r.some(t=>String(t.id)===e.type);return l`<li class="rule">
      <div class="type">
        <label>
          ${i(`retention.type`)}
          <select name="type" @change=${n(`type`)}>
            ${a(X,i(`retention.all`))} ${r.map(e=>a(String(e.id),v(e.name,e.id)))}
            ${o?a(e.type,v(void 0,Number(e.type))):p} ${a(Z,i(`retention.other`))}
          </select>
        </label>
        ${e.type===Z?l`<label>${i(`retention.type_id`)}<input name="otherType" required inputmode="numeric" pattern="-?[0-9]{1,10}" .value=${e.otherType} @input=${n(`otherType`)} /></label>`:p}
      </div>
      <label>${i(`retention.days`)}<input name="days" type="number" min="1" max=${Ee} step="1" placeholder=${i(`retention.for_ever`)} .value=${e.days} @input=${n(`days`)} /></label>
      <label>
        ${i(`retention.age_from`)}
        <select name="ageFrom" @change=${n(`ageFrom`)}>
          ${[`latest`,`event`].map(t=>l`<option value=${t} .selected=${t===e.ageFrom}>${i(t===`event`?`retention.age_event`:`retention.age_latest`)}</option>`)}
        </select>
      </label>
      <button type="button" class="plain" aria-label=${i(`retention.remove`)} title=${i(`retention.remove`)} @click=${()=>this.#a(t)}>${D(`close`)}</button>
    </li>`}#r=async()=>{let e=this.rows?.some(e=>e.type===X)?Z:X;this.rows=[...this.rows??[],{type:e,otherType:``,days:``,ageFrom:`latest`}],[this.state,this.problem]=[`changed`,``],await this.updateComplete,this.renderRoot.querySelector(`.rule:last-child select`)?.focus()};#i(e,t){this.rows=this.rows?.map((n,r)=>r===e?{...n,...t}:n),[this.state,this.problem]=[`changed`,``]}#a(e){this.rows=this.rows?.filter((t,n)=>n!==e),[this.state,this.problem]=[`changed`,``]}#o=async e=>{if(e.preventDefault(),!this.rows||this.state===`busy`)return;let t=this.rows.map(e=>({event_type_id:e.type===X?null:Number(e.type===Z?e.otherType:e.type),days:e.days?Number(e.days):null,age_from:e.ageFrom}));if(new Set(t.map(e=>e.event_type_id)).size<t.length)this.problem=i(`retention.twice`);else if(t.some(e=>e.days!==null))this.confirming=t;else{this.state=`busy`;try{await this.#c(t)}catch(e){[this.problem,this.state]=[s(e),`changed`]}}};#s(e){return{title:i(`retention.title`),text:i(`retention.confirm`),name:this.name,action:i(`action.save`),run:()=>this.#c(e)}}async#c(e){this.rows=Q(await V(this.clientId,e)),this.state=`saved`}async#l(){this.#e.abort();let{signal:e}=this.#e=new AbortController;[this.error,this.rows,this.state]=[void 0,void 0,``];try{this.rows=Q(await B(this.clientId,e))}catch(t){!w(t)&&!e.aborted&&(this.error=t)}}},Q=e=>e.map(({event_type_id:e,days:t,age_from:n})=>({type:String(e??X),otherType:``,days:String(t??``),ageFrom:n}));customElements.define(`eh-retention`,De);var Oe=[`86400`,`0`,`3600`,`604800`,`2592000`],ke=class extends m{static properties={clientId:{},catalogue:{attribute:!1},tenant:{state:!0},error:{state:!0},open:{state:!0},problem:{state:!0},busy:{state:!0},told:{state:!0},files:{state:!0}};#e=new AbortController;static styles=[r,W,T`
      .figures {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(130px, 1fr));
        gap: 12px;
        margin-bottom: 14px;
      }
      .figures div {
        padding: 10px 14px;
        border: 1px solid var(--line);
        border-radius: 12px;
        background: var(--surface);
      }
      .figures dt {
        color: var(--muted);
        font-size: 12.5px;
      }
      .figures dd {
        font-size: 17px;
        font-weight: 600;
        font-variant-numeric: tabular-nums;
        overflow-wrap: anywhere;
      }
      .figures .small {
        font-size: 13px;
        font-weight: 450;
      }
      .copy {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 8px;
      }
    `];constructor(){super(),this.clientId=``,this.open=``,this.problem=``,this.busy=!1,this.files=`keep`}disconnectedCallback(){super.disconnectedCallback(),this.#e.abort()}willUpdate(e){e.has(`clientId`)&&([this.tenant,this.told,this.open]=[void 0,void 0,``],this.#l())}render(){let{tenant:e}=this;return e?l`<header class="title">
        <h1 tabindex="-1" class="text">${n(E(e.client_label||e.database_name,300))}</h1>
        <div class="buttons">
          <button class="primary" @click=${()=>O(this.clientId)}>${D(`record`)}${i(`tenant.history`)}</button>
          <button @click=${()=>this.#a(`label`)}>${D(`pencil`)}${i(`tenant.rename`)}</button>
        </div>
      </header>
      ${this.#t(e)}
      <section aria-label=${i(`tenant.secret`)}>
        <h2>${i(`tenant.secret`)}</h2>
        <p class="muted">${i(`tenant.secret_text`)}</p>
        ${this.told?l`<eh-secret .told=${this.told} @done=${()=>this.told=void 0}></eh-secret>`:p}
        <button @click=${()=>this.#a(`secret`)}>${D(`repeat`)}${i(`tenant.rotate`)}</button>
      </section>
      <section aria-label=${i(`admin.keys`)}><eh-keys clientId=${this.clientId}></eh-keys></section>
      <section aria-label=${i(`retention.title`)}>
        <eh-retention clientId=${this.clientId} name=${e.database_name} .catalogue=${this.catalogue}></eh-retention>
      </section>
      <section aria-label=${i(`holds.title`)}><eh-holds clientId=${this.clientId} name=${e.database_name}></eh-holds></section>
      <section aria-label=${i(`tenant.delete`)}>
        <h2>${i(`tenant.delete`)}</h2>
        <p class="muted">${i(`tenant.delete_text`)}</p>
        <button class="danger" @click=${()=>this.#a(`delete`)}>${D(`trash`)}${i(`tenant.delete`)}</button>
      </section>
      ${this.#n(e)}`:l`<h1 tabindex="-1">${i(`tenant.title`)}</h1>${this.error?c(this.error,()=>void this.#l()):b(6)}`}#t(t){let n=(e,t,n)=>l`<div><dt>${e}</dt><dd title=${n??p}>${t}</dd></div>`;return l`<dl class="figures">
        ${n(i(`tenant.events`),a(t.events))} ${n(i(`tenant.files`),a(t.files))}
        ${n(i(`tenant.bytes`),e(t.bytes),se(t.bytes))}
        ${n(i(`tenant.last`),t.last_event_time?l`<span class="small">${g(t.last_event_time)}</span>`:`–`)}
      </dl>
      <dl class="facts">
        <dt>${i(`tenant.database`)}</dt>
        <dd class="mono">${t.database_name}</dd>
        <dt>${i(`sign_in.client_id`)}</dt>
        <dd class="copy"><span class="mono">${t.client_id}</span><eh-copy .text=${t.client_id} label=${i(`copy.json`)}></eh-copy></dd>
        <dt>${i(`tenant.created`)}</dt>
        <dd>${oe(t.created_at)}</dd>
      </dl>`}#n(e){let t=e=>l`${this.problem?l`<div class="notice bad" role="alert">${D(`alert`)}<div>${this.problem}</div></div>`:p}
      <div class="buttons">
        <button class="primary" ?disabled=${this.busy}>${e}</button>
        <button type="button" @click=${()=>this.open=``}>${i(`action.cancel`)}</button>
      </div>`;switch(this.open){case`label`:return l`<eh-dialog label=${i(`tenant.rename`)} @dismissed=${()=>this.open=``}>
          <form class="stacked" autocomplete="off" @submit=${this.#o}>
            <label><span>${i(`tenants.label`)}</span><input name="label" maxlength="256" .value=${e.client_label} /></label>
            ${t(i(`action.save`))}
          </form>
        </eh-dialog>`;case`secret`:return l`<eh-dialog label=${i(`tenant.rotate`)} @dismissed=${()=>this.open=``}>
          <form class="stacked" @submit=${this.#s}>
            <label>
              <span>${i(`tenant.overlap`)}</span>
              <select name="overlap">${Oe.map(e=>l`<option value=${e}>${i(`overlap.${e}`)}</option>`)}</select>
              <small>${i(`tenant.overlap_text`)}</small>
            </label>
            ${t(i(`tenant.rotate`))}
          </form>
        </eh-dialog>`;case`delete`:return l`<eh-confirm .act=${this.#r(e)} @dismissed=${()=>this.open=``} @done=${this.#i}>
          <label class="check"><input type="checkbox" .checked=${this.files===`delete`} @change=${e=>this.files=e.target.checked?`delete`:`keep`} />${i(`tenant.delete_files`)}</label>
        </eh-confirm>`;case``:return p}}#r(e){let t=i(`tenant.delete_confirm`,{name:d(e.client_label||e.database_name),n:e.events});return{title:i(`tenant.delete`),text:t,name:e.database_name,action:i(`tenant.delete`),run:async()=>void await I(this.clientId,this.files)}}#i=()=>{let e=re();x(S()),e?.kind===`key`&&e.clientId===this.clientId&&_(``)};#a(e){[this.open,this.problem,this.busy,this.files]=[e,``,!1,`keep`]}#o=e=>this.#c(e,async e=>{this.tenant=await P(this.clientId,String(e.get(`label`)).trim())});#s=e=>this.#c(e,async e=>{let{client_secret:n,previous_valid_until:r}=await F(this.clientId,String(e.get(`overlap`)));this.told={label:i(`tenant.rotated`),items:[{name:i(`sign_in.client_secret`),value:n}],note:i(`tenant.previous_until`,{time:t(r)})}});async#c(e,t){if(e.preventDefault(),!this.busy){[this.busy,this.problem]=[!0,``];try{await t(new FormData(e.target)),this.open=``}catch(e){this.problem=s(e)}this.busy=!1}}async#l(){this.#e.abort();let{signal:e}=this.#e=new AbortController;this.error=void 0;try{this.tenant=await M(this.clientId,e),await this.updateComplete,this.renderRoot.querySelector(`h1`)?.focus()}catch(t){!w(t)&&!e.aborted&&(this.error=t)}}};customElements.define(`eh-tenant`,ke);var Ae=250,$=64,je=[``,`pooled`,`dedicated`],Me=class extends m{static properties={q:{},tenants:{state:!0},next:{state:!0},error:{state:!0},creating:{state:!0},problem:{state:!0},told:{state:!0}};#e=new AbortController;#t;static styles=[r,W,T`
      .search {
        position: relative;
        margin-bottom: 14px;
      }
      .search .icon {
        position: absolute;
        inset-inline-start: 11px;
        top: 9px;
        color: var(--muted);
      }
      .search input {
        padding-inline-start: 34px;
      }
    `];constructor(){super(),this.q=``,this.creating=``,this.problem=``}disconnectedCallback(){super.disconnectedCallback(),clearTimeout(this.#t),this.#e.abort()}willUpdate(e){e.has(`q`)&&this.#c()}firstUpdated(){this.renderRoot.querySelector(`h1`)?.focus()}updated(e){let t=this.renderRoot.querySelector(`input[name=q]`);e.has(`q`)&&t&&t.value.trim()!==this.q&&(t.value=this.q)}render(){let{told:e}=this;return l`<header class="title">
        <h1 tabindex="-1">${i(`admin.tenants`)}</h1>
        <button class="primary" @click=${()=>[this.creating,this.problem]=[`open`,``]}>${D(`plus`)}${i(`tenants.create`)}</button>
      </header>
      ${e?l`<eh-secret .told=${e} @done=${()=>this.told=void 0}></eh-secret>
            <p class="more"><a href=${C(e.clientId)}>${i(`tenants.open_new`)}</a></p>`:p}
      <form class="search" role="search" @submit=${this.#o}>
        ${D(`search`)}
        <input type="search" name="q" maxlength=${$} autocomplete="off" spellcheck="false" placeholder=${i(`tenants.search`)} aria-label=${i(`tenants.search`)} @input=${this.#a} />
      </form>
      <div aria-live="polite" aria-busy=${this.tenants===void 0&&!this.error?`true`:`false`}>${this.#n()}</div>
      ${this.creating?this.#r():p}`}#n(){let{tenants:e}=this,t=this.error?c(this.error,()=>void(e?this.#l():this.#c())):p;return e?e.length===0?this.q?o(`search`,i(`tenants.no_match`),i(`tenants.no_match_text`)):o(`empty`,i(`tenants.none`),i(`tenants.none_text`)):l`<ul class="list">
        ${e.map(e=>l`<li>
            <a class="line" href=${C(e.client_id)}>
              <span><strong class="text">${n(E(e.client_label||e.database_name,200))}</strong><br /><span class="muted mono">${e.database_name}</span></span>
              <span class="muted">${g(e.created_at)}</span>
            </a>
          </li>`)}
      </ul>
      ${t}
      ${this.next&&!this.error?l`<div class="more"><button @click=${()=>void this.#l()}>${i(`tenants.more`)}</button></div>`:p}`:this.error?l`${t}`:b(6)}#r(){return l`<eh-dialog label=${i(`tenants.create`)} @dismissed=${()=>this.creating=``}>
      <form class="stacked" autocomplete="off" @submit=${this.#i}>
        <label>
          <span>${i(`tenants.name`)}</span>
          <input name="name" required maxlength="64" pattern="[A-Za-z0-9][A-Za-z0-9_\\-]*" title=${i(`tenants.name_text`)} autocomplete="off" spellcheck="false" autocapitalize="none" />
          <small>${i(`tenants.name_text`)}</small>
        </label>
        <label><span>${i(`tenants.label`)}</span><input name="label" maxlength="256" autocomplete="off" /></label>
        <label>
          <span>${i(`tenants.placement`)}</span>
          <select name="placement">
            ${je.map(e=>l`<option value=${e}>${i(e?`placement.${e}`:`placement.default`)}</option>`)}
          </select>
          <small>${i(`tenants.placement_text`)}</small>
        </label>
        ${this.problem?l`<div class="notice bad" role="alert">${D(`alert`)}<div>${this.problem}</div></div>`:p}
        <div class="buttons">
          <button class="primary" ?disabled=${this.creating===`busy`}>${i(`tenants.create`)}</button>
          <button type="button" @click=${()=>this.creating=``}>${i(`action.cancel`)}</button>
        </div>
      </form>
    </eh-dialog>`}#i=async e=>{if(e.preventDefault(),this.creating===`busy`)return;let t=new FormData(e.target),n=e=>String(t.get(e)??``).trim();[this.creating,this.problem]=[`busy`,``];try{let{client_id:e,client_secret:t,database_name:r}=await N(n(`name`),n(`label`),n(`placement`));this.creating=``;let a=[{name:i(`sign_in.client_id`),value:e},{name:i(`sign_in.client_secret`),value:t}];this.told={clientId:e,label:i(`tenants.created`,{name:r}),items:a},this.#c()}catch(e){this.problem=s(e),this.creating=`open`}};#a=()=>{clearTimeout(this.#t),this.#t=setTimeout(()=>this.#s(),Ae)};#o=e=>{e.preventDefault(),clearTimeout(this.#t),this.#s()};#s(){let e=this.renderRoot.querySelector(`input[name=q]`)?.value.trim()??``;e!==this.q&&ie(S(e))}async#c(){this.#e.abort();let{signal:e}=this.#e=new AbortController;this.error=void 0;try{let{tenants:t,next_cursor:n}=await j(this.q,void 0,e);[this.tenants,this.next]=[t,n??void 0]}catch(t){if(w(t)||e.aborted)return;[this.tenants,this.error]=[void 0,t]}}async#l(){let{signal:e}=this.#e,t=this.next;[this.next,this.error]=[void 0,void 0];try{let{tenants:n,next_cursor:r}=await j(this.q,t,e);[this.tenants,this.next]=[[...this.tenants??[],...n],r??void 0]}catch(n){!w(n)&&!e.aborted&&([this.next,this.error]=[t,n])}}};customElements.define(`eh-tenants`,Me),ee({en:ue,de:le});var Ne=`_system`,Pe=class extends m{static properties={route:{attribute:!1},catalogue:{attribute:!1}};static styles=[r,W,T`
      :host {
        max-width: 1000px;
        margin: 0 auto;
        padding: 18px 20px 48px;
      }
      nav {
        display: flex;
        flex-wrap: wrap;
        gap: 4px;
        margin-bottom: 18px;
        border-bottom: 1px solid var(--line);
      }
      nav a,
      nav button {
        border: 0;
        border-bottom: 2px solid transparent;
        border-radius: 6px 6px 0 0;
        min-height: 0;
        padding: 6px 10px;
        color: var(--muted);
        background: none;
        font-weight: 450;
        margin-bottom: -1px;
      }
      nav a[aria-current] {
        color: var(--text);
        border-color: var(--accent);
      }
      @media (max-width: 640px) {
        :host {
          padding: 12px 12px 32px;
        }
      }
    `];render(){let{route:e}=this,t=(t,n,r)=>l`<a href=${n} aria-current=${t.includes(e.view)?`page`:p}>${r}</a>`;return l`<nav aria-label=${i(`admin.title`)}>
        ${t([`tenants`,`tenant`],S(),i(`admin.tenants`))} ${t([`keys`],`#/keys`,i(`admin.keys`))}
        ${t([`service`],`#/service`,i(`admin.service`))}
        <button @click=${()=>O(Ne)}>${i(`admin.audit`)} ${D(`right`)}</button>
      </nav>
      <main>${this.#e(e)}</main>`}#e(e){switch(e.view){case`tenants`:return l`<eh-tenants q=${e.q}></eh-tenants>`;case`tenant`:return l`<eh-tenant clientId=${e.id} .catalogue=${this.catalogue}></eh-tenant>`;case`keys`:return l`<eh-keys></eh-keys>`;case`service`:return l`<eh-service></eh-service>`}}};customElements.define(`eh-administration`,Pe);