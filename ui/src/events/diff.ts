/** Compares two texts word by word. */

export type Piece = { kind: "same" | "old" | "new"; text: string };

/** Beyond this many words the table of the comparison takes too long; the texts are then shown whole. */
const MAX_WORDS = 600;
const MAX_CHARS = 20_000;

const words = (text: string) => text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];

/** Returns the pieces of both texts in reading order, or `undefined` for texts that are too long or have too little in common. */
export function diffWords(old: string, now: string): Piece[] | undefined {
  if (old.length > MAX_CHARS || now.length > MAX_CHARS) return undefined;
  const [before, after] = [words(old), words(now)];
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let end = 0;
  while (end < before.length - start && end < after.length - start && before.at(-1 - end) === after.at(-1 - end)) end++;
  const [left, right] = [before.slice(start, before.length - end), after.slice(start, after.length - end)];
  if (left.length > MAX_WORDS || right.length > MAX_WORDS) return undefined;
  const pieces: Piece[] = [];
  push(pieces, "same", before.slice(0, start));
  align(left, right, pieces);
  push(pieces, "same", before.slice(before.length - end));
  const kept = pieces.filter((it) => it.kind === "same").reduce((sum, it) => sum + it.text.trim().length, 0);
  return kept * 3 >= Math.max(old.length, now.length) ? pieces : undefined;
}

/** Appends the longest common subsequence of both lists, and between it what only one of them has. */
function align(left: string[], right: string[], pieces: Piece[]): void {
  const width = right.length + 1;
  const lengths = new Uint16Array((left.length + 1) * width);
  for (let i = left.length - 1; i >= 0; i--)
    for (let j = right.length - 1; j >= 0; j--)
      lengths[i * width + j] =
        left[i] === right[j]
          ? (lengths[(i + 1) * width + j + 1] ?? 0) + 1
          : Math.max(lengths[(i + 1) * width + j] ?? 0, lengths[i * width + j + 1] ?? 0);
  let [i, j] = [0, 0];
  while (i < left.length && j < right.length) {
    if (left[i] === right[j]) {
      push(pieces, "same", [left[i] ?? ""]);
      i++;
      j++;
    } else if ((lengths[(i + 1) * width + j] ?? 0) >= (lengths[i * width + j + 1] ?? 0)) push(pieces, "old", [left[i++] ?? ""]);
    else push(pieces, "new", [right[j++] ?? ""]);
  }
  push(pieces, "old", left.slice(i));
  push(pieces, "new", right.slice(j));
}

function push(pieces: Piece[], kind: Piece["kind"], list: string[]): void {
  if (list.length === 0) return;
  const last = pieces.at(-1);
  if (last?.kind === kind) last.text += list.join("");
  else pieces.push({ kind, text: list.join("") });
}
