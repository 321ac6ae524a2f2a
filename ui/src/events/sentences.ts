/** What an event did, as a part of a sentence behind who did it: "changed Amount and Status". */

import { compact, type Json } from "../api/json";
import { isolated } from "../text/plain";
import { known, t } from "../text/i18n";
import type { IconName } from "../parts/icons";
import type { Change } from "./changes";

/** Names of more things than this are only counted. */
const MAX_NAMED = 3;

export type Told = { type: string | null | undefined; typeId: number; changes: Change[]; more: number; files: string[] };

const TYPE_ICONS: Record<string, IconName> = {
  record_created: "plus",
  owner_initialized: "person-plus",
  owners_added: "person-plus",
  owners_removed: "person-minus",
  assignees_added: "person-plus",
  assignees_removed: "person-minus",
  field_values_changed: "pencil",
  record_deleted: "trash",
  document_generated: "file",
  status_initialized: "flag",
};

export const typeIcon = (type: string | null | undefined): IconName => TYPE_ICONS[type ?? ""] ?? "dot";

/** Returns the name of a type of events, for people. */
export function typeName(type: string | null | undefined, id: number): string {
  const key = known(`type.${type ?? ""}`);
  if (key) return t(key);
  return type ? isolated(type.replaceAll("_", " "), 60) : t("type.unknown", { id: String(id) });
}

/** Returns the phrase for one event. */
export function phrase(event: Told): string {
  return phrases([event]).join(t("list.separator"));
}

/** Returns the phrases for events of one act, those of the same kind told together. */
export function phrases(events: Told[]): string[] {
  const fields: string[] = [];
  const people = new Map<"owner_added" | "owner_removed" | "assignee_added" | "assignee_removed", string[]>();
  const documents: string[] = [];
  const others = new Map<string, number>();
  const out: string[] = [];
  for (const event of events) {
    const { type, typeId, changes, files } = event;
    if (type === "record_created") out.push(t("act.created"));
    else if (type === "record_deleted") out.push(t("act.deleted"));
    const before = fields.length + documents.length + people.size + out.length;
    for (const change of changes) {
      if (change.kind === "field" && type !== "record_created") fields.push(change.label);
      else if (change.kind === "status") out.push(t("act.status", { value: short(change.value) }));
      else if (change.kind === "document") documents.push(change.name);
      else if (change.kind === "person") {
        const key = `${change.role}_${change.added ? "added" : "removed"}` as const;
        people.set(key, [...(people.get(key) ?? []), change.name]);
      }
    }
    for (let index = 0; index < event.more && type === "field_values_changed"; index++) fields.push("");
    if (type === "document_generated" && documents.length === 0) documents.push(...(files.length ? files : [""]));
    if (fields.length + documents.length + people.size + out.length === before && type !== "record_created" && type !== "record_deleted") {
      const name = typeName(type, typeId);
      others.set(name, (others.get(name) ?? 0) + 1);
    }
  }
  if (fields.length) out.push(named("act.fields", "act.fields_many", fields));
  for (const [key, names] of people) out.push(named(`act.${key}`, `act.${key}_many`, names));
  if (documents.length) out.push(named("act.documents", "act.documents_many", documents));
  for (const [name, n] of others) out.push(n === 1 ? t("act.other", { name }) : t("act.other_many", { name, n }));
  return out;
}

type Counted = "act.fields" | "act.documents" | `act.${"owner" | "assignee"}_${"added" | "removed"}`;

function named(few: Counted, many: `${Counted}_many`, names: string[]): string {
  const distinct = [...new Set(names)];
  if (distinct.length > MAX_NAMED || distinct.includes("")) return t(many, { n: distinct.includes("") ? names.length : distinct.length });
  const list = distinct.map((it) => isolated(it, 48));
  const last = list.pop() ?? "";
  return t(few, { names: list.length ? `${list.join(", ")} ${t("list.and")} ${last}` : last });
}

/** Returns a value for the middle of a sentence. */
export const short = (value: Json): string =>
  isolated(typeof value === "string" ? value : compact(value, 48), 48);
