/** `<eh-app>`: the frame of all pages: who is signed in, where the reader is, and how it looks. */

import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { accessOf, type Access } from "../api/access";
import { get, isAbort, Unreachable } from "../api/client";
import { claimsOf, currentSession, sessions, signOut, type Session } from "../api/session";
import type { Catalogue } from "../api/types";
import "../events/view";
import "../history/view";
import { icon } from "../parts/icons";
import { bars, blank, failed } from "../parts/states";
import type { Menu } from "../parts/menu";
import "../parts/menu";
import { base } from "../parts/styles";
import "../record/view";
import { preferLanguage, preferredTheme, preferTheme, THEMES } from "../state/preferences";
import { currentRoute, go, historyLink, recordLink, replace, tenantsLink, type AdministrationRoute, type Route } from "../state/router";
import { local } from "../text/format";
import { language, LANGUAGES, t, type Language } from "../text/i18n";
import { isolated } from "../text/plain";
import "./sign-in";

class App extends LitElement {
  static override properties = { problem: {}, route: { state: true }, access: { state: true }, missing: { state: true }, catalogue: { state: true }, offline: { state: true }, reason: { state: true } };
  /** `code`: the link that the page was opened with is not valid any more. */
  declare problem: "" | "code";
  declare route: Route;
  /** What the session may do; unknown at first. */
  declare access: Access | undefined;
  /** Why administration could not be loaded. */
  declare missing: unknown;
  declare catalogue: Catalogue | undefined;
  declare offline: boolean;
  declare reason: string;

  /** The last history that was shown: it stays as it is while a record is looked at. */
  #history: Extract<Route, { view: "history" }> | undefined;
  #scrolled = 0;
  /** With what the reader signed in last. */
  #kind: Session["kind"] = currentSession()?.kind ?? "tenant";

  static override styles = [
    base,
    css`
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
    `,
  ];

  constructor() {
    super();
    this.problem = "";
    this.route = currentRoute();
    this.offline = !navigator.onLine;
    this.reason = "";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener("hashchange", this.#onRoute);
    addEventListener("online", this.#onLine);
    addEventListener("offline", this.#onLine);
    sessions.addEventListener("changed", this.#onSession);
    history.scrollRestoration = "manual";
    if (currentSession()) this.#enter();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("hashchange", this.#onRoute);
    removeEventListener("online", this.#onLine);
    removeEventListener("offline", this.#onLine);
    sessions.removeEventListener("changed", this.#onSession);
  }

  override render() {
    const session = currentSession();
    const offline = this.offline ? html`<div class="notice warn offline" role="alert">${icon("alert")}<div>${t("error.offline")}</div></div>` : nothing;
    if (!session) return html`${offline}<eh-sign-in reason=${this.reason} kind=${this.#kind} error=${this.problem ? t("sign_in.code") : ""}>${logo()}</eh-sign-in>`;
    return html`<nav class="bar" aria-label=${t("nav.title")}>
        <a class="skip" href=${location.hash || "#/history"} @click=${this.#skip}>${t("nav.skip")}</a>
        <a class="brand" href="#/history">${logo()}<span>Event History</span></a>
        ${this.access?.administers ? this.#parts() : nothing}
        <span class="space"></span>
        <form class="jump" @submit=${this.#jump}>
          ${icon("record")}
          <input name="record" inputmode="numeric" pattern="-?[0-9]{1,19}" required autocomplete="off" placeholder=${t("nav.record")} aria-label=${t("nav.record")} />
        </form>
        <eh-menu label=${t("nav.settings")} symbol="settings" compact>${this.#settings(session)}</eh-menu>
      </nav>
      ${offline}
      ${this.#content()}`;
  }

  /** Only whoever administers has more than the history to choose from. */
  #parts(): TemplateResult {
    const isHere = (administration: boolean) => (isAdministration(this.route) === administration ? "true" : nothing);
    return html`<a class="part first" href="#/history" aria-current=${isHere(false)}>${t("history.title")}</a>
      <a class="part" href=${tenantsLink()} aria-current=${isHere(true)}>${icon("gear")}<span>${t("admin.title")}</span></a>`;
  }

  #content(): TemplateResult | typeof nothing {
    const { route, access } = this;
    if (!access) return html`<main class="content">${bars(4)}</main>`;
    if (isAdministration(route) && this.missing) return html`<main class="content">${failed(this.missing, () => location.reload())}</main>`;
    if (isAdministration(route))
      return access.administers
        ? html`<eh-administration .route=${route} .catalogue=${this.catalogue}></eh-administration>`
        : html`<main class="content"><h1 tabindex="-1">${t("admin.title")}</h1>${blank("alert", t("admin.refused"), t("admin.refused_text"))}</main>`;
    if (access.reads !== "yes") {
      const choose = html`<button @click=${() => go(tenantsLink())}>${t("admin.tenants")}</button>`;
      return html`<main class="content">
        <h1 tabindex="-1">${t("history.title")}</h1>
        ${access.reads === "tenant" ? blank("record", t("access.choose"), t("access.choose_text"), choose) : blank("alert", t("access.no_read"), t("access.no_read_text"))}
      </main>`;
    }
    return html`${this.#history
        ? html`<eh-history ?hidden=${route.view !== "history"} .filters=${this.#history.filters} event=${route.view === "history" ? (route.event ?? "") : ""} .catalogue=${this.catalogue}></eh-history>`
        : nothing}
      ${route.view === "record" ? html`<eh-record recordId=${route.id} at=${route.at ?? ""}></eh-record>` : nothing}
      ${route.view === "event" ? html`<main><eh-event .eventId=${route.id}></eh-event></main>` : nothing}`;
  }

  override willUpdate(): void {
    // The element works once it is loaded. Most readers never see it.
    if (this.access?.administers && isAdministration(this.route) && !this.missing) import("../administration/page").catch((error: unknown) => (this.missing = new Unreachable(String(error))));
  }

  override updated(changed: Map<string, unknown>): void {
    document.title = `${currentSession() ? titleOf(this.route) : t("sign_in.title")} · Event History`;
    const before = changed.get("route") as Route | undefined;
    if (before && before.view !== this.route.view) scrollTo(0, this.route.view === "history" ? this.#scrolled : 0);
  }

  #settings(session: Session): TemplateResult {
    const claims = claimsOf(session);
    const client = session.kind === "token" ? claims.tenant : session.clientId;
    return html`<div class="settings">
      <div class="who">
        <strong>${t(`who.${session.kind}`)}</strong>
        ${client ? html`<span class="muted">${t("who.client", { id: isolated(client, 80) })}</span>` : nothing}
        ${claims.recordId ? html`<br /><span class="muted">${t("who.only_record", { id: claims.recordId })}</span>` : nothing}
        ${claims.expiresAt ? html`<br /><span class="muted">${t("who.until", { time: local(claims.expiresAt) })}</span>` : nothing}
      </div>
      <label>
        ${t("settings.language")}
        <select @change=${(event: Event) => this.#language((event.target as HTMLSelectElement).value as Language)}>
          ${Object.entries(LANGUAGES).map(([id, name]) => html`<option value=${id} lang=${id} ?selected=${id === language()}>${name}</option>`)}
        </select>
      </label>
      <label>
        ${t("settings.theme")}
        <select @change=${(event: Event) => preferTheme(THEMES.find((it) => it === (event.target as HTMLSelectElement).value) ?? "auto")}>
          ${THEMES.map((it) => html`<option value=${it} ?selected=${it === preferredTheme()}>${t(`theme.${it}`)}</option>`)}
        </select>
      </label>
      <button @click=${() => signOut()}>${icon("out")}${t("nav.sign_out")}</button>
      <a class="third" href="third-party.txt" target="_blank" rel="noopener">${t("settings.licences")}</a>
    </div>`;
  }

  /** Takes up what a signed-in reader needs. */
  #enter(): void {
    const session = currentSession();
    if (!session) return;
    const claims = claimsOf(session);
    this.#kind = session.kind;
    [this.reason, this.problem] = ["", ""];
    if (claims.recordId && !location.hash) replace(recordLink(claims.recordId));
    this.#onRoute();
    void this.#learnAccess(session);
    void get<Catalogue>("api/catalogue")
      .then((it) => (this.catalogue = it))
      .catch((error: unknown) => {
        // Types without a name are shown by their numbers.
        if (!isAbort(error)) this.catalogue = undefined;
      });
  }

  async #learnAccess(session: Session): Promise<void> {
    if (session.kind !== "key") {
      this.access = { reads: "yes", administers: false };
      return;
    }
    // Administration stays as it is while another tenant is chosen.
    if (!this.access?.administers || !isAdministration(this.route)) this.access = undefined;
    // What cannot be learned now is tried by the pages, which say what is wrong.
    const access = await accessOf(session).catch((): Access => ({ reads: "yes", administers: true }));
    if (currentSession() !== session) return;
    this.access = access;
    if (access.reads !== "yes" && !location.hash) replace(tenantsLink());
  }

  readonly #onRoute = () => {
    const next = currentRoute();
    if (this.route.view === "history" && next.view !== "history") this.#scrolled = scrollY;
    if (next.view === "history") this.#history = next;
    this.route = next;
  };

  readonly #onSession = (event: Event) => {
    this.#history = undefined;
    this.catalogue = undefined;
    if (currentSession()) this.#enter();
    else [this.access, this.reason] = [undefined, String((event as CustomEvent<string | undefined>).detail ?? "")];
    this.requestUpdate();
  };

  readonly #onLine = () => {
    this.offline = !navigator.onLine;
  };

  #language(chosen: Language): void {
    preferLanguage(chosen);
    // Every part renders its own messages: made anew, they are all in the new language.
    const { body } = document;
    this.remove();
    body.append(document.createElement("eh-app"));
  }

  readonly #skip = (event: Event) => {
    event.preventDefault();
    titleIn(this.renderRoot)?.focus();
  };

  readonly #jump = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const id = String(new FormData(form).get("record")).trim();
    form.reset();
    this.renderRoot.querySelector<Menu>("eh-menu")?.close();
    go(/^-?\d{1,19}$/.test(id) ? recordLink(id) : historyLink(new URLSearchParams()));
  };
}

const isAdministration = (route: Route): route is AdministrationRoute => ["tenants", "tenant", "keys", "service"].includes(route.view);

function titleOf(route: Route): string {
  switch (route.view) {
    case "history":
      return t("history.title");
    case "record":
      return t("history.record", { id: route.id });
    case "event":
      return t("event.title");
    case "tenants":
    case "tenant":
      return t("admin.tenants");
    case "keys":
      return t("admin.keys");
    case "service":
      return t("admin.service");
  }
}

/** Returns the title of what is shown, which is in a part of a part. */
function titleIn(root: ParentNode): HTMLElement | undefined {
  for (const it of root.querySelectorAll<HTMLElement>("*")) {
    if (it.hidden) continue;
    const found = it.localName === "h1" ? it : it.shadowRoot && titleIn(it.shadowRoot);
    if (found) return found;
  }
  return undefined;
}

const logo = () => html`<svg viewBox="0 0 32 32" aria-hidden="true">
  <rect width="32" height="32" rx="8" fill="#3b5bdb"></rect>
  <g fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round"><path d="M10 8v16M16 10h7M16 16h5M16 22h7"></path></g>
  <g fill="#fff"><circle cx="10" cy="10" r="2.6"></circle><circle cx="10" cy="16" r="2.6"></circle><circle cx="10" cy="22" r="2.6"></circle></g>
</svg>`;

customElements.define("eh-app", App);
