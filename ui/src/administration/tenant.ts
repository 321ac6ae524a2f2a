/** `<eh-tenant>`: one tenant: what it has, its secret, keys, rules and holds, and its end. */

import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { deleteTenant, getTenant, renameTenant, rotateSecret } from "../api/administration";
import { isAbort } from "../api/client";
import { currentSession, switchTenant } from "../api/session";
import type { Catalogue, TenantSummary } from "../api/types";
import "../parts/copy-button";
import "../parts/dialog";
import { icon } from "../parts/icons";
import "../parts/secret";
import type { Told } from "../parts/secret";
import { bars, explained, failed } from "../parts/states";
import { base } from "../parts/styles";
import { exactly, when } from "../parts/time";
import { openHistory } from "../state/chosen-tenant";
import { go, tenantsLink } from "../state/router";
import { exactSize, local, number, size } from "../text/format";
import { t } from "../text/i18n";
import { clip, isolated, shown } from "../text/plain";
import "./confirm";
import type { Act } from "./confirm";
import "./holds";
import "./keys";
import { look } from "./look";
import "./retention";

/** The seconds for which the previous secret can stay valid. */
const OVERLAPS = ["86400", "0", "3600", "604800", "2592000"] as const;

class TenantView extends LitElement {
  static override properties = {
    clientId: {},
    catalogue: { attribute: false },
    tenant: { state: true },
    error: { state: true },
    open: { state: true },
    problem: { state: true },
    busy: { state: true },
    told: { state: true },
    files: { state: true },
  };
  declare clientId: string;
  declare catalogue: Catalogue | undefined;
  declare tenant: TenantSummary | undefined;
  declare error: unknown;
  /** The dialog that is open. */
  declare open: "" | "label" | "secret" | "delete";
  declare problem: string;
  declare busy: boolean;
  declare told: Told | undefined;
  /** What becomes of the files when the tenant is deleted. */
  declare files: "keep" | "delete";

  #abort = new AbortController();

  static override styles = [
    base,
    look,
    css`
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
    `,
  ];

  constructor() {
    super();
    this.clientId = "";
    this.open = "";
    this.problem = "";
    this.busy = false;
    this.files = "keep";
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#abort.abort();
  }

  override willUpdate(changed: Map<string, unknown>): void {
    if (!changed.has("clientId")) return;
    [this.tenant, this.told, this.open] = [undefined, undefined, ""];
    void this.#load();
  }

  override render() {
    const { tenant } = this;
    if (!tenant) return html`<h1 tabindex="-1">${t("tenant.title")}</h1>${this.error ? failed(this.error, () => void this.#load()) : bars(6)}`;
    return html`<header class="title">
        <h1 tabindex="-1" class="text">${shown(clip(tenant.client_label || tenant.database_name, 300))}</h1>
        <div class="buttons">
          <button class="primary" @click=${() => openHistory(this.clientId)}>${icon("record")}${t("tenant.history")}</button>
          <button @click=${() => this.#ask("label")}>${icon("pencil")}${t("tenant.rename")}</button>
        </div>
      </header>
      ${this.#figures(tenant)}
      <section aria-label=${t("tenant.secret")}>
        <h2>${t("tenant.secret")}</h2>
        <p class="muted">${t("tenant.secret_text")}</p>
        ${this.told ? html`<eh-secret .told=${this.told} @done=${() => (this.told = undefined)}></eh-secret>` : nothing}
        <button @click=${() => this.#ask("secret")}>${icon("repeat")}${t("tenant.rotate")}</button>
      </section>
      <section aria-label=${t("admin.keys")}><eh-keys clientId=${this.clientId}></eh-keys></section>
      <section aria-label=${t("retention.title")}>
        <eh-retention clientId=${this.clientId} name=${tenant.database_name} .catalogue=${this.catalogue}></eh-retention>
      </section>
      <section aria-label=${t("holds.title")}><eh-holds clientId=${this.clientId} name=${tenant.database_name}></eh-holds></section>
      <section aria-label=${t("tenant.delete")}>
        <h2>${t("tenant.delete")}</h2>
        <p class="muted">${t("tenant.delete_text")}</p>
        <button class="danger" @click=${() => this.#ask("delete")}>${icon("trash")}${t("tenant.delete")}</button>
      </section>
      ${this.#dialog(tenant)}`;
  }

  #figures(tenant: TenantSummary): TemplateResult {
    const figure = (name: string, value: TemplateResult | string, title?: string) => html`<div><dt>${name}</dt><dd title=${title ?? nothing}>${value}</dd></div>`;
    return html`<dl class="figures">
        ${figure(t("tenant.events"), number(tenant.events))} ${figure(t("tenant.files"), number(tenant.files))}
        ${figure(t("tenant.bytes"), size(tenant.bytes), exactSize(tenant.bytes))}
        ${figure(t("tenant.last"), tenant.last_event_time ? html`<span class="small">${when(tenant.last_event_time)}</span>` : "–")}
      </dl>
      <dl class="facts">
        <dt>${t("tenant.database")}</dt>
        <dd class="mono">${tenant.database_name}</dd>
        <dt>${t("sign_in.client_id")}</dt>
        <dd class="copy"><span class="mono">${tenant.client_id}</span><eh-copy .text=${tenant.client_id} label=${t("copy.json")}></eh-copy></dd>
        <dt>${t("tenant.created")}</dt>
        <dd>${exactly(tenant.created_at)}</dd>
      </dl>`;
  }

  #dialog(tenant: TenantSummary): TemplateResult | typeof nothing {
    const buttons = (action: string) => html`${this.problem ? html`<div class="notice bad" role="alert">${icon("alert")}<div>${this.problem}</div></div>` : nothing}
      <div class="buttons">
        <button class="primary" ?disabled=${this.busy}>${action}</button>
        <button type="button" @click=${() => (this.open = "")}>${t("action.cancel")}</button>
      </div>`;
    switch (this.open) {
      case "label":
        return html`<eh-dialog label=${t("tenant.rename")} @dismissed=${() => (this.open = "")}>
          <form class="stacked" autocomplete="off" @submit=${this.#rename}>
            <label><span>${t("tenants.label")}</span><input name="label" maxlength="256" .value=${tenant.client_label} /></label>
            ${buttons(t("action.save"))}
          </form>
        </eh-dialog>`;
      case "secret":
        return html`<eh-dialog label=${t("tenant.rotate")} @dismissed=${() => (this.open = "")}>
          <form class="stacked" @submit=${this.#rotate}>
            <label>
              <span>${t("tenant.overlap")}</span>
              <select name="overlap">${OVERLAPS.map((it) => html`<option value=${it}>${t(`overlap.${it}`)}</option>`)}</select>
              <small>${t("tenant.overlap_text")}</small>
            </label>
            ${buttons(t("tenant.rotate"))}
          </form>
        </eh-dialog>`;
      case "delete":
        return html`<eh-confirm .act=${this.#deletion(tenant)} @dismissed=${() => (this.open = "")} @done=${this.#deleted}>
          <label class="check"><input type="checkbox" .checked=${this.files === "delete"} @change=${(event: Event) => (this.files = (event.target as HTMLInputElement).checked ? "delete" : "keep")} />${t("tenant.delete_files")}</label>
        </eh-confirm>`;
      case "":
        return nothing;
    }
  }

  #deletion(tenant: TenantSummary): Act {
    const text = t("tenant.delete_confirm", { name: isolated(tenant.client_label || tenant.database_name), n: tenant.events });
    const run = async () => void (await deleteTenant(this.clientId, this.files));
    return { title: t("tenant.delete"), text, name: tenant.database_name, action: t("tenant.delete"), run };
  }

  readonly #deleted = () => {
    const session = currentSession();
    go(tenantsLink());
    // Its history is no longer there to be read.
    if (session?.kind === "key" && session.clientId === this.clientId) switchTenant("");
  };

  #ask(what: TenantView["open"]): void {
    [this.open, this.problem, this.busy, this.files] = [what, "", false, "keep"];
  }

  readonly #rename = (event: SubmitEvent) =>
    this.#run(event, async (data) => {
      this.tenant = await renameTenant(this.clientId, String(data.get("label")).trim());
    });

  readonly #rotate = (event: SubmitEvent) =>
    this.#run(event, async (data) => {
      const { client_secret: value, previous_valid_until: until } = await rotateSecret(this.clientId, String(data.get("overlap")));
      this.told = { label: t("tenant.rotated"), items: [{ name: t("sign_in.client_secret"), value }], note: t("tenant.previous_until", { time: local(until) }) };
    });

  async #run(event: SubmitEvent, act: (data: FormData) => Promise<void>): Promise<void> {
    event.preventDefault();
    if (this.busy) return;
    [this.busy, this.problem] = [true, ""];
    try {
      await act(new FormData(event.target as HTMLFormElement));
      this.open = "";
    } catch (error) {
      this.problem = explained(error);
    }
    this.busy = false;
  }

  async #load(): Promise<void> {
    this.#abort.abort();
    const { signal } = (this.#abort = new AbortController());
    this.error = undefined;
    try {
      this.tenant = await getTenant(this.clientId, signal);
      await this.updateComplete;
      this.renderRoot.querySelector<HTMLElement>("h1")?.focus();
    } catch (error) {
      if (!isAbort(error) && !signal.aborted) this.error = error;
    }
  }
}

customElements.define("eh-tenant", TenantView);
