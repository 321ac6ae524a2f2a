/** JSON as it was sent: numbers keep their digits, which those of JavaScript lose (`120.50`, 64-bit ids). */

import { escaped } from "../text/plain";

/** A number whose text is not what JavaScript makes of it. */
export class ExactNumber {
  constructor(readonly source: string) {}

  toString(): string {
    return this.source;
  }
}

export type Json = null | boolean | number | string | ExactNumber | Json[] | { [name: string]: Json };

type Reviver = (key: string, value: unknown, context?: { source?: string }) => unknown;

const exact: Reviver = (_, value, context) =>
  typeof value === "number" && context?.source !== undefined && String(value) !== context.source
    ? new ExactNumber(context.source)
    : value;

/** Parses JSON. Browsers without `context.source` lose digits that a double does not have. */
export function parse(text: string): unknown {
  return JSON.parse(text, exact as (key: string, value: unknown) => unknown);
}

export const isNumber = (value: unknown): value is number | ExactNumber =>
  typeof value === "number" || value instanceof ExactNumber;

export const isObject = (value: unknown): value is { [name: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);

/** Returns readable JSON that means the same. Depth is limited by what the service stores (127 levels). */
export function pretty(value: Json, indent = ""): string {
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    return `[\n${value.map((it) => inner + pretty(it, inner)).join(",\n")}\n${indent}]`;
  }
  if (isObject(value)) {
    const members = Object.entries(value);
    if (members.length === 0) return "{}";
    const lines = members.map(([name, it]) => `${inner}${text(name)}: ${pretty(it, inner)}`);
    return `{\n${lines.join(",\n")}\n${indent}}`;
  }
  return scalar(value);
}

/** Returns JSON on one line, cut off behind about `max` characters. */
export function compact(value: Json, max = 200): string {
  let out = "";
  const write = (it: Json): void => {
    if (out.length > max) return;
    if (Array.isArray(it)) list("[", it.map((item) => ["", item]), "]");
    else if (isObject(it)) list("{", Object.entries(it).map(([name, item]) => [`${text(name)}: `, item]), "}");
    else out += scalar(typeof it === "string" ? it.slice(0, max + 1) : it);
  };
  const list = (open: string, items: [string, Json][], close: string): void => {
    out += open;
    for (const [index, [name, item]] of items.entries()) {
      if (out.length > max) return;
      out += `${index > 0 ? ", " : ""}${name}`;
      write(item);
    }
    out += close;
  };
  write(value);
  return out.length > max ? `${out.slice(0, max)}…` : out;
}

/** Compares by value, as the service does for events: members in any order, numbers as doubles. */
export function same(one: Json, other: Json): boolean {
  if (isNumber(one) && isNumber(other)) return String(one) === String(other) || Number(one) === Number(other);
  if (Array.isArray(one) && Array.isArray(other))
    return one.length === other.length && one.every((it, index) => same(it, other[index] ?? null));
  if (isObject(one) && isObject(other)) {
    const names = Object.keys(one);
    return (
      names.length === Object.keys(other).length &&
      names.every((name) => Object.hasOwn(other, name) && same(one[name] ?? null, other[name] ?? null))
    );
  }
  return one === other;
}

function scalar(value: Json): string {
  return value instanceof ExactNumber ? value.source : escaped(JSON.stringify(value));
}

const text = (value: string) => escaped(JSON.stringify(value));
