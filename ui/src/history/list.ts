/** `<eh-history-list>`: the rows of a history. Only those near the screen are elements. */

import { css, html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { phrase, typeIcon, typeName } from "../events/sentences";
import type { Row } from "../events/row";
import { fullNameOf, nameOf } from "../events/who";
import { icon } from "../parts/icons";
import { define, Part } from "../parts/part";
import { blank, failed } from "../parts/states";
import { base } from "../parts/styles";
import { Ticking, timeOfDay } from "../parts/time";
import { historyLink } from "../state/router";
import { day } from "../text/format";
import { t } from "../text/i18n";
import { isolated } from "../text/plain";
import type { HistoryModel } from "./model";
import { rootsOf, scrollerOf } from "./scrolling";

const ROW = 62;
const NARROW_ROW = 84;
/** Up to this width rows are narrow. The styles have the same number. */
const NARROW = 600;
const HEADING = 38;
/** Pixels above and below the screen that have elements too. */
const MARGIN = 600;
/** Where rows are not hidden by the bar of the viewer and what sticks below it. */
const BAR = 110;
/** The next page is loaded when fewer rows than this follow. */
const AHEAD = 30;

type Item = { top: number; height: number; row?: Row; index: number; day: string };

class HistoryList extends Part {
  static override properties = { model: { attribute: false }, version: { attribute: false }, selected: {}, active: { state: true } };
  declare model: HistoryModel | undefined;
  /** Differs whenever the model has changed. */
  declare version: number;
  declare selected: string;
  /** The row that Tab reaches. */
  declare active: number;

  #items: Item[] = [];
  #laidOut: readonly Row[] | undefined;
  #isNarrow = false;
  #frame = 0;
  #focus = false;
  #listening = new AbortController();
  // The width of the list, not of the screen: there may be something beside it.
  readonly #resized = new ResizeObserver(() => this.#onScroll());

  static override styles = [
    base,
    css`
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
    `,
  ];

  constructor() {
    super();
    this.version = 0;
    this.selected = "";
    this.active = 0;
    new Ticking(this);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#listening = new AbortController();
    const options = { passive: true, capture: true, signal: this.#listening.signal };
    for (const it of [window, ...rootsOf(this)]) it.addEventListener("scroll", this.#onScroll, options);
    addEventListener("resize", this.#onScroll, options);
    this.#resized.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#listening.abort();
    this.#resized.disconnect();
  }

  override render() {
    const model = this.model;
    if (!model) return nothing;
    this.#layOut(model.rows);
    const last = this.#items.at(-1);
    const visible = this.#visible();
    // Tab always reaches one of the rows that there are.
    const isReached = visible.some((it) => it.row && it.index === this.active);
    const reached = isReached ? this.active : (visible.find((it) => it.row)?.index ?? 0);
    return html`<div class="list" role="list" aria-label=${t("history.title")} .style=${`height:${last ? last.top + last.height : 0}px`} @keydown=${this.#onKey}>
        ${repeat(
          visible,
          (it) => it.row?.id ?? it.day,
          (it) => html`<div class="item" .style=${`transform:translateY(${it.top}px)`} role=${it.row ? "listitem" : "presentation"} aria-setsize=${it.row ? -1 : nothing} aria-posinset=${it.row ? it.index + 1 : nothing}>
            ${it.row ? this.#row(it.row, it.index, it.index === reached) : html`<div class="day" part="day">${day(it.day)}</div>`}
          </div>`,
        )}
      </div>
      ${this.#foot(model)}`;
  }

  override updated(): void {
    if (this.#focus) {
      this.#focus = false;
      this.renderRoot.querySelector<HTMLElement>(`a[data-index="${this.active}"]`)?.focus({ preventScroll: true });
    }
    const model = this.model;
    if (!model || model.error || !this.checkVisibility()) return;
    const lastIndex = this.#visible().at(-1)?.index ?? 0;
    if (lastIndex >= model.rows.length - AHEAD) void model.more();
  }

  /** Gives the focus back to the row of an event. */
  focusRow(id: string): void {
    const index = this.model?.rows.findIndex((it) => it.id === id) ?? -1;
    if (index >= 0) this.#activate(index);
  }

  #row(row: Row, index: number, isReached: boolean): TemplateResult {
    const record = t("history.record", { id: row.recordId });
    return html`<a
      href=${historyLink(this.model?.filters ?? new URLSearchParams(), row.id)}
      data-index=${index}
      data-id=${row.id}
      data-record=${row.recordId}
      part="event"
      tabindex=${isReached ? 0 : -1}
      aria-current=${row.id === this.selected ? "true" : nothing}
      @focus=${() => (this.active = index)}
    >
      <span class="mark" data-type=${row.type ?? ""}>${icon(typeIcon(row.type))}</span>
      <span class="lines">
        <span class="first"><strong title=${fullNameOf(row)}>${nameOf(row)}</strong> ${phrase(row)}</span>
        <span class="second">
          ${record} · ${typeName(row.type, row.typeId)}${row.source_type === "mcp" ? html` · ${icon("spark")} ${isolated(row.source_info || "", 40)}` : nothing}
          ${row.files.length && row.type !== "document_generated" ? html` · ${icon("file")} ${row.files[0] ? isolated(row.files[0], 48) : t("history.file")}` : nothing}
        </span>
      </span>
      ${timeOfDay(row.time)}
    </a>`;
  }

  #foot(model: HistoryModel): TemplateResult | typeof nothing {
    if (model.error) return html`<div class="foot">${failed(model.error, () => model.retry())}</div>`;
    if (model.rows.length === 0 && model.complete) {
      const filtered = model.filters.size > 0;
      return blank("empty", t(filtered ? "history.no_match" : "history.empty"), t(filtered ? "history.no_match_text" : "history.empty_text"));
    }
    if (model.complete) return html`<p class="foot end muted">${t("history.end")}</p>`;
    const waiting = html`<div class="waiting"><div class="skeleton"></div><div class="skeleton"></div></div>`;
    return html`<div role="status"><span class="hidden">${t("state.loading")}</span>${Array.from({ length: model.rows.length ? 2 : 8 }, () => waiting)}</div>`;
  }

  /** Places each row, and a heading above the first of each day. */
  #layOut(rows: readonly Row[]): void {
    // Hidden, it has no width.
    const isNarrow = this.clientWidth > 0 ? this.clientWidth <= NARROW : this.#isNarrow;
    if (this.#laidOut === rows && this.#isNarrow === isNarrow) return;
    [this.#laidOut, this.#isNarrow] = [rows, isNarrow];
    const height = this.#isNarrow ? NARROW_ROW : ROW;
    const items: Item[] = [];
    let [top, key] = [0, ""];
    for (const [index, row] of rows.entries()) {
      if (row.day !== key) {
        items.push({ top, height: HEADING, index, day: row.time });
        [top, key] = [top + HEADING, row.day];
      }
      items.push({ top, height, row, index, day: row.time });
      top += height;
    }
    this.#items = items;
  }

  #visible(): Item[] {
    const above = this.hasUpdated ? -this.getBoundingClientRect().top : 0;
    const first = this.#indexAt(above - MARGIN);
    const last = this.#indexAt(above + innerHeight + MARGIN);
    return this.#items.slice(first, last + 1);
  }

  /** Returns the index of the last item that begins at or above a height. */
  #indexAt(height: number): number {
    let [low, high] = [0, this.#items.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#items[middle]?.top ?? 0) <= height) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  readonly #onScroll = () => {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.requestUpdate();
    });
  };

  readonly #onKey = (event: KeyboardEvent) => {
    const rows = this.model?.rows.length ?? 0;
    const steps: Record<string, number> = {
      ArrowDown: this.active + 1,
      j: this.active + 1,
      ArrowUp: this.active - 1,
      k: this.active - 1,
      Home: 0,
      End: rows - 1,
    };
    const index = steps[event.key];
    if (index === undefined || event.ctrlKey || event.metaKey || event.altKey || rows === 0) return;
    event.preventDefault();
    this.#activate(Math.max(0, Math.min(index, rows - 1)));
  };

  #activate(index: number): void {
    this.active = index;
    this.#focus = true;
    const item = this.#items.find((it) => it.row && it.index === index);
    if (item) {
      const top = this.getBoundingClientRect().top + item.top;
      const { scroller, from, to } = this.#window();
      if (top < from) scroller.scrollBy(0, top - from);
      else if (top + item.height > to) scroller.scrollBy(0, top + item.height - to + 8);
    }
    this.requestUpdate();
  }

  /** Returns what scrolls the list, and between which heights of the screen it shows rows. */
  #window(): { scroller: Element; from: number; to: number } {
    const whole = document.scrollingElement ?? document.documentElement;
    const scroller = scrollerOf(this) ?? whole;
    // Below the bar of the viewer.
    const bar = this.context.isEmbedded ? 0 : BAR;
    if (scroller === whole) return { scroller, from: bar, to: innerHeight };
    const { top, bottom } = scroller.getBoundingClientRect();
    return { scroller, from: Math.max(0, top), to: Math.min(innerHeight, bottom) };
  }
}

define("eh-history-list", HistoryList);
export type { HistoryList };
