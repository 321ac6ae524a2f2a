/** `<eh-views>`: the filters that the reader has given a name, to choose from and to add to. */

import { css, html, LitElement, nothing } from "lit";
import { icon } from "../parts/icons";
import type { Menu } from "../parts/menu";
import "../parts/menu";
import { base } from "../parts/styles";
import { historyLink } from "../state/router";
import { MAX_NAME, MAX_VIEWS, removeView, saveView, viewsOf } from "../state/views";
import { t } from "../text/i18n";
import { isolated, shown } from "../text/plain";

class Views extends LitElement {
  static override properties = { filters: { attribute: false }, tenant: {}, failed: { state: true } };
  declare filters: URLSearchParams;
  declare tenant: string;
  /** The browser did not keep the last one. */
  declare failed: boolean;

  static override styles = [
    base,
    css`
      .panel {
        display: grid;
        gap: 8px;
        width: 264px;
        padding: 4px;
      }
      li {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto;
        align-items: center;
      }
      li a {
        padding: 6px;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      form {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto;
        gap: 6px;
      }
      label {
        grid-column: 1 / -1;
        font-size: 12.5px;
      }
    `,
  ];

  constructor() {
    super();
    this.filters = new URLSearchParams();
    this.tenant = "";
    this.failed = false;
  }

  override render() {
    const views = viewsOf(this.tenant);
    return html`<eh-menu label=${t("views.title")} symbol="bookmark">
      <div class="panel">
        ${views.length
          ? html`<ul>
              ${views.map(
                (it) => html`<li>
                  <a href=${historyLink(it.filters)} @click=${this.#close}>${shown(it.name)}</a>
                  <button class="plain" aria-label=${t("views.remove", { name: isolated(it.name) })} @click=${() => this.#remove(it.name)}>${icon("close")}</button>
                </li>`,
              )}
            </ul>`
          : nothing}
        ${this.filters.size > 0
          ? html`<form @submit=${this.#save}>
              <label for="name">${t("views.name")}</label>
              <input id="name" name="name" required maxlength=${MAX_NAME} autocomplete="off" />
              <button class="primary">${t("views.save")}</button>
            </form>`
          : html`<p class="muted">${t("views.hint")}</p>`}
        ${this.failed ? html`<div class="notice bad" role="alert">${icon("alert")}<div>${t("views.failed", { n: MAX_VIEWS })}</div></div>` : nothing}
      </div>
    </eh-menu>`;
  }

  readonly #save = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const name = String(new FormData(form).get("name")).trim();
    if (!name) return;
    this.failed = !saveView(this.tenant, name, this.filters);
    if (!this.failed) form.reset();
    this.requestUpdate();
  };

  #remove(name: string): void {
    removeView(this.tenant, name);
    this.requestUpdate();
  }

  readonly #close = () => this.renderRoot.querySelector<Menu>("eh-menu")?.close();
}

customElements.define("eh-views", Views);
