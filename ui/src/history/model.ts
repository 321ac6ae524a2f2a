/** The list of events that match the filters, newest first: what was loaded of it, and what has arrived since. */

import { get, isAbort, sleep, type Service } from "../api/client";
import { follow, type Following } from "../api/stream";
import type { EventBody, EventPage, FeedPage } from "../api/types";
import { rowOf, type Row } from "../events/row";

const PAGE = "100";
/** Of more new events than this only the number is kept, and showing them loads the list again. */
const MAX_WAITING = 500;
/** The list waits this long for the position from which it is followed. */
const MAX_WAIT_MS = 1500;
/** New events are shown this often at most. */
const REPORT_MS = 250;

export class HistoryModel {
  rows: readonly Row[] = [];
  /** Why the last page could not be loaded. */
  error: unknown;
  loading = false;
  /** Everything was loaded. */
  complete = false;
  live = false;
  newCount = 0;

  readonly #ids = new Set<string>();
  readonly #waiting = new Map<string, Row>();
  readonly #life = new AbortController();
  #page = new AbortController();
  #next: string | undefined;
  #following: Following | undefined;
  #stream = new AbortController();
  #report: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly filters: URLSearchParams,
    private readonly service: Service,
    private readonly onChange: () => void,
  ) {}

  /** Loads the first page and follows what arrives after it. */
  async start(): Promise<void> {
    this.loading = true;
    this.onChange();
    // The cursor comes first: what arrives between the two is in both, and nothing is in neither. A database that cannot tell
    // what is new right now delays the list only for a moment, and what has arrived until it can is looked up then.
    const cursor = get<FeedPage>("api/history/feed", { after: "latest", limit: "1" }, this.#life.signal, this.service);
    const isInTime = await Promise.race([cursor.then(() => true), sleep(MAX_WAIT_MS)]).catch(() => false);
    cursor.then(
      (it) => this.#follow(it.cursor, !isInTime),
      () => undefined, // The list says that it is not live.
    );
    if (this.#life.signal.aborted) return;
    this.loading = false;
    await this.more();
  }

  /** Loads the next page, if there is one. */
  async more(): Promise<void> {
    if (this.loading || this.complete) return;
    this.loading = true;
    this.error = undefined;
    this.onChange();
    const { signal } = this.#page;
    try {
      for (let before = this.rows.length; this.rows.length === before && !this.complete; ) {
        const parameters = new URLSearchParams(this.filters);
        parameters.set("limit", PAGE);
        parameters.set("count", "none");
        if (this.#next) parameters.set("cursor", this.#next);
        const page = await get<EventPage>("api/history/events", parameters, signal, this.service);
        if (signal.aborted) return;
        this.#append(page);
      }
    } catch (error) {
      if (isAbort(error) || signal.aborted) return;
      this.error = error;
    }
    this.loading = false;
    this.onChange();
  }

  /** Tries again what failed. */
  retry(): void {
    this.error = undefined;
    if (this.#following || this.rows.length > 0) void this.more();
    else void this.start();
  }

  /** Shows what has arrived. Events older than what was loaded so far come with their page. */
  showNew(): void {
    if (this.newCount > this.#waiting.size) return this.restart();
    const oldest = this.rows.at(-1)?.order;
    const isWithin = (row: Row) => this.complete || oldest === undefined || row.order > oldest;
    const fresh = [...this.#waiting.values()].filter((it) => !this.#ids.has(it.id) && isWithin(it));
    for (const row of fresh) this.#ids.add(row.id);
    this.rows = [...fresh, ...this.rows].sort((one, other) => (one.order < other.order ? 1 : -1));
    this.#forgetNew();
    this.onChange();
  }

  /** Loads everything again from the beginning. */
  restart(): void {
    this.stop();
    this.onRestart();
  }

  /** Set by who holds the model. */
  onRestart: () => void = () => undefined;

  /** Follows, or continues to. */
  resume(): void {
    if (!this.#following || this.#life.signal.aborted || this.live) return;
    this.#stream.abort();
    this.#stream = new AbortController();
    this.#following.signal = this.#stream.signal;
    void follow(this.#following);
  }

  /** Stops following for now: browsers have few connections for all tabs of a service. */
  pause(): void {
    this.#stream.abort();
    this.live = false;
  }

  stop(): void {
    this.#life.abort();
    this.#page.abort();
    this.#stream.abort();
    clearTimeout(this.#report);
  }

  #follow(cursor: string, isLate: boolean): void {
    this.#following = {
      service: this.service,
      filters: this.filters,
      after: cursor,
      signal: this.#stream.signal,
      onEvent: (event) => this.#arrived(event),
      onState: (live) => {
        this.live = live;
        this.onChange();
      },
      onRefused: () => this.restart(),
    };
    if (!document.hidden) this.resume();
    if (isLate) void this.#catchUp();
  }

  /** Looks for what has arrived between the first page and the position from which it is followed. */
  async #catchUp(): Promise<void> {
    const newest = this.rows[0]?.order;
    if (newest === undefined) return;
    const parameters = new URLSearchParams(this.filters);
    parameters.set("limit", PAGE);
    parameters.set("count", "none");
    const page = await get<EventPage>("api/history/events", parameters, this.#life.signal, this.service).catch(() => undefined);
    for (const event of page?.results ?? []) if (rowOf(event).order > newest) this.#arrived(event);
  }

  #append(page: EventPage): void {
    const fresh = page.results.filter((it) => !this.#ids.has(it.event_id)).map(rowOf);
    for (const row of fresh) {
      this.#ids.add(row.id);
      if (this.#waiting.delete(row.id)) this.newCount--;
    }
    this.rows = [...this.rows, ...fresh];
    this.#next = page.next_cursor ?? undefined;
    this.complete = this.#next === undefined;
  }

  #arrived(event: EventBody): void {
    if (this.#ids.has(event.event_id) || this.#waiting.has(event.event_id)) return;
    this.newCount++;
    if (this.newCount <= MAX_WAITING) this.#waiting.set(event.event_id, rowOf(event));
    else this.#waiting.clear();
    this.#report ??= setTimeout(() => {
      this.#report = undefined;
      this.onChange();
    }, REPORT_MS);
  }

  #forgetNew(): void {
    this.#waiting.clear();
    this.newCount = 0;
  }
}
