/** Calls of the API: the public one, with the credentials of the session. */

import { parse } from "./json";
import { currentSession, headersOf, signOut, type Session } from "./session";

/** Where requests go, and on whose behalf. */
export type Service = {
  /** The root of the service, which ends with `/`. */
  root(): URL;
  session(): Session | undefined;
  /** The service does not accept the session any more, and says why. */
  refused(reason: string): void;
};

/** The service that the viewer is a page of, at `ui/` below its root. */
export const OWN_SERVICE: Service = {
  root: () => new URL("../", document.baseURI),
  session: currentSession,
  refused: signOut,
};

const MAX_TRIES = 4;
const MAX_PAUSE_S = 10;

/** A refusal of the service: its status, and what it says. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    /** `detail` of the body: a text, or a list of problems. */
    readonly detail: unknown,
    readonly retryAfter: number | undefined,
  ) {
    super(messageOf(detail) || `HTTP ${status}`);
  }
}

/** No answer: the network or the service is away. */
export class Unreachable extends Error {}

export type Parameters = URLSearchParams | Record<string, string>;

export function address(path: string, parameters: Parameters = {}, service = OWN_SERVICE): URL {
  const url = new URL(path, service.root());
  url.search = new URLSearchParams(parameters).toString();
  return url;
}

export type Options = {
  /** `GET`, unless it says otherwise. */
  method?: string;
  /** JSON. */
  body?: string | undefined;
  signal?: AbortSignal | undefined;
  headers?: Record<string, string>;
  service?: Service;
  who?: Session | undefined;
  /** The tenant that the request is about, in place of the session's; empty for none. */
  clientId?: string | undefined;
};

/** Sends a request. A refusal is an error; one of the credentials ends the session too. */
export async function request(
  url: URL,
  { method = "GET", body, signal, headers = {}, service = OWN_SERVICE, who = service.session(), clientId }: Options = {},
): Promise<Response> {
  if (!who) throw new Refusal(401, "", undefined);
  let response;
  try {
    const asked = clientId !== undefined && who.kind === "key" ? { ...who, clientId } : who;
    const options = { headers: { ...headersOf(asked), ...headers }, credentials: "omit", redirect: "error" } as const;
    response = await fetch(url, { ...options, method, body: body ?? null, signal: signal ?? null });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Unreachable(String(error));
  }
  if (response.ok) return response;
  const refusal = await refusalOf(response);
  // Not that of an older session, which a late answer may be about.
  if (refusal.status === 401 && who === service.session()) service.refused(refusal.message);
  throw refusal;
}

/** Returns the JSON of an answer. What may succeed later is tried again a few times, as `Retry-After` says. */
export async function get<Body>(path: string, parameters: Parameters = {}, signal?: AbortSignal, service = OWN_SERVICE): Promise<Body> {
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await request(address(path, parameters, service), { signal, service });
      return parse(await response.text()) as Body;
    } catch (error) {
      const pause = error instanceof Refusal ? error.retryAfter : undefined;
      if (pause === undefined || pause > MAX_PAUSE_S || attempt === MAX_TRIES) throw error;
      await sleep(pause * 1000, signal);
    }
  }
}

export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const aborted = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    }, milliseconds);
    if (signal?.aborted) aborted();
    else signal?.addEventListener("abort", aborted, { once: true });
  });
}

export const isAbort = (error: unknown) => error instanceof DOMException && error.name === "AbortError";

async function refusalOf(response: Response): Promise<Refusal> {
  const seconds = Number(response.headers.get("Retry-After") ?? Number.NaN);
  let detail: unknown = "";
  try {
    detail = (parse(await response.text()) as { detail?: unknown }).detail;
  } catch {
    // No JSON: an answer of something between the page and the service.
  }
  return new Refusal(response.status, detail, Number.isNaN(seconds) ? undefined : seconds);
}

function messageOf(detail: unknown): string {
  if (typeof detail === "string") return detail;
  if (!Array.isArray(detail)) return "";
  const texts = detail.map((it: { loc?: unknown[]; msg?: unknown }) => `${it.loc?.join(".") ?? ""}: ${String(it.msg)}`);
  return texts.slice(0, 3).join("; ");
}
