/** `<eh-menu>`: a button that opens a small panel below it. Escape, a click elsewhere and leaving it by Tab close it. */

import { css, html, LitElement, nothing } from "lit";
import { icon, type IconName } from "./icons";
import { base } from "./styles";

export class Menu extends LitElement {
  static override properties = { label: {}, symbol: {}, compact: { type: Boolean }, count: { type: Number }, open: { state: true } };
  declare label: string;
  declare symbol: IconName | "";
  /** Shows the symbol alone. */
  declare compact: boolean;
  declare count: number;
  declare open: boolean;

  static override styles = [
    base,
    css`
      :host {
        display: inline-block;
        position: relative;
      }
      .panel {
        position: absolute;
        inset-inline-end: 0;
        top: calc(100% + 6px);
        z-index: 20;
        min-width: 220px;
        max-width: calc(100vw - 24px);
        max-height: min(76vh, 640px);
        overflow: auto;
        background: var(--surface);
        border: 1px solid var(--line);
        border-radius: 12px;
        box-shadow: var(--shadow);
        padding: 8px;
      }
      :host([start]) .panel {
        inset-inline: 0 auto;
      }
      .count {
        background: var(--accent);
        color: var(--accent-text);
        border-radius: 9px;
        font-size: 11px;
        min-width: 18px;
        line-height: 18px;
        text-align: center;
        padding: 0 5px;
      }
    `,
  ];

  constructor() {
    super();
    this.label = "";
    this.symbol = "";
    this.compact = false;
    this.count = 0;
    this.open = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.addEventListener("keydown", this.#onKey);
    this.addEventListener("focusout", this.#onFocusOut);
    document.addEventListener("pointerdown", this.#onPointer);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.removeEventListener("keydown", this.#onKey);
    this.removeEventListener("focusout", this.#onFocusOut);
    document.removeEventListener("pointerdown", this.#onPointer);
  }

  override render() {
    const name = this.compact ? html`<span class="hidden">${this.label}</span>` : this.label;
    return html`<button class=${this.compact ? "plain" : ""} aria-expanded=${this.open} @click=${() => (this.open = !this.open)} title=${this.compact ? this.label : nothing}>
        ${this.symbol ? icon(this.symbol) : nothing}${name}${this.count > 0 ? html`<span class="count">${this.count}</span>` : nothing}
      </button>
      <div class="panel" ?hidden=${!this.open} role="group" aria-label=${this.label}><slot></slot></div>`;
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.shadowRoot?.querySelector("button")?.focus();
  }

  readonly #onKey = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !this.open) return;
    event.stopPropagation();
    this.close();
  };

  readonly #onFocusOut = (event: FocusEvent) => {
    // Without a target the focus goes to nothing, as with a click into the panel.
    if (event.relatedTarget instanceof Node && !this.contains(event.relatedTarget) && !this.shadowRoot?.contains(event.relatedTarget))
      this.open = false;
  };

  readonly #onPointer = (event: PointerEvent) => {
    if (!event.composedPath().includes(this)) this.open = false;
  };
}

customElements.define("eh-menu", Menu);
