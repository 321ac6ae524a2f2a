/** Who is signed in: kept in memory, and for this tab if the reader wishes. Never in an address. */

export type Session =
  | { kind: "key"; key: string; clientId: string }
  | { kind: "tenant"; clientId: string; secret: string }
  | { kind: "token"; token: string };

const STORAGE = "event-history.session";

let session: Session | undefined;

/** Dispatches `changed`, with why as its `detail`: `expired`, or nothing. */
export const sessions = new EventTarget();

export const currentSession = () => session;

export function signIn(chosen: Session, keep: boolean): void {
  session = chosen;
  if (keep) sessionStorage.setItem(STORAGE, JSON.stringify(chosen));
  else sessionStorage.removeItem(STORAGE);
  sessions.dispatchEvent(new CustomEvent("changed"));
}

/** Continues with another tenant, or with none, if the key is for several. */
export function switchTenant(clientId: string): void {
  if (session?.kind === "key") signIn({ ...session, clientId }, sessionStorage.getItem(STORAGE) !== null);
}

/** Forgets who was signed in; `reason` is the service's, if it was not the reader's wish. */
export function signOut(reason?: string): void {
  if (!session) return;
  session = undefined;
  sessionStorage.removeItem(STORAGE);
  sessions.dispatchEvent(new CustomEvent("changed", { detail: reason }));
}

/** Takes up the session of this tab, after it was loaded again. */
export function restore(): void {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(STORAGE) ?? "null");
    if (isSession(kept)) session = kept;
  } catch {
    sessionStorage.removeItem(STORAGE);
  }
}

function isSession(value: unknown): value is Session {
  const it = value as Partial<Record<string, unknown>> | null;
  const texts = (...names: string[]) => names.every((name) => typeof it?.[name] === "string");
  if (it?.["kind"] === "key") return texts("key", "clientId");
  if (it?.["kind"] === "tenant") return texts("clientId", "secret");
  return it?.["kind"] === "token" && texts("token");
}

export function headersOf(who: Session): Record<string, string> {
  switch (who.kind) {
    case "key":
      return { "X-API-Key": who.key, ...(who.clientId ? { "X-Client-Id": who.clientId } : {}) };
    case "tenant": {
      const bytes = new TextEncoder().encode(`${who.clientId}:${who.secret}`);
      return { Authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` };
    }
    case "token":
      return { Authorization: `Bearer ${who.token}` };
  }
}

/** Returns the client id of the tenant, if the session says whose it is. */
export const tenantOf = (who: Session): string | undefined => (who.kind === "token" ? claimsOf(who).tenant : who.clientId) || undefined;

/** What a view token says about itself. It is shown and not relied upon: the service decides. */
export type Claims = { recordId?: string; tenant?: string; expiresAt?: Date };

export function claimsOf(who: Session): Claims {
  if (who.kind !== "token") return {};
  try {
    const payload = (who.token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const json = atob(payload);
    const claims = JSON.parse(json) as { sub?: unknown; exp?: unknown };
    // From the text: ids of 64 bits are more than JavaScript's numbers hold.
    const recordId = /"record_id"\s*:\s*(-?\d+)/.exec(json)?.[1];
    return {
      ...(recordId === undefined ? {} : { recordId }),
      ...(typeof claims.sub === "string" ? { tenant: claims.sub } : {}),
      ...(typeof claims.exp === "number" ? { expiresAt: new Date(claims.exp * 1000) } : {}),
    };
  } catch {
    return {};
  }
}
