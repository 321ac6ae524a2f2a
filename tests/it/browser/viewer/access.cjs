"use strict";
// Without a mouse, with a key that ends meanwhile, and with a service that goes away.

const assert = require("node:assert/strict");
const { drive } = require("./chromium.cjs");
const { event, field, Service } = require("./service.cjs");

drive(async (browser, scene) => {
  const service = new Service(scene);
  await service.send(Array.from({ length: 30 }, (_, index) => event(`2026-03-01T00:00:${String(index).padStart(2, "0")}Z`, 7, [field("amount", "Amount", index, index + 1)], { record_id: index % 2 ? 42 : 43 })));
  const made = await service.call("POST", "/api/keys", { name: "viewer", scopes: ["read"], client_id: scene.clientId });
  const writing = await service.call("POST", "/api/keys", { name: "sender", scopes: ["write"] });
  const reading = await service.call("POST", "/api/keys", { name: "reader", scopes: ["read"] });
  const page = await browser.page();
  await page.open(`${scene.url}/ui/#/history?record_id=42`);

  // What cannot read says so, and what is for several tenants asks which.
  await page.signIn("key", { key: writing.key, clientId: scene.clientId });
  await page.sees("lack the scope");
  await page.fill("key", reading.key);
  await page.fill("clientId", " ");
  await page.click("button.primary", "Sign in");
  await page.sees("enter the client id");

  // By keys alone: sign in, choose a row, open and close its event.
  await page.run("find('input[name=key]').select()");
  await page.fill("key", made.key);
  await page.press("Enter");
  await page.until("all('a[data-id]').length === 15", "the events of the record");
  await page.tabTo("a[data-id]");
  for (const key of ["ArrowDown", "j", "ArrowUp"]) await page.press(key);
  const chosen = await page.until("focused().dataset.index === '1' && focused().dataset.id", "the second row");
  await page.press("Enter");
  await page.until(`find("dl.facts")?.textContent.includes("${chosen}")`, "the event");
  await page.until("focused()?.localName === 'h1'", "the focus in the panel");
  await page.press("Escape");
  await page.until(`!find("eh-event") && focused()?.dataset.id === "${chosen}"`, "the focus back on the row");
  await page.press("End");
  await page.until("focused().dataset.index === '14'", "the last row");
  await page.run("scrollTo(0, 0)");
  await page.tabTo("svg[role=application]");
  await page.press("ArrowRight");
  await page.press("Enter");
  await page.until("location.hash.includes('event_time_to')", "the time that was chosen by keys");

  // The session survives loading the page again, not the end of its key.
  await page.run("location.hash = '#/history?record_id=42'");
  await page.run("window.isOld = true");
  await page.send("Page.reload");
  await page.until("!window.isOld && all('a[data-id]').length === 15", "the events after loading again");
  await service.call("DELETE", `/api/keys/${made.id}`);
  await page.run("location.hash = '#/records/43'");
  await page.sees("You were signed out");
  await page.screenshot("expired");
  assert.equal(await page.run("sessionStorage.length"), 0);
  const again = await service.call("POST", "/api/keys", { name: "again", scopes: ["read"], client_id: scene.clientId });
  await page.signIn("key", { key: again.key });
  await page.sees("Record 43");
  await page.until("find('.act')", "the record that was asked for");

  // A view token of one record opens at it, shows no other, and says when it has ended.
  await page.click("button[title=Settings]");
  await page.click("button", "Sign out");
  await page.sees("See what happened to every record.");
  await page.open("about:blank");
  await page.open(`${scene.url}/ui`);
  const { token } = await service.call("POST", "/api/view-tokens", { record_id: 43, expires_in: 6 });
  await page.signIn("token", { token });
  await page.sees("Record 43");
  await page.until("find('.act')", "the record of the token");
  await page.run("location.hash = '#/records/42'");
  await page.sees("Nothing is known of this record");
  await page.run("location.hash = '#/history'");
  await page.sees("15 events");
  assert.equal((await page.run("location.href + JSON.stringify(localStorage)")).includes(token), false);
  await page.sees("The view token has expired.");
  await page.signIn("token", { token });
  await page.sees("Get a new one where you got this one.");
  await page.signIn("key", { key: again.key });
  await page.sees("30 events");

  // Offline it says so, and recovers by itself.
  await page.send("Network.emulateNetworkConditions", { offline: true, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  await page.sees("You are offline.");
  await page.run("location.hash = '#/history?record_id=42'");
  await page.sees("Try again");
  await page.screenshot("offline");
  await page.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  await page.sees("15 events");
  await page.until("all('a[data-id]').length > 10 && find('.live.on')", "the events, once it is online");
  assert.deepEqual(await page.run("violations"), []);
});
