/** Messages in the reader's language. Each language is a file with the same keys. */

import type { en as administration } from "./administration/en";
import { de } from "./de";
import { en } from "./en";

/** A text, or one for each plural form of the parameter `n`. `{name}` stands for a parameter. */
export type Message = string | { one: string; other: string };
export type Key = keyof typeof en | keyof typeof administration;
export type Messages = Record<keyof typeof en, Message>;

export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;

const MESSAGES: Record<Language, Record<string, Message>> = { en: { ...en }, de: { ...de } };

/** Adds the messages of a part that is loaded on demand. */
export function addMessages(more: Record<Language, Record<string, Message>>): void {
  for (const [language, messages] of Object.entries(more)) Object.assign(MESSAGES[language as Language], messages);
}

/** What a language needs. Making one takes longer than most of what a page does with it. */
class Formats {
  /** The browser's regional variant of the language, if it has one. */
  readonly locale: string;
  readonly plurals: Intl.PluralRules;
  readonly numbers: Intl.NumberFormat;

  constructor(readonly language: Language) {
    this.locale = navigator.languages.find((it) => it.split("-")[0] === language) ?? language;
    this.plurals = new Intl.PluralRules(this.locale);
    this.numbers = new Intl.NumberFormat(this.locale);
  }
}

const formats = new Map<Language, Formats>();
let current = formatsOf("en");

function formatsOf(language: Language): Formats {
  const found = formats.get(language) ?? new Formats(language);
  formats.set(language, found);
  return found;
}

export const language = () => current.language;

/** The locale for dates and numbers. */
export const currentLocale = () => current.locale;

/** Changes the language of all messages that are made from now on. */
export function setLanguage(chosen: Language): void {
  if (chosen !== current.language) current = formatsOf(chosen);
}

/** Returns the first language of the browser that there are messages in. */
export const browserLanguage = (): Language => navigator.languages.map(languageOf).find((it) => it !== undefined) ?? "en";

/** Returns the language of a tag such as `de-CH`, if there are messages in it. */
export function languageOf(tag: string): Language | undefined {
  const primary = tag.split("-")[0]?.toLowerCase() ?? "";
  return Object.hasOwn(MESSAGES, primary) ? (primary as Language) : undefined;
}

/** Returns a message with its parameters. Texts of callers among them have to be `isolated`. */
export function t(key: Key, parameters: Record<string, string | number> = {}): string {
  let message = MESSAGES[current.language][key] ?? key;
  if (typeof message !== "string") {
    message = current.plurals.select(Number(parameters["n"])) === "one" ? message.one : message.other;
  }
  return message.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = parameters[name];
    return typeof value === "number" ? number(value) : (value ?? "");
  });
}

export const number = (value: number) => current.numbers.format(value);

/** Returns the key if there is such a message: for names that come from the service. */
export const known = (key: string): Key | undefined => (Object.hasOwn(MESSAGES.en, key) ? (key as Key) : undefined);
