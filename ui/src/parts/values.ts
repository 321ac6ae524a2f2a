/** Values of event data, and what changed between two of them, for people. */

import { css, html, nothing, type TemplateResult } from "lit";
import { ExactNumber, isNumber, isObject, pretty, same, type Json } from "../api/json";
import type { Change } from "../events/changes";
import { diffWords } from "../events/diff";
import { clip, shown } from "../text/plain";
import { number, t } from "../text/i18n";
import "./long-text";

/** Longer texts are shown in a part of their own, which opens on demand. */
const MAX_INLINE = 300;
const MAX_ITEMS = 50;

export const valueStyles = css`
  .value {
    overflow-wrap: anywhere;
    unicode-bidi: isolate;
    white-space: pre-wrap;
  }
  .value.none {
    color: var(--muted);
    font-style: italic;
  }
  .value.number {
    font-variant-numeric: tabular-nums;
  }
  del,
  ins {
    text-decoration: none;
    border-radius: 4px;
    padding: 0 3px;
    box-decoration-break: clone;
    -webkit-box-decoration-break: clone;
  }
  del {
    background: var(--remove-soft);
    color: var(--remove);
    text-decoration: line-through;
    text-decoration-thickness: 1px;
  }
  ins {
    background: var(--add-soft);
    color: var(--add);
  }
  .arrow {
    color: var(--muted);
    padding: 0 4px;
  }
  .delta {
    color: var(--muted);
    font-variant-numeric: tabular-nums;
    padding-left: 4px;
    white-space: nowrap;
  }
  .change {
    display: grid;
    grid-template-columns: minmax(90px, 160px) minmax(0, 1fr);
    gap: 2px 14px;
    padding: 7px 0;
  }
  .change + .change {
    border-top: 1px solid var(--line);
  }
  .change > dt {
    color: var(--muted);
    overflow-wrap: anywhere;
  }
  .change > dd {
    min-width: 0;
  }
  .members {
    display: grid;
    gap: 3px;
    padding-left: 10px;
    border-left: 2px solid var(--line);
  }
  .members .name {
    color: var(--muted);
  }
  @container (max-width: 500px) {
    .change {
      grid-template-columns: minmax(0, 1fr);
    }
  }
`;

/** One value. */
export function value(it: Json | undefined): TemplateResult {
  if (it === null || it === undefined || it === "") return html`<span class="value none">${t("value.empty")}</span>`;
  if (typeof it === "boolean") return html`<span class="value">${t(it ? "value.yes" : "value.no")}</span>`;
  if (isNumber(it)) return html`<span class="value number">${String(it)}</span>`;
  if (typeof it === "string")
    return it.length > MAX_INLINE
      ? html`<eh-long-text .text=${it}></eh-long-text>`
      : html`<span class="value">${shown(it)}</span>`;
  if (Array.isArray(it) && it.every((item) => typeof item !== "object" || item instanceof ExactNumber)) {
    if (it.length === 0) return html`<span class="value none">${t("value.empty")}</span>`;
    const rest = it.length - MAX_ITEMS;
    return html`${joined(it.slice(0, MAX_ITEMS).map(value))}${rest > 0 ? html` <span class="muted">${t("value.more", { n: rest })}</span>` : nothing}`;
  }
  return html`<eh-long-text code .text=${pretty(it)}></eh-long-text>`;
}

/** What became of a value. Without `old` it was set. */
export function changed(old: Json | undefined, now: Json): TemplateResult {
  if (old === undefined) return html`<ins>${value(now)}</ins>`;
  if (typeof old === "string" && typeof now === "string" && old && now) {
    const pieces = diffWords(old, now);
    if (pieces) return html`<span class="value">${pieces.map(piece)}</span>`;
  }
  if (isNumber(old) && isNumber(now)) return html`${arrow(old, now)}${delta(old, now)}`;
  if (Array.isArray(old) && Array.isArray(now) && old.length <= MAX_ITEMS && now.length <= MAX_ITEMS) return list(old, now);
  if (isObject(old) && isObject(now)) return members(old, now);
  return arrow(old, now);
}

const arrow = (old: Json, now: Json) =>
  html`<del>${value(old)}</del><span class="arrow" aria-label=${t("value.became")}>→</span><ins>${value(now)}</ins>`;

function piece({ kind, text }: { kind: "same" | "old" | "new"; text: string }): TemplateResult {
  const plain = kind === "same" ? middleCut(text) : shown(clip(text, 2000));
  if (kind === "same") return html`${plain}`;
  return kind === "old" ? html`<del>${plain}</del>` : html`<ins>${plain}</ins>`;
}

/** Leaves out the middle of a long text that did not change. */
function middleCut(text: string): string {
  return text.length <= 400 ? shown(text) : `${shown(clip(text, 160))} ${shown(text.slice(-160))}`;
}

function delta(old: number | ExactNumber, now: number | ExactNumber): TemplateResult | typeof nothing {
  const [before, after] = [Number(old), Number(now)];
  const difference = after - before;
  if (!Number.isFinite(difference) || difference === 0 || Math.max(Math.abs(before), Math.abs(after)) > 1e12) return nothing;
  const digits = Math.max(...[old, now].map((it) => String(it).split(".")[1]?.length ?? 0));
  const rounded = Number(difference.toFixed(Math.min(digits, 10)));
  return html`<span class="delta">${rounded > 0 ? "+" : "−"}${number(Math.abs(rounded))}</span>`;
}

/** What a list lost and gained. */
function list(old: Json[], now: Json[]): TemplateResult {
  const removed = old.filter((it) => !now.some((other) => same(it, other)));
  const added = now.filter((it) => !old.some((other) => same(it, other)));
  const kept = now.filter((it) => old.some((other) => same(it, other)));
  if (removed.length + added.length === 0) return arrow(old, now);
  const parts = [
    ...kept.map((it) => value(it)),
    ...removed.map((it) => html`<del>${value(it)}</del>`),
    ...added.map((it) => html`<ins>${value(it)}</ins>`),
  ];
  return joined(parts);
}

const joined = (parts: TemplateResult[]): TemplateResult =>
  html`${parts.map((it, index) => (index === 0 ? it : html`<span class="muted">, </span>${it}`))}`;

/** What became of the members of an object; those that are the same are left out. */
function members(old: { [name: string]: Json }, now: { [name: string]: Json }): TemplateResult {
  const names = [...new Set([...Object.keys(old), ...Object.keys(now)])];
  const differing = names.filter((it) => !(it in old && it in now && same(old[it] ?? null, now[it] ?? null)));
  if (differing.length === 0) return arrow(old, now);
  return html`<div class="members">
    ${differing.slice(0, MAX_ITEMS).map(
      (it) => html`<div>
        <span class="name text">${shown(clip(it, 200))}:</span>
        ${it in now ? (it in old ? arrow(old[it] ?? null, now[it] ?? null) : html`<ins>${value(now[it])}</ins>`) : html`<del>${value(old[it])}</del>`}
      </div>`,
    )}
    ${differing.length > MAX_ITEMS ? html`<div class="muted">${t("value.more", { n: differing.length - MAX_ITEMS })}</div>` : nothing}
  </div>`;
}

/** An object of a few plain values, which reads better as names and values than as JSON. */
const isFlat = (it: Json): it is { [name: string]: Json } => {
  if (!isObject(it)) return false;
  const values = Object.values(it);
  return values.length > 0 && values.length <= MAX_ITEMS && values.every((member) => typeof member !== "object" || member === null || isNumber(member));
};

const flat = (it: { [name: string]: Json }): TemplateResult =>
  html`<div class="members">
    ${Object.entries(it).map(([name, member]) => html`<div><span class="name text">${shown(clip(name, 200))}:</span> ${value(member)}</div>`)}
  </div>`;

/** All changes of an event. */
export function changesList(changes: Change[], max = 200): TemplateResult {
  const rest = changes.length - max;
  return html`<dl>
      ${changes.slice(0, max).map(change)}
    </dl>
    ${rest > 0 ? html`<p class="muted">${t("value.more", { n: rest })}</p>` : nothing}`;
}

function change(it: Change): TemplateResult {
  const row = (name: string, content: TemplateResult) => html`<div class="change"><dt class="text">${name}</dt><dd>${content}</dd></div>`;
  const word = (name: string) => value(name);
  switch (it.kind) {
    case "field":
      return row(shown(clip(it.label, 200)), changed(it.old, it.new));
    case "status":
      return row(t("record.status"), changed(undefined, it.value));
    case "person":
      return row(t(it.role === "owner" ? "record.owner" : "record.assignee"), it.added ? html`<ins>${word(it.name)}</ins>` : html`<del>${word(it.name)}</del>`);
    case "document":
      return row(t("record.document"), word(it.name || it.fileId));
    case "other":
      return row(t("value.data"), isFlat(it.item) ? flat(it.item) : value(it.item));
  }
}
