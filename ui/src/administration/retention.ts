/** `<eh-retention>`: how long a tenant's events stay. */

import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { getRetention, setRetention } from "../api/administration";
import { isAbort } from "../api/client";
import type { Catalogue, RetentionRule } from "../api/types";
import { typeName } from "../events/sentences";
import { icon } from "../parts/icons";
import { bars, explained, failed } from "../parts/states";
import { base } from "../parts/styles";
import { t } from "../text/i18n";
import "./confirm";
import type { Act } from "./confirm";
import { look } from "./look";

/** Of the service. */
const MAX_RULES = 256;
const MAX_DAYS = 36_525;

/** For all types without a rule of their own. */
const ALL = "all";
/** For a type that the catalogue does not name. */
const OTHER = "other";

/** A rule as it is being edited: texts, as they are in the inputs. */
type Row = { type: string; otherType: string; days: string; ageFrom: string };

class Retention extends LitElement {
  static override properties = {
    clientId: {},
    name: {},
    catalogue: { attribute: false },
    rows: { state: true },
    state: { state: true },
    error: { state: true },
    problem: { state: true },
    confirming: { state: true },
  };
  declare clientId: string;
  /** The tenant's database, whose name confirms rules that delete. */
  declare name: string;
  declare catalogue: Catalogue | undefined;
  declare rows: Row[] | undefined;
  declare state: "" | "changed" | "busy" | "saved";
  declare error: unknown;
  declare problem: string;
  declare confirming: RetentionRule[] | undefined;

  #abort = new AbortController();

  static override styles = [
    base,
    look,
    css`
      h2 {
        font-size: 15px;
        margin-bottom: 4px;
      }
      .lead {
        margin-bottom: 10px;
        max-width: 68ch;
      }
      .rule {
        display: grid;
        grid-template-columns: minmax(0, 2fr) minmax(90px, 1fr) minmax(0, 2fr) auto;
        gap: 8px 12px;
        align-items: end;
        padding: 10px 14px;
      }
      .rule label {
        display: grid;
        gap: 4px;
        font-size: 12.5px;
      }
      .type {
        display: grid;
        gap: 6px;
      }
      .buttons {
        margin-top: 10px;
      }
      @media (max-width: 640px) {
        .rule {
          grid-template-columns: minmax(0, 1fr) auto;
        }
        .rule > :not(button) {
          grid-column: 1 / -1;
        }
      }
    `,
  ];

  constructor() {
    super();
    this.clientId = "";
    this.name = "";
    this.state = "";
    this.problem = "";
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#abort.abort();
  }

  override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has("clientId")) void this.#load();
  }

  override render() {
    return html`<h2>${t("retention.title")}</h2>
      <p class="muted lead">${t("retention.text")}</p>
      ${this.error ? failed(this.error, () => void this.#load()) : this.rows ? this.#form(this.rows) : bars(2)}
      ${this.confirming ? html`<eh-confirm .act=${this.#act(this.confirming)} @dismissed=${() => (this.confirming = undefined)} @done=${() => (this.confirming = undefined)}></eh-confirm>` : nothing}`;
  }

  #form(rows: Row[]): TemplateResult {
    return html`<form @submit=${this.#submit} autocomplete="off">
      ${rows.length > 0
        ? html`<ul class="list">
            ${rows.map((row, index) => this.#row(row, index))}
          </ul>`
        : html`<p class="muted">${t("retention.none")}</p>`}
      ${this.problem ? html`<div class="notice bad" role="alert">${icon("alert")}<div>${this.problem}</div></div>` : nothing}
      <div class="buttons">
        <button type="button" ?disabled=${rows.length >= MAX_RULES} @click=${this.#add}>${icon("plus")}${t("retention.add")}</button>
        ${this.state === "changed" || this.state === "busy" ? html`<button class="primary" ?disabled=${this.state === "busy"}>${t("action.save")}</button>` : nothing}
        <span role="status">${this.state === "saved" ? t("retention.saved") : ""}</span>
      </div>
    </form>`;
  }

  #row(row: Row, index: number): TemplateResult {
    const input = (name: keyof Row) => (event: Event) => this.#change(index, { [name]: (event.target as HTMLInputElement).value });
    const types = this.catalogue?.event_types ?? [];
    const option = (value: string, text: string) => html`<option value=${value} .selected=${value === row.type}>${text}</option>`;
    const isUnnamed = row.type !== ALL && row.type !== OTHER && !types.some((it) => String(it.id) === row.type);
    return html`<li class="rule">
      <div class="type">
        <label>
          ${t("retention.type")}
          <select name="type" @change=${input("type")}>
            ${option(ALL, t("retention.all"))} ${types.map((it) => option(String(it.id), typeName(it.name, it.id)))}
            ${isUnnamed ? option(row.type, typeName(undefined, Number(row.type))) : nothing} ${option(OTHER, t("retention.other"))}
          </select>
        </label>
        ${row.type === OTHER ? html`<label>${t("retention.type_id")}<input name="otherType" required inputmode="numeric" pattern="-?[0-9]{1,10}" .value=${row.otherType} @input=${input("otherType")} /></label>` : nothing}
      </div>
      <label>${t("retention.days")}<input name="days" type="number" min="1" max=${MAX_DAYS} step="1" placeholder=${t("retention.for_ever")} .value=${row.days} @input=${input("days")} /></label>
      <label>
        ${t("retention.age_from")}
        <select name="ageFrom" @change=${input("ageFrom")}>
          ${["latest", "event"].map((it) => html`<option value=${it} .selected=${it === row.ageFrom}>${t(it === "event" ? "retention.age_event" : "retention.age_latest")}</option>`)}
        </select>
      </label>
      <button type="button" class="plain" aria-label=${t("retention.remove")} title=${t("retention.remove")} @click=${() => this.#remove(index)}>${icon("close")}</button>
    </li>`;
  }

  readonly #add = async () => {
    const type = this.rows?.some((it) => it.type === ALL) ? OTHER : ALL;
    this.rows = [...(this.rows ?? []), { type, otherType: "", days: "", ageFrom: "latest" }];
    [this.state, this.problem] = ["changed", ""];
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>(".rule:last-child select")?.focus();
  };

  #change(index: number, change: Partial<Row>): void {
    this.rows = this.rows?.map((row, at) => (at === index ? { ...row, ...change } : row));
    [this.state, this.problem] = ["changed", ""];
  }

  #remove(index: number): void {
    this.rows = this.rows?.filter((_, at) => at !== index);
    [this.state, this.problem] = ["changed", ""];
  }

  readonly #submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (!this.rows || this.state === "busy") return;
    const rules = this.rows.map(
      (row): RetentionRule => ({
        event_type_id: row.type === ALL ? null : Number(row.type === OTHER ? row.otherType : row.type),
        days: row.days ? Number(row.days) : null,
        age_from: row.ageFrom,
      }),
    );
    if (new Set(rules.map((it) => it.event_type_id)).size < rules.length) {
      this.problem = t("retention.twice");
      return;
    }
    // Only what keeps everything can be taken back.
    if (rules.some((it) => it.days !== null)) {
      this.confirming = rules;
      return;
    }
    this.state = "busy";
    try {
      await this.#save(rules);
    } catch (error) {
      [this.problem, this.state] = [explained(error), "changed"];
    }
  };

  #act(rules: RetentionRule[]): Act {
    return { title: t("retention.title"), text: t("retention.confirm"), name: this.name, action: t("action.save"), run: () => this.#save(rules) };
  }

  async #save(rules: RetentionRule[]): Promise<void> {
    this.rows = rowsOf(await setRetention(this.clientId, rules));
    this.state = "saved";
  }

  async #load(): Promise<void> {
    this.#abort.abort();
    const { signal } = (this.#abort = new AbortController());
    [this.error, this.rows, this.state] = [undefined, undefined, ""];
    try {
      this.rows = rowsOf(await getRetention(this.clientId, signal));
    } catch (error) {
      if (!isAbort(error) && !signal.aborted) this.error = error;
    }
  }
}

const rowsOf = (rules: RetentionRule[]): Row[] =>
  rules.map(({ event_type_id: id, days, age_from: ageFrom }) => ({ type: String(id ?? ALL), otherType: "", days: String(days ?? ""), ageFrom }));

customElements.define("eh-retention", Retention);
