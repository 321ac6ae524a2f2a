"use strict";
// An administrator finds, makes and deletes a tenant, with its secret, a key, a rule and a hold.

const assert = require("node:assert/strict");
const { drive } = require("./chromium.cjs");
const { event, Service } = require("./service.cjs");

const RECORD = "9007199254740993"; // more than JavaScript's numbers hold

drive(async (browser, scene) => {
  const service = new Service(scene);
  const status = async (headers, path = "/api/history/events?limit=1") => (await fetch(scene.url + path, { headers })).status;
  const basic = (clientId, secret) => ({ Authorization: `Basic ${btoa(`${clientId}:${secret}`)}` });
  const told = (page) => page.run("all('code').map((it) => it.textContent)");
  const page = await browser.page();
  await page.open(`${scene.url}/ui`);

  // A key for all tenants needs no client id, and leads to the tenants. One is made by keys alone.
  await page.signIn("key", { key: scene.key });
  await page.sees("alx_demo");
  await page.tabTo("header button.primary");
  await page.press("Enter");
  await page.until("focused()?.name === 'name'", "the focus in the dialog");
  await page.press("Escape");
  await page.until("!find('dialog') && focused()?.textContent.includes('Create tenant')", "the focus back on the button");
  await page.press("Enter");
  await page.until("focused()?.name === 'name'", "the dialog again");
  await page.type("globex_1");
  await page.press("Tab");
  await page.type("Globex <b>Ltd</b>");
  await page.press("Enter");
  await page.sees("globex_1 was created");
  await page.sees("This is shown only once.");
  await page.until("focused()?.localName === 'h2'", "the focus on the secret");
  const [clientId, first] = await told(page);
  assert.equal(await status(basic(clientId, first)), 200);
  await page.screenshot("tenant-created");
  await page.click("button", "I have kept it");
  await page.until("!find('code')", "no secret");

  // It is found by a part of its label.
  await page.fill("q", "GLOBEX <B>");
  await page.until("all('a.line').length === 1 && location.hash.includes('q=')", "one tenant");
  await page.tabTo("a.line");
  await page.press("Enter");
  await page.sees("Newest event");
  await page.sees("Globex <b>Ltd</b>");

  await page.click("button", "Make a new secret");
  await page.run("find('select[name=overlap]').value = '0'");
  await page.click("eh-dialog button.primary");
  await page.sees("The new secret");
  const [second] = await told(page);
  assert.deepEqual([await status(basic(clientId, first)), await status(basic(clientId, second))], [401, 200]);
  await page.click("button", "I have kept it");

  await page.click("button", "Create key");
  await page.fill("name", "reports");
  await page.press("Enter");
  await page.sees("The key reports");
  const key = { "X-API-Key": (await told(page))[0] };
  assert.equal(await status(key), 200);
  await page.click("button", "I have kept it");
  const confirm = async (name) => {
    await page.fill("confirmation", name);
    await page.press("Enter");
  };
  await page.click("button", "Revoke");
  await confirm("report");
  await page.sees("That is not the name. Nothing was done.");
  assert.equal(await status(key), 200);
  await confirm("reports");
  await page.sees("There are no keys.");
  assert.equal(await status(key), 401);

  await page.click("button", "Add rule");
  await page.fill("days", "365");
  await page.press("Enter");
  await confirm("globex_1");
  await page.sees("Saved");
  const { rules } = await service.call("GET", `/api/tenants/${clientId}/retention`);
  assert.deepEqual(rules, [{ event_type_id: null, days: 365, age_from: "latest" }]);

  await page.click('input[placeholder="All records"]');
  await page.type(RECORD);
  await page.press("Tab");
  await page.type("Case 2026-17");
  await page.press("Enter");
  await page.sees(`Record ${RECORD}`);
  await page.look(390, 800, "dark");
  await page.screenshot("tenant-small-dark");
  assert.equal(await page.run("document.documentElement.scrollWidth <= innerWidth"), true, "wider than the screen");
  await page.look(1280, 860, "light");
  await page.screenshot("tenant");
  await page.audit("a tenant");
  await page.click("button.danger", "Delete tenant");
  await confirm("globex_1");
  await page.sees("is under a legal hold");
  await page.press("Escape");
  await page.click("button", "Release");
  await confirm("globex_1");
  await page.sees("There are no holds.");

  // Its history, and back; then it is deleted, which a wrong name does not do.
  await service.call("POST", "/api/events", [event("2026-03-01T00:00:00Z", 1, [])]);
  await page.click("button", "Open history");
  await page.sees("Nothing has happened yet");
  await page.run("history.back()");
  await page.until("seen().includes('There are no holds.') && seen().includes('There are no keys.') && find('.rule')", "all of the tenant");
  await page.click("button.danger", "Delete tenant");
  await confirm("globex_2");
  await page.sees("That is not the name. Nothing was done.");
  assert.equal((await service.call("GET", `/api/tenants/${clientId}`)).database_name, "globex_1");
  await confirm("globex_1");
  await page.until("all('a.line').length === 1", "the tenant that is left");
  assert.equal(await status({ "X-API-Key": scene.key }, `/api/tenants/${clientId}`), 400);

  await page.run("location.hash = '#/history'");
  await page.sees("No tenant is chosen");
  await page.run("location.hash = '#/keys'");
  await page.sees("There are no keys.");
  await page.run("location.hash = '#/service'");
  await page.sees("SQLite");
  await page.sees("Events waiting to be stored");
  await page.screenshot("service");
  await page.audit("the service");
  const kept = await page.run("location.href + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)");
  for (const secret of [first, second, key["X-API-Key"]]) assert.equal(kept.includes(secret), false);

  // Whoever may not administer is told what it needs.
  const reading = await service.call("POST", "/api/keys", { name: "reader", scopes: ["read"], client_id: scene.clientId });
  await page.click("button[title=Settings]");
  await page.click("button", "Sign out");
  await page.signIn("key", { key: reading.key });
  await page.sees("It needs an API key with the scope “admin”.");
  assert.equal(await page.run("!!find('a', 'Administration')"), false);

  assert.deepEqual(page.problems, []);
  assert.deepEqual(await page.run("violations"), []);
  assert.deepEqual([...page.origins], [scene.url]);
});
