/** Calls of the API that need the scope `admin`. */

import { address, request, type Parameters } from "./client";
import { parse } from "./json";
import type { ApiKey, CreatedKey, Hold, NewClient, RetentionRule, RotatedSecret, Scope, TenantPage, TenantSummary } from "./types";

type Asked = { parameters?: Parameters; body?: string; signal?: AbortSignal; clientId?: string };

/** Sends one call, once: whoever reads the answer decides whether to repeat it. */
async function call<Body>(method: string, path: string, { parameters = {}, body, signal, clientId = "" }: Asked = {}): Promise<Body> {
  const response = await request(address(path, parameters), { method, body, signal, clientId });
  return parse(await response.text()) as Body;
}

const tenant = (clientId: string, rest = "") => `api/tenants/${encodeURIComponent(clientId)}${rest}`;

export const listTenants = (q: string, cursor: string | undefined, signal: AbortSignal) =>
  call<TenantPage>("GET", "api/tenants", { parameters: { ...(q ? { q } : {}), ...(cursor ? { cursor } : {}) }, signal });

export const getTenant = (clientId: string, signal: AbortSignal) => call<TenantSummary>("GET", tenant(clientId), { signal });

export const createTenant = (database_name: string, client_label: string, placement: string) =>
  call<NewClient>("POST", "api/initialize-tenant", {
    body: JSON.stringify({ database_name, client_label, ...(placement ? { placement } : {}) }),
  });

export const renameTenant = (clientId: string, client_label: string) =>
  call<TenantSummary>("PATCH", tenant(clientId), { body: JSON.stringify({ client_label }) });

export const rotateSecret = (clientId: string, overlap: string) =>
  call<RotatedSecret>("POST", tenant(clientId, "/rotate-secret"), { parameters: { overlap } });

export const deleteTenant = (clientId: string, files: "keep" | "delete") =>
  call<unknown>("DELETE", "api/delete-tenant", { clientId, parameters: { files } });

export const listKeys = async (signal: AbortSignal) => (await call<{ keys: ApiKey[] }>("GET", "api/keys", { signal })).keys;

export const createKey = (key: { name: string; scopes: Scope[]; client_id?: string; expires_at?: string }) =>
  call<CreatedKey>("POST", "api/keys", { body: JSON.stringify(key) });

export const revokeKey = (id: string) => call<unknown>("DELETE", `api/keys/${encodeURIComponent(id)}`);

export const getRetention = async (clientId: string, signal: AbortSignal) =>
  (await call<{ rules: RetentionRule[] }>("GET", tenant(clientId, "/retention"), { signal })).rules;

export const setRetention = async (clientId: string, rules: RetentionRule[]) =>
  (await call<{ rules: RetentionRule[] }>("PUT", tenant(clientId, "/retention"), { body: JSON.stringify({ rules }) })).rules;

export const listHolds = async (clientId: string, signal: AbortSignal) =>
  (await call<{ holds: Hold[] }>("GET", tenant(clientId, "/holds"), { signal })).holds;

/** `record` is the text of an integer, which may be more than JavaScript's numbers hold; empty for all records. */
export const placeHold = (clientId: string, record: string, reason: string) =>
  call<Hold>("POST", tenant(clientId, "/holds"), { body: `{"record_id": ${record || "null"}, "reason": ${JSON.stringify(reason)}}` });

export const releaseHold = (clientId: string, id: string) => call<unknown>("DELETE", tenant(clientId, `/holds/${encodeURIComponent(id)}`));
