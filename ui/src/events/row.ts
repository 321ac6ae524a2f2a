/** An event as lists keep it: a few hundred bytes, however large the event is. */

import type { EventBody } from "../api/types";
import { clip } from "../text/plain";
import { dayKey, sortable } from "../text/format";
import { changesOf, filesOf, type Change } from "./changes";
import type { Told } from "./sentences";
import type { Source } from "./who";

const MAX_CHANGES = 4;
const MAX_TEXT = 120;

export type Row = Told &
  Source & {
    id: string;
    time: string;
    /** Rows sort by this text, newest first. */
    order: string;
    /** The reader's day, as a key. */
    day: string;
    recordId: string;
  };

export function rowOf(event: EventBody): Row {
  const changes = changesOf(event);
  return {
    id: event.event_id,
    time: event.event_time,
    order: `${sortable(event.event_time)} ${event.event_id}`,
    day: dayKey(event.event_time),
    type: event.event_type,
    typeId: event.event_type_id,
    recordId: String(event.record_id),
    source_type_id: event.source_type_id,
    source_id: String(event.source_id),
    source_type: event.source_type,
    source_name: clip(event.source_name, MAX_TEXT),
    source_info: clip(event.source_info, MAX_TEXT),
    changes: changes.slice(0, MAX_CHANGES).map(shortened),
    more: Math.max(0, changes.length - MAX_CHANGES),
    files: filesOf(event).slice(0, MAX_CHANGES).map((it) => clip(it.name, MAX_TEXT)),
  };
}

/** Drops what a row does not show: values may have a megabyte. */
function shortened(change: Change): Change {
  switch (change.kind) {
    case "field":
      return { ...change, field: "", label: clip(change.label, MAX_TEXT), old: null, new: null };
    case "person":
      return { ...change, id: "", name: clip(change.name, MAX_TEXT) };
    case "document":
      return { ...change, fileId: "", name: clip(change.name, MAX_TEXT) };
    case "status":
      return { ...change, value: typeof change.value === "string" ? clip(change.value, MAX_TEXT) : null };
    case "other":
      return { kind: "other", item: null };
  }
}
