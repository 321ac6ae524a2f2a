/** Text of callers, made fit to stand among ours: nothing in it is invisible, reorders what is around it, or has no end. */

/** Characters that act instead of being shown: controls, and those that reorder text. Source: Unicode UAX #9. */
const ACTING =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g;

const code = (char: string) => char.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");

/** Returns the text with its acting characters named: `‹U+202E›`. */
export function shown(text: string): string {
  return text.replace(ACTING, (char) => `\u2039U+${code(char)}\u203a`);
}

/** Returns JSON with its acting characters as escapes, which mean the same. */
export function escaped(json: string): string {
  return json.replace(ACTING, (char) => `\\u${code(char).toLowerCase()}`);
}

/** Returns at most `max` UTF-16 units of the text, without half a character at the end. */
export function clip(text: string, max: number): string {
  if (text.length <= max) return text;
  const last = text.charCodeAt(max - 1);
  const end = last >= 0xd800 && last < 0xdc00 ? max - 1 : max;
  return `${text.slice(0, end)}…`;
}

/** Returns the text for the middle of a sentence: short, and without an effect on the direction of what follows. */
export function isolated(text: string, max = 120): string {
  return `\u2068${shown(clip(text, max))}\u2069`;
}
