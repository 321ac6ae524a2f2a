/** The address of what is shown, behind the `#`: browsers send none of it to anybody. */

export type Route =
  | { view: "history"; filters: URLSearchParams; event: string | undefined }
  | { view: "record"; id: string; at: string | undefined }
  | { view: "event"; id: string }
  | AdministrationRoute;

export type AdministrationRoute = { view: "tenants"; q: string } | { view: "tenant"; id: string } | { view: "keys" } | { view: "service" };

/** The filters that a link can carry: parameters of the API by the same names. */
export const FILTERS = [
  "q",
  "record_id",
  "event_type_id",
  "source_type_id",
  "source_id",
  "source_name",
  "has_file",
  "field",
  "value",
  "event_time_from",
  "event_time_to",
] as const;
export type Filter = (typeof FILTERS)[number];

export const currentRoute = (): Route => routeOf(location.hash);

/** Returns where a link of this file leads. */
export function routeOf(link: string): Route {
  const [path = "", query = ""] = link.replace(/^#\/?/, "").split("?");
  const parameters = new URLSearchParams(query);
  const [view, id] = path.split("/");
  if (view === "records" && id && isRecordId(id)) return { view: "record", id, at: instantIn(parameters.get("at")) };
  if (view === "events" && id && isEventId(id)) return { view: "event", id };
  if (view === "tenants") return id ? { view: "tenant", id } : { view: "tenants", q: parameters.get("q") ?? "" };
  if (view === "keys" || view === "service") return { view };
  return { view: "history", filters: filtersIn(parameters), event: parameters.get("event") ?? undefined };
}

export const isRecordId = (text: string) => /^-?\d{1,19}$/.test(text);
export const isEventId = (text: string) => /^[0-9a-f-]{36}$/i.test(text);

/** Returns an instant in UTC, or `undefined` for what is none. */
export function instantIn(text: string | null): string | undefined {
  const at = new Date(text ?? "");
  if (Number.isNaN(at.getTime())) return undefined;
  return text?.endsWith("Z") ? text : at.toISOString();
}

/** Returns those of the parameters that are filters. */
export function filtersIn(parameters: URLSearchParams): URLSearchParams {
  const filters = new URLSearchParams();
  for (const name of FILTERS) for (const value of parameters.getAll(name)) if (value) filters.append(name, value);
  return filters;
}

export function historyLink(filters: URLSearchParams, event?: string): string {
  const parameters = new URLSearchParams(filters);
  if (event) parameters.set("event", event);
  const query = parameters.toString();
  return `#/history${query ? `?${query}` : ""}`;
}

export const recordLink = (id: string, at?: string) =>
  `#/records/${id}${at === undefined ? "" : `?${new URLSearchParams({ at }).toString()}`}`;

export const eventLink = (id: string) => `#/events/${id}`;

export const tenantsLink = (q = "") => `#/tenants${q ? `?${new URLSearchParams({ q }).toString()}` : ""}`;

/** Client ids are UUIDs: whatever else somebody writes into an address stays a part of it. */
export const tenantLink = (clientId: string) => `#/tenants/${clientId.replace(/[^\w-]/g, "")}`;

export function go(link: string): void {
  location.hash = link;
}

/** Changes the address in place: the step back leads to what was before. */
export function replace(link: string): void {
  history.replaceState(null, "", link);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** Returns the filters with one of them set, or without it. */
export function withFilter(filters: URLSearchParams, name: Filter, ...values: string[]): URLSearchParams {
  const changed = new URLSearchParams(filters);
  changed.delete(name);
  for (const value of values) if (value) changed.append(name, value);
  return changed;
}

/** Adds a value of a filter, or takes it away if it is there. */
export function toggled(filters: URLSearchParams, name: Filter, value: string): URLSearchParams {
  const all = filters.getAll(name);
  return withFilter(filters, name, ...(all.includes(value) ? all.filter((it) => it !== value) : [...all, value]));
}
