/** The shapes of event data that have a meaning; anything else is shown as it is. Source: docs/api.md, "Records". */

import { isNumber, isObject, type Json } from "../api/json";
import type { EventBody, FileBody, FileRecord } from "../api/types";

export type Change =
  | { kind: "field"; field: string; label: string; old: Json | undefined; new: Json }
  | { kind: "person"; role: "owner" | "assignee"; added: boolean; id: string; name: string }
  | { kind: "status"; value: Json }
  | { kind: "document"; fileId: string; name: string }
  | { kind: "other"; item: Json };

/** The type of an event that is about people: of which role, and whether it adds them. */
const PEOPLE: Record<string, { role: "owner" | "assignee"; added: boolean }> = {
  owner_initialized: { role: "owner", added: true },
  owners_added: { role: "owner", added: true },
  owners_removed: { role: "owner", added: false },
  assignees_added: { role: "assignee", added: true },
  assignees_removed: { role: "assignee", added: false },
};

export function changesOf(event: EventBody): Change[] {
  return event.event_data.map((item) => changeOf(event.event_type ?? "", item));
}

function changeOf(type: string, item: Json): Change {
  const other: Change = { kind: "other", item };
  if (!isObject(item)) return other;
  const { field, label, id, name, file_id: fileId } = item;
  const people = PEOPLE[type];
  if (people && (isNumber(id) || typeof id === "string") && typeof name === "string")
    return { kind: "person", ...people, id: String(id), name };
  if (typeof field === "string" && "new" in item) {
    const shownAs = typeof label === "string" && label ? label : field;
    return { kind: "field", field, label: shownAs, old: item["old"], new: item["new"] ?? null };
  }
  if (type === "status_initialized" && "status" in item) return { kind: "status", value: item["status"] ?? null };
  if (typeof fileId === "string" && type === "document_generated")
    return { kind: "document", fileId, name: typeof name === "string" ? name : "" };
  return other;
}

/** A file that an event references. `record` is missing if none was made. */
export type EventFile = { fileId: string; name: string; record: FileRecord | undefined };

/** Returns the files of an event, with the names that its data or storage gives them. */
export function filesOf(event: EventBody): EventFile[] {
  const recorded: FileBody[] = event.files?.length ? event.files : event.file ? [event.file] : [];
  const names = new Map<string, string>();
  for (const change of changesOf(event)) if (change.kind === "document" && change.name) names.set(change.fileId, change.name);
  const named = (fileId: string, record?: FileBody): EventFile => ({
    fileId,
    name: names.get(fileId) ?? record?.file_name ?? "",
    record,
  });
  const files = recorded.map((it) => named(it.file_id, it));
  const known = new Set(files.map((it) => it.fileId));
  if (event.file_id && !known.has(event.file_id)) files.unshift(named(event.file_id));
  return files;
}
