"use strict";
// A product with the elements in its pages: they show the history, look like themselves, and leave the page as it is.

const assert = require("node:assert/strict");
const { drive } = require("./chromium.cjs");
const { event, field, Service } = require("./service.cjs");

/** Keeps what the elements tell the page. */
const LISTEN = `
  Object.assign(window, { opened: [], needed: [], prevents: false });
  addEventListener("event-history-open", (it) => { opened.push(it.detail); if (prevents) it.preventDefault(); });
  addEventListener("event-history-token-needed", (it) => needed.push(it.detail), true);
`;

const style = (element, ...names) => `(() => { const it = getComputedStyle(${element}); return ${JSON.stringify(names)}.map((name) => it[name]); })()`;

async function inPlainHtml(page, scene, { changed, generated, file, expired, good }) {
  await page.open(`${scene.page}/`);
  await page.sees("Ada Lovelace changed Amount");
  await page.until("find('.pill.status')?.textContent.trim() === 'draft'", "the state of the record");
  await page.screenshot("embedded");
  await page.audit("a page with elements");

  // Nothing of the page reaches the elements, other than what they ask for; nothing of theirs reaches the page.
  const names = ["color", "letterSpacing", "textTransform", "fontSize", "lineHeight", "outlineStyle"];
  const plain = ["rgb(27, 29, 35)", "normal", "none", "14px", "20.3px", "none"];
  assert.deepEqual(await page.run(style("find('event-history-timeline a[data-id], a[data-id]')", ...names)), plain);
  assert.deepEqual(await page.run(style("all('eh-history-list')[0].closest('.card')", "backgroundColor", "borderRadius")), ["rgb(255, 255, 255)", "12px"]);
  const ours = "document.querySelector('event-history-record').shadowRoot";
  assert.deepEqual(await page.run(style(`all('h1', ${ours})[0]`, "textDecorationLine")), ["underline"]);
  assert.deepEqual(await page.run(style(`all('.pill.status', ${ours})[0]`, "color", "fontFamily")), ["rgb(140, 30, 140)", "Georgia, serif"]);
  assert.deepEqual(await page.run(style("document.querySelector('h1')", "color", "fontSize", "letterSpacing")), ["rgb(90, 20, 90)", "28px", "1px"]);
  assert.deepEqual(await page.run("[document.styleSheets.length, document.adoptedStyleSheets.length, document.documentElement.lang, location.hash]"), [1, 0, "en", ""]);

  // A click is an event of the page, which may show it itself.
  await page.run("prevents = true");
  await page.click("a[data-id]", "changed Amount");
  await page.until("opened.length === 1", "what was clicked");
  await page.run("prevents = false");
  await page.click("a[data-id]", "generated Contract.txt");
  await page.sees("Before and after on this record");
  await page.sees("The parties agree.");
  const both = [changed, generated].map((it) => ({ event: it.event_id, record: "42", file: null }));
  assert.deepEqual(await page.run("opened"), both);
  await page.run("prevents = true");
  await page.click("button", "Download");
  await page.until("opened.length === 3", "the click on a file");
  assert.deepEqual(await page.run("opened[2]"), { event: generated.event_id, record: "42", file });
  await page.click("button.back");
  await page.until(`focused()?.dataset.id === "${generated.event_id}"`, "the focus back on the row");

  // Before a token ends, the page gives the next one; one that is refused says so, until there is another.
  await page.until("needed.filter((it) => it.reason === 'expiring').length >= 2", "the page being asked in time");
  const element = "document.querySelector('event-history-event')";
  await page.run(`(() => {
    const it = document.createElement("event-history-event");
    it.setAttribute("event-id", "${changed.event_id}");
    it.lang = "de";
    it.token = "${expired}";
    window.refused = [];
    it.addEventListener("event-history-token-needed", (event) => { event.stopPropagation(); refused.push(event.detail); });
    document.querySelector("main").append(it);
  })()`);
  await page.sees("Das Lese-Token dieser Seite wird nicht angenommen. Der Dienst sagt: The view token has expired.");
  await page.until("refused.length > 0", "the page being asked for another");
  assert.deepEqual(await page.run("refused[0]"), { reason: "refused", message: "The view token has expired." });
  assert.equal(await page.run(`all("article", ${element}.shadowRoot).length`), 0);
  await page.run(`${element}.token = "${good}"`);
  await page.until(`all("dl.facts", ${element}.shadowRoot)[0]?.textContent.includes("${changed.event_id}")`, "the event, with the new token");
  // Each element speaks its own language.
  assert.ok((await page.run(`all("article", ${element}.shadowRoot)[0].textContent`)).includes("Felder geändert"));
  await page.sees("Ada Lovelace changed Amount");
  await page.audit("an element in another language");
  await page.run(`${element}.setAttribute("theme", "dark")`);
  assert.deepEqual(await page.run(style(`all(".embedded", ${element}.shadowRoot)[0]`, "colorScheme", "color")), ["dark", "rgb(232, 234, 240)"]);
}

drive(async (browser, scene) => {
  const service = new Service(scene);
  const mint = async (expires_in) => (await service.call("POST", "/api/view-tokens", { record_id: 42, expires_in })).token;
  const expired = await mint(1);
  const file = await service.upload("Contract.txt", "text/plain", Buffer.from("The parties agree.\n"));
  const changed = event("2026-03-04T14:10:00Z", 7, [field("amount", "Amount", 100, 120)]);
  const generated = event("2026-03-05T08:00:00Z", 9, [{ file_id: file, name: "Contract.txt" }]);
  await service.send([
    event("2026-03-02T09:00:00Z", 1, [field("amount", "Amount", undefined, 100)]),
    event("2026-03-02T09:00:05Z", 10, [{ status: "draft" }]),
    changed,
    generated,
    event("2026-03-06T08:00:00Z", 7, [field("title", "Title", "Old", "New")], { record_id: 43 }),
  ]);

  const page = await browser.page(1280, 860, "light", LISTEN);
  await inPlainHtml(page, scene, { changed, generated, file, expired, good: await mint(600) });

  // React passes properties and listeners, and what it shows changes with them.
  await page.open(`${scene.page}/react/`);
  await page.click("a[data-id]", "changed Amount");
  await page.sees(`Event ${changed.event_id} was opened.`);
  assert.equal(await page.run("all('eh-event').length"), 0);
  await page.click("button", "Next contract");
  await page.sees("Ada Lovelace changed Title");
  await page.screenshot("embedded-react");

  // A frame without an origin.
  await page.open(`${scene.page}/sandboxed.html`);
  const frame = await page.frame();
  await frame.sees("Ada Lovelace changed Amount");
  assert.equal(await frame.run("origin"), "null");
  await page.screenshot("embedded-sandboxed");

  assert.deepEqual(page.problems, []);
  assert.deepEqual(await page.run("violations"), []);
  assert.deepEqual([...page.origins].sort(), [scene.page, scene.url].sort());
});
