/** `<eh-app>`: the frame of all pages: who is signed in, where the reader is, and how it looks. */

import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { get, isAbort } from "../api/client";
import { claimsOf, currentSession, sessions, signOut, type Session } from "../api/session";
import type { Catalogue } from "../api/types";
import "../events/view";
import "../history/view";
import { icon } from "../parts/icons";
import type { Menu } from "../parts/menu";
import "../parts/menu";
import { base } from "../parts/styles";
import "../record/view";
import { preferLanguage, preferredTheme, preferTheme, THEMES } from "../state/preferences";
import { currentRoute, go, historyLink, recordLink, replace, type Route } from "../state/router";
import { local } from "../text/format";
import { language, LANGUAGES, t, type Language } from "../text/i18n";
import { isolated } from "../text/plain";
import "./sign-in";

class App extends LitElement {
  static override properties = { route: { state: true }, catalogue: { state: true }, offline: { state: true }, reason: { state: true } };
  declare route: Route;
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
    `,
  ];

  constructor() {
    super();
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
    if (!session) return html`${offline}<eh-sign-in reason=${this.reason} kind=${this.#kind}>${logo()}</eh-sign-in>`;
    return html`<nav class="bar" aria-label=${t("nav.title")}>
        <a class="skip" href=${location.hash || "#/history"} @click=${this.#skip}>${t("nav.skip")}</a>
        <a class="brand" href="#/history">${logo()}<span>Event History</span></a>
        <span class="space"></span>
        <form class="jump" @submit=${this.#jump}>
          ${icon("record")}
          <input name="record" inputmode="numeric" pattern="-?[0-9]{1,19}" required autocomplete="off" placeholder=${t("nav.record")} aria-label=${t("nav.record")} />
        </form>
        <eh-menu label=${t("nav.settings")} symbol="settings" compact>${this.#settings(session)}</eh-menu>
      </nav>
      ${offline}
      ${this.#history
        ? html`<eh-history ?hidden=${this.route.view !== "history"} .filters=${this.#history.filters} event=${this.route.view === "history" ? (this.route.event ?? "") : ""} .catalogue=${this.catalogue}></eh-history>`
        : nothing}
      ${this.route.view === "record" ? html`<eh-record recordId=${this.route.id} at=${this.route.at ?? ""}></eh-record>` : nothing}
      ${this.route.view === "event" ? html`<main><eh-event .eventId=${this.route.id}></eh-event></main>` : nothing}`;
  }

  override updated(changed: Map<string, unknown>): void {
    const title = { history: () => t("history.title"), record: (id: string) => t("history.record", { id }), event: () => t("event.title") };
    const named = currentSession() ? title[this.route.view]("id" in this.route ? this.route.id : "") : t("sign_in.title");
    document.title = `${named} · Event History`;
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
    this.reason = "";
    if (claims.recordId && !location.hash) replace(recordLink(claims.recordId));
    this.#onRoute();
    void get<Catalogue>("api/catalogue")
      .then((it) => (this.catalogue = it))
      .catch((error: unknown) => {
        // Types without a name are shown by their numbers.
        if (!isAbort(error)) this.catalogue = undefined;
      });
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
    else this.reason = String((event as CustomEvent<string | undefined>).detail ?? "");
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
    const view = this.renderRoot.querySelector(`eh-${this.route.view}`);
    view?.shadowRoot?.querySelector<HTMLElement>("h1")?.focus();
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

const logo = () => html`<svg viewBox="0 0 32 32" aria-hidden="true">
  <rect width="32" height="32" rx="8" fill="#3b5bdb"></rect>
  <g fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round"><path d="M10 8v16M16 10h7M16 16h5M16 22h7"></path></g>
  <g fill="#fff"><circle cx="10" cy="10" r="2.6"></circle><circle cx="10" cy="16" r="2.6"></circle><circle cx="10" cy="22" r="2.6"></circle></g>
</svg>`;

customElements.define("eh-app", App);
