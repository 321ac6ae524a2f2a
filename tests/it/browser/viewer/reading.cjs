"use strict";
// Reads a history as people do: from a question about a record to its document, and to its state on a day.

const assert = require("node:assert/strict");
const { existsSync, readdirSync, readFileSync, rmSync } = require("node:fs");
const path = require("node:path");
const { drive } = require("./chromium.cjs");
const { AGENT, event, field, Service, SYSTEM } = require("./service.cjs");

const OTHERS = 120;
// A PNG of one red pixel.
const PNG = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==", "base64");

async function tell(service) {
  const text = Buffer.from("The parties agree that every event is kept.\n");
  const [contract, scan] = [await service.upload("Contract.txt", "text/plain", text), await service.upload("Scan.png", "image/png", PNG)];
  const story = [
    event("2026-03-02T09:00:00Z", 1, [field("title", "Title", undefined, "Lease of the old mill"), field("amount", "Amount", undefined, 100)]),
    event("2026-03-02T09:00:05Z", 10, [{ status: "draft" }]),
    event("2026-03-02T09:00:09Z", 2, [{ id: 7, name: "Ada Lovelace" }]),
    event("2026-03-04T14:10:00.123456Z", 7, [field("amount", "Amount", 100, 120.5), field("title", "Title", "Lease of the old mill", "Lease of the new mill"), field("tags", "Tags", ["rent", "old"], ["rent", "new"])], AGENT),
    event("2026-03-04T14:10:20Z", 9, [{ file_id: contract, name: "Contract.txt" }], AGENT),
    event("2026-03-05T08:00:00Z", 7, [field("status", "Status", "draft", "final"), field("big", "Large number", 9007199254740993, 0)]),
    event("2026-03-05T08:30:00Z", 9, [{ file_id: scan, name: "Scan.png" }]),
  ];
  // Digits that JavaScript would lose.
  const exact = JSON.stringify(story).replace('"new":120.5', '"new":120.50').replace("9007199254740992", "9007199254740993");
  const headers = { "X-API-Key": service.key, "X-Client-Id": service.clientId };
  const response = await fetch(`${service.url}/api/events`, { method: "POST", headers, body: exact });
  assert.equal((await response.json()).stored, story.length);
  const others = Array.from({ length: OTHERS }, (_, index) =>
    event(new Date(Date.UTC(2026, 1, 1) + index * 600_000).toISOString(), 7, [field("count", "Count", index, index + 1)], { record_id: 1000 + (index % 50), ...(index % 3 ? SYSTEM : {}) }),
  );
  await service.send(others);
  return { story, contract, scan };
}

drive(async (browser, scene) => {
  const service = new Service(scene);
  const { story, scan } = await tell(service);
  const page = await browser.page();

  // Signing in says what is wrong, and keeps nothing of it in the address.
  await page.open(`${scene.url}/ui`);
  await page.sees("See what happened to every record.");
  await page.screenshot("sign-in");
  await page.audit("signing in");
  await page.signIn("tenant", { clientId: scene.clientId, secret: "wrong" });
  await page.sees("does not know this client id");
  await page.fill("secret", scene.secret);
  await page.click("button.primary", "Sign in");
  await page.sees(`${OTHERS + story.length} events`);
  assert.equal(await page.run("location.href"), `${scene.url}/ui/`);

  // The newest comes first.
  await page.sees("Contract assistant changed Amount, Title and Tags");
  await page.until("find('.live')?.textContent === 'Live'", "the stream");
  await page.screenshot("history");
  await page.audit("the history");
  const first = await page.run("all('a[data-id]')[0].dataset.id");
  assert.equal(first, story.at(-1).event_id);

  // What arrives waits behind a bar, and nothing moves until the reader wants it.
  await page.run("scrollTo(0, 600)");
  const place = () => page.run("(() => { const it = all('a[data-id]').find((row) => row.getBoundingClientRect().top > 100); return [it.dataset.id, Math.round(it.getBoundingClientRect().top)]; })()");
  await page.until("all('a[data-id]').some((it) => { const { top } = it.getBoundingClientRect(); return top > 100 && top < innerHeight; })", "the rows at this place");
  const before = await place();
  const fresh = [event(new Date().toISOString(), 1, []), event(new Date().toISOString(), 7, [field("amount", "Amount", 1, 2)], AGENT)];
  await service.send([...fresh, event("2026-02-01T00:05:00Z", 8, [])]);
  await page.sees("3 new events");
  assert.deepEqual(await place(), before);
  await page.click("button.primary", "new events");
  await page.until(`all("a[data-id]").some((it) => it.dataset.id === ${JSON.stringify(fresh[0].event_id)}) && scrollY === 0`, "the new events at the top");

  // Filters are chips and part of the address.
  await page.click("button[aria-pressed]", "AI agent");
  await page.sees("By: AI agent");
  await page.until("all('a[data-id]').length === 3", "the events of agents");
  assert.ok((await page.run("location.hash")).includes("source_type_id=3"));
  await page.fill("q", "mill");
  await page.press("Enter");
  await page.until("all('a[data-id]').length === 1", "the event with the word");
  await page.screenshot("filtered");
  const link = await page.run("location.href");
  await page.click(".chip", "By: AI agent");
  await page.until("all('a[data-id]').length === 2", "both events with the word");
  await page.open("about:blank");
  await page.open(link);
  await page.until("all('a[data-id]').length === 1 && all('.chip').length === 2", "what the link shows");

  // Filters that are kept under a name are there again, for this tenant alone.
  await page.click("button", "Views");
  await page.fill("name", "Mill <b>");
  await page.press("Enter");
  await page.until("find('li a', 'Mill <b>')", "the view");
  await page.audit("views that are kept");
  await page.press("Escape");
  await page.click("button", "Clear all");
  await page.until("all('.chip').length === 0", "no filters");
  await page.click("button", "Views");
  await page.click("li a", "Mill <b>");
  await page.until("all('a[data-id]').length === 1 && all('.chip').length === 2", "what the view shows");
  assert.deepEqual(await page.run("JSON.parse(localStorage['event-history.views'])"), { [scene.clientId]: [{ name: "Mill <b>", query: "q=mill&source_type_id=3" }] });

  // What is shown can be taken along.
  const downloads = path.join(process.env.HOME, "downloads");
  await browser.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: downloads });
  await page.click("button", "Export");
  await page.click("button", "For spreadsheets");
  const saved = path.join(downloads, "history.csv");
  for (const deadline = Date.now() + 30_000; !existsSync(saved); ) {
    assert.ok(Date.now() < deadline, "no file was saved");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const lines = readFileSync(saved, "utf8").trim().split("\r\n");
  assert.deepEqual([lines.length, lines[0].split(",")[0]], [2, "event_id"]);
  assert.ok(lines[1].startsWith(story[3].event_id), lines[1]);
  await page.press("Escape");

  // A range of the histogram is a filter too.
  await page.click("button", "Clear all");
  await page.until("find('rect.bar') && all('a[data-id]').length > 10", "the histogram");
  await page.drag("svg[role=application]", 0.05, 0.2);
  await page.until("location.hash.includes('event_time_from') && all('.chip').length === 2", "the range as a filter");
  await page.run("location.hash = '#/history'");
  await page.until("all('a[data-id]').length > 10 && all('.chip').length === 0", "all events");

  // One event beside the list, with every digit.
  await page.run(`location.hash = "#/history?event=${story[3].event_id}"`);
  await page.sees("120.50");
  await page.sees("+20.5");
  await page.sees("2026-03-04 14:10:00.123456 UTC");
  await page.sees("Before and after on this record");
  await page.screenshot("event-panel");
  await page.audit("an event beside the history");
  assert.ok(await page.run(`all("eh-long-text[code]").some((it) => it.text.includes('"new": 120.50'))`));
  await page.press("Escape");
  await page.until("!location.hash.includes('event=')", "the closed panel");

  // The record: its story, its state, and its state before.
  await page.fill("record", "42");
  await page.press("Enter");
  await page.sees("What happened");
  await page.sees("Contract assistant changed Amount, Title and Tags, generated Contract.txt");
  await page.until("find('.pill.status')?.textContent.trim() === 'final'", "the status of now");
  await page.screenshot("record");
  await page.run(`location.hash = "#/records/42?at=2026-03-03T00:00:00Z"`);
  await page.sees("differences from now");
  await page.until("find('div.status')?.textContent.trim() === 'draft'", "the status of then");
  await page.sees("120.50");
  await page.screenshot("record-then");
  await page.audit("a record as it was");
  await page.click("button[aria-label='Next change']");
  await page.until("location.hash.includes('at=2026-03-04T14%3A10%3A00.123456Z')", "the next change");
  await page.click("button[aria-label='Previous change']");
  await page.until("location.hash.includes('at=2026-03-02T09%3A00%3A09Z')", "the change before");

  // Documents: previewed, compared with their record, and missed.
  await page.run(`location.hash = "#/events/${story[4].event_id}"`);
  await page.sees("Storage still has the file that was recorded with this event.");
  await page.sees("The parties agree that every event is kept.");
  await page.sees("it is the recorded one");
  await page.screenshot("document-text");
  await page.audit("an event with a document");
  await page.run(`location.hash = "#/events/${story[6].event_id}"`);
  await page.until("find('img')?.naturalWidth === 1", "the image");
  removeFile(scene.files, scan);
  await page.run(`location.hash = "#/events/${story[5].event_id}"`);
  await page.sees("9007199254740993");
  await page.run(`location.hash = "#/events/${story[6].event_id}"`);
  await page.sees("Storage no longer has this file.");
  await page.screenshot("document-missing");
  await page.audit("a document that is missing");

  // Small, dark, and in German.
  await page.look(390, 800, "dark");
  await page.run("location.hash = '#/history'");
  await page.sees("History");
  await page.screenshot("history-small-dark");
  assert.equal(await page.run("document.documentElement.scrollWidth <= innerWidth"), true, "wider than the screen");
  await page.run("location.hash = '#/records/42'");
  await page.sees("What happened");
  await page.until("find('.pill.status')", "the record");
  await page.screenshot("record-small-dark");
  assert.equal(await page.run("document.documentElement.scrollWidth <= innerWidth"), true, "wider than the screen");
  await page.look(1280, 860, "dark");
  await page.run("location.hash = '#/history'");
  await page.until("all('a[data-id]').length > 10", "the list");
  await page.screenshot("history-dark");
  await page.run("scrollTo(0, 0)");
  await page.click("button[title=Settings]");
  await page.run(`(() => { const it = find(".settings select"); it.value = "de"; it.dispatchEvent(new Event("change")); })()`);
  await page.sees("Historie");
  await page.sees("änderte Amount, Title und Tags");
  await page.screenshot("history-german");
  await page.run("location.hash = '#/records/42'");
  await page.sees("Was geschah");
  await page.screenshot("record-german-dark");

  assert.deepEqual(page.problems, []);
  assert.deepEqual(await page.run("violations"), []);
  assert.deepEqual([...page.origins], [scene.url]);
  assert.equal(await page.run("JSON.stringify(localStorage).includes('client') || location.href.includes('secret')"), false);
});

/** Removes a file from the embedded storage, behind its back. */
function removeFile(folder, id) {
  const hit = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((it) => it.isFile() && containsId(path.join(it.parentPath, it.name), id));
  assert.equal(hit.length, 1, "the file in the storage");
  rmSync(path.join(hit[0].parentPath, hit[0].name));
}

function containsId(file, id) {
  return readFileSync(file).includes(id);
}
