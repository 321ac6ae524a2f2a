/** Filters that the reader has given a name, by tenant. They are in this browser alone, and are no secret. */

import { filtersIn } from "./router";

export type SavedView = { name: string; filters: URLSearchParams };

const STORAGE = "event-history.views";
/** The browser keeps some megabytes for everything of a site. */
export const MAX_VIEWS = 50;
export const MAX_NAME = 60;

type Kept = Record<string, { name: string; query: string }[]>;

/** Returns the views of a tenant by name. */
export function viewsOf(tenant: string): SavedView[] {
  const views = (kept()[tenant] ?? []).map(({ name, query }) => ({ name, filters: filtersIn(new URLSearchParams(query)) }));
  return views.sort((one, other) => one.name.localeCompare(other.name));
}

/** Keeps a view, in place of one with the same name. Returns whether the browser does. */
export function saveView(tenant: string, name: string, filters: URLSearchParams): boolean {
  const others = (kept()[tenant] ?? []).filter((it) => it.name !== name);
  if (others.length >= MAX_VIEWS) return false;
  return keep(tenant, [...others, { name, query: filters.toString() }]);
}

export function removeView(tenant: string, name: string): void {
  keep(tenant, (kept()[tenant] ?? []).filter((it) => it.name !== name));
}

function keep(tenant: string, views: Kept[string]): boolean {
  try {
    localStorage.setItem(STORAGE, JSON.stringify({ ...kept(), [tenant]: views }));
    return true;
  } catch {
    // There is no room, or the browser keeps nothing.
    return false;
  }
}

/** Returns what is kept, as far as it is what this page has written. */
function kept(): Kept {
  const found: Kept = Object.create(null) as Kept;
  try {
    const all = JSON.parse(localStorage.getItem(STORAGE) ?? "{}") as Record<string, unknown>;
    for (const [tenant, views] of Object.entries(all)) if (Array.isArray(views)) found[tenant] = views.filter(isView).slice(0, MAX_VIEWS);
  } catch {
    // Somebody else's, or cut off: as good as nothing.
  }
  return found;
}

const isView = (it: unknown): it is { name: string; query: string } => {
  const { name, query } = (it ?? {}) as { name?: unknown; query?: unknown };
  return typeof name === "string" && typeof query === "string";
};
