"use strict";
// Uses the page as a person would, and says what it found.

// So much that even a fast machine reports progress before the end, which browsers do every 50 ms.
const BYTES = 100_000_000;

function noise(length) {
  const bytes = new Uint8Array(length);
  // The most that it fills at once.
  for (let at = 0; at < length; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
  return bytes;
}

function same(one, other) {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

async function drive() {
  const found = {};
  const bytes = noise(BYTES);
  for (const way of ["put", "form"]) {
    const seen = [];
    const bar = at("progress");
    const observer = new MutationObserver(() => seen.push(bar.value));
    observer.observe(bar, { attributes: true });
    await submit(way, new File([bytes], "Übersicht 1.pdf", { type: "application/pdf" }));
    observer.disconnect();
    const href = at("done").querySelector("a")?.href;
    const answer = href && await fetch(href);
    found[way] = {
      failed: at("failed").textContent,
      between: seen.filter((value) => value > 0 && value < 1).length,
      last: seen.at(-1),
      same: Boolean(answer) && same(bytes, new Uint8Array(await answer.arrayBuffer())),
    };
    // More than a second after the permission was given, whatever part of a second that was in.
    const late = () => new Promise((resolve) => setTimeout(resolve, 2500));
    await submit(way, new File([bytes.subarray(0, 1000)], "late.txt"), { expires_in: 1 }, late);
    found[way].late = at("failed").textContent;
    found[way].link = at("done").textContent;
  }
  const nowhere = () => send("PUT", "http://127.0.0.1:1/", {}, "x", () => {});
  found.network = await nowhere().catch((error) => error.message);
  found.clear = { EXPIRED, NETWORK };
  return found;
}

drive()
  .catch((error) => ({ error: String(error.stack ?? error) }))
  .then((found) => {
    const headers = { "Content-Type": "application/json" };
    return fetch("/found", { method: "POST", headers, body: JSON.stringify(found) });
  });
