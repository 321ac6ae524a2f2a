/** `<eh-record>`: one record: its story, and its state at any instant. */

import { css, html, nothing, type TemplateResult } from "lit";
import { isAbort, Refusal } from "../api/client";
import { icon } from "../parts/icons";
import { define, Part } from "../parts/part";
import { bars, blank, failed } from "../parts/states";
import { base } from "../parts/styles";
import { when } from "../parts/time";
import { value, valueStyles } from "../parts/values";
import { historyLink, recordLink } from "../state/router";
import { fromInput, local, sortable, toInput, utc } from "../text/format";
import { t } from "../text/i18n";
import { RecordModel } from "./model";
import "./state";
import "./timeline";

/** The places of the slider. */
const STEPS = 1000;

class RecordView extends Part {
  static override properties = { recordId: {}, at: {}, version: { state: true }, dragged: { state: true } };
  declare recordId: string;
  /** The instant that is shown; empty: now. */
  declare at: string;
  declare version: number;
  /** The instant under the slider while it moves. */
  declare dragged: string | undefined;

  #model: RecordModel | undefined;

  static override styles = [
    base,
    valueStyles,
    css`
      :host {
        container-type: inline-size;
        max-width: 1200px;
        margin: 0 auto;
        padding: 22px 20px 48px;
      }
      .top {
        display: flex;
        flex-wrap: wrap;
        gap: 6px 12px;
        align-items: center;
        margin-bottom: 4px;
      }
      .pill {
        border-radius: 14px;
        padding: 2px 11px;
        background: var(--raised);
        font-size: 12.5px;
        font-weight: 550;
        max-width: 320px;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .pill.status {
        background: var(--accent-soft);
        color: var(--accent);
      }
      .pill.gone {
        background: var(--remove-soft);
        color: var(--remove);
      }
      .facts {
        color: var(--muted);
        margin-bottom: 16px;
      }
      .facts a {
        text-decoration: underline;
      }
      .travel {
        padding: 12px 16px;
        margin-bottom: 20px;
        display: grid;
        grid-template-columns: auto minmax(0, 1fr) auto;
        gap: 8px 14px;
        align-items: center;
      }
      .travel .skeleton {
        grid-column: 1 / -1;
        height: 61px;
      }
      .travel.then {
        border-color: var(--accent);
      }
      .travel .steps {
        display: flex;
        gap: 6px;
      }
      .travel .steps button {
        padding: 4px 8px;
      }
      input[type="range"] {
        padding: 0;
        border: 0;
        background: none;
        min-height: 24px;
        accent-color: var(--accent);
      }
      .instant {
        display: flex;
        gap: 8px;
        align-items: center;
      }
      .instant input {
        width: 236px;
      }
      .told {
        grid-column: 1 / -1;
        display: flex;
        flex-wrap: wrap;
        gap: 4px 12px;
        justify-content: space-between;
        font-size: 13px;
        color: var(--muted);
      }
      .told strong {
        color: var(--text);
      }
      .columns {
        display: grid;
        grid-template-columns: minmax(0, 1fr) 380px;
        gap: 28px;
        align-items: start;
      }
      .state {
        position: sticky;
        top: calc(var(--bar) + 16px);
        max-height: calc(100vh - var(--bar) - 32px);
        overflow: auto;
      }
      .column-title {
        padding-bottom: 8px;
      }
      .more {
        padding: 12px 0;
        text-align: center;
      }
      .new {
        margin-bottom: 14px;
        width: 100%;
      }
      @media (max-width: 900px) {
        :host {
          padding: 14px 12px 32px;
        }
      }
      @container (max-width: 860px) {
        .columns {
          grid-template-columns: minmax(0, 1fr);
        }
        .state {
          position: static;
          max-height: none;
          order: -1;
        }
        .travel {
          grid-template-columns: auto minmax(0, 1fr);
        }
        .travel .instant {
          grid-column: 1 / -1;
        }
        .instant input {
          flex: 1;
        }
      }
    `,
  ];

  constructor() {
    super();
    this.recordId = "";
    this.at = "";
    this.version = 0;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener("visibilitychange", this.#onVisibility);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener("visibilitychange", this.#onVisibility);
    this.#model?.stop();
  }

  override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has("recordId")) this.#start();
    else if (changed.has("at")) {
      this.dragged = undefined;
      void this.#model?.show(this.at || undefined);
    }
  }

  override updated(changed: Map<string, unknown>): void {
    if (changed.has("recordId") && this.context.takesFocus()) this.renderRoot.querySelector<HTMLElement>("h1")?.focus();
  }

  override render() {
    const model = this.#model;
    if (!model) return nothing;
    const { isEmbedded } = this.context;
    // A page has one main part, and it is the page's own.
    const page = (content: TemplateResult) => (isEmbedded ? content : html`<main>${content}</main>`);
    const title = html`<h1 tabindex="-1" part="title" aria-level=${isEmbedded ? 2 : nothing}>${t("history.record", { id: this.recordId })}</h1>`;
    if (model.error instanceof Refusal && model.error.status === 404)
      return page(html`${title}
        ${blank(
          "record",
          t("record.missing"),
          t("record.missing_text"),
          isEmbedded ? undefined : html`<a class="button" href=${historyLink(new URLSearchParams())}>${t("history.title")}</a>`,
        )}`);
    const { now } = model;
    const state = this.at ? model.then : now;
    return page(html`<div class="top">
        ${title}
        ${state?.status ? html`<span class="pill status" part="status">${value(state.status.value)}</span>` : nothing}
        ${state && !state.exists ? html`<span class="pill gone">${t("record.deleted")}</span>` : nothing}
      </div>
      <p class="facts" part="facts">
        ${now?.first_event && now.last_event
          ? html`${t("history.count", { n: now.event_count })} · ${t("record.first")} ${when(now.first_event.event_time)} · ${t("record.last")} ${when(now.last_event.event_time)}
              ${isEmbedded ? nothing : html`· <a href=${historyLink(new URLSearchParams({ record_id: this.recordId }))}>${t("record.in_history")}</a>`}`
          : html`&nbsp;`}
      </p>
      ${model.error ? failed(model.error, () => this.#start()) : nothing} ${now ? this.#travel(model) : html`<div class="card travel"><div class="skeleton"></div></div>`}
      <div class="columns">
        <section aria-label=${t("record.timeline")}>
          <h2 class="column-title">${t("record.timeline")}</h2>
          ${model.newCount > 0 ? html`<button class="new primary" part="new" @click=${() => this.#start()}>${icon("up")}${t("history.new", { n: model.newCount })}</button>` : nothing}
          <eh-timeline exportparts="day, event" .events=${model.events} at=${this.at}></eh-timeline>
          ${this.#more(model)}
        </section>
        <section class="state" part="state" aria-label=${t("record.state")}>
          <h2 class="column-title">${this.at ? t("record.state_then", { time: local(this.at) }) : t("record.state_now")}</h2>
          ${model.then
            ? html`<eh-record-state .record=${model.then} .diff=${this.at ? model.diff : undefined}></eh-record-state>`
            : model.then === null
              ? html`<div class="card">${blank("clock", t("record.before"), t("record.before_text"))}</div>`
              : bars(8)}
        </section>
      </div>`);
  }

  /** The slider over the life of the record, and steps from change to change. */
  #travel(model: RecordModel): TemplateResult | typeof nothing {
    const [first, last] = [model.now?.first_event?.event_time, model.now?.last_event?.event_time];
    if (!first || !last || first === last) return nothing;
    const shownAt = this.dragged ?? this.at;
    const differences = model.diff && this.at ? differencesOf(model.diff) : 0;
    return html`<div class="card travel ${this.at ? "then" : ""}" part="travel">
      <div class="steps">
        <button aria-label=${t("record.previous")} title=${t("record.previous")} ?disabled=${this.at !== "" && sortable(this.at) <= sortable(first)} @click=${() => void this.#step("before")}>${icon("left")}</button>
        <button aria-label=${t("record.next")} title=${t("record.next")} ?disabled=${this.at === ""} @click=${() => void this.#step("after")}>${icon("right")}</button>
      </div>
      <input type="range" min="0" max=${STEPS} .value=${String(placeOf(shownAt, first, last))} aria-label=${t("record.as_of")} aria-valuetext=${shownAt ? local(shownAt) : t("record.now")}
        @input=${(event: InputEvent) => (this.dragged = instantAt(Number((event.target as HTMLInputElement).value), first, last))}
        @change=${(event: Event) => this.#go(instantAt(Number((event.target as HTMLInputElement).value), first, last))} />
      <div class="instant">
        <input type="datetime-local" step="1" aria-label=${t("record.as_of")} .value=${shownAt ? toInput(shownAt) : ""} @change=${(event: Event) => this.#go(fromInput((event.target as HTMLInputElement).value) ?? "")} />
        <button ?disabled=${this.at === ""} @click=${() => this.#go("")}>${t("record.now")}</button>
      </div>
      <div class="told" aria-live="polite">
        ${shownAt
          ? html`<span><strong>${t("record.as_of")} ${local(shownAt)}</strong> · ${utc(shownAt)}</span><span>${model.diff ? t("record.differences", { n: differences }) : ""}</span>`
          : html`<span>${t("record.travel_hint")}</span>`}
      </div>
    </div>`;
  }

  #more(model: RecordModel): TemplateResult | typeof nothing {
    if (model.eventsError) return failed(model.eventsError, () => void model.more());
    if (model.loading) return bars(4);
    if (model.complete) return nothing;
    return html`<div class="more"><button @click=${() => void model.more()}>${t("record.earlier")}</button></div>`;
  }

  #start(): void {
    this.#model?.stop();
    this.dragged = undefined;
    this.#model = new RecordModel(this.recordId, this.context.service, () => this.version++);
    void this.#model.start(this.at || undefined);
    this.requestUpdate();
  }

  readonly #onVisibility = () => this.#model?.setVisible(!document.hidden);

  #go(at: string): void {
    this.dragged = undefined;
    this.context.replace(recordLink(this.recordId, at || undefined));
  }

  async #step(direction: "before" | "after"): Promise<void> {
    try {
      const found = await this.#model?.neighbour(this.at || undefined, direction);
      const isLast = found === undefined || found === this.#model?.now?.last_event?.event_time;
      if (found !== undefined || direction === "after") this.#go(isLast && direction === "after" ? "" : (found ?? ""));
    } catch (error) {
      if (isAbort(error) || !this.#model) return;
      this.#model.error = error;
      this.requestUpdate();
    }
  }
}

/** Returns the slider's place of an instant; the last one is now. */
function placeOf(at: string, first: string, last: string): number {
  if (!at) return STEPS;
  const [from, to] = [Date.parse(first), Date.parse(last)];
  const part = (Date.parse(at) - from) / Math.max(1, to - from);
  return Math.max(0, Math.min(STEPS - 1, Math.round(part * STEPS)));
}

/** Returns the instant of a place of the slider; empty: now. */
function instantAt(place: number, first: string, last: string): string {
  if (place >= STEPS) return "";
  if (place <= 0) return first;
  const [from, to] = [Date.parse(first), Date.parse(last)];
  return new Date(from + ((to - from) * place) / STEPS).toISOString();
}

function differencesOf({ exists, status, owners, assignees, fields, document_count: documents }: NonNullable<RecordModel["diff"]>): number {
  return (exists ? 1 : 0) + (status ? 1 : 0) + owners.length + assignees.length + fields.length + documents;
}

define("eh-record", RecordView);
