/** `<eh-event>`: everything that is known of one event, on a page or beside a list. */

import { css, html, nothing, type TemplateResult } from "lit";
import { get, isAbort, Refusal } from "../api/client";
import { pretty, type Json } from "../api/json";
import type { EventBody, EventPage } from "../api/types";
import "../parts/copy-button";
import { icon } from "../parts/icons";
import "../parts/long-text";
import { define, Part } from "../parts/part";
import { bars, blank, failed } from "../parts/states";
import { base } from "../parts/styles";
import { exactly, when } from "../parts/time";
import { changesList, valueStyles } from "../parts/values";
import { eventLink, recordLink } from "../state/router";
import { t } from "../text/i18n";
import { shown } from "../text/plain";
import { changesOf, filesOf } from "./changes";
import "./document";
import { rowOf } from "./row";
import { phrase, typeIcon, typeName } from "./sentences";
import { avatar, kindOf, nameOf } from "./who";

/** Related events in each direction. */
const RELATED = 3;

class EventView extends Part {
  static override properties = {
    eventId: { attribute: false },
    panel: { type: Boolean },
    event: { state: true },
    related: { state: true },
    error: { state: true },
  };
  declare eventId: string;
  /** Beside a list, where it can be closed. */
  declare panel: boolean;
  declare event: EventBody | undefined;
  /** Other events of the record, newest first. */
  declare related: EventBody[] | undefined;
  declare error: unknown;

  #abort = new AbortController();

  static override styles = [
    base,
    valueStyles,
    css`
      :host {
        container-type: inline-size;
        max-width: 880px;
        margin: 0 auto;
        padding: 22px 20px 48px;
      }
      :host([panel]) {
        max-width: none;
        padding: 18px 22px 40px;
      }
      header {
        display: grid;
        grid-template-columns: 40px minmax(0, 1fr) auto;
        gap: 4px 14px;
        align-items: start;
        margin-bottom: 18px;
      }
      .mark {
        display: grid;
        place-items: center;
        width: 40px;
        height: 40px;
        border-radius: 12px;
        background: var(--accent-soft);
        color: var(--accent);
      }
      .mark .icon {
        width: 20px;
        height: 20px;
      }
      .by {
        color: var(--muted);
        display: flex;
        flex-wrap: wrap;
        gap: 2px 6px;
        align-items: center;
        padding-top: 2px;
      }
      section {
        margin-top: 22px;
      }
      section > h2 {
        margin-bottom: 8px;
        display: flex;
        align-items: center;
        justify-content: space-between;
        gap: 8px;
      }
      .card {
        padding: 12px 16px;
      }
      :host(:not([panel])) section > .card,
      :host([panel]) section > .card {
        background: var(--surface);
      }
      eh-document + eh-document {
        margin-top: 10px;
      }
      .related li a {
        display: grid;
        grid-template-columns: 18px minmax(0, 1fr) auto;
        gap: 10px;
        padding: 8px 0;
        color: inherit;
        align-items: center;
      }
      .related li + li {
        border-top: 1px solid var(--line);
      }
      .related .icon {
        color: var(--muted);
      }
      .related span.line {
        white-space: nowrap;
        overflow: hidden;
        text-overflow: ellipsis;
      }
      .related time {
        color: var(--muted);
        font-size: 12.5px;
        white-space: nowrap;
      }
      .related .this {
        font-weight: 600;
        padding: 8px 0;
        display: grid;
        grid-template-columns: 18px 1fr;
        gap: 10px;
        align-items: center;
      }
      .related .this .icon {
        color: var(--accent);
      }
      .raw eh-long-text {
        display: block;
      }
      @media (max-width: 640px) {
        :host,
        :host([panel]) {
          padding: 14px 14px 32px;
        }
      }
    `,
  ];

  constructor() {
    super();
    this.eventId = "";
    this.panel = false;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#abort.abort();
  }

  override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has("eventId")) void this.#load();
  }

  override updated(changed: Map<string, unknown>): void {
    if (changed.has("event") && this.event && this.context.takesFocus()) this.renderRoot.querySelector<HTMLElement>("h1")?.focus({ preventScroll: this.panel });
  }

  override render() {
    if (this.error instanceof Refusal && this.error.status === 404)
      return html`${this.#closing()}${blank("empty", t("event.missing"), t("event.missing_text"))}`;
    if (this.error) return html`${this.#closing()}${failed(this.error, () => void this.#load())}`;
    const event = this.event;
    if (!event) return html`${this.#closing()}${bars(10)}`;
    const files = filesOf(event);
    const changes = changesOf(event).filter((it) => it.kind !== "document");
    const json = pretty(event as unknown as Json);
    return html`<article>
      <header>
        <span class="mark">${icon(typeIcon(event.event_type))}</span>
        <div>
          <h1 tabindex="-1" part="title" aria-level=${this.context.isEmbedded ? 2 : nothing}>${typeName(event.event_type, event.event_type_id)}</h1>
          <div class="by">
            ${avatar(event)}<span>${nameOf(event)}</span>
            <span>· <a href=${recordLink(String(event.record_id))}>${t("history.record", { id: String(event.record_id) })}</a></span>
            <span>· ${when(event.event_time)}</span>
          </div>
        </div>
        ${this.#closing()}
      </header>
      ${changes.length
        ? html`<section part="section"><h2>${t(changes.some((it) => it.kind !== "other") ? "event.changes" : "event.data")}</h2><div class="card">${changesList(changes)}</div></section>`
        : nothing}
      ${files.length
        ? html`<section part="section">
            <h2>${t("event.documents", { n: files.length })}</h2>
            ${files.map((it, index) => html`<eh-document exportparts="document" .eventId=${event.event_id} .recordId=${String(event.record_id)} .file=${it} ?auto=${index < 3}></eh-document>`)}
          </section>`
        : nothing}
      <section part="section"><h2>${t("event.details")}</h2><div class="card">${this.#facts(event)}</div></section>
      ${this.#relatedEvents(event)}
      <section class="raw" part="section">
        <h2>${t("event.raw")}<eh-copy .text=${json} label=${t("copy.json")}></eh-copy></h2>
        <eh-long-text code .text=${json}></eh-long-text>
      </section>
    </article>`;
  }

  #closing(): TemplateResult | typeof nothing {
    if (!this.panel) return nothing;
    return html`<button class="plain" aria-label=${t("action.close")} title=${t("action.close")} @click=${() => this.dispatchEvent(new CustomEvent("close"))}>${icon("close")}</button>`;
  }

  #facts(event: EventBody): TemplateResult {
    const fact = (name: string, content: unknown) => html`<dt>${name}</dt><dd>${content}</dd>`;
    const text = (it: string) => (it ? html`<eh-long-text .text=${it}></eh-long-text>` : html`<span class="muted">–</span>`);
    return html`<dl class="facts">
      ${fact(t("fact.event_time"), exactly(event.event_time))}
      ${event.received_at ? fact(t("fact.received_at"), exactly(event.received_at)) : nothing}
      ${fact(t("fact.type"), html`${typeName(event.event_type, event.event_type_id)} <span class="muted">· ${shown(event.event_type ?? "")} (${event.event_type_id})</span>`)}
      ${fact(t("fact.record"), html`<a href=${recordLink(String(event.record_id))}>${String(event.record_id)}</a>`)}
      ${fact(t("fact.source"), html`${kindOf(event)} <span class="muted">(${event.source_type_id}) · ${t("fact.id", { id: String(event.source_id) })}</span>`)}
      ${fact(t("fact.source_name"), text(event.source_name))}
      ${fact(t(event.source_type === "mcp" ? "fact.model" : "fact.source_info"), text(event.source_info))}
      ${fact(t("fact.event_id"), html`<span class="mono">${event.event_id}</span>`)}
    </dl>`;
  }

  #relatedEvents(event: EventBody): TemplateResult | typeof nothing {
    if (!this.related?.some((it) => it.event_id !== event.event_id)) return nothing;
    return html`<section class="related" part="section">
      <h2>${t("event.related")}<a href=${recordLink(String(event.record_id))}>${t("event.whole_record")}</a></h2>
      <ul class="card">
        ${this.related.map((it) => {
          const text = phrase(rowOf(it));
          if (it.event_id === event.event_id) return html`<li class="this">${icon("dot")}<span>${t("event.this")}</span></li>`;
          return html`<li><a href=${eventLink(it.event_id)} data-record=${String(it.record_id)}>${icon(typeIcon(it.event_type))}<span class="line">${nameOf(it)} ${text}</span>${when(it.event_time)}</a></li>`;
        })}
      </ul>
    </section>`;
  }

  async #load(): Promise<void> {
    this.#abort.abort();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    [this.event, this.related, this.error] = [undefined, undefined, undefined];
    try {
      const event = await get<EventBody>(`api/history/events/${encodeURIComponent(this.eventId)}`, {}, signal, this.context.service);
      this.event = event;
      this.related = await this.#neighbours(event, signal);
    } catch (error) {
      // Without its neighbours the event is still worth showing.
      if (!isAbort(error) && !signal.aborted && !this.event) this.error = error;
    }
  }

  async #neighbours(event: EventBody, signal: AbortSignal): Promise<EventBody[]> {
    const page = (parameters: Record<string, string>) =>
      get<EventPage>("api/history/events", { record_id: String(event.record_id), count: "none", ...parameters }, signal, this.context.service);
    const [after, before] = await Promise.all([
      page({ event_time_from: event.event_time, ordering: "event_time", limit: String(RELATED + 1) }),
      page({ event_time_to: event.event_time, limit: String(RELATED) }),
    ]);
    const from = after.results.filter((it) => it.event_id !== event.event_id).slice(0, RELATED);
    return [...from.reverse(), event, ...before.results];
  }
}

define("eh-event", EventView);
