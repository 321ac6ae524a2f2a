/** The code of a link that opens the viewer signed in, once. `event-history demo --keep` prints one. */

import { address } from "./client";
import { signIn } from "./session";

/** Returns the code in the address, and takes it out, so that it is in no history and no bookmark. */
export function takeCode(): string | undefined {
  const code = /^#code=([\w-]+)$/.exec(location.hash)?.[1];
  if (code) history.replaceState(null, "", location.pathname + location.search);
  return code;
}

/** Signs in with what the code stands for. Returns `false` if there is no such code, or no more. */
export async function redeem(code: string): Promise<boolean> {
  try {
    const options = { method: "POST", body: JSON.stringify({ code }), credentials: "omit", redirect: "error" } as const;
    const response = await fetch(address("ui/sign-in"), options);
    const { token } = (response.ok ? await response.json() : {}) as { token?: unknown };
    if (typeof token !== "string") return false;
    signIn({ kind: "token", token }, true);
    return true;
  } catch {
    return false;
  }
}
