"use strict";
// Scrolls through a long history, while more of it arrives: every event once, few elements, little memory, and no jump.

const assert = require("node:assert/strict");
const { drive } = require("./chromium.cjs");
const { event, field, Service } = require("./service.cjs");

const BATCH = 10_000;
// As far as anybody scrolls.
const MAX_ROWS = 10_000;
const MAX_ROW_ELEMENTS = 60;
const MAX_HEAP_BYTES = 100_000_000;
// Less than a screen, so that no row is passed over.
const STEP_PIXELS = 700;
const LIVE_BATCHES = 10;
const LIVE_BATCH = 10;

const FRAMES = "new Promise((it) => requestAnimationFrame(() => requestAnimationFrame(it)))";

/** Keeps in the page which rows there were, and how long each frame took. */
const MEET = `
  Object.assign(window, { met: new Map(), most: 0, frames: [], tasks: [] });
  window.meet = () => {
    const rows = all("a[data-id]");
    most = Math.max(most, rows.length);
    for (const it of rows) met.set(Number(it.dataset.index), it.dataset.id);
  };
  let last = performance.now();
  requestAnimationFrame(function frame(now) {
    frames.push(Math.round(now - last));
    last = now;
    requestAnimationFrame(frame);
  });
`;
const WATCH_TASKS = `window.tasks = []; new PerformanceObserver((it) => tasks.push(...it.getEntries().map((task) => Math.round(task.duration)))).observe({ type: "longtask", buffered: true })`;
const PLACE = `(() => {
  const it = all("a[data-id]").find((row) => row.getBoundingClientRect().top > 100);
  return it.getBoundingClientRect().top < innerHeight && [it.dataset.id, Math.round(it.getBoundingClientRect().top)];
})()`;

/** Whether the rows for the whole screen are there, as far as they are loaded. */
const IS_COVERED = `(() => {
  const boxes = all("a[data-id]").map((it) => it.getBoundingClientRect());
  const lowest = Math.max(...boxes.map((it) => it.bottom));
  return boxes.some((it) => it.top < innerHeight) && (lowest >= innerHeight || !!find(".foot, .waiting"));
})()`;

const worst = (list) => [...list].sort((one, other) => other - one).slice(0, 5);

drive(async (browser, scene) => {
  const service = new Service(scene);
  const total = scene.events;
  for (let sent = 0; sent < total; sent += BATCH) {
    const count = Math.min(BATCH, total - sent);
    const at = (index) => new Date(Date.UTC(2025, 0, 1) + (sent + index) * 60_000).toISOString();
    await service.send(Array.from({ length: count }, (_, index) => event(at(index), 7, [field("count", "Count", index, index + 1), field("note", "Note", "", "x".repeat(200))], { record_id: index % 100 })));
  }
  const page = await browser.page();
  await page.open(`${scene.url}/ui`);
  await page.run(WATCH_TASKS);
  await page.signIn("tenant", { clientId: scene.clientId, secret: scene.secret });
  await page.until("all('a[data-id]').length > 10", "the first page");
  console.log("long tasks of the first page, in ms:", worst(await page.run("tasks")));
  await page.sees(`${total.toLocaleString("en")} events`);

  const rows = Math.min(total, MAX_ROWS);
  await page.run(`${MEET} meet();`);
  const begun = Date.now();
  const end = total > MAX_ROWS ? `met.has(${rows - 1})` : `find(".end") && scrollY + innerHeight >= document.documentElement.scrollHeight - 2`;
  const step = `(async () => { scrollBy(0, ${STEP_PIXELS}); do await ${FRAMES}; while (!${IS_COVERED}); meet(); return ${end}; })()`;
  for (const deadline = Date.now() + 300_000; !(await page.run(step)); ) assert.ok(Date.now() < deadline, `only ${await page.run("met.size")} rows`);
  const met = await page.run(`({ most, size: met.size, ids: new Set(met.values()).size, last: Math.max(...met.keys()) })`);
  assert.deepEqual([met.size, met.ids], [met.last + 1, met.last + 1], "each row once, and none left out");
  assert.ok(met.last + 1 >= rows, `${met.last + 1} rows`);
  assert.ok(met.most <= MAX_ROW_ELEMENTS, `${met.most} rows are elements at once`);
  await page.send("HeapProfiler.collectGarbage");
  const { usedSize } = await page.send("Runtime.getHeapUsage");
  assert.ok(usedSize < MAX_HEAP_BYTES, `${usedSize} bytes of memory`);
  console.log(`${met.size} rows in ${Date.now() - begun} ms, ${(usedSize / 1e6).toFixed(1)} MB; worst frames, in ms:`, worst(await page.run("frames")));

  await page.until("find('.live.on')", "the stream");
  await page.run("scrollTo(0, 800)");
  const before = await page.until(PLACE, "rows at this place");
  await page.run("frames.length = 0");
  for (let batch = 0; batch < LIVE_BATCHES; batch++) {
    await service.send(Array.from({ length: LIVE_BATCH }, () => event(new Date().toISOString(), 1, [])));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await page.sees(`${LIVE_BATCHES * LIVE_BATCH} new events`);
  assert.deepEqual(await page.run(PLACE), before);
  console.log("worst frames while events arrive, in ms:", worst(await page.run("frames")));
  assert.deepEqual(page.problems, []);
});
