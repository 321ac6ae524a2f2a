/** What surrounds the parts of a view: the viewer's page, or an element in a page of somebody else. */

import type { Service } from "../api/client";
import type { Language } from "../text/i18n";

export type Context = {
  readonly service: Service;
  /** In a page of somebody else, which has landmarks of its own. */
  readonly isEmbedded: boolean;
  /** Returns the language of what is below, if it is not that of the whole page. */
  language(): Language | undefined;
  /** Tells whether a view that appears takes the focus: only if the reader asked for it. */
  takesFocus(): boolean;
  /** Changes where the reader is, to a link of `router.ts`, in place: the step back leads to what was before. */
  replace(link: string): void;
  /** Tells that the reader opens something. Returns `false` if the page around it does that itself. */
  mayOpen(what: Opened): boolean;
};

/** Ids of what the reader opens, as far as they are known. */
export type Opened = { event?: string | undefined; record?: string | undefined; file?: string | undefined };

const contexts = new WeakMap<Node, Context>();

/** Gives a context to all parts in the shadow tree of an element, or in a document. */
export function provide(node: Element | Document, context: Context): void {
  contexts.set(node, context);
}

/** Returns the nearest context around a part. */
export function contextOf(part: Element): Context {
  for (let node: Node = part; ; ) {
    const root = node.getRootNode();
    const outer = root instanceof ShadowRoot ? root.host : root;
    const found = contexts.get(outer);
    if (found) return found;
    if (outer === root) throw new Error(`<${part.localName}> has no context`);
    node = outer;
  }
}
