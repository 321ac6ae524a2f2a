/** What stands where content is not: while it loads, where there is none, and where it failed. */

import { html, nothing, type TemplateResult } from "lit";
import { Refusal, Unreachable } from "../api/client";
import { shown, clip } from "../text/plain";
import { t } from "../text/i18n";
import { icon, type IconName } from "./icons";

/** Returns what an error means for the reader. */
export function explained(error: unknown): string {
  if (error instanceof Unreachable) return navigator.onLine ? t("error.unreachable") : t("error.offline");
  if (!(error instanceof Refusal)) return t("error.unexpected", { reason: shown(clip(String(error), 300)) });
  const reason = shown(clip(error.message, 500));
  if (error.status === 403) return t("error.forbidden", { reason });
  if (error.status === 429) return t("error.limited", { reason });
  if (error.status === 503) return t("error.unavailable", { reason });
  return t("error.refused", { reason });
}

export const failed = (error: unknown, retry: () => void): TemplateResult =>
  html`<div class="notice bad" role="alert">
    ${icon("alert")}
    <div>${explained(error)} <button class="link" @click=${retry}>${t("action.retry")}</button></div>
  </div>`;

export const blank = (name: IconName, title: string, text: string, action?: TemplateResult): TemplateResult =>
  html`<div class="blank">${icon(name)}<strong>${title}</strong><p>${text}</p>${action ?? nothing}</div>`;

/** Grey bars in place of lines of text. */
export const bars = (count: number): TemplateResult =>
  html`<div role="status">
    <span class="hidden">${t("state.loading")}</span>
    ${Array.from({ length: count }, () => html`<div class="skeleton bar"></div>`)}
  </div>`;
