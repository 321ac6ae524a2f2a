/** `<eh-tenants>`: finds a tenant among all, and creates one. */

import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { createTenant, listTenants } from "../api/administration";
import { isAbort } from "../api/client";
import type { Tenant } from "../api/types";
import "../parts/dialog";
import { icon } from "../parts/icons";
import "../parts/secret";
import type { Told } from "../parts/secret";
import { bars, blank, explained, failed } from "../parts/states";
import { base } from "../parts/styles";
import { when } from "../parts/time";
import { replace, tenantLink, tenantsLink } from "../state/router";
import { t } from "../text/i18n";
import { clip, shown } from "../text/plain";
import { look } from "./look";

const TYPING_MS = 250;
/** At most 256 bytes, which the service allows. */
const MAX_SEARCH_CHARS = 64;

const PLACEMENTS = ["", "pooled", "dedicated"] as const;

class Tenants extends LitElement {
  static override properties = {
    q: {},
    tenants: { state: true },
    next: { state: true },
    error: { state: true },
    creating: { state: true },
    problem: { state: true },
    told: { state: true },
  };
  /** What is searched for. */
  declare q: string;
  declare tenants: Tenant[] | undefined;
  declare next: string | undefined;
  declare error: unknown;
  declare creating: "" | "open" | "busy";
  declare problem: string;
  /** The secret of a tenant that was just created. */
  declare told: (Told & { clientId: string }) | undefined;

  #abort = new AbortController();
  #typing: ReturnType<typeof setTimeout> | undefined;

  static override styles = [
    base,
    look,
    css`
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
    `,
  ];

  constructor() {
    super();
    this.q = "";
    this.creating = "";
    this.problem = "";
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#typing);
    this.#abort.abort();
  }

  override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has("q")) void this.#load();
  }

  override firstUpdated(): void {
    this.renderRoot.querySelector<HTMLElement>("h1")?.focus();
  }

  override updated(changed: Map<string, unknown>): void {
    const input = this.renderRoot.querySelector<HTMLInputElement>("input[name=q]");
    // Not while what was typed is the same but for a space at its end.
    if (changed.has("q") && input && input.value.trim() !== this.q) input.value = this.q;
  }

  override render() {
    const { told } = this;
    return html`<header class="title">
        <h1 tabindex="-1">${t("admin.tenants")}</h1>
        <button class="primary" @click=${() => ([this.creating, this.problem] = ["open", ""])}>${icon("plus")}${t("tenants.create")}</button>
      </header>
      ${told
        ? html`<eh-secret .told=${told} @done=${() => (this.told = undefined)}></eh-secret>
            <p class="more"><a href=${tenantLink(told.clientId)}>${t("tenants.open_new")}</a></p>`
        : nothing}
      <form class="search" role="search" @submit=${this.#search}>
        ${icon("search")}
        <input type="search" name="q" maxlength=${MAX_SEARCH_CHARS} autocomplete="off" spellcheck="false" placeholder=${t("tenants.search")} aria-label=${t("tenants.search")} @input=${this.#onTyping} />
      </form>
      <div aria-live="polite" aria-busy=${this.tenants === undefined && !this.error ? "true" : "false"}>${this.#list()}</div>
      ${this.creating ? this.#dialog() : nothing}`;
  }

  #list(): TemplateResult {
    const { tenants } = this;
    const failure = this.error ? failed(this.error, () => void (tenants ? this.#more() : this.#load())) : nothing;
    if (!tenants) return this.error ? html`${failure}` : bars(6);
    if (tenants.length === 0) return this.q ? blank("search", t("tenants.no_match"), t("tenants.no_match_text")) : blank("empty", t("tenants.none"), t("tenants.none_text"));
    return html`<ul class="list">
        ${tenants.map(
          (it) => html`<li>
            <a class="line" href=${tenantLink(it.client_id)}>
              <span><strong class="text">${shown(clip(it.client_label || it.database_name, 200))}</strong><br /><span class="muted mono">${it.database_name}</span></span>
              <span class="muted">${when(it.created_at)}</span>
            </a>
          </li>`,
        )}
      </ul>
      ${failure}
      ${this.next && !this.error ? html`<div class="more"><button @click=${() => void this.#more()}>${t("tenants.more")}</button></div>` : nothing}`;
  }

  #dialog(): TemplateResult {
    return html`<eh-dialog label=${t("tenants.create")} @dismissed=${() => (this.creating = "")}>
      <form class="stacked" autocomplete="off" @submit=${this.#create}>
        <label>
          <span>${t("tenants.name")}</span>
          <input name="name" required maxlength="64" pattern="[A-Za-z0-9][A-Za-z0-9_\\-]*" title=${t("tenants.name_text")} autocomplete="off" spellcheck="false" autocapitalize="none" />
          <small>${t("tenants.name_text")}</small>
        </label>
        <label><span>${t("tenants.label")}</span><input name="label" maxlength="256" autocomplete="off" /></label>
        <label>
          <span>${t("tenants.placement")}</span>
          <select name="placement">
            ${PLACEMENTS.map((it) => html`<option value=${it}>${t(it ? `placement.${it}` : "placement.default")}</option>`)}
          </select>
          <small>${t("tenants.placement_text")}</small>
        </label>
        ${this.problem ? html`<div class="notice bad" role="alert">${icon("alert")}<div>${this.problem}</div></div>` : nothing}
        <div class="buttons">
          <button class="primary" ?disabled=${this.creating === "busy"}>${t("tenants.create")}</button>
          <button type="button" @click=${() => (this.creating = "")}>${t("action.cancel")}</button>
        </div>
      </form>
    </eh-dialog>`;
  }

  readonly #create = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (this.creating === "busy") return;
    const data = new FormData(event.target as HTMLFormElement);
    const text = (name: string) => String(data.get(name) ?? "").trim();
    [this.creating, this.problem] = ["busy", ""];
    try {
      const { client_id: clientId, client_secret, database_name } = await createTenant(text("name"), text("label"), text("placement"));
      this.creating = "";
      const items = [
        { name: t("sign_in.client_id"), value: clientId },
        { name: t("sign_in.client_secret"), value: client_secret },
      ];
      this.told = { clientId, label: t("tenants.created", { name: database_name }), items };
      void this.#load();
    } catch (error) {
      this.problem = explained(error);
      this.creating = "open";
    }
  };

  readonly #onTyping = () => {
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => this.#go(), TYPING_MS);
  };

  readonly #search = (event: SubmitEvent) => {
    event.preventDefault();
    clearTimeout(this.#typing);
    this.#go();
  };

  #go(): void {
    const q = this.renderRoot.querySelector<HTMLInputElement>("input[name=q]")?.value.trim() ?? "";
    if (q !== this.q) replace(tenantsLink(q));
  }

  async #load(): Promise<void> {
    this.#abort.abort();
    const { signal } = (this.#abort = new AbortController());
    this.error = undefined;
    try {
      const { tenants, next_cursor } = await listTenants(this.q, undefined, signal);
      [this.tenants, this.next] = [tenants, next_cursor ?? undefined];
    } catch (error) {
      if (isAbort(error) || signal.aborted) return;
      [this.tenants, this.error] = [undefined, error];
    }
  }

  async #more(): Promise<void> {
    const { signal } = this.#abort;
    const cursor = this.next;
    [this.next, this.error] = [undefined, undefined];
    try {
      const { tenants, next_cursor } = await listTenants(this.q, cursor, signal);
      [this.tenants, this.next] = [[...(this.tenants ?? []), ...tenants], next_cursor ?? undefined];
    } catch (error) {
      if (!isAbort(error) && !signal.aborted) [this.next, this.error] = [cursor, error];
    }
  }
}

customElements.define("eh-tenants", Tenants);
