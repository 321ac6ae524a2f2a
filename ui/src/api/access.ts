/** What a session may do. The API has no question for that, so it is tried. */

import { address, Refusal, request } from "./client";
import type { Session } from "./session";

export type Access = {
  /** Whether it reads a history: `tenant` if one has to be chosen first, `refused` without the scope `read`. */
  reads: "yes" | "tenant" | "refused";
  /** Whether it has the scope `admin`. */
  administers: boolean;
};

/** Tries what the credentials are good for. Those that are good for nothing that is here are a `Refusal`. */
export async function accessOf(who: Session): Promise<Access> {
  const history = await tried("api/history/events", { limit: "1", count: "none" }, who);
  const isForSeveral = who.kind === "key" && who.clientId === "";
  const reads = !history ? "yes" : history.status === 403 ? "refused" : history.status === 400 && isForSeveral ? "tenant" : undefined;
  // An unknown client id is a mistake to correct, whatever else the key may do.
  if (!reads) throw history;
  const administers = who.kind === "key" && !(await tried("api/tenants", { limit: "1" }, who));
  if (history && !administers) throw history;
  return { reads, administers };
}

/** Returns why a request was refused, or nothing if it was answered. */
async function tried(path: string, parameters: Record<string, string>, who: Session): Promise<Refusal | undefined> {
  try {
    await request(address(path, parameters), { who });
    return undefined;
  } catch (error) {
    if (error instanceof Refusal && (error.status === 400 || error.status === 403)) return error;
    throw error;
  }
}
