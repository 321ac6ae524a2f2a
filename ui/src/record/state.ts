/** `<eh-record-state>`: what a record was or is: status, people, fields, documents, and what is different now. */

import { css, html, nothing, type TemplateResult } from "lit";
import type { EventReference, Person, PersonChange, RecordDiff, RecordState } from "../api/types";
import { nameOf } from "../events/who";
import { icon } from "../parts/icons";
import { define, Part } from "../parts/part";
import { base } from "../parts/styles";
import { when } from "../parts/time";
import { changed, value, valueStyles } from "../parts/values";
import { eventLink } from "../state/router";
import { t } from "../text/i18n";
import { clip, isolated, shown } from "../text/plain";

/** More fields than this are shown on demand. */
const MAX_FIELDS = 40;

class RecordStateView extends Part {
  static override properties = { record: { attribute: false }, diff: { attribute: false }, all: { state: true } };
  declare record: RecordState;
  /** What has changed since, if the state is not that of now. */
  declare diff: RecordDiff | undefined;
  declare all: boolean;

  static override styles = [
    base,
    valueStyles,
    css`
      .card {
        padding: 4px 16px;
      }
      section {
        padding: 12px 0;
      }
      section + section {
        border-top: 1px solid var(--line);
      }
      h2 {
        color: var(--muted);
        font-size: 12px;
        padding-bottom: 6px;
      }
      .people {
        display: flex;
        flex-wrap: wrap;
        gap: 6px;
      }
      .person {
        display: inline-flex;
        gap: 6px;
        align-items: center;
        background: var(--raised);
        border-radius: 14px;
        padding: 2px 10px 2px 4px;
        max-width: 100%;
      }
      .person span.text {
        overflow: hidden;
        text-overflow: ellipsis;
      }
      .status {
        font-weight: 600;
      }
      .field {
        padding: 7px 0;
      }
      .field + .field {
        border-top: 1px solid var(--line);
      }
      .field .label {
        color: var(--muted);
        font-size: 12.5px;
        overflow-wrap: anywhere;
      }
      .by {
        color: var(--muted);
        font-size: 12px;
      }
      .by a {
        color: inherit;
        text-decoration: underline;
        text-decoration-color: var(--line-strong);
        text-underline-offset: 2px;
      }
      .since {
        margin-top: 4px;
        padding: 5px 10px;
        background: var(--raised);
        border-radius: 8px;
        font-size: 13px;
      }
      .since b {
        font-weight: 600;
        color: var(--muted);
        padding-inline-end: 4px;
      }
      .documents a {
        display: flex;
        gap: 8px;
        padding: 4px 0;
        color: var(--text);
        overflow-wrap: anywhere;
      }
      .documents .icon {
        margin-top: 2px;
        color: var(--muted);
      }
    `,
  ];

  constructor() {
    super();
    this.all = false;
  }

  override render() {
    const { record, diff } = this;
    const fields = this.all ? record.fields : record.fields.slice(0, MAX_FIELDS);
    const addedFields = diff?.fields.filter((it) => it.is_new) ?? [];
    return html`<div class="card">
      ${diff?.exists ? html`<section>${this.#since(t(diff.exists.new ? "record.exists_now" : "record.deleted_now"))}</section>` : nothing}
      <section>
        <h2>${t("record.status")}</h2>
        ${record.status ? html`<div class="status">${value(record.status.value)}</div>${this.#by(record.status.event)}` : html`<span class="muted">${t("record.no_status")}</span>`}
        ${diff?.status ? this.#since(value(diff.status.new)) : nothing}
      </section>
      ${this.#people(t("record.owners"), record.owners, diff?.owners ?? [])} ${this.#people(t("record.assignees"), record.assignees, diff?.assignees ?? [])}
      <section>
        <h2>${t("record.fields", { n: record.fields.length })}</h2>
        ${fields.map((it) => {
          const since = diff?.fields.find((other) => other.field === it.field);
          return html`<div class="field">
            <div class="label text">${shown(clip(it.label || it.field, 200))}</div>
            <div>${value(it.value)}</div>
            ${this.#by(it.event)} ${since ? this.#since(changed(it.value, since.new)) : nothing}
          </div>`;
        })}
        ${fields.length < record.fields.length ? html`<button class="link" @click=${() => (this.all = true)}>${t("record.all_fields", { n: record.fields.length })}</button>` : nothing}
        ${addedFields.map((it) => html`<div class="field"><div class="label text">${shown(clip(it.label || it.field, 200))}</div><div class="muted">${t("record.not_yet")}</div>${this.#since(changed(undefined, it.new))}</div>`)}
        ${record.fields.length + addedFields.length === 0 ? html`<span class="muted">${t("record.no_fields")}</span>` : nothing}
      </section>
      ${this.#documents()}
      ${record.unrecognised_count > 0 ? html`<section class="muted">${t("record.unrecognised", { n: record.unrecognised_count })}</section>` : nothing}
    </div>`;
  }

  #people(title: string, people: Person[], changes: PersonChange[]): TemplateResult | typeof nothing {
    if (people.length + changes.length === 0) return nothing;
    return html`<section>
      <h2>${title}</h2>
      ${people.length
        ? html`<div class="people">${people.map((it) => html`<span class="person"><span class="avatar">${icon("user")}</span><span class="text">${shown(clip(it.name || String(it.id), 120))}</span></span>`)}</div>`
        : html`<span class="muted">${t("record.nobody")}</span>`}
      ${changes.map((it) => this.#since(html`${t(`record.person_${it.change}`, { name: isolated(it.name || String(it.id)) })}`))}
    </section>`;
  }

  #documents(): TemplateResult | typeof nothing {
    const { record, diff } = this;
    const later = diff?.document_count ?? 0;
    if (record.document_count + later === 0) return nothing;
    return html`<section class="documents">
      <h2>${t("record.documents", { n: record.document_count })}</h2>
      ${record.documents.map(
        (it) => html`<a href=${eventLink(it.event.event_id)} data-file=${it.file_id}>${icon("file")}<span><span class="text">${it.name ? shown(clip(it.name, 200)) : it.file_id}</span><br /><span class="by">${when(it.event.event_time)}</span></span></a>`,
      )}
      ${record.documents.length < record.document_count ? html`<p class="muted">${t("value.more", { n: record.document_count - record.documents.length })}</p>` : nothing}
      ${later > 0 ? this.#since(html`${t("record.later_documents", { n: later })}`) : nothing}
    </section>`;
  }

  #by(event: EventReference): TemplateResult {
    return html`<div class="by"><a href=${eventLink(event.event_id)}>${nameOf(event)}, ${when(event.event_time)}</a></div>`;
  }

  #since(content: TemplateResult | string): TemplateResult {
    return html`<div class="since"><b>${t("record.now")}</b>${content}</div>`;
  }
}

define("eh-record-state", RecordStateView);
