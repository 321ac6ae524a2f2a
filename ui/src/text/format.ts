/** Times and sizes, as people read them. */

import { currentLocale, number, t } from "./i18n";

const formats = new Map<string, Intl.DateTimeFormat>();

function format(name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${currentLocale()} ${name}`;
  let found = formats.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat(currentLocale(), options);
    formats.set(key, found);
  }
  return found;
}

/** Returns an instant in the form in which it sorts as text: with six digits of the second. */
export function sortable(time: string): string {
  const [whole = "", fraction = ""] = time.replace("Z", "").split(".");
  return `${whole}.${fraction.padEnd(6, "0")}`;
}

export const local = (time: string | Date) =>
  format("local", { dateStyle: "medium", timeStyle: "medium" }).format(new Date(time));

export const clockTime = (time: string) =>
  format("clock", { timeStyle: "medium" }).format(new Date(time));

export const day = (time: string | Date) =>
  format("day", { weekday: "long", day: "numeric", month: "long", year: "numeric" }).format(new Date(time));

export const date = (time: string | Date) => format("date", { dateStyle: "medium" }).format(new Date(time));

/** Returns the local day of an instant, as a key. */
export function dayKey(time: string): string {
  const it = new Date(time);
  return `${it.getFullYear()}-${it.getMonth()}-${it.getDate()}`;
}

/** Returns the instant in UTC, with all digits that it has. */
export const utc = (time: string) => `${time.replace("T", " ").replace("Z", "")} UTC`;

const HOUR_MS = 3_600_000;

/** Returns how long ago it was, or `undefined` for what is not within the last 24 hours. */
export function ago(time: string, now = Date.now()): string | undefined {
  const passed = now - Date.parse(time);
  if (!(passed > -5000 && passed < 24 * HOUR_MS)) return undefined;
  if (passed < 60_000) return t("time.now");
  const style = new Intl.RelativeTimeFormat(currentLocale(), { numeric: "always" });
  return passed < HOUR_MS
    ? style.format(-Math.floor(passed / 60_000), "minute")
    : style.format(-Math.floor(passed / HOUR_MS), "hour");
}

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

export function size(bytes: number): string {
  if (bytes < 1000) return t("size.bytes", { n: bytes });
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < UNITS.length - 1) [value, unit] = [value / 1000, unit + 1];
  const style = { style: "unit", unit: UNITS[unit], maximumSignificantDigits: 3 } as const;
  return new Intl.NumberFormat(currentLocale(), style).format(value);
}

/** Returns both the handy size and the exact one. */
export const exactSize = (bytes: number) =>
  bytes < 1000 ? size(bytes) : `${size(bytes)} (${t("size.bytes", { n: bytes })})`;

/** Returns the value of an `<input type="datetime-local">` for an instant: local time, to the second. */
export function toInput(time: string): string {
  const it = new Date(time);
  if (Number.isNaN(it.getTime())) return "";
  const two = (part: number) => String(part).padStart(2, "0");
  const days = `${String(it.getFullYear()).padStart(4, "0")}-${two(it.getMonth() + 1)}-${two(it.getDate())}`;
  return `${days}T${two(it.getHours())}:${two(it.getMinutes())}:${two(it.getSeconds())}`;
}

/** Returns the instant of the value of such an input, or `undefined` if it is none. */
export function fromInput(value: string): string | undefined {
  const it = new Date(value);
  return Number.isNaN(it.getTime()) ? undefined : it.toISOString();
}

export { number };
