/** What scrolls an element that may be anywhere, also in the shadow trees of others. */

/** Returns the shadow roots around an element: scrolling in one of them is not heard outside. */
export function rootsOf(element: Element): ShadowRoot[] {
  const roots: ShadowRoot[] = [];
  for (let root = element.getRootNode(); root instanceof ShadowRoot; root = root.host.getRootNode()) roots.push(root);
  return roots;
}

/** Returns the nearest element that scrolls what is in it, other than the document. */
export function scrollerOf(element: Element): Element | undefined {
  for (let it = parentOf(element); it && it !== document.body && it !== document.documentElement; it = parentOf(it))
    if (/auto|scroll/.test(getComputedStyle(it).overflowY) && it.scrollHeight > it.clientHeight) return it;
  return undefined;
}

/** Returns the parent as it is laid out: through slots, and out of shadow trees. */
function parentOf(element: Element): Element | undefined {
  const parent = element.assignedSlot ?? element.parentNode;
  if (parent instanceof ShadowRoot) return parent.host;
  return parent instanceof Element ? parent : undefined;
}
