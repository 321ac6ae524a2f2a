/** `<eh-embedded-list>`: a list of events that grows as they arrive, without filters to choose from. */

import { css, html, nothing } from "lit";
import "../history/list";
import { HistoryModel } from "../history/model";
import { icon } from "../parts/icons";
import { define, Part } from "../parts/part";
import { base } from "../parts/styles";
import { t } from "../text/i18n";

class EmbeddedList extends Part {
  static override properties = { filters: { attribute: false }, version: { state: true } };
  declare filters: URLSearchParams;
  declare version: number;

  #model: HistoryModel | undefined;

  static override styles = [
    base,
    css`
      .card {
        overflow: clip;
      }
      .new {
        width: 100%;
        margin-bottom: 10px;
      }
    `,
  ];

  constructor() {
    super();
    this.filters = new URLSearchParams();
    this.version = 0;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener("visibilitychange", this.#onVisibility);
    addEventListener("online", this.#onOnline);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener("visibilitychange", this.#onVisibility);
    removeEventListener("online", this.#onOnline);
    this.#model?.stop();
  }

  protected override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has("filters")) this.#start();
  }

  protected override render() {
    const model = this.#model;
    if (!model) return nothing;
    return html`<div aria-live="polite">
        ${model.newCount > 0 ? html`<button class="new primary" part="new" @click=${() => model.showNew()}>${icon("up")}${t("history.new", { n: model.newCount })}</button>` : nothing}
      </div>
      <div class="card"><eh-history-list exportparts="day, event" .model=${model} .version=${this.version}></eh-history-list></div>`;
  }

  #start(): void {
    this.#model?.stop();
    this.#model = new HistoryModel(this.filters, this.context.service, () => this.version++);
    this.#model.onRestart = () => this.#start();
    void this.#model.start();
    this.requestUpdate();
  }

  readonly #onVisibility = () => {
    if (document.hidden) this.#model?.pause();
    else this.#model?.resume();
    this.version++;
  };

  readonly #onOnline = () => {
    if (this.#model?.error) this.#model.retry();
  };
}

define("eh-embedded-list", EmbeddedList);
