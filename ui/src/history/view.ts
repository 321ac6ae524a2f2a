/** `<eh-history>`: the page of a tenant's history, with the event that was chosen beside it. */

import { css, html, nothing } from "lit";
import { tenantOf } from "../api/session";
import type { Catalogue } from "../api/types";
import { icon } from "../parts/icons";
import { define, Part } from "../parts/part";
import { explained } from "../parts/states";
import { base } from "../parts/styles";
import { go, historyLink, withFilter } from "../state/router";
import { t } from "../text/i18n";
import "../events/view";
import "./export";
import "./facets";
import { Figures } from "./figures";
import "./filters";
import "./histogram";
import "./list";
import type { HistoryList } from "./list";
import { HistoryModel } from "./model";
import "./views";

class History extends Part {
  static override properties = {
    filters: { attribute: false },
    event: {},
    catalogue: { attribute: false },
    version: { state: true },
    showsFacets: { state: true },
  };
  declare filters: URLSearchParams;
  /** The id of the event that is shown beside the list. */
  declare event: string;
  declare catalogue: Catalogue | undefined;
  declare version: number;
  /** On small screens they are folded away. */
  declare showsFacets: boolean;

  #model: HistoryModel | undefined;
  #figures: Figures | undefined;
  readonly #names = new Map<string, string>();

  static override styles = [
    base,
    css`
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
    `,
  ];

  constructor() {
    super();
    this.filters = new URLSearchParams();
    this.event = "";
    this.version = 0;
    this.showsFacets = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener("visibilitychange", this.#onVisibility);
    addEventListener("online", this.#onOnline);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener("visibilitychange", this.#onVisibility);
    removeEventListener("online", this.#onOnline);
    this.#stop();
  }

  override willUpdate(changed: Map<string, unknown>): void {
    const isOther = this.#model?.filters.toString() !== this.filters.toString();
    if (changed.has("filters") && isOther) this.#start();
  }

  override updated(changed: Map<string, unknown>): void {
    const closed = changed.get("event") as string | undefined;
    if (changed.has("event") && closed && !this.event) this.renderRoot.querySelector<HistoryList>("eh-history-list")?.focusRow(closed);
  }

  override render() {
    const model = this.#model;
    if (!model) return nothing;
    const total = this.#figures?.histogram?.total;
    const session = this.context.service.session();
    // Of a key for one tenant it is not known which.
    const tenant = session && tenantOf(session);
    return html`<div class="columns">
        <aside class="facets ${this.showsFacets ? "open" : ""}" aria-label=${t("facet.title")}>
          <button class="fold" aria-expanded=${this.showsFacets} @click=${() => (this.showsFacets = !this.showsFacets)}>
            ${t("facet.title")} ${icon("down")}
          </button>
          <eh-facets .filters=${this.filters} .figures=${this.#figures} .version=${this.version} .catalogue=${this.catalogue} .names=${this.#names} @filters=${this.#onFilters}></eh-facets>
        </aside>
        <main>
          <header>
            <h1 tabindex="-1">${t("history.title")}</h1>
            <span class="count">${total === undefined ? "" : t("history.count", { n: total })}</span>
            <span class="space"></span>
            <span class="live ${model.live ? "on" : ""}" role="status"><i></i>${t(model.live ? "live.on" : "live.off")}</span>
            ${tenant ? html`<eh-views .filters=${this.filters} tenant=${tenant}></eh-views>` : nothing}
            <eh-export .filters=${this.filters}></eh-export>
          </header>
          <eh-filters .filters=${this.filters} .catalogue=${this.catalogue} @filters=${this.#onFilters}></eh-filters>
          ${this.#figures?.error
            ? html`<p class="figures-failed muted">${t("histogram.failed")} ${explained(this.#figures.error)}
                <button class="link" @click=${() => void this.#figures?.load()}>${t("action.retry")}</button></p>`
            : this.#figures?.histogram && this.#figures.histogram.bars.length === 0
              ? nothing
              : html`<eh-histogram .data=${this.#figures?.histogram} @range=${this.#onRange}></eh-histogram>`}
          <div class="new" aria-live="polite">
            ${model.newCount > 0
              ? html`<button class="primary" @click=${this.#showNew}>${icon("up")}${t("history.new", { n: model.newCount })}</button>`
              : nothing}
          </div>
          <div class="card list">
            <eh-history-list .model=${model} .version=${this.version} selected=${this.event}></eh-history-list>
          </div>
        </main>
      </div>
      ${this.event
        ? html`<aside class="drawer" aria-label=${t("event.title")} @keydown=${this.#onDrawerKey}>
            <eh-event .eventId=${this.event} panel @close=${this.#close}></eh-event>
          </aside>`
        : nothing}`;
  }

  #start(): void {
    this.#stop();
    const changed = () => {
      this.version++;
    };
    this.#model = new HistoryModel(this.filters, this.context.service, () => {
      for (const row of this.#model?.rows.slice(-100) ?? [])
        if (row.source_name) this.#names.set(`${row.source_type_id} ${row.source_id.toString()}`, row.source_name);
      changed();
    });
    this.#model.onRestart = () => {
      this.#start();
      scrollTo(0, 0);
      changed();
    };
    this.#figures = new Figures(this.filters, changed);
    void this.#model.start();
    void this.#figures.load();
  }

  #stop(): void {
    this.#model?.stop();
    this.#figures?.stop();
  }

  readonly #showNew = () => {
    this.#model?.showNew();
    scrollTo(0, 0);
  };

  readonly #onFilters = (event: CustomEvent<URLSearchParams>) => {
    go(historyLink(event.detail));
  };

  readonly #onRange = ({ detail }: CustomEvent<{ from: string; to: string }>) => {
    go(historyLink(withFilter(withFilter(this.filters, "event_time_from", detail.from), "event_time_to", detail.to)));
  };

  readonly #close = () => go(historyLink(this.filters));

  readonly #onDrawerKey = (event: KeyboardEvent) => {
    if (event.key === "Escape") this.#close();
  };

  readonly #onVisibility = () => {
    if (document.hidden) this.#model?.pause();
    else this.#model?.resume();
    this.version++;
  };

  readonly #onOnline = () => {
    if (this.#model?.error) this.#model.retry();
    if (this.#figures?.error) void this.#figures.load();
  };
}

define("eh-history", History);
