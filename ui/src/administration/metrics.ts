/** Metrics in the text format of Prometheus, as far as the page of the service needs them. */

export type Sample = { labels: Record<string, string>; value: number };

export class Metrics {
  readonly #samples = new Map<string, Sample[]>();

  /** Reads `name{label="value"} 1`; lines of another form are ignored. */
  constructor(text: string) {
    for (const line of text.split("\n")) {
      const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
      if (!match) continue;
      const [, name = "", labels = "", value = ""] = match;
      const sample = { labels: labelsIn(labels), value: Number(value) };
      this.#samples.set(name, [...(this.#samples.get(name) ?? []), sample]);
    }
  }

  /** Returns the samples of a metric; none if it has not been set yet. */
  all(name: string): Sample[] {
    return this.#samples.get(name) ?? [];
  }

  /** Returns the sum of a metric's samples that have these labels, or `undefined` if there is none. */
  sum(name: string, labels: Record<string, string> = {}): number | undefined {
    const hits = this.all(name).filter((it) => Object.entries(labels).every(([label, value]) => it.labels[label] === value));
    return hits.length > 0 ? hits.reduce((sum, it) => sum + it.value, 0) : undefined;
  }

  hasAny(prefix: string): boolean {
    return [...this.#samples.keys()].some((it) => it.startsWith(prefix));
  }
}

function labelsIn(text: string): Record<string, string> {
  const pairs = text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g);
  return Object.fromEntries([...pairs].map(([, name = "", value = ""]) => [name, value.replace(/\\(.)/g, (_, it: string) => (it === "n" ? "\n" : it))]));
}
