/** `<eh-filters>`: words, the other filters in a form, and those in force as chips. Dispatches `filters`. */

import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import type { Catalogue } from "../api/types";
import { typeName } from "../events/sentences";
import { kindOf } from "../events/who";
import { icon } from "../parts/icons";
import type { Menu } from "../parts/menu";
import "../parts/menu";
import { base } from "../parts/styles";
import { FILTERS, toggled, withFilter, type Filter } from "../state/router";
import { fromInput, local, toInput } from "../text/format";
import { t, type Key } from "../text/i18n";
import { isolated } from "../text/plain";

/** The filters of the form that are plain texts. */
const TEXTS: readonly Filter[] = ["record_id", "source_name", "source_id", "field", "value"];
const WHOLE_NUMBERS: readonly Filter[] = ["record_id", "source_id"];
const HOUR_MS = 3_600_000;
const PERIODS = [
  ["period.hour", HOUR_MS],
  ["period.day", 24 * HOUR_MS],
  ["period.week", 7 * 24 * HOUR_MS],
  ["period.month", 30 * 24 * HOUR_MS],
] as const;

class Filters extends LitElement {
  static override properties = { filters: { attribute: false }, catalogue: { attribute: false } };
  declare filters: URLSearchParams;
  declare catalogue: Catalogue | undefined;

  static override styles = [
    base,
    css`
      .bar {
        display: flex;
        gap: 8px;
      }
      .words {
        position: relative;
        flex: 1;
        min-width: 0;
      }
      .words .icon {
        position: absolute;
        inset-inline-start: 10px;
        top: 9px;
        color: var(--muted);
        pointer-events: none;
      }
      .words input {
        padding-inline-start: 33px;
      }
      .form {
        display: grid;
        grid-template-columns: 1fr 1fr;
        gap: 10px 12px;
        padding: 8px;
        width: min(440px, calc(100vw - 60px));
      }
      .form .wide {
        grid-column: 1 / -1;
      }
      .form label {
        display: grid;
        gap: 4px;
        font-size: 12.5px;
        min-width: 0;
      }
      .periods {
        display: flex;
        flex-wrap: wrap;
        gap: 6px;
      }
      .periods button {
        min-height: 28px;
        font-size: 12.5px;
        padding: 2px 9px;
      }
      .end {
        display: flex;
        justify-content: flex-end;
        gap: 8px;
        padding-top: 4px;
      }
      .chips {
        display: flex;
        flex-wrap: wrap;
        gap: 6px;
        padding-top: 10px;
        align-items: center;
      }
      .chip {
        background: var(--accent-soft);
        border-color: transparent;
        border-radius: 16px;
        min-height: 28px;
        font-size: 12.5px;
        max-width: 100%;
        padding-inline: 11px 8px;
      }
      .chip span {
        overflow: hidden;
        text-overflow: ellipsis;
      }
      .chip .icon {
        width: 13px;
        height: 13px;
        color: var(--muted);
      }
      .chip:hover {
        background: var(--accent-soft);
        border-color: var(--accent);
      }
    `,
  ];

  constructor() {
    super();
    this.filters = new URLSearchParams();
  }

  override render() {
    const inForm = FILTERS.filter((it) => this.filters.has(it) && it !== "q").length;
    return html`<div class="bar">
        <form class="words" role="search" @submit=${this.#onWords}>
          ${icon("search")}
          <input name="q" type="search" enterkeyhint="search" maxlength="1000" .value=${this.filters.get("q") ?? ""} placeholder=${t("filter.words")} aria-label=${t("filter.words")} @search=${this.#onCleared} />
        </form>
        <eh-menu label=${t("filter.title")} symbol="filter" count=${inForm}>${this.#form()}</eh-menu>
      </div>
      ${this.filters.size > 0
        ? html`<div class="chips">
            ${[...this.filters].map(([name, value]) => this.#chip(name as Filter, value))}
            <button class="plain" @click=${() => this.#change(new URLSearchParams())}>${t("filter.clear")}</button>
          </div>`
        : nothing}`;
  }

  #form(): TemplateResult {
    const text = (name: Filter) => html`<label>
      ${t(`filter.${name}` as Key)}
      <input name=${name} autocomplete="off" maxlength="500" inputmode=${WHOLE_NUMBERS.includes(name) ? "numeric" : "text"}
        pattern=${WHOLE_NUMBERS.includes(name) ? "-?[0-9]{1,19}" : nothing} .value=${this.filters.getAll(name).length === 1 ? (this.filters.get(name) ?? "") : ""} />
    </label>`;
    const time = (name: Filter) => html`<label>
      ${t(`filter.${name}` as Key)}
      <input name=${name} type="datetime-local" step="1" .value=${toInput(this.filters.get(name) ?? "")} />
    </label>`;
    const files = this.filters.get("has_file") ?? "";
    return html`<form class="form" @submit=${this.#onForm}>
      ${TEXTS.slice(0, 1).map(text)}
      <label>
        ${t("filter.has_file")}
        <select name="has_file" .value=${files}>
          ${["", "true", "false"].map((it) => html`<option value=${it} ?selected=${it === files}>${t(`files.${it || "any"}` as Key)}</option>`)}
        </select>
      </label>
      ${TEXTS.slice(1).map(text)} ${time("event_time_from")} ${time("event_time_to")}
      <div class="wide periods">
        ${PERIODS.map(([key, ms]) => html`<button type="button" @click=${() => this.#period(ms)}>${t(key)}</button>`)}
      </div>
      <div class="wide end"><button class="primary">${t("filter.apply")}</button></div>
    </form>`;
  }

  #chip(name: Filter, value: string): TemplateResult {
    const label = this.#label(name, value);
    return html`<button class="chip" title=${label} aria-label=${t("filter.remove", { filter: label })} @click=${() => this.#change(toggled(this.filters, name, value))}>
      <span>${label}</span>${icon("close")}
    </button>`;
  }

  #label(name: Filter, value: string): string {
    const named = (shownAs: string) => `${t(`filter.${name}` as Key)}: ${shownAs}`;
    const id = Number(value);
    switch (name) {
      case "event_type_id":
        return named(typeName(this.catalogue?.event_types.find((it) => it.id === id)?.name, id));
      case "source_type_id":
        return named(kindOf({ source_type: this.catalogue?.source_types.find((it) => it.id === id)?.name ?? null, source_type_id: id }));
      case "event_time_from":
      case "event_time_to":
        return named(Number.isNaN(Date.parse(value)) ? isolated(value, 40) : local(value));
      case "has_file":
        return named(value === "true" ? t("files.true") : value === "false" ? t("files.false") : isolated(value, 40));
      default:
        return named(isolated(value, 60));
    }
  }

  readonly #onWords = (event: SubmitEvent) => {
    event.preventDefault();
    const words = new FormData(event.target as HTMLFormElement).get("q");
    this.#change(withFilter(this.filters, "q", String(words).trim()));
  };

  /** The cross in the input, or Escape. */
  readonly #onCleared = (event: Event) => {
    if ((event.target as HTMLInputElement).value === "" && this.filters.has("q")) this.#change(withFilter(this.filters, "q"));
  };

  readonly #onForm = (event: SubmitEvent) => {
    event.preventDefault();
    const data = new FormData(event.target as HTMLFormElement);
    let filters = this.filters;
    for (const name of [...TEXTS, "has_file"] as Filter[]) {
      const value = String(data.get(name) ?? "").trim();
      // An empty input does not say that several values are to go.
      if (value || filters.getAll(name).length === 1) filters = withFilter(filters, name, value);
    }
    for (const name of ["event_time_from", "event_time_to"] as const) {
      const value = String(data.get(name) ?? "");
      // Unchanged, it keeps parts of a second, which the input does not have.
      if (value !== toInput(filters.get(name) ?? "")) filters = withFilter(filters, name, fromInput(value) ?? "");
    }
    this.#change(filters);
  };

  #period(ms: number): void {
    const from = new Date(Date.now() - ms).toISOString();
    this.#change(withFilter(withFilter(this.filters, "event_time_from", from), "event_time_to"));
  }

  #change(filters: URLSearchParams): void {
    this.renderRoot.querySelector<Menu>("eh-menu")?.close();
    this.dispatchEvent(new CustomEvent("filters", { detail: filters }));
  }
}

customElements.define("eh-filters", Filters);
