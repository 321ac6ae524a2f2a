"use strict";
// Drives Chromium by its own protocol, over a pipe: real keys and clicks, and every report of a page.

const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const { mkdirSync, readFileSync, writeFileSync } = require("node:fs");
const path = require("node:path");

// On two busy cores.
const WAIT_MS = 30_000;
const POLL_MS = 25;

const SCENE = JSON.parse(process.env.SCENE);
/** Finds what makes a page hard to use for people with disabilities. */
const AXE = readFileSync(path.join(SCENE.tools, "node_modules/axe-core/axe.min.js"), "utf8");
const AUDIT = `async (rules) => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"], ...(rules && { runOnly: rules }) });
  return violations.flatMap(({ id, nodes }) => nodes.map((it) => id + " of " + it.target.flat(9).join(" ") + ": " + it.failureSummary));
}`;

/** Runs in each page before anything else of it. */
const WATCH = `
  window.violations = [];
  addEventListener("securitypolicyviolation", (it) => violations.push(it.violatedDirective + " " + it.blockedURI + " " + it.sample));
  window.ran = [];
  window.alert = (it) => ran.push(String(it));
  // All elements that match, inside of components too.
  window.all = (selector, root = document) => {
    const found = [...root.querySelectorAll(selector)];
    for (const it of root.querySelectorAll("*")) if (it.shadowRoot) found.push(...all(selector, it.shadowRoot));
    return found;
  };
  window.isShown = (it) => it.checkVisibility({ visibilityProperty: true }) && it.getClientRects().length > 0;
  window.find = (selector, text) => all(selector).find((it) => isShown(it) && (!text || it.textContent.replace(/[\\u2068\\u2069]/g, "").includes(text)));
  // What the reader sees, without isolates.
  window.seen = () => {
    const out = [];
    const walk = (node) => {
      if (node.nodeType === 3) out.push(node.data);
      else if (node.nodeType !== 1 || (isShown(node) || getComputedStyle(node).display === "contents")) {
        if (node.localName === "style") return;
        if (node.localName === "slot") for (const it of node.assignedNodes()) walk(it);
        else for (const it of (node.shadowRoot ?? node).childNodes) walk(it);
      }
    };
    walk(document.body);
    return out.join("").replace(/[\\u2068\\u2069]/g, "").replace(/\\s+/g, " ");
  };
  window.focused = () => {
    let it = document.activeElement;
    while (it?.shadowRoot?.activeElement) it = it.shadowRoot.activeElement;
    return it;
  };
`;

class Browser {
  #process;
  #next = 0;
  #waiting = new Map();
  #unread = "";
  #listeners = [];

  static start(home) {
    const it = new Browser();
    const flags = ["--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--no-first-run", "--no-proxy-server"];
    // Frames of other origins are in the process of their page, where a scenario can look into them.
    flags.push("--disable-site-isolation-trials", "--disable-features=IsolateSandboxedIframes,IsolateOrigins,site-per-process");
    flags.push("--disable-dev-shm-usage", "--disable-background-networking", `--user-data-dir=${path.join(home, "profile")}`, "--lang=en");
    it.#process = spawn("chromium", flags, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    it.#process.stdio[4].setEncoding("utf8").on("data", (text) => it.#receive(text));
    return it;
  }

  send(method, params = {}, sessionId = undefined) {
    const id = ++this.#next;
    this.#process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject, method }));
  }

  on(listener) {
    this.#listeners.push(listener);
  }

  /** Opens a page. `script` runs in it before anything else. */
  async page(width = 1280, height = 860, scheme = "light", script = "") {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, sessionId, targetId);
    this.on((it) => it.sessionId === sessionId && page.report(it));
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await page.send(`${domain}.enable`);
    await page.send("Page.addScriptToEvaluateOnNewDocument", { source: WATCH + script });
    await page.look(width, height, scheme);
    return page;
  }

  stop() {
    this.#process.kill("SIGKILL");
  }

  #receive(text) {
    const messages = (this.#unread + text).split("\0");
    this.#unread = messages.pop();
    for (const message of messages.map((it) => JSON.parse(it))) {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (!waiting) for (const listener of this.#listeners) listener(message);
      else if (message.error) waiting.reject(new Error(`${waiting.method}: ${message.error.message}`));
      else waiting.resolve(message.result);
    }
  }
}

class Page {
  /** What the browser reports as wrong, and the origins that were asked. */
  problems = [];
  origins = new Set();

  constructor(browser, sessionId, targetId) {
    Object.assign(this, { browser, sessionId, targetId });
  }

  send(method, params) {
    return this.browser.send(method, params, this.sessionId);
  }

  report({ method, params }) {
    if (method === "Log.entryAdded" && params.entry.source === "security") this.problems.push(params.entry.text);
    if (method === "Runtime.exceptionThrown") this.problems.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    if (method === "Runtime.consoleAPICalled" && params.type === "error") this.problems.push(JSON.stringify(params.args));
    if (method === "Network.requestWillBeSent" && params.request.url.startsWith("http")) this.origins.add(new URL(params.request.url).origin);
  }

  async look(width, height, scheme) {
    await this.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 });
    await this.send("Emulation.setFocusEmulationEnabled", { enabled: true });
    await this.colours(scheme);
  }

  async colours(scheme) {
    this.scheme = scheme;
    await this.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
  }

  /** Asserts that axe finds nothing wrong with what is shown, in light and dark colours. */
  async audit(name) {
    if (!(await this.run("'axe' in window"))) await this.run(`${AXE}; undefined`);
    const found = await this.run(`(${AUDIT})()`);
    const { scheme } = this;
    await this.colours(scheme === "light" ? "dark" : "light");
    found.push(...(await this.run(`(${AUDIT})(["color-contrast"])`)));
    await this.colours(scheme);
    assert.deepEqual(found, [], name);
  }

  /** Returns the frame in the page. What its scripts have defined is not seen, but its elements are. */
  async frame() {
    const { frameTree } = await this.send("Page.getFrameTree");
    const frameId = frameTree.childFrames[0].frame.id;
    const { executionContextId: contextId } = await this.send("Page.createIsolatedWorld", { frameId });
    const frame = Object.assign(Object.create(this), { contextId });
    await frame.run(WATCH);
    return frame;
  }

  async open(url) {
    await this.send("Page.navigate", { url });
    await this.until("document.readyState === 'complete'", `the page ${url}`);
  }

  async run(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true, contextId: this.contextId });
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return result.value;
  }

  /** Waits until an expression is true, and returns its value. */
  async until(expression, what = expression) {
    const deadline = Date.now() + WAIT_MS;
    for (;;) {
      const value = await this.run(expression).catch((error) => {
        if (Date.now() > deadline) throw error;
      });
      if (value) return value;
      if (Date.now() > deadline) throw new Error(`not seen: ${what}\nproblems: ${this.problems.join("\n")}\nthe page shows: ${(await this.run("seen()")).slice(0, 3000)}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  sees(text) {
    return this.until(`seen().includes(${JSON.stringify(text)})`, `"${text}"`);
  }

  /** Clicks in the middle of the first shown element that matches and contains the text. */
  async click(selector, text = "") {
    const found = `find(${JSON.stringify(selector)}, ${JSON.stringify(text)})`;
    await this.until(`${found} !== undefined`, `${selector} "${text}"`);
    const { x, y } = await this.run(`(() => { const it = ${found}; it.scrollIntoView({ block: "nearest" }); const box = it.getBoundingClientRect(); return { x: box.x + box.width / 2, y: box.y + box.height / 2 }; })()`);
    for (const type of ["mousePressed", "mouseReleased"]) await this.send("Input.dispatchMouseEvent", { type, x, y, button: "left", clickCount: 1 });
  }

  async drag(selector, from, to) {
    const box = await this.until(`(() => { const it = find(${JSON.stringify(selector)}); return it && it.getBoundingClientRect().toJSON(); })()`, selector);
    const at = (part) => ({ x: box.x + box.width * part, y: box.y + box.height / 2, button: "left", clickCount: 1 });
    await this.send("Input.dispatchMouseEvent", { type: "mousePressed", ...at(from) });
    await this.send("Input.dispatchMouseEvent", { type: "mouseMoved", ...at((from + to) / 2), buttons: 1 });
    await this.send("Input.dispatchMouseEvent", { type: "mouseMoved", ...at(to), buttons: 1 });
    await this.send("Input.dispatchMouseEvent", { type: "mouseReleased", ...at(to) });
  }

  async type(text) {
    await this.send("Input.insertText", { text });
  }

  async press(key, modifiers = 0) {
    const codes = { Enter: 13, Escape: 27, Tab: 9, ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40, Home: 36, End: 35 };
    const event = { key, code: key, windowsVirtualKeyCode: codes[key] ?? key.toUpperCase().charCodeAt(0), modifiers };
    const text = key === "Enter" ? "\r" : undefined;
    await this.send("Input.dispatchKeyEvent", { type: text ? "keyDown" : "rawKeyDown", ...event, text });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...event });
  }

  /** Presses Tab until an element has the focus. */
  async tabTo(selector) {
    for (let presses = 0; presses < 60; presses++) {
      if (await this.run(`focused()?.matches(${JSON.stringify(selector)}) ?? false`)) return;
      await this.press("Tab");
    }
    throw new Error(`Tab does not reach ${selector}`);
  }

  async fill(name, text) {
    await this.click(`input[name="${name}"]`);
    await this.run(`find('input[name="${name}"]').select()`);
    await this.type(text);
  }

  async signIn(kind, inputs) {
    await this.click("fieldset label", { tenant: "Tenant", key: "API key", token: "View token" }[kind]);
    for (const [name, text] of Object.entries(inputs)) await this.fill(name, text);
    await this.click("button.primary", "Sign in");
  }

  /** Saves what is shown, if there is a folder for it. */
  async screenshot(name) {
    const folder = process.env.SCREENSHOTS;
    if (!folder) return;
    mkdirSync(folder, { recursive: true });
    const { data } = await this.send("Page.captureScreenshot", { format: "png" });
    writeFileSync(path.join(folder, `${name}.png`), Buffer.from(data, "base64"));
  }
}

/** Runs a scenario with a browser, and ends both. */
function drive(scenario) {
  const browser = Browser.start(process.env.HOME);
  scenario(browser, SCENE)
    .then(() => 0)
    .catch((error) => {
      console.error(error.stack ?? error);
      return 1;
    })
    .then((code) => {
      browser.stop();
      process.exit(code);
    });
}

module.exports = { drive };
