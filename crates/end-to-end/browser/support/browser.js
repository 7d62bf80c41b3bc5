// A real Chromium, and what every page is held to.

import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";

import puppeteer from "puppeteer-core";

import { until } from "./processes.js";
import { root, source, target } from "./product.js";
import { shrink } from "./shrink.js";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const { source: axe } = createRequire(import.meta.url)("axe-core");
const shots = path.join(target, "browser");
const kept = process.env.KEEP_SCREENSHOTS ? path.join(root, "crates/producer/web/screenshots") : null;

export function launch() {
  return puppeteer.launch({ executablePath: chromium(), args: ["--no-sandbox", "--disable-dev-shm-usage", "--lang=en"] });
}

function chromium() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const places = process.env.PATH.split(path.delimiter).flatMap((folder) => NAMES.map((name) => path.join(folder, name)));
  const found = places.find(existsSync);
  assert(found, "no Chromium: set CHROMIUM to its path, or run make test, which gets it");
  return found;
}

/** A page that writes down what it must not do. */
export class Watched {
  #origin;
  #faults = [];
  /** Console errors that a test brings about on purpose. */
  expected = [];

  static async open(browser, origin, { hash = "", scheme = "light", width = 1280, height = 900, before = null } = {}) {
    const watched = new Watched();
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    watched.page = page;
    watched.#origin = origin;
    page.setDefaultTimeout(30_000);
    await page.setViewport({ width, height });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    page.on("request", (request) => watched.#sees(request.url()));
    page.on("pageerror", (error) => watched.#faults.push(error.stack));
    page.on("console", (message) => {
      const text = `${message.text()} ${message.location().url ?? ""}`;
      if (["error", "warn"].includes(message.type()) && !watched.expected.some((known) => known.test(text))) watched.#faults.push(text);
    });
    await page.evaluateOnNewDocument(watch);
    if (before) await page.evaluateOnNewDocument(...before);
    if (process.env.PAGE_FROM_DISK) await fromDisk(page);
    await page.goto(`${origin}/batch-sync${hash}`);
    return watched;
  }

  #sees(url) {
    if (url.startsWith(`${this.#origin}/`) || url.startsWith(`blob:${this.#origin}/`)) return;
    this.#faults.push(`a request to another host: ${url}`);
  }

  /** Nothing moved that no keystroke or click explains, by the measure of Lighthouse. */
  async staysStill() {
    assert.deepEqual(await this.page.evaluate(() => window.shifts), []);
  }

  /** Nothing went wrong, ends the page. */
  async close() {
    const violations = await this.page.evaluate(() => window.violations);
    await this.page.browserContext().close();
    assert.deepEqual([...violations, ...this.#faults], []);
  }

  text(selector) {
    return this.page.$eval(selector, (element) => element.textContent.trim());
  }

  /** Waits until `selector` has a text that matches. */
  async sees(selector, pattern, timeout = 30_000) {
    const { source, flags } = pattern;
    const has = (place, words, how) => [...document.querySelectorAll(place)].some((element) => element.checkVisibility() && new RegExp(words, how).test(element.textContent));
    try {
      await this.page.waitForFunction(has, { timeout, polling: 50 }, selector, source, flags);
    } catch (error) {
      const there = await this.page.evaluate((place) => document.querySelector(place)?.textContent, selector);
      throw new Error(`${selector} is not ${pattern} but ${JSON.stringify(there)}`, { cause: error });
    }
  }

  async press(selector) {
    const handle = await this.page.waitForSelector(selector, { visible: true });
    await handle.click();
  }

  /** What the browser itself saves as `name` after a click. */
  async download(selector, name) {
    const folder = mkdtempSync(path.join(tmpdir(), "batch-sync-download-"));
    const session = await this.page.createCDPSession();
    await session.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: folder, browserContextId: this.page.browserContext().id });
    await this.press(selector);
    await until(`${name} is saved`, () => readdirSync(folder).includes(name));
    const content = readFileSync(path.join(folder, name), "utf8");
    rmSync(folder, { recursive: true });
    return content;
  }

  /** No violation of any rule that axe knows. */
  async scan(state) {
    await this.page.evaluate(axe);
    const { violations } = await this.page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    const named = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`);
    assert.deepEqual(named, [], state);
  }

  async shot(name, { fullPage = false } = {}) {
    const picture = await this.page.screenshot({ fullPage });
    mkdirSync(shots, { recursive: true });
    writeFileSync(path.join(shots, `${name}.png`), kept ? shrink(picture) : picture);
    if (kept && existsSync(path.join(kept, `${name}.png`))) copyFileSync(path.join(shots, `${name}.png`), path.join(kept, `${name}.png`));
  }
}

/** The page as it lies in its folder, for who works on it and does not want to build. */
async function fromDisk(page) {
  await page.setRequestInterception(true);
  page.on("request", async (request) => {
    const [isPage, name = "index.html"] = new URL(request.url()).pathname.match(/^\/batch-sync(?:\/(.+))?$/) ?? [];
    if (isPage === undefined) return request.continue();
    const policy = (await fetch(new URL("/batch-sync", request.url()))).headers.get("content-security-policy");
    const contentType = { html: "text/html", js: "text/javascript", css: "text/css", svg: "image/svg+xml" }[name.split(".").pop()];
    return request.respond({ contentType, headers: { "content-security-policy": policy }, body: source(name) });
  });
}

/** Runs in the page, before all else. */
function watch() {
  window.violations = [];
  window.shifts = [];
  document.addEventListener("securitypolicyviolation", (event) => window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const moves = entry.sources.map(({ node, previousRect: from, currentRect: to }) => `${node?.nodeName} ${node?.className} ${from.x},${from.y} ${from.width}x${from.height} to ${to.x},${to.y} ${to.width}x${to.height}`);
      if (!entry.hadRecentInput && entry.value > 0.001) window.shifts.push(`${entry.value.toFixed(4)} at ${Math.round(entry.startTime)} ms: ${moves.join("; ")}`);
    }
  }).observe({ type: "layout-shift", buffered: true });
}
