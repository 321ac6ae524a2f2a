/** Instants: local time, with UTC on hover. */

import type { ReactiveController, ReactiveControllerHost } from "lit";
import { html, type TemplateResult } from "lit";
import { ago, clockTime, local, utc } from "../text/format";

/** An instant as local time; what is recent is relative. */
export function when(time: string): TemplateResult {
  const passed = ago(time);
  const title = passed === undefined ? utc(time) : `${local(time)}\n${utc(time)}`;
  return html`<time datetime=${time} title=${title}>${passed ?? local(time)}</time>`;
}

/** An instant on a day that is named elsewhere. */
export function timeOfDay(time: string): TemplateResult {
  return html`<time datetime=${time} title=${`${local(time)}\n${utc(time)}`}>${ago(time) ?? clockTime(time)}</time>`;
}

/** Both forms of an instant, exactly. */
export const exactly = (time: string): TemplateResult =>
  html`<time datetime=${time}>${local(time)}</time><br /><span class="muted utc">${utc(time)}</span>`;

const INTERVAL_MS = 30_000;

/** Renders its host again now and then, for relative times. */
export class Ticking implements ReactiveController {
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly host: ReactiveControllerHost) {
    host.addController(this);
  }

  hostConnected(): void {
    this.#timer = setInterval(() => this.host.requestUpdate(), INTERVAL_MS);
  }

  hostDisconnected(): void {
    clearInterval(this.#timer);
  }
}
