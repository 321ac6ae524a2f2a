/** `<eh-confirm>`: asks for the name of what an act cannot be undone on, and does it. Dispatches `done` or `dismissed`. */

import { css, html, LitElement, nothing } from "lit";
import "../parts/dialog";
import { icon } from "../parts/icons";
import { explained } from "../parts/states";
import { base } from "../parts/styles";
import { t } from "../text/i18n";
import { shown } from "../text/plain";
import { look } from "./look";

/** An act that cannot be undone. */
export type Act = {
  title: string;
  text: string;
  /** What has to be typed. */
  name: string;
  /** What the button says. */
  action: string;
  run(): Promise<void>;
};

class Confirm extends LitElement {
  static override properties = { act: { attribute: false }, problem: { state: true }, busy: { state: true } };
  declare act: Act | undefined;
  declare problem: string;
  declare busy: boolean;

  static override styles = [
    base,
    look,
    css`
      .name {
        user-select: all;
      }
    `,
  ];

  constructor() {
    super();
    this.problem = "";
    this.busy = false;
  }

  override render() {
    const { act } = this;
    if (!act) return nothing;
    return html`<eh-dialog label=${act.title} @dismissed=${() => this.#end("dismissed")}>
      <form class="stacked" autocomplete="off" @submit=${this.#submit}>
        <p>${act.text}</p>
        <slot></slot>
        <label>
          <span>${t("confirm.type")} <bdi class="mono name">${shown(act.name)}</bdi></span>
          <input name="confirmation" autocomplete="off" spellcheck="false" autocapitalize="none" aria-invalid=${this.problem ? "true" : nothing} aria-describedby="problem" @input=${() => (this.problem = "")} />
        </label>
        <div id="problem" role="alert">${this.problem ? html`<div class="notice bad">${icon("alert")}<div>${this.problem}</div></div>` : nothing}</div>
        <div class="buttons">
          <button class="danger primary" ?disabled=${this.busy}>${act.action}</button>
          <button type="button" @click=${() => this.#end("dismissed")}>${t("action.cancel")}</button>
        </div>
      </form>
    </eh-dialog>`;
  }

  readonly #submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const { act } = this;
    if (!act || this.busy) return;
    const typed = String(new FormData(event.target as HTMLFormElement).get("confirmation")).trim();
    if (typed !== act.name) {
      this.problem = t("confirm.wrong");
      return;
    }
    [this.busy, this.problem] = [true, ""];
    try {
      await act.run();
      this.#end("done");
    } catch (error) {
      this.problem = explained(error);
    }
    this.busy = false;
  };

  #end(how: "done" | "dismissed"): void {
    this.dispatchEvent(new CustomEvent(how));
  }
}

/** Returns what can be typed for something with a name and an id: the name, unless it is hard to type. */
export const typable = (name: string, id: string) => (/^[\p{L}\p{N}_.-](?:[\p{L}\p{N} _.-]{0,60}[\p{L}\p{N}_.-])?$/u.test(name) ? name : id);

customElements.define("eh-confirm", Confirm);
