/** The tenant whose history is shown, which whoever has a key for several can change. */

import { switchTenant } from "../api/session";
import { go, historyLink } from "./router";

/** Shows the history of a tenant, with the key that the reader signed in with. */
export function openHistory(clientId: string): void {
  go(historyLink(new URLSearchParams()));
  switchTenant(clientId);
}
