/** `<eh-service>`: the state of the replica that answers, out of its public endpoints. */

import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { address, isAbort, Unreachable } from "../api/client";
import type { Readiness } from "../api/types";
import { icon } from "../parts/icons";
import { bars, failed } from "../parts/states";
import { base } from "../parts/styles";
import { when } from "../parts/time";
import { currentLocale, known, number, t } from "../text/i18n";
import { clip, shown } from "../text/plain";
import { look } from "./look";
import { Metrics } from "./metrics";

const REFRESH_MS = 10_000;

/** Metrics with a message of the same name (`metric.…`), in the order in which they are shown. Problems are not zero. */
const FIGURES: { name: string; metric: string; isProblem?: boolean; unit?: "s" }[] = [
  { name: "write_queue", metric: "event_history_write_queue_events" },
  { name: "in_flight", metric: "event_history_http_requests_in_flight" },
  { name: "connections", metric: "event_history_connections" },
  { name: "feed_waiters", metric: "event_history_feed_waiters" },
  { name: "exports", metric: "event_history_exports" },
  { name: "feed_lag", metric: "event_history_feed_lag_seconds", unit: "s" },
  { name: "retention_backlog", metric: "event_history_retention_backlog_events" },
  { name: "retention_failures", metric: "event_history_retention_failures_total", isProblem: true },
  { name: "sweep_failures", metric: "event_history_sweep_failures_total", isProblem: true },
  { name: "changed_files", metric: "event_history_changed_files_total", isProblem: true },
  { name: "deleted_tenants", metric: "event_history_deleted_tenants_on_disk" },
];

/** What the endpoints said. Those that are at another address say nothing here. */
type State = { readiness: Readiness; version: string | null; metrics: Metrics | undefined };

class Service extends LitElement {
  static override properties = { state: { state: true }, error: { state: true } };
  declare state: State | undefined;
  declare error: unknown;

  #abort = new AbortController();
  /** The version does not change while the page is shown; `null` if it is not told here. */
  #version: string | null | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  static override styles = [
    base,
    look,
    css`
      .states {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(220px, 1fr));
        gap: 12px;
      }
      .states .card {
        display: grid;
        grid-template-columns: 20px minmax(0, 1fr);
        gap: 2px 10px;
      }
      .states .icon {
        margin-top: 3px;
      }
      .ok .icon {
        color: var(--add);
      }
      .bad .icon {
        color: var(--remove);
      }
      dl.figures {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(260px, 1fr));
        gap: 0 28px;
      }
      dl.figures div {
        display: flex;
        justify-content: space-between;
        gap: 12px;
        padding: 7px 0;
        border-bottom: 1px solid var(--line);
      }
      dl.figures dt {
        color: var(--muted);
      }
      dl.figures dd {
        font-variant-numeric: tabular-nums;
        white-space: nowrap;
      }
      .states + p {
        margin-top: 10px;
      }
      .problem {
        color: var(--remove);
        font-weight: 600;
      }
      .wide {
        overflow-x: auto;
      }
      table {
        width: 100%;
        border-collapse: collapse;
      }
      th,
      td {
        text-align: start;
        padding: 7px 12px 7px 0;
        border-bottom: 1px solid var(--line);
        white-space: nowrap;
      }
      th {
        color: var(--muted);
        font-weight: 450;
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    this.#timer = setInterval(() => document.hidden || void this.#load(), REFRESH_MS);
    void this.#load();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#timer);
    this.#abort.abort();
  }

  override firstUpdated(): void {
    this.renderRoot.querySelector<HTMLElement>("h1")?.focus();
  }

  override render() {
    const { state } = this;
    return html`<header class="title">
        <h1 tabindex="-1">${t("admin.service")}</h1>
        <button @click=${() => void this.#load()}>${icon("repeat")}${t("service.refresh")}</button>
      </header>
      <p class="muted">${t("service.text")}</p>
      ${this.error ? failed(this.error, () => void this.#load()) : nothing}
      ${state ? html`${this.#backends(state)} ${this.#figures(state)} ${this.#nodes(state)}` : this.error ? nothing : bars(5)}`;
  }

  #backends({ readiness, metrics, version }: State): TemplateResult {
    const part = (name: string, kind: string, said: string) => html`<div class="card ${said === "ok" ? "ok" : "bad"}">
      ${icon(said === "ok" ? "check" : "alert")}
      <div><strong>${name}</strong>${kind ? html` <span class="muted">${kind}</span>` : nothing}<br />${said === "ok" ? t("service.ok") : shown(clip(said, 500))}</div>
    </div>`;
    const kind = (prefixes: Record<string, string>) => Object.entries(prefixes).find(([prefix]) => metrics?.hasAny(prefix))?.[1] ?? "";
    const database = kind({ event_history_sqlite_: "SQLite", event_history_clickhouse_: "ClickHouse" });
    const files = kind({ event_history_embedded_: t("service.embedded"), event_history_storage_request_: "S3" });
    return html`<section aria-label=${t("service.backends")}>
      <h2>${t("service.backends")}</h2>
      <div class="states">
        ${part(t("service.database"), database, readiness.database)} ${part(t("service.files"), files, readiness.files)}
        ${part(t("service.writes"), "", readiness.writes === "ok" ? "ok" : t("service.writes_failed"))}
      </div>
      <p>${version ? html`${t("service.version")} <span class="mono">${shown(clip(version, 100))}</span>` : nothing}</p>
    </section>`;
  }

  #figures({ metrics }: State): TemplateResult {
    if (!metrics) return html`<section><div class="notice">${icon("alert")}<div>${t("service.elsewhere")}</div></div></section>`;
    const figure = (name: string, value: TemplateResult | string, isProblem = false) => html`<div><dt>${name}</dt><dd class=${isProblem ? "problem" : nothing}>${value}</dd></div>`;
    const backup = metrics.sum("event_history_last_backup_timestamp_seconds");
    const failures = metrics.sum("event_history_http_requests_total", { status: "503" });
    return html`<section aria-label=${t("service.figures")}>
      <h2>${t("service.figures")}</h2>
      <dl class="figures">
        ${FIGURES.map(({ name, metric, isProblem = false, unit }) => {
          const value = metrics.sum(metric);
          const label = known(`metric.${name}`);
          return value === undefined || !label ? nothing : figure(t(label), unit ? seconds(value) : number(value), isProblem && value > 0);
        })}
        ${failures === undefined ? nothing : figure(t("metric.unavailable"), number(failures), failures > 0)}
        ${backup === undefined ? (metrics.hasAny("event_history_sqlite_") ? figure(t("metric.backup"), t("service.no_backup"), true) : nothing) : figure(t("metric.backup"), when(new Date(backup * 1000).toISOString()))}
      </dl>
    </section>`;
  }

  /** The nodes of a ClickHouse cluster. */
  #nodes({ metrics }: State): TemplateResult | typeof nothing {
    const nodes = metrics?.all("event_history_clickhouse_node_up") ?? [];
    if (!metrics || nodes.length === 0) return nothing;
    const rows = nodes.map(({ labels, value }) => {
      const of = (name: string) => metrics.sum(`event_history_clickhouse_node_${name}`, labels);
      const [readOnly, delay, queue, clock] = [of("read_only"), of("replication_delay_seconds"), of("replication_queue"), of("clock_offset_seconds")];
      const isUp = value === 1 && readOnly !== 1;
      return html`<tr>
        <td class="text">${shown(clip(labels["node"] ?? "", 200))}</td>
        <td>${shown(clip(labels["shard"] ?? "", 50))}</td>
        <td class=${isUp ? nothing : "problem"}>${t(isUp ? "service.ok" : value === 1 ? "service.read_only" : "service.down")}</td>
        <td>${delay === undefined ? "–" : seconds(delay)}</td>
        <td>${queue === undefined ? "–" : number(queue)}</td>
        <td>${clock === undefined ? "–" : seconds(clock)}</td>
      </tr>`;
    });
    const heads = ["node", "shard", "state", "delay", "queue", "clock"] as const;
    return html`<section aria-label=${t("service.nodes")}>
      <h2>${t("service.nodes")}</h2>
      <div class="wide" tabindex="0" role="group" aria-label=${t("service.nodes")}>
        <table>
          <thead><tr>${heads.map((it) => html`<th scope="col">${t(`node.${it}`)}</th>`)}</tr></thead>
          <tbody>${rows}</tbody>
        </table>
      </div>
    </section>`;
  }

  async #load(): Promise<void> {
    this.#abort.abort();
    const { signal } = (this.#abort = new AbortController());
    try {
      if (this.#version === undefined) this.#version = versionIn(await open("openapi.json", signal));
      const [readiness, metrics] = await Promise.all([open("health/ready", signal), open("metrics", signal)]);
      // 503 has the same body: what is unreachable, and why.
      this.state = {
        readiness: JSON.parse(readiness.text) as Readiness,
        version: this.#version,
        metrics: metrics.status === 200 ? new Metrics(metrics.text) : undefined,
      };
      this.error = undefined;
    } catch (error) {
      if (!isAbort(error) && !signal.aborted) this.error = error;
    }
  }
}

type Answer = { status: number; text: string };

/** Gets one of the endpoints that need no credentials, and so are sent none. */
async function open(path: string, signal: AbortSignal): Promise<Answer> {
  try {
    const response = await fetch(address(path), { signal, credentials: "omit", redirect: "error" });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    if (signal.aborted) throw error;
    throw new Unreachable(String(error));
  }
}

/** The document of the API has the version of the program. With `--admin-listen` it is not at this address. */
function versionIn({ status, text }: Answer): string | null {
  if (status !== 200) return null;
  return (JSON.parse(text) as { info?: { version?: string } }).info?.version ?? null;
}

const seconds = (value: number) => new Intl.NumberFormat(currentLocale(), { style: "unit", unit: "second", maximumFractionDigits: 2 }).format(value);

customElements.define("eh-service", Service);
