/** `<eh-holds>`: the legal holds of a tenant. */

import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { listHolds, placeHold, releaseHold } from "../api/administration";
import { isAbort } from "../api/client";
import type { Hold } from "../api/types";
import { icon } from "../parts/icons";
import "../parts/long-text";
import { bars, explained, failed } from "../parts/states";
import { base } from "../parts/styles";
import { when } from "../parts/time";
import { t } from "../text/i18n";
import "./confirm";
import type { Act } from "./confirm";
import { look } from "./look";

class Holds extends LitElement {
  static override properties = {
    clientId: {},
    name: {},
    holds: { state: true },
    error: { state: true },
    problem: { state: true },
    busy: { state: true },
    releasing: { state: true },
  };
  declare clientId: string;
  /** The tenant's database, whose name confirms a release. */
  declare name: string;
  declare holds: Hold[] | undefined;
  declare error: unknown;
  declare problem: string;
  declare busy: boolean;
  declare releasing: Hold | undefined;

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
      form {
        margin-top: 12px;
      }
      form.inline label.reason {
        flex: 3 1 240px;
      }
    `,
  ];

  constructor() {
    super();
    this.clientId = "";
    this.name = "";
    this.problem = "";
    this.busy = false;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#abort.abort();
  }

  override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has("clientId")) void this.#load();
  }

  override render() {
    return html`<h2>${t("holds.title")}</h2>
      <p class="muted lead">${t("holds.text")}</p>
      ${this.error ? failed(this.error, () => void this.#load()) : this.#list()}
      <form class="inline" autocomplete="off" @submit=${this.#place}>
        <label><span>${t("fact.record")} <small>${t("sign_in.optional")}</small></span><input name="record" inputmode="numeric" pattern="-?[0-9]{1,19}" placeholder=${t("holds.all")} /></label>
        <label class="reason"><span>${t("holds.reason")}</span><input name="reason" required maxlength="256" /></label>
        <button ?disabled=${this.busy}>${icon("plus")}${t("holds.place")}</button>
      </form>
      ${this.problem ? html`<div class="notice bad" role="alert">${icon("alert")}<div>${this.problem}</div></div>` : nothing}
      ${this.releasing ? html`<eh-confirm .act=${this.#act(this.releasing)} @dismissed=${() => (this.releasing = undefined)} @done=${this.#released}></eh-confirm>` : nothing}`;
  }

  #list(): TemplateResult {
    if (!this.holds) return bars(2);
    if (this.holds.length === 0) return html`<p class="muted">${t("holds.none")}</p>`;
    return html`<ul class="list">
      ${this.holds.map((it) => {
        const what = whatOf(it);
        return html`<li class="line">
          <span>
            <strong>${what}</strong> <span class="muted">${when(it.created_at)}</span><br />
            <eh-long-text .text=${it.reason}></eh-long-text>
          </span>
          <button class="danger" aria-label=${`${t("holds.release")}: ${what}`} @click=${() => (this.releasing = it)}>${t("holds.release")}</button>
        </li>`;
      })}
    </ul>`;
  }

  readonly #place = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (this.busy) return;
    const form = event.target as HTMLFormElement;
    const data = new FormData(form);
    const record = String(data.get("record")).trim();
    [this.busy, this.problem] = [true, ""];
    try {
      // Without leading zeros, which JSON does not allow.
      const hold = await placeHold(this.clientId, record && BigInt(record).toString(), String(data.get("reason")).trim());
      this.holds = [...(this.holds ?? []), hold];
      form.reset();
    } catch (error) {
      this.problem = explained(error);
    }
    this.busy = false;
  };

  #act(hold: Hold): Act {
    const text = t("holds.release_confirm", { what: whatOf(hold) });
    return { title: t("holds.release"), text, name: this.name, action: t("holds.release"), run: async () => void (await releaseHold(this.clientId, hold.id)) };
  }

  readonly #released = () => {
    this.releasing = undefined;
    void this.#load();
  };

  async #load(): Promise<void> {
    this.#abort.abort();
    const { signal } = (this.#abort = new AbortController());
    this.error = undefined;
    try {
      this.holds = await listHolds(this.clientId, signal);
    } catch (error) {
      if (!isAbort(error) && !signal.aborted) this.error = error;
    }
  }
}

const whatOf = (hold: Hold) => (hold.record_id === null || hold.record_id === undefined ? t("holds.all") : t("history.record", { id: String(hold.record_id) }));

customElements.define("eh-holds", Holds);
