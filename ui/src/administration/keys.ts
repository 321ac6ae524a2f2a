/** `<eh-keys>`: the keys that were made through the API, of all tenants or of one; makes and revokes them. */

import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { createKey, listKeys, revokeKey } from "../api/administration";
import { isAbort } from "../api/client";
import type { ApiKey, Scope } from "../api/types";
import "../parts/dialog";
import { icon } from "../parts/icons";
import "../parts/secret";
import type { Told } from "../parts/secret";
import { bars, explained, failed } from "../parts/states";
import { base } from "../parts/styles";
import { when } from "../parts/time";
import { tenantLink } from "../state/router";
import { fromInput, local } from "../text/format";
import { t } from "../text/i18n";
import { clip, isolated, shown } from "../text/plain";
import "./confirm";
import { typable, type Act } from "./confirm";
import { look } from "./look";

const SCOPES = ["read", "write", "admin"] as const satisfies readonly Scope[];

/** There may be thousands of keys. */
const STEP = 100;

class Keys extends LitElement {
  static override properties = {
    clientId: {},
    keys: { state: true },
    error: { state: true },
    wanted: { state: true },
    limit: { state: true },
    creating: { state: true },
    problem: { state: true },
    told: { state: true },
    revoking: { state: true },
  };
  /** The tenant whose keys these are; empty: all. */
  declare clientId: string;
  declare keys: ApiKey[] | undefined;
  declare error: unknown;
  /** A part of the names to show. */
  declare wanted: string;
  declare limit: number;
  declare creating: "" | "open" | "busy";
  declare problem: string;
  declare told: Told | undefined;
  declare revoking: ApiKey | undefined;

  #abort = new AbortController();

  static override styles = [
    base,
    look,
    css`
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
    `,
  ];

  constructor() {
    super();
    this.clientId = "";
    this.wanted = "";
    this.limit = STEP;
    this.creating = "";
    this.problem = "";
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#abort.abort();
  }

  override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has("clientId")) void this.#load();
  }

  override firstUpdated(): void {
    this.renderRoot.querySelector<HTMLElement>("h1")?.focus();
  }

  override render() {
    const title = this.clientId ? html`<h2>${t("admin.keys")}</h2>` : html`<h1 tabindex="-1">${t("admin.keys")}</h1>`;
    return html`<header class="title">
        ${title}
        <button @click=${() => ([this.creating, this.problem] = ["open", ""])}>${icon("plus")}${t("keys.create")}</button>
      </header>
      <p class="muted lead">${t(this.clientId ? "keys.text_tenant" : "keys.text")}</p>
      ${this.told ? html`<eh-secret .told=${this.told} @done=${() => (this.told = undefined)}></eh-secret>` : nothing}
      ${this.#list()} ${this.creating ? this.#dialog() : nothing}
      ${this.revoking ? html`<eh-confirm .act=${this.#revocation(this.revoking)} @dismissed=${() => (this.revoking = undefined)} @done=${this.#revoked}></eh-confirm>` : nothing}`;
  }

  #list(): TemplateResult {
    if (this.error) return failed(this.error, () => void this.#load());
    if (!this.keys) return bars(3);
    const all = this.keys.filter((it) => !this.clientId || it.client_id === this.clientId);
    if (all.length === 0) return html`<p class="muted">${t("keys.none")}</p>`;
    const matching = all.filter((it) => it.name.toLocaleLowerCase().includes(this.wanted.toLocaleLowerCase()));
    const filter = html`<input class="filter" type="search" name="key-name" autocomplete="off" placeholder=${t("keys.filter")} aria-label=${t("keys.filter")} @input=${(event: Event) => (this.wanted = (event.target as HTMLInputElement).value)} />`;
    return html`${all.length > 10 ? filter : nothing}
      ${matching.length > 0
        ? html`<ul class="list">
            ${matching.slice(0, this.limit).map((it) => this.#line(it))}
          </ul>`
        : html`<p class="muted">${t("keys.no_match")}</p>`}
      ${matching.length > this.limit ? html`<div class="more"><button @click=${() => (this.limit += STEP)}>${t("tenants.more")}</button></div>` : nothing}`;
  }

  #line(key: ApiKey): TemplateResult {
    const used = key.last_used_at ? html`${t("keys.used")} ${when(key.last_used_at)}` : t("keys.unused");
    const isOver = key.expires_at && Date.parse(key.expires_at) <= Date.now();
    const expiry = key.expires_at ? html` · ${t(isOver ? "keys.expired" : "keys.expires", { time: local(key.expires_at) })}` : nothing;
    const whose = this.clientId ? nothing : key.client_id ? html` · <a href=${tenantLink(key.client_id)}>${t("keys.one_tenant")}</a>` : html` · ${t("keys.all_tenants")}`;
    return html`<li class="line">
      <span>
        <strong class="text">${shown(clip(key.name, 256))}</strong> ${key.scopes.map((it) => html`<span class="scope">${it}</span>`)}<br />
        <span class="muted">${used}${expiry}${whose} · <span class="mono">${key.id}</span></span>
      </span>
      <button class="danger" aria-label=${t("keys.revoke_named", { name: isolated(key.name, 60) })} @click=${() => (this.revoking = key)}>${t("keys.revoke")}</button>
    </li>`;
  }

  #dialog(): TemplateResult {
    return html`<eh-dialog label=${t("keys.create")} @dismissed=${() => (this.creating = "")}>
      <form class="stacked" autocomplete="off" @submit=${this.#create}>
        <label><span>${t("keys.name")}</span><input name="name" required maxlength="64" autocomplete="off" /></label>
        <fieldset>
          <legend>${t("keys.scopes")}</legend>
          ${SCOPES.map(
            (it) => html`<label class="check"><input type="checkbox" name="scope" value=${it} .checked=${it === "read"} /><span>${it} <small>${t(`scope.${it}`)}</small></span></label>`,
          )}
        </fieldset>
        ${this.clientId ? nothing : html`<label><span>${t("keys.tenant")} <small>${t("sign_in.optional")}</small></span><input name="client" autocomplete="off" spellcheck="false" autocapitalize="none" /><small>${t("keys.tenant_text")}</small></label>`}
        <label><span>${t("keys.expiry")} <small>${t("sign_in.optional")}</small></span><input name="expires" type="datetime-local" /></label>
        ${this.problem ? html`<div class="notice bad" role="alert">${icon("alert")}<div>${this.problem}</div></div>` : nothing}
        <div class="buttons">
          <button class="primary" ?disabled=${this.creating === "busy"}>${t("keys.create")}</button>
          <button type="button" @click=${() => (this.creating = "")}>${t("action.cancel")}</button>
        </div>
      </form>
    </eh-dialog>`;
  }

  readonly #create = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (this.creating === "busy") return;
    const data = new FormData(event.target as HTMLFormElement);
    const scopes = SCOPES.filter((it) => data.getAll("scope").includes(it));
    if (scopes.length === 0) {
      this.problem = t("keys.no_scope");
      return;
    }
    const name = String(data.get("name")).trim();
    const clientId = this.clientId || String(data.get("client") ?? "").trim();
    const expires = fromInput(String(data.get("expires") ?? ""));
    [this.creating, this.problem] = ["busy", ""];
    try {
      const made = await createKey({ name, scopes, ...(clientId ? { client_id: clientId } : {}), ...(expires ? { expires_at: expires } : {}) });
      this.creating = "";
      this.told = { label: t("keys.created", { name: isolated(made.name, 60) }), items: [{ name: t("sign_in.api_key"), value: made.key }] };
      void this.#load();
    } catch (error) {
      this.problem = explained(error);
      this.creating = "open";
    }
  };

  #revocation(key: ApiKey): Act {
    const text = t("keys.revoke_confirm", { name: isolated(key.name, 60) });
    return { title: t("keys.revoke"), text, name: typable(key.name, key.id), action: t("keys.revoke"), run: async () => void (await revokeKey(key.id)) };
  }

  readonly #revoked = () => {
    this.revoking = undefined;
    void this.#load();
  };

  async #load(): Promise<void> {
    this.#abort.abort();
    const { signal } = (this.#abort = new AbortController());
    this.error = undefined;
    try {
      this.keys = await listKeys(signal);
    } catch (error) {
      if (!isAbort(error) && !signal.aborted) this.error = error;
    }
  }
}

customElements.define("eh-keys", Keys);
