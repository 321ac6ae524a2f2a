/** A record: its state now and at an instant, what differs between the two, and its events. */

import { get, isAbort, Refusal, type Parameters, type Service } from "../api/client";
import { follow, type Following } from "../api/stream";
import type { EventBody, EventPage, FeedPage, RecordDiff, RecordState } from "../api/types";
import { sortable } from "../text/format";

const PAGE = "50";

export class RecordModel {
  now: RecordState | undefined;
  /** The state as of `at`; the same as `now` without one, and `null` before the first event. */
  then: RecordState | null | undefined;
  diff: RecordDiff | undefined;
  error: unknown;

  events: EventBody[] = [];
  eventsError: unknown;
  loading = false;
  complete = false;
  /** Events that have arrived since it was loaded. */
  newCount = 0;

  #next: string | undefined;
  readonly #life = new AbortController();
  #step = new AbortController();
  #stream = new AbortController();
  #following: Following | undefined;

  constructor(
    readonly id: string,
    private readonly service: Service,
    private readonly onChange: () => void,
  ) {}

  async start(at: string | undefined): Promise<void> {
    void this.#follow();
    const now = this.#load(async (signal) => {
      this.now = await this.#get<RecordState>(this.#path(), {}, signal);
    });
    await Promise.all([now, this.more()]);
    await this.show(at);
  }

  /** Shows the record as of an instant, or as it is now. */
  async show(at: string | undefined): Promise<void> {
    this.#step.abort();
    this.#step = new AbortController();
    const { signal } = this.#step;
    if (at === undefined) {
      [this.then, this.diff] = [this.now, undefined];
      return this.onChange();
    }
    await this.#load(async () => {
      const [then, diff] = await Promise.all([
        this.#get<RecordState>(this.#path(), { at }, signal).catch((error: unknown) => {
          if (error instanceof Refusal && error.status === 404) return null;
          throw error;
        }),
        this.#get<RecordDiff>(`${this.#path()}/diff`, { from: at }, signal),
      ]);
      if (!signal.aborted) [this.then, this.diff] = [then, diff];
    });
  }

  /** Loads older events. */
  async more(): Promise<void> {
    if (this.loading || this.complete) return;
    this.loading = true;
    this.eventsError = undefined;
    this.onChange();
    try {
      const cursor: Record<string, string> = this.#next ? { cursor: this.#next } : {};
      const page = await this.#get<EventPage>("api/history/events", { record_id: this.id, count: "none", limit: PAGE, ...cursor });
      this.events = [...this.events, ...page.results];
      this.#next = page.next_cursor ?? undefined;
      this.complete = this.#next === undefined;
    } catch (error) {
      if (isAbort(error) || this.#life.signal.aborted) return;
      this.eventsError = error;
    }
    this.loading = false;
    this.onChange();
  }

  /** Returns the instant of the next event before or after an instant, or `undefined` if there is none. */
  async neighbour(at: string | undefined, direction: "before" | "after"): Promise<string | undefined> {
    // Before the state of now was that before the last event.
    const from = at ?? this.now?.last_event?.event_time ?? "";
    const parameters: Record<string, string> =
      direction === "before" ? { event_time_to: from } : { event_time_from: justAfter(from), ordering: "event_time" };
    const page = await this.#get<EventPage>("api/history/events", { record_id: this.id, count: "none", limit: "1", ...parameters });
    return page.results[0]?.event_time;
  }

  /** Follows what arrives, or stops to. */
  setVisible(isVisible: boolean): void {
    this.#stream.abort();
    if (!isVisible || !this.#following || this.#life.signal.aborted) return;
    this.#stream = new AbortController();
    this.#following.signal = this.#stream.signal;
    void follow(this.#following);
  }

  stop(): void {
    this.#life.abort();
    this.#step.abort();
    this.#stream.abort();
  }

  #get<Body>(path: string, parameters: Parameters, signal = this.#life.signal): Promise<Body> {
    return get<Body>(path, parameters, signal, this.service);
  }

  #path(): string {
    return `api/history/records/${this.id}`;
  }

  async #load(load: (signal: AbortSignal) => Promise<void>): Promise<void> {
    try {
      await load(this.#life.signal);
      this.error = undefined;
    } catch (error) {
      if (isAbort(error) || this.#life.signal.aborted) return;
      this.error = error;
    }
    this.onChange();
  }

  /** Counts what arrives, so that the reader can load it, while the page is shown. */
  async #follow(): Promise<void> {
    try {
      const { cursor } = await this.#get<FeedPage>("api/history/feed", { after: "latest", limit: "1" });
      this.#following = {
        service: this.service,
        filters: new URLSearchParams({ record_id: this.id }),
        after: cursor,
        signal: this.#life.signal,
        onEvent: () => {
          this.newCount++;
          this.onChange();
        },
        onState: () => undefined,
        onRefused: () => undefined,
      };
      this.setVisible(!document.hidden);
    } catch {
      // It is not live then; loading the page again shows the same.
    }
  }
}

/** Returns the instant a microsecond later: times have no finer parts. */
export function justAfter(time: string): string {
  const micros = Number(sortable(time).slice(-3)) + 1;
  const at = Date.parse(time);
  if (Number.isNaN(at)) return time;
  const milliseconds = new Date(at + (micros === 1000 ? 1 : 0)).toISOString().slice(0, -1);
  return `${milliseconds}${String(micros % 1000).padStart(3, "0")}Z`;
}
