/** `<eh-timeline>`: the events of a record as a story: by day, and what one source did at once as one act. */

import { css, html, nothing, type TemplateResult } from "lit";
import type { EventBody } from "../api/types";
import { changesOf, filesOf } from "../events/changes";
import { rowOf } from "../events/row";
import { phrases, typeName } from "../events/sentences";
import { avatar, fullNameOf, nameOf, sameSource } from "../events/who";
import { icon } from "../parts/icons";
import { define, Part } from "../parts/part";
import { base } from "../parts/styles";
import { Ticking, timeOfDay } from "../parts/time";
import { changesList, valueStyles } from "../parts/values";
import { eventLink } from "../state/router";
import { day, dayKey, sortable } from "../text/format";
import { t } from "../text/i18n";
import { isolated } from "../text/plain";

/** Events of one source that follow each other within this time are one act. */
const PAUSE_MS = 120_000;
/** Acts with more changes than this are folded. */
const MAX_OPEN = 8;

type Act = { events: EventBody[]; day: string };

class Timeline extends Part {
  static override properties = { events: { attribute: false }, at: {}, opened: { state: true } };
  /** Newest first. */
  declare events: EventBody[];
  /** What is later is shown as not having happened yet. */
  declare at: string;
  /** The acts that the reader has folded or unfolded, by their first event. */
  declare opened: ReadonlyMap<string, boolean>;

  static override styles = [
    base,
    valueStyles,
    css`
      h2.day {
        color: var(--muted);
        font-size: 12px;
        padding: 18px 0 8px;
      }
      li:first-child > h2.day {
        padding-top: 0;
      }
      .act {
        display: grid;
        grid-template-columns: 22px minmax(0, 1fr);
        gap: 0 14px;
        position: relative;
        padding-bottom: 16px;
      }
      .act::before {
        content: "";
        position: absolute;
        inset-inline-start: 10px;
        top: 26px;
        bottom: 0;
        width: 2px;
        background: var(--line);
      }
      /* Paler, and still readable: without colours instead of half transparent. */
      .later {
        --text: var(--muted);
        --accent: var(--muted);
        --accent-soft: var(--raised);
        --add: var(--muted);
        --add-soft: var(--raised);
        --remove: var(--muted);
        --remove-soft: var(--raised);
        color: var(--muted);
      }
      .act.later::before {
        background: none;
        border-inline-start: 2px dotted var(--line-strong);
      }
      .now {
        display: flex;
        align-items: center;
        gap: 10px;
        color: var(--accent);
        font-size: 12.5px;
        font-weight: 600;
        padding: 2px 0 14px;
      }
      .now::after {
        content: "";
        flex: 1;
        height: 2px;
        background: var(--accent);
        opacity: 0.4;
      }
      .head {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto 28px;
        gap: 0 6px;
      }
      .head p {
        overflow-wrap: anywhere;
      }
      .told {
        color: inherit;
      }
      .toggle {
        padding: 0;
        min-height: 22px;
        color: var(--muted);
      }
      .head strong {
        font-weight: 600;
      }
      .head time {
        color: var(--muted);
        font-size: 12.5px;
        font-variant-numeric: tabular-nums;
        white-space: nowrap;
        padding-top: 1px;
      }
      .model {
        color: var(--muted);
        font-size: 12.5px;
      }
      .events {
        margin-top: 8px;
      }
      .event {
        padding: 6px 14px;
      }
      .event + .event {
        border-top: 1px solid var(--line);
      }
      .event > .title {
        display: flex;
        justify-content: space-between;
        gap: 10px;
        font-size: 12.5px;
        padding-top: 4px;
      }
      .files {
        display: flex;
        flex-wrap: wrap;
        gap: 6px;
        padding: 6px 0;
      }
      .files a {
        display: inline-flex;
        gap: 6px;
        align-items: center;
        background: var(--raised);
        border-radius: 8px;
        padding: 3px 10px;
        color: var(--text);
        max-width: 100%;
        overflow-wrap: anywhere;
      }
    `,
  ];

  constructor() {
    super();
    this.events = [];
    this.at = "";
    this.opened = new Map();
    new Ticking(this);
  }

  override render() {
    const limit = this.at ? sortable(this.at) : undefined;
    let [lastDay, marked] = ["", false];
    return html`<ol>
      ${actsOf(this.events).map((act) => {
        const first = act.events[0];
        if (!first) return nothing;
        const isLater = limit !== undefined && sortable(first.event_time) > limit;
        const heading = act.day !== lastDay ? html`<h2 class="day" part="day">${day(first.event_time)}</h2>` : nothing;
        const mark = limit !== undefined && !isLater && !marked ? html`<div class="now">${t("record.as_of_here")}</div>` : nothing;
        lastDay = act.day;
        marked ||= limit !== undefined && !isLater;
        return html`<li>${heading}${mark}<div class="act ${isLater ? "later" : ""}" part="event">${avatar(first)}<div>${this.#act(act.events, first)}</div></div></li>`;
      })}
    </ol>`;
  }

  #act(events: EventBody[], first: EventBody): TemplateResult {
    const isOne = events.length === 1;
    const count = events.reduce((sum, it) => sum + it.event_data.length, 0);
    // An event without data has nothing to unfold.
    const canOpen = !isOne || count > 0 || filesOf(first).length > 0;
    const isOpen = canOpen && (this.opened.get(first.event_id) ?? count <= MAX_OPEN);
    const oldestFirst = [...events].reverse();
    const told = phrases(oldestFirst.map(rowOf)).join(t("list.separator"));
    return html`<div class="head">
        <p>
          <strong title=${fullNameOf(first)}>${nameOf(first)}</strong>
          ${isOne ? html`<a class="told" href=${eventLink(first.event_id)}>${told}</a>` : told}
          ${first.source_type === "mcp" && first.source_info ? html`<span class="model">· ${icon("spark")} ${isolated(first.source_info, 80)}</span>` : nothing}
        </p>
        ${timeOfDay(first.event_time)} ${canOpen ? this.#toggle(first.event_id, isOpen, count) : html`<span class="room"></span>`}
      </div>
      ${isOpen ? html`<div class="card events">${oldestFirst.map((it) => this.#event(it, !isOne))}</div>` : nothing}`;
  }

  #toggle(id: string, isOpen: boolean, count: number): TemplateResult {
    const label = t(isOpen ? "record.hide_changes" : "record.show_changes", { n: count });
    return html`<button class="plain toggle" aria-expanded=${isOpen} aria-label=${label} title=${label} @click=${() => (this.opened = new Map(this.opened).set(id, !isOpen))}>
      ${icon(isOpen ? "down" : "right")}
    </button>`;
  }

  #event(event: EventBody, isOneOfSeveral: boolean): TemplateResult {
    const changes = changesOf(event).filter((it) => it.kind !== "document");
    const files = filesOf(event);
    return html`<div class="event">
      ${isOneOfSeveral
        ? html`<div class="title">
            <a href=${eventLink(event.event_id)}>${typeName(event.event_type, event.event_type_id)}</a>
            <span class="muted">${timeOfDay(event.event_time)}</span>
          </div>`
        : nothing}
      ${changes.length ? changesList(changes, 30) : nothing}
      ${files.length
        ? html`<div class="files">${files.map((it) => html`<a href=${eventLink(event.event_id)} data-file=${it.fileId}>${icon("file")}${it.name ? isolated(it.name) : it.fileId}</a>`)}</div>`
        : nothing}
    </div>`;
  }
}

/** Groups neighbours of one source, one day and little time between them. */
function actsOf(events: EventBody[]): Act[] {
  const acts: Act[] = [];
  for (const event of events) {
    const act = acts.at(-1);
    const last = act?.events.at(-1);
    const key = dayKey(event.event_time);
    const isSame = act && last && act.day === key && sameSource(last, event) && Date.parse(last.event_time) - Date.parse(event.event_time) <= PAUSE_MS;
    if (isSame) act.events.push(event);
    else acts.push({ events: [event], day: key });
  }
  return acts;
}

define("eh-timeline", Timeline);
