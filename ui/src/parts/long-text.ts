/** `<eh-long-text>`: a text of any length, of which the beginning is shown until the reader wants the rest. */

import { css, html, nothing } from "lit";
import { clip, shown } from "../text/plain";
import { number, t } from "../text/i18n";
import { define, Part } from "./part";
import { base } from "./styles";

const SHORT_CHARS = 300;
const SHORT_CODE_CHARS = 900;
/** Laying out more than this at once would stop the page. */
const STEP_CHARS = 100_000;

class LongText extends Part {
  static override properties = { text: { attribute: false }, code: { type: Boolean }, limit: { state: true } };
  declare text: string;
  declare code: boolean;
  declare limit: number;

  static override styles = [
    base,
    css`
      :host {
        display: inline-block;
        max-width: 100%;
        vertical-align: top;
      }
      pre {
        margin: 0;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
        unicode-bidi: isolate;
        font: inherit;
        max-height: 420px;
        overflow: auto;
      }
      :host([code]) pre {
        font-family: var(--mono);
        font-size: 12.5px;
        background: var(--raised);
        padding: 8px 10px;
        border-radius: 8px;
        white-space: pre;
      }
      button.link {
        margin-top: 2px;
        font-size: 12.5px;
      }
    `,
  ];

  constructor() {
    super();
    this.text = "";
    this.code = false;
    this.limit = 0;
  }

  override render() {
    const short = this.code ? SHORT_CODE_CHARS : SHORT_CHARS;
    const limit = Math.max(this.limit, short);
    const rest = this.text.length - limit;
    // The text of code has its acting characters as escapes already.
    const text = clip(this.text, limit);
    return html`<pre tabindex=${this.code || this.limit ? 0 : nothing}>${this.code ? text : shown(text)}</pre>
      ${rest > 0
        ? html`<button class="link" @click=${() => (this.limit = limit + STEP_CHARS)}>${t("value.show_more", { n: number(rest) })}</button>`
        : nothing}`;
  }
}

define("eh-long-text", LongText);
