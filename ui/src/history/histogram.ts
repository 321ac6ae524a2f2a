/** `<eh-histogram>`: events over time. Dragging over it, or arrow keys, select a range: `range` with `from` and `to`. */

import { css, html, LitElement, nothing, svg } from "lit";
import { base } from "../parts/styles";
import { date, local } from "../text/format";
import { t } from "../text/i18n";
import type { Histogram as Data } from "./figures";

const MIN_COLUMNS = 31;
const MAX_COLUMNS = 96;
const WIDTH = 960;
const HEIGHT = 64;
const DAY_MS = 86_400_000;

type Column = { start: number; end: number; count: number };

class Histogram extends LitElement {
  static override properties = { data: { attribute: false }, selection: { state: true }, hovered: { state: true } };
  declare data: Data | undefined;
  /** The first and the last selected column. */
  declare selection: [number, number] | undefined;
  declare hovered: number | undefined;

  #dragging = false;

  static override styles = [
    base,
    css`
      .card {
        padding: 10px 14px 8px;
      }
      svg {
        display: block;
        width: 100%;
        height: 64px;
        overflow: visible;
        cursor: crosshair;
        touch-action: pan-y;
      }
      .bar {
        fill: var(--accent);
        opacity: 0.75;
      }
      .bar.hovered,
      .bar.selected {
        opacity: 1;
      }
      .range {
        fill: var(--accent-soft);
      }
      .target {
        fill: transparent;
      }
      .base {
        stroke: var(--line-strong);
        stroke-width: 1;
        vector-effect: non-scaling-stroke;
      }
      .legend {
        display: flex;
        justify-content: space-between;
        gap: 12px;
        font-size: 12px;
        color: var(--muted);
        padding-top: 6px;
        min-height: 24px;
        white-space: nowrap;
        font-variant-numeric: tabular-nums;
      }
      .legend strong {
        font-weight: 450;
        overflow: hidden;
        text-overflow: ellipsis;
      }
      .legend strong.told {
        color: var(--text);
        font-weight: 600;
      }
      .waiting {
        height: 64px;
        margin-bottom: 24px;
      }
    `,
  ];

  override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has("data")) [this.selection, this.hovered] = [undefined, undefined];
  }

  override render() {
    if (!this.data) return html`<div class="card"><div class="skeleton waiting"></div></div>`;
    const columns = columnsOf(this.data);
    const [first, last] = [columns[0], columns.at(-1)];
    if (!first || !last) return nothing;
    const width = WIDTH / columns.length;
    const highest = Math.max(...columns.map((it) => it.count));
    const [from, to] = this.#range(columns.length);
    const summary = t("histogram.summary", { n: this.data.total, from: date(new Date(first.start)), to: date(new Date(last.end - 1)) });
    return html`<div class="card">
      <svg
        viewBox="0 0 ${WIDTH} ${HEIGHT}"
        preserveAspectRatio="none"
        tabindex="0"
        role="application"
        aria-roledescription=${t("histogram.role")}
        aria-label=${`${summary}. ${t("histogram.keys")}`}
        @pointerdown=${this.#onDown}
        @pointermove=${this.#onMove}
        @pointerup=${this.#onUp}
        @pointercancel=${this.#cancel}
        @pointerleave=${() => (this.hovered = this.#dragging ? this.hovered : undefined)}
        @keydown=${(event: KeyboardEvent) => this.#onKey(event, columns)}
      >
        <rect class="target" width=${WIDTH} height=${HEIGHT}></rect>
        ${this.selection ? svg`<rect class="range" x=${from * width} width=${(to - from + 1) * width} height=${HEIGHT} />` : nothing}
        ${columns.map((it, index) => {
          const height = it.count === 0 ? 0 : Math.max(2, (it.count / highest) * HEIGHT);
          const state = this.selection && index >= from && index <= to ? "selected" : index === this.hovered ? "hovered" : "";
          return svg`<rect class="bar ${state}" x=${index * width + width * 0.1} width=${width * 0.8} y=${HEIGHT - height} height=${height} />`;
        })}
        <line class="base" x2=${WIDTH} y1=${HEIGHT} y2=${HEIGHT}></line>
      </svg>
      <div class="legend">
        <span>${this.#label(first.start)}</span>
        <strong class=${this.selection || this.hovered !== undefined ? "told" : ""} aria-live="polite">${this.#told(columns)}</strong>
        <span>${this.#label(last.end - 1)}</span>
      </div>
    </div>`;
  }

  /** What the columns under the pointer, or selected by keys, have. */
  #told(columns: Column[]): string {
    const [from, to] = this.selection ? this.#range(columns.length) : [this.hovered ?? -1, this.hovered ?? -1];
    const chosen = columns.slice(from, to + 1);
    const [first, last] = [chosen[0], chosen.at(-1)];
    if (from < 0 || !first || !last) return t("histogram.hint");
    const count = chosen.reduce((sum, it) => sum + it.count, 0);
    const times = last.end - first.start <= this.#bucketMs() ? this.#label(first.start) : `${this.#label(first.start)} – ${this.#label(last.end - 1)}`;
    return `${times}: ${t("history.count", { n: count })}`;
  }

  /** Days and longer are those of UTC, as they were counted. */
  #label(at: number): string {
    return this.#bucketMs() < DAY_MS ? local(new Date(at)) : date(new Date(at));
  }

  #bucketMs(): number {
    return this.data?.bucketMs ?? DAY_MS;
  }

  #range(columns: number): [number, number] {
    const [one, other] = this.selection ?? [0, 0];
    return [Math.max(0, Math.min(one, other)), Math.min(columns - 1, Math.max(one, other))];
  }

  #columnAt(event: PointerEvent): number {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const count = this.data ? columnsOf(this.data).length : 1;
    return Math.max(0, Math.min(count - 1, Math.floor(((event.clientX - box.left) / box.width) * count)));
  }

  readonly #onDown = (event: PointerEvent) => {
    if (event.button !== 0) return;
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    this.#dragging = true;
    const at = this.#columnAt(event);
    this.selection = [at, at];
  };

  readonly #onMove = (event: PointerEvent) => {
    const at = this.#columnAt(event);
    this.hovered = at;
    if (this.#dragging && this.selection) this.selection = [this.selection[0], at];
  };

  readonly #onUp = () => {
    if (!this.#dragging) return;
    this.#dragging = false;
    this.#choose();
  };

  readonly #cancel = () => {
    this.#dragging = false;
    this.selection = undefined;
  };

  #onKey(event: KeyboardEvent, columns: Column[]): void {
    const last = columns.length - 1;
    // It begins at the first or the last one that has events.
    const begin = event.key === "ArrowLeft" ? columns.findLastIndex((it) => it.count > 0) + 1 : columns.findIndex((it) => it.count > 0) - 1;
    const at = this.selection?.[1] ?? begin;
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step !== undefined) {
      const to = Math.max(0, Math.min(last, at + step));
      this.selection = [event.shiftKey && this.selection ? this.selection[0] : to, to];
    } else if (event.key === "Enter" && this.selection) this.#choose();
    else if (event.key === "Escape" && this.selection) this.selection = undefined;
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #choose(): void {
    if (!this.data) return;
    const columns = columnsOf(this.data);
    const [from, to] = this.#range(columns.length);
    const [first, last] = [columns[from], columns[to]];
    if (!first || !last) return;
    const detail = { from: new Date(first.start).toISOString(), to: new Date(last.end).toISOString() };
    this.dispatchEvent(new CustomEvent("range", { detail }));
  }
}

/** Distributes the bars over columns of equal length, as many as fit. Few of them stand in the middle. */
function columnsOf({ bars, bucketMs }: Data): Column[] {
  const [first, last] = [bars[0], bars.at(-1)];
  if (!first || !last) return [];
  const buckets = Math.max(1, Math.round((last.start - first.start) / bucketMs) + 1);
  const before = Math.max(0, Math.floor((MIN_COLUMNS - buckets) / 2));
  const from = first.start - before * bucketMs;
  const perColumn = Math.ceil(buckets / MAX_COLUMNS);
  const span = perColumn * bucketMs;
  const count = Math.max(MIN_COLUMNS, Math.ceil((last.start + bucketMs - from) / span));
  const columns = Array.from({ length: count }, (_, index) => ({ start: from + index * span, end: from + (index + 1) * span, count: 0 }));
  for (const bar of bars) {
    const column = columns[Math.min(count - 1, Math.floor((bar.start - from) / span))];
    if (column) column.count += bar.count;
  }
  return columns;
}

customElements.define("eh-histogram", Histogram);
