/** Follows a history as it grows, over `/api/history/stream`. An `EventSource` sends no credentials. */

import { address, isAbort, Refusal, request, sleep, type Service } from "./client";
import { parse } from "./json";
import type { EventBody } from "./types";

/** Heartbeats come every 15 s. */
const SILENCE_MS = 60_000;
const FIRST_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 30_000;

export type Following = {
  service: Service;
  filters: URLSearchParams;
  /** The cursor to begin behind; it moves on with each event, so a stopped following can be continued. */
  after: string;
  signal: AbortSignal;
  onEvent(event: EventBody): void;
  /** Whether events arrive now. */
  onState(live: boolean): void;
  /** The service refuses the cursor: what was shown is of another time of the database. */
  onRefused(): void;
};

/** Follows until it is aborted, and connects again after every interruption, behind the last event that arrived. */
export async function follow(following: Following): Promise<void> {
  // One call keeps its signal: a later one may have another.
  const { service, filters, signal, onState, onRefused } = following;
  let pause = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    try {
      const silence = new AbortController();
      const either = AbortSignal.any([signal, silence.signal]);
      const parameters = new URLSearchParams(filters);
      parameters.set("after", following.after);
      const response = await request(address("api/history/stream", parameters, service), { signal: either, service });
      onState(true);
      pause = FIRST_PAUSE_MS;
      await read(response, silence, (id, data) => {
        following.after = id;
        if (data) following.onEvent(parse(data) as EventBody);
      });
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refusal && error.status === 400) return onRefused();
      if (error instanceof Refusal && [401, 403, 422].includes(error.status)) return onState(false);
      if (!isAbort(error)) pause = Math.min(pause * 2, MAX_PAUSE_MS);
    }
    onState(false);
    await sleep(pause, signal).catch(() => undefined);
  }
}

/** Reads blocks of `id:` and `data:` until the stream ends or is silent for too long. */
async function read(response: Response, silence: AbortController, onBlock: (id: string, data: string) => void): Promise<void> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const pieces: string[] = [];
  let [id, data] = ["", ""];
  try {
    for (;;) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      const { value, done } = await reader.read();
      if (done) return;
      // A long event comes in many chunks, of which only the last has the line's end.
      if (!value.includes("\n")) {
        pieces.push(value);
        continue;
      }
      const lines = (pieces.splice(0).join("") + value).split("\n");
      pieces.push(lines.pop() ?? "");
      for (const line of lines) {
        if (line.startsWith("id: ")) id = line.slice(4);
        else if (line.startsWith("data: ")) data = line.slice(6);
        else if (line === "" && id) {
          onBlock(id, data);
          data = "";
        }
      }
    }
  } finally {
    clearTimeout(timer);
    await reader.cancel().catch(() => undefined);
  }
}
