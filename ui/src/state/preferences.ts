/** What the reader prefers, kept by the browser: language and colours. */

import { browserLanguage, LANGUAGES, setLanguage, type Language } from "../text/i18n";

export type Theme = "auto" | "light" | "dark";
export const THEMES: readonly Theme[] = ["auto", "light", "dark"];

const LANGUAGE = "event-history.language";
const THEME = "event-history.theme";

export const preferredTheme = (): Theme => THEMES.find((it) => it === localStorage.getItem(THEME)) ?? "auto";

export function preferLanguage(language: Language): void {
  localStorage.setItem(LANGUAGE, language);
  speak(language);
}

export function preferTheme(theme: Theme): void {
  localStorage.setItem(THEME, theme);
  apply(theme);
}

/** Applies what was preferred before. */
export function restorePreferences(): void {
  const kept = localStorage.getItem(LANGUAGE);
  speak(kept !== null && kept in LANGUAGES ? (kept as Language) : browserLanguage());
  apply(preferredTheme());
}

function speak(language: Language): void {
  setLanguage(language);
  document.documentElement.lang = language;
}

function apply(theme: Theme): void {
  if (theme === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}
