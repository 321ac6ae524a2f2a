/** `<eh-secret>`: what the service tells once. It stays until the reader says that it is kept elsewhere (`done`). */

import { css, html, LitElement, nothing } from "lit";
import { t } from "../text/i18n";
import { shown } from "../text/plain";
import "./copy-button";
import { icon } from "./icons";
import { base } from "./styles";

export type Told = { label: string; items: { name: string; value: string }[]; note?: string };

class Secret extends LitElement {
  static override properties = { told: { attribute: false } };
  declare told: Told | undefined;

  static override styles = [
    base,
    css`
      :host {
        margin: 16px 0;
      }
      .card {
        padding: 16px;
        border-color: var(--accent);
        display: grid;
        gap: 12px;
      }
      h2 {
        font-size: 15px;
      }
      h2:focus {
        outline: none;
      }
      dl {
        display: grid;
        gap: 10px;
      }
      dt {
        color: var(--muted);
        font-size: 12.5px;
      }
      dd {
        display: flex;
        flex-wrap: wrap;
        gap: 8px;
        align-items: center;
      }
      code {
        flex: 1 1 220px;
        min-width: 0;
        padding: 6px 10px;
        border-radius: 8px;
        background: var(--raised);
        user-select: all;
      }
    `,
  ];

  override firstUpdated(): void {
    // After a dialog that closes meanwhile has given the focus back.
    setTimeout(() => this.renderRoot.querySelector<HTMLElement>("h2")?.focus());
  }

  override render() {
    const { told } = this;
    if (!told) return nothing;
    return html`<section class="card" aria-labelledby="label">
      <h2 id="label" tabindex="-1">${told.label}</h2>
      <div class="notice warn">${icon("alert")}<div>${t("secret.once")}</div></div>
      <dl>
        ${told.items.map(
          ({ name, value }) => html`<div>
            <dt>${name}</dt>
            <dd><code class="mono">${shown(value)}</code><eh-copy .text=${value} label=${t("copy.json")}></eh-copy></dd>
          </div>`,
        )}
      </dl>
      ${told.note ? html`<p class="muted">${told.note}</p>` : nothing}
      <div><button @click=${() => this.dispatchEvent(new CustomEvent("done"))}>${icon("check")}${t("secret.done")}</button></div>
    </section>`;
  }
}

customElements.define("eh-secret", Secret);
