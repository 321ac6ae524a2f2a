/** Messages in the reader's language. Each language is a file with the same keys. */

import { de } from "./de";
import { en } from "./en";

/** A text, or one for each plural form of the parameter `n`. `{name}` stands for a parameter. */
export type Message = string | { one: string; other: string };
export type Key = keyof typeof en;
export type Messages = Record<Key, Message>;

export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;

const MESSAGES: Record<Language, Messages> = { en, de };

let current: Language = "en";
let locale = "en";
// Making one of these takes longer than most of what a page does with it.
let plurals = new Intl.PluralRules(locale);
let numbers = new Intl.NumberFormat(locale);

export const language = () => current;

/** The locale for dates and numbers: the browser's regional variant of the language, if it has one. */
export const currentLocale = () => locale;

export function setLanguage(chosen: Language): void {
  current = chosen;
  locale = navigator.languages.find((it) => it.split("-")[0] === chosen) ?? chosen;
  plurals = new Intl.PluralRules(locale);
  numbers = new Intl.NumberFormat(locale);
  document.documentElement.lang = chosen;
}

/** Returns the first language of the browser that there are messages in. */
export function browserLanguage(): Language {
  const known = navigator.languages.map((it) => it.split("-")[0] ?? "");
  return (known.find((it) => it in MESSAGES) as Language | undefined) ?? "en";
}

/** Returns a message with its parameters. Texts of callers among them have to be `isolated`. */
export function t(key: Key, parameters: Record<string, string | number> = {}): string {
  let message = MESSAGES[current][key];
  if (typeof message !== "string") {
    message = plurals.select(Number(parameters["n"])) === "one" ? message.one : message.other;
  }
  return message.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = parameters[name];
    return typeof value === "number" ? number(value) : (value ?? "");
  });
}

export const number = (value: number) => numbers.format(value);

/** Returns the key if there is such a message: for names that come from the service. */
export const known = (key: string): Key | undefined => (key in en ? (key as Key) : undefined);
