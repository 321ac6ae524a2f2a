/** `<eh-dialog>`: a modal dialog around what is put into it. Escape and its button dispatch `dismissed`. */

import { css, html, LitElement } from "lit";
import { t } from "../text/i18n";
import { icon } from "./icons";
import { base } from "./styles";

class Dialog extends LitElement {
  static override properties = { label: {} };
  declare label: string;

  /** What had the focus before, and gets it back. */
  #before: HTMLElement | undefined;

  static override styles = [
    base,
    css`
      dialog {
        width: 480px;
        max-width: calc(100vw - 24px);
        max-height: calc(100dvh - 24px);
        overflow: auto;
        padding: 18px 20px 20px;
        color: inherit;
        background: var(--surface);
        border: 1px solid var(--line);
        border-radius: 14px;
        box-shadow: var(--shadow);
      }
      dialog::backdrop {
        background: rgb(10 12 20 / 45%);
      }
      header {
        display: flex;
        justify-content: space-between;
        align-items: start;
        gap: 12px;
        margin-bottom: 12px;
      }
      h2 {
        font-size: 16px;
        overflow-wrap: anywhere;
      }
    `,
  ];

  constructor() {
    super();
    this.label = "";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#before = focused();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    const before = this.#before;
    // Once this element is gone: until then, everything else is inert.
    queueMicrotask(() => before?.isConnected && before.focus());
  }

  override firstUpdated(): void {
    this.renderRoot.querySelector("dialog")?.showModal();
    this.querySelector<HTMLElement>("input, select, button")?.focus();
  }

  override render() {
    return html`<dialog aria-labelledby="label" @cancel=${this.#dismiss} @close=${this.#dismiss}>
      <header>
        <h2 id="label">${this.label}</h2>
        <button class="plain" type="button" aria-label=${t("action.close")} title=${t("action.close")} @click=${this.#dismiss}>${icon("close")}</button>
      </header>
      <slot></slot>
    </dialog>`;
  }

  readonly #dismiss = (event: Event) => {
    event.preventDefault();
    this.dispatchEvent(new CustomEvent("dismissed"));
  };
}

function focused(): HTMLElement | undefined {
  let it = document.activeElement;
  while (it?.shadowRoot?.activeElement) it = it.shadowRoot.activeElement;
  return it instanceof HTMLElement ? it : undefined;
}

customElements.define("eh-dialog", Dialog);
