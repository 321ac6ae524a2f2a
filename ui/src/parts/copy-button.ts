/** `<eh-copy>`: copies a text, and says so. */

import { html } from "lit";
import { t } from "../text/i18n";
import { icon } from "./icons";
import { define, Part } from "./part";
import { base } from "./styles";

const SHOWN_MS = 2000;

class CopyButton extends Part {
  static override properties = { text: { attribute: false }, label: {}, state: { state: true } };
  declare text: string;
  declare label: string;
  declare state: "" | "copied" | "failed";

  static override styles = [base];

  constructor() {
    super();
    this.text = "";
    this.label = "";
    this.state = "";
  }

  override render() {
    const text = this.state ? t(`copy.${this.state}`) : this.label;
    return html`<button @click=${this.#copy}>
      ${icon(this.state === "copied" ? "check" : "copy")}<span aria-live="polite">${text}</span>
    </button>`;
  }

  async #copy(): Promise<void> {
    // `clipboard` is missing on pages without TLS, other than those of this machine.
    const copied = await navigator.clipboard?.writeText(this.text).then(
      () => true,
      () => false,
    );
    this.state = copied ? "copied" : "failed";
    setTimeout(() => (this.state = ""), SHOWN_MS);
  }
}

define("eh-copy", CopyButton);
