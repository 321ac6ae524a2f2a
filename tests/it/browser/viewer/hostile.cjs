"use strict";
// Events that attack whoever looks at them: all of it is text, and nothing of it runs.

const assert = require("node:assert/strict");
const { drive } = require("./chromium.cjs");
const { event, field, Service } = require("./service.cjs");

const SCRIPT = `"'><img src=x onerror=alert(1)><script>alert(2)</script><svg onload=alert(3)>\${alert(4)}{{alert(5)}}javascript:alert(6)`;
const TURNED = "invoice\u202efdp.exe\u2066\u0000\u2028";
const LONG = "long".repeat(250_000);

const deep = (levels) => Array.from({ length: levels }).reduce((inner) => ({ [SCRIPT.slice(0, 40)]: [inner] }), "bottom");

drive(async (browser, scene) => {
  const service = new Service(scene);
  const html = Buffer.from(`<script>alert(7)</script>${SCRIPT}`);
  const page = Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(8)"><script>alert(9)</script></svg>`);
  const files = [await service.upload(`${SCRIPT.slice(0, 60)}.html`, "text/html", html), await service.upload(`${TURNED}.svg`.replace(/[\u0000\u2028]/g, ""), "image/svg+xml", page)];
  const png = await service.upload("not.png", "image/png", html);
  const pdf = await service.upload("not.pdf", "application/pdf", html);
  const source = { source_name: SCRIPT + TURNED, source_info: SCRIPT + TURNED };
  const events = [
    event("2026-03-01T00:00:00Z", 7, [field(SCRIPT, SCRIPT, SCRIPT, TURNED), field("__proto__", "constructor", { __proto__: 1, [SCRIPT]: 1 }, { [SCRIPT]: SCRIPT })], source),
    event("2026-03-01T00:00:01Z", 9, [{ file_id: files[0], name: SCRIPT }], { ...source, file_ids: [...files.slice(1), png, pdf] }),
    event("2026-03-01T00:00:02Z", 3, [{ id: SCRIPT, name: TURNED }], source),
    event("2026-03-01T00:00:03Z", 10, [{ status: SCRIPT }], source),
    event("2026-03-01T00:00:04Z", 77, [SCRIPT, null, true, 1e300, [[]], {}, deep(60)], source),
    event("2026-03-01T00:00:05Z", 7, [field("long", "Long", "", LONG)], { source_name: "x".repeat(2000), source_type_id: 99 }),
    event("2026-03-01T00:00:06Z", 7, [field("mixed", "Mixed", 1, "1"), field("same", "Same", [1, { a: 1 }], [{ a: 1 }, 1])], { source_name: "עברית \u200f(abc) ﷽" }),
  ];
  await service.send(events);

  const tab = await browser.page();
  await tab.open(`${scene.url}/ui/#/history`);
  await tab.signIn("key", { key: scene.key, clientId: scene.clientId });
  await tab.until(`all("a[data-id]").length === ${events.length}`, "all events");
  await tab.sees("onerror=alert(1)");
  await tab.sees("\u2039U+202E\u203afdp.exe");
  await tab.screenshot("hostile-history");
  for (const [index, it] of events.entries()) {
    await tab.run(`location.hash = "#/events/${it.event_id}"`);
    await tab.until(`find("dl.facts")?.textContent.includes("${it.event_id}")`, `event ${index}`);
    await tab.until("!all('button').some((it) => it.textContent.includes('Checking'))", "the checks of its files");
    if (index === 1) {
      // Pages and drawings are shown as their source.
      await tab.until("all('div.preview').length === 3", "the previews");
      await tab.sees("<script>alert(7)</script>");
      await tab.sees("<script>alert(9)</script>");
      await tab.sees("cannot show this file");
    }
    await tab.screenshot(`hostile-${index}`);
    assert.equal(await tab.run("document.documentElement.scrollWidth <= innerWidth"), true, `event ${index} is wider than the screen`);
  }
  // A megabyte is there, a piece at a time.
  await tab.run(`location.hash = "#/events/${events[5].event_id}"`);
  await tab.click("button.link", "more characters");
  await tab.until("all('pre').some((it) => it.textContent.length > 90_000)", "more of the text");
  await tab.run("location.hash = '#/records/42'");
  await tab.until("find('eh-record-state') && find('.act')", "the record");
  await tab.sees("onerror=alert(1)");
  await tab.screenshot("hostile-record");
  await tab.run("location.hash = '#/records/42?at=2026-03-01T00%3A00%3A01Z'");
  await tab.sees("from now");
  assert.equal(await tab.run("document.documentElement.scrollWidth <= innerWidth"), true, "the record is wider than the screen");

  // Links too are what somebody else wrote.
  for (const hash of ["#/history?q=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E&record_id=%22%3E%3Cb%3E", "#/records/%3Cscript%3E", "#/events/javascript:alert(1)", "#/history?event=%3Cimg%3E", "#/records/42?at=%3Csvg%3E"]) {
    await tab.run(`location.hash = ${JSON.stringify(hash)}`);
    await tab.until("all('eh-history, eh-record, eh-event').some(isShown)", hash);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.deepEqual(await tab.run("ran"), []);
  assert.deepEqual(await tab.run("violations"), []);
  assert.deepEqual(tab.problems, []);
  assert.deepEqual([...tab.origins], [scene.url]);
});
