/** The elements for pages of others, in one file without exports: loading it defines them. Reference: docs/embedding.md. */

import { define } from "../parts/part";
import { filtersIn, instantIn, isEventId, isRecordId, withFilter } from "../state/router";
import { Embedded, type View } from "./element";

/** `<event-history-timeline>`: events, newest first, as they arrive: all that the token may see, or those of a record. */
class TimelineElement extends Embedded {
  static override properties = { record: {}, filters: {} };
  declare record: string | null;
  /** Filters of the API as a query: `event_type_id=9&q=contract`. */
  declare filters: string | null;

  protected override start(): View | undefined {
    const filters = filtersIn(new URLSearchParams(this.filters ?? ""));
    const record = String(this.record ?? "");
    if (record && !isRecordId(record)) return undefined;
    return { view: "history", filters: record ? withFilter(filters, "record_id", record) : filters };
  }
}

/** `<event-history-record>`: one record: its story, and its state at any instant. */
class RecordElement extends Embedded {
  static override properties = { record: {}, at: {} };
  declare record: string | null;
  /** The instant that is shown first; without one, now. */
  declare at: string | null;

  protected override start(): View | undefined {
    const id = String(this.record ?? "");
    return isRecordId(id) ? { view: "record", id, at: instantIn(this.at ?? null) } : undefined;
  }
}

/** `<event-history-event>`: one event, with its documents. */
class EventElement extends Embedded {
  static override properties = { eventId: { attribute: "event-id" } };
  declare eventId: string | null;

  protected override start(): View | undefined {
    const id = this.eventId ?? "";
    return isEventId(id) ? { view: "event", id } : undefined;
  }
}

define("event-history-timeline", TimelineElement);
define("event-history-record", RecordElement);
define("event-history-event", EventElement);
