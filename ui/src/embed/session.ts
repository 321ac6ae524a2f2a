/** The view token of an element: whose it is, and when the page around it has to give another one. */

import { claimsOf, type Session } from "../api/session";

/** Why a token is needed: there is none yet, it ends soon, or the service refuses it. */
export type Reason = "none" | "expiring" | "refused";

/** Before its end a token is asked for this early, or halfway if it ends sooner. */
const EARLY_MS = 30_000;
/** A page that gives none, or one that is refused, is asked again after this time, and then less and less often. */
const MIN_PAUSE_MS = 3000;
const MAX_PAUSE_MS = 60_000;
/** The longest time that timers can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export class TokenSession {
  current: Session | undefined;
  /** Why the service refused the token, in its own words. */
  refusal: string | undefined;

  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = Number.NEGATIVE_INFINITY;
  #pause = MIN_PAUSE_MS;

  constructor(private readonly onNeeded: (reason: Reason) => void) {}

  /** Takes a token. Returns whether it ends a time without one, after which everything is loaded again. */
  take(token: string): boolean {
    const wasWithout = !this.current || this.refusal !== undefined;
    this.current = token ? { kind: "token", token } : undefined;
    this.refusal = undefined;
    this.#pause = MIN_PAUSE_MS;
    this.watch();
    return wasWithout;
  }

  refuse(reason: string): void {
    this.refusal = reason;
    this.watch();
  }

  /** Sees to it that the page is asked in time. */
  watch(): void {
    if (!this.current) return this.#ask("none", 0);
    if (this.refusal !== undefined) return this.#ask("refused", 0);
    const left = (claimsOf(this.current).expiresAt?.getTime() ?? Number.NaN) - Date.now();
    // By a clock that is wrong it may have ended: the service says so if it has.
    if (left > 0) this.#ask("expiring", left - Math.min(EARLY_MS, left / 2));
    else this.stop();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #ask(reason: Reason, delay: number): void {
    this.stop();
    const pause = this.#asked + this.#pause - performance.now();
    this.#timer = setTimeout(
      () => {
        this.#asked = performance.now();
        this.onNeeded(reason);
        if (reason === "expiring") return;
        // The page may not listen yet, or its backend may be away.
        this.#ask(reason, 0);
        this.#pause = Math.min(this.#pause * 2, MAX_PAUSE_MS);
      },
      Math.min(Math.max(delay, pause), MAX_TIMER_MS),
    );
  }
}
