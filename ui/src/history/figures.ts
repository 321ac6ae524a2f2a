/** Counts of the events that match the filters: over time, and by kind. */

import { get, isAbort } from "../api/client";
import type { Count, Stats } from "../api/types";
import { withFilter, type Filter } from "../state/router";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** The buckets of the API, each with the longest time that it is used for. */
const BUCKETS = [
  { name: "minute", ms: 60_000, upTo: 3 * HOUR },
  { name: "hour", ms: HOUR, upTo: 5 * DAY },
  { name: "day", ms: DAY, upTo: 200 * DAY },
  { name: "week", ms: 7 * DAY, upTo: 4 * 365 * DAY },
  { name: "month", ms: 31 * DAY, upTo: Number.POSITIVE_INFINITY },
] as const;

export type Bar = { start: number; count: number };
export type Histogram = { bars: Bar[]; bucketMs: number; total: number };

/** The dimensions of facets, and the filters that each ignores: its other values stay choosable. */
export const FACETS = {
  event_type: ["event_type_id"],
  source_type: ["source_type_id"],
  source: ["source_id", "source_type_id"],
} as const satisfies Record<string, readonly Filter[]>;
export type Facet = keyof typeof FACETS;

type Counts = Omit<Stats, "results"> & { results: (Count & { bucket_start?: string | null })[] };

export class Figures {
  histogram: Histogram | undefined;
  facets: Partial<Record<Facet, Count[]>> = {};
  /** Why the histogram could not be loaded; facets that fail are left out. */
  error: unknown;

  readonly #life = new AbortController();

  constructor(
    readonly filters: URLSearchParams,
    private readonly onChange: () => void,
  ) {}

  /** Loads one after the other: each counts all events that match. */
  async load(): Promise<void> {
    this.error = undefined;
    try {
      this.histogram = await this.#histogram();
    } catch (error) {
      if (isAbort(error) || this.#life.signal.aborted) return;
      this.error = error;
    }
    this.onChange();
    for (const [facet, ignored] of Object.entries(FACETS) as [Facet, readonly Filter[]][]) {
      try {
        const filters = ignored.reduce((rest, name) => withFilter(rest, name), this.filters);
        const counts = await this.#count(filters, { by: facet });
        this.facets[facet] = counts.results.sort((one, other) => other.count - one.count);
      } catch (error) {
        if (isAbort(error) || this.#life.signal.aborted) return;
        this.facets[facet] = [];
      }
      this.onChange();
    }
  }

  stop(): void {
    this.#life.abort();
  }

  async #histogram(): Promise<Histogram> {
    const from = Date.parse(this.filters.get("event_time_from") ?? "");
    const to = Date.parse(this.filters.get("event_time_to") ?? "");
    if (from < to) return this.#bars(from, to);
    // Months first, to learn how long a time it is about.
    const months = await this.#bars(0, Number.POSITIVE_INFINITY);
    const [first, last] = [months.bars[0], months.bars.at(-1)];
    if (!first || !last) return months;
    const end = last.start + months.bucketMs;
    if (bucketFor(end - first.start).name === "month") return months;
    return this.#bars(first.start, end);
  }

  async #bars(from: number, to: number): Promise<Histogram> {
    let bucket = bucketFor(to - from);
    let counts = await this.#count(this.filters, { bucket: bucket.name });
    let bars = barsOf(counts);
    // A month that is almost empty: closer, once.
    const [first, last] = [bars[0], bars.at(-1)];
    if (first && last && Number.isFinite(to)) {
      const closer = bucketFor(last.start + bucket.ms - first.start);
      if (closer.ms < bucket.ms) {
        bucket = closer;
        counts = await this.#count(this.filters, { bucket: bucket.name });
        bars = barsOf(counts);
      }
    }
    return { bars, bucketMs: bucket.ms, total: counts.filtered_count };
  }

  #count(filters: URLSearchParams, parameters: Record<string, string>): Promise<Counts> {
    const all = new URLSearchParams(filters);
    for (const [name, value] of Object.entries(parameters)) all.set(name, value);
    return get<Counts>("api/history/stats", all, this.#life.signal);
  }
}

const bucketFor = (span: number) => BUCKETS.find((it) => span <= it.upTo) ?? BUCKETS[4];

const barsOf = (counts: Counts): Bar[] =>
  counts.results.map((it) => ({ start: Date.parse(it.bucket_start ?? ""), count: it.count }));
