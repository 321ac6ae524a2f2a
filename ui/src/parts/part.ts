/** What the parts have in common that can be in the viewer and in pages of others. */

import { LitElement } from "lit";
import { contextOf, type Context } from "../state/context";
import { setLanguage } from "../text/i18n";

export abstract class Part extends LitElement {
  /** Known from when the part is in a document. */
  declare protected context: Context;

  override connectedCallback(): void {
    this.context = contextOf(this);
    super.connectedCallback();
  }

  protected override performUpdate(): void {
    // Parts render one after the other, each in the language of the element that it is in.
    const language = this.context.language();
    if (language) setLanguage(language);
    super.performUpdate();
  }
}

/** Defines an element. A page may load this code twice; the first one counts. */
export function define(name: string, element: CustomElementConstructor): void {
  if (!customElements.get(name)) customElements.define(name, element);
}
