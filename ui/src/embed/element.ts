/** What the elements for pages of others have in common: the token, the language, the look, and where the reader is. */

import { css, html, LitElement, nothing, unsafeCSS, type PropertyDeclarations, type PropertyValues, type TemplateResult } from "lit";
import { keyed } from "lit/directives/keyed.js";
import type { Service } from "../api/client";
import colours from "../colours.css?inline";
import "../events/view";
import { icon } from "../parts/icons";
import { bars } from "../parts/states";
import { base } from "../parts/styles";
import "../record/view";
import { provide, type Opened } from "../state/context";
import { routeOf } from "../state/router";
import { browserLanguage, languageOf, setLanguage, t, type Language } from "../text/i18n";
import { clip, shown } from "../text/plain";
import "./list";
import { TokenSession, type Reason } from "./session";

export type View =
  | { view: "history"; filters: URLSearchParams }
  | { view: "record"; id: string; at: string | undefined }
  | { view: "event"; id: string };

/** The service that this file came from: it is at `ui/embed.js` below its root. */
const from = import.meta.url;

export abstract class Embedded extends LitElement {
  static override properties: PropertyDeclarations = { src: {}, token: {}, opened: { state: true }, version: { state: true } };
  /** The root of the service; without it, where this file came from. */
  declare src: string | null;
  declare token: string | null;
  /** What the reader has opened, one after the other. */
  declare opened: readonly View[];
  /** Differs whenever everything is to be loaded again. */
  declare version: number;

  #view: View | undefined;
  #root: URL | undefined;
  #language: Language = "en";
  /** What had the focus when the reader opened something, to give it back. */
  readonly #openers: HTMLElement[] = [];
  readonly #session = new TokenSession((reason) => this.#need(reason));

  static override styles = [
    base,
    unsafeCSS(colours),
    css`
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
    `,
  ];

  constructor() {
    super();
    this.opened = [];
    this.version = 0;
    const service: Service = {
      // Without a root nothing is rendered that asks for it.
      root: () => this.#root!,
      session: () => this.#session.current,
      refused: (reason) => {
        this.#session.refuse(reason);
        this.requestUpdate();
      },
    };
    provide(this, {
      service,
      isEmbedded: true,
      language: () => this.#language,
      // The first view appears with the page.
      takesFocus: () => this.opened.length > 0,
      replace: (link) => this.#replace(link),
      mayOpen: (what) => this.#mayOpen(what),
    });
  }

  /** Returns what the attributes ask for, or nothing if they are incomplete. */
  protected abstract start(): View | undefined;

  static override get observedAttributes(): string[] {
    return [...super.observedAttributes, "lang"];
  }

  override attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    super.attributeChangedCallback(name, before, now);
    if (name === "lang") this.requestUpdate();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const watch = () => {
      if (this.isConnected) this.#session.watch();
    };
    if (document.readyState === "complete") watch();
    else {
      // Scripts of the page that come after this one have to listen first.
      document.addEventListener("DOMContentLoaded", watch, { once: true });
      addEventListener("load", watch, { once: true });
    }
    // Moved to elsewhere in the page: its views have stopped.
    if (this.hasUpdated) this.version++;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#session.stop();
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has("token") && this.#session.take(this.token ?? "")) this.version++;
    const address = this.src || new URL("../", from).href;
    this.#root = URL.canParse(address, document.baseURI) ? new URL(address.replace(/\/?$/, "/"), document.baseURI) : undefined;
    this.#language = languageAround(this) ?? browserLanguage();
    // Other attributes than these say what to show.
    const others = [...changed.keys()].filter((it) => !["src", "token", "opened", "version"].includes(String(it)));
    if (others.length > 0 || !this.hasUpdated) {
      this.#view = this.start();
      this.opened = [];
      this.#openers.length = 0;
    }
    setLanguage(this.#language);
  }

  protected override updated(changed: PropertyValues): void {
    const before = changed.get("opened") as readonly View[] | undefined;
    if (before && before.length > this.opened.length) this.#openers.splice(this.opened.length)[0]?.focus();
  }

  protected override render(): TemplateResult {
    return html`<div class="embedded" lang=${this.#language} @click=${this.#onClick} @auxclick=${this.#onClick}>${this.#content()}</div>`;
  }

  #content(): TemplateResult {
    const notice = (symbol: "alert" | "clock", text: TemplateResult | string) => html`<div class="notice warn" role="alert" part="notice">${icon(symbol)}<div>${text}</div></div>`;
    if (!this.#root) return notice("alert", t("embed.bad_src"));
    if (!this.#view) return notice("alert", t("embed.incomplete"));
    const { refusal, current } = this.#session;
    if (refusal !== undefined) return notice("clock", html`${t("embed.refused")} <span class="text">${shown(clip(refusal, 300))}</span>`);
    if (!current) return bars(4);
    const [first, last] = [this.#view, this.opened.at(-1)];
    // Everything is made again in another language, for another service, and with a token after a time without.
    return html`${keyed(
      `${this.version} ${this.#language} ${this.#root.href}`,
      html`<div ?hidden=${last !== undefined}>${shownView(first)}</div>
        ${last ? html`<button class="plain back" part="back" @click=${this.#back}>${icon("left")}${t("embed.back")}</button>${keyed(last, shownView(last))}` : nothing}`,
    )}`;
  }

  readonly #back = () => {
    this.opened = this.opened.slice(0, -1);
  };

  /** Links lead to views, which the page around may show itself. */
  readonly #onClick = (event: MouseEvent) => {
    const path = event.composedPath();
    // The page around may have the whole element in a link of its own.
    const link = path.slice(0, path.indexOf(this)).find((it): it is HTMLAnchorElement => it instanceof HTMLAnchorElement);
    const target = link?.getAttribute("href");
    if (!link || !target?.startsWith("#/")) return;
    // Also in a new tab it would be the address of the page around, which means nothing to it.
    event.preventDefault();
    if (event.button <= 1) this.#follow(target, link);
  };

  #follow(target: string, link: HTMLAnchorElement): void {
    const view = viewOf(target);
    const { record, file } = link.dataset;
    const here = this.opened.at(-1) ?? this.#view;
    const around = here?.view === "record" ? here.id : undefined;
    const what = view.view === "event" ? { event: view.id, record: record ?? around, file } : { record: view.view === "record" ? view.id : undefined };
    if (!this.#mayOpen(what)) return;
    this.#openers[this.opened.length] = link;
    this.opened = [...this.opened, view];
  }

  #replace(target: string): void {
    const view = viewOf(target);
    // The same record at another instant: the view stays, and gets that from us.
    if (this.opened.length > 0) {
      const last = this.opened.at(-1);
      if (last && last.view === "record" && view.view === "record") Object.assign(last, view);
    } else this.#view = view;
    this.requestUpdate();
  }

  #mayOpen({ event, record, file }: Opened): boolean {
    const detail = { event: event ?? null, record: record ?? null, file: file ?? null };
    return this.dispatchEvent(new CustomEvent("event-history-open", { detail, bubbles: true, composed: true, cancelable: true }));
  }

  #need(reason: Reason): void {
    const detail = { reason, message: this.#session.refusal ?? "" };
    this.dispatchEvent(new CustomEvent("event-history-token-needed", { detail, bubbles: true, composed: true }));
  }
}

const shownView = (it: View): TemplateResult => {
  switch (it.view) {
    case "history":
      return html`<eh-embedded-list exportparts="day, event, new" .filters=${it.filters}></eh-embedded-list>`;
    case "record":
      return html`<eh-record exportparts="title, status, facts, travel, day, event, new, state" recordId=${it.id} at=${it.at ?? ""}></eh-record>`;
    case "event":
      return html`<eh-event exportparts="title, section, document" .eventId=${it.id}></eh-event>`;
  }
};

/** Returns the view of a link. An event that is opened beside a list is one by itself here. */
function viewOf(link: string): View {
  const route = routeOf(link);
  if (route.view === "record" || route.view === "event") return route;
  if (route.view === "history") return route.event ? { view: "event", id: route.event } : route;
  return { view: "history", filters: new URLSearchParams() };
}

/** Returns the language of the text around an element, if there are messages in it. */
function languageAround(element: Element): Language | undefined {
  for (let it: Element | null = element; it; ) {
    const lang = it.getAttribute("lang");
    if (lang) return languageOf(lang);
    const root: Node = it.getRootNode();
    it = it.parentElement ?? (root instanceof ShadowRoot ? root.host : null);
  }
  return undefined;
}
