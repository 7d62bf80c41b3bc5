// Ten thousand past runs.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { launch, Watched } from "./support/browser.js";
import { Product } from "./support/product.js";
import { redis } from "./support/redis.js";

const RUNS = 10_000;
const PAGE = 50;

describe("ten thousand past runs", { timeout: 300_000 }, () => {
  let product;
  let browser;

  before(async () => {
    product = await Product.start();
    await product.generate("small.csv", 1000, "--bad-rows", "20");
    await product.serve();
    const consumer = await product.consume();
    await product.run("producer", "sync", "--file", "small.csv", "--run-id", "the-first").catch((done) => assert.equal(done.code, 3));
    await consumer.kill();
    await copies();
    browser = await launch();
  });

  after(async () => {
    await browser?.close();
    await product?.stop();
  });

  /** Past runs as real as the first one: copies of what the ledger has of it, each a minute older. */
  async function copies() {
    const [first, now] = ["{batch-sync}:run:the-first", Date.now()];
    const commands = Array.from({ length: RUNS - 1 }, (_, index) => {
      const id = `past-${String(index + 1).padStart(5, "0")}`;
      const started = `${now - (index + 1) * 60_000}`;
      const entry = `{batch-sync}:run:${id}`;
      return [["COPY", first, entry], ["COPY", `${first}:codes`, `${entry}:codes`], ["HSET", entry, "started_at_ms", started, "finished_at_ms", `${Number(started) + 2000}`], ["ZADD", "{batch-sync}:runs", started, id]];
    });
    await redis(product.redisPort, commands.flat());
  }

  it("are listed at once, and older ones a page at a time", async (test) => {
    const watched = await Watched.open(browser, product.origin);
    const rows = () => watched.page.$$eval("tbody tr:not(.loading)", (all) => all.length);
    const begun = Date.now();
    await watched.page.reload();
    await watched.sees("tbody a", /small\.csv/);
    const first = Date.now() - begun;
    assert.equal(await rows(), PAGE);

    const clicks = 40;
    const took = [];
    for (let page = 2; page <= clicks; page += 1) {
      const pressed = Date.now();
      await watched.press("[data-part=older]:not(:disabled)");
      await watched.page.waitForFunction((count) => document.querySelectorAll("tbody tr").length === count, { polling: 20 }, page * PAGE);
      took.push(Date.now() - pressed);
    }
    const ids = await watched.page.$$eval("tbody [data-part=id]", (all) => all.map((id) => id.textContent));
    assert.deepEqual(ids, ["the-first", ...Array.from({ length: clicks * PAGE - 1 }, (_, index) => `past-${String(index + 1).padStart(5, "0")}`)]);

    const slowest = Math.max(...took);
    const refresh = await watched.page.evaluate(longestTask);
    test.diagnostic(`first ${first} ms, each older page ${Math.round(took.reduce((a, b) => a + b) / took.length)} ms, slowest ${slowest} ms, longest task while it refreshes ${refresh} ms`);
    assert(first < 3000, `the first page took ${first} ms`);
    assert(slowest < 2000, `an older page took ${slowest} ms`);
    assert(refresh < 200, `refreshing held the page for ${refresh} ms`);
    await watched.close();
  });

  it("leave the start of a run as quick as ever", async () => {
    const begun = Date.now();
    const { runs, next } = await product.api("/api/sync?limit=50");

    assert.equal(runs.length, PAGE);
    assert(next);
    assert(Date.now() - begun < 1000);
  });
});

/** Runs in the page: the longest it could not answer a person, over two refreshes. */
function longestTask() {
  return new Promise((resolve) => {
    let longest = 0;
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) longest = Math.max(longest, Math.round(duration));
    }).observe({ type: "longtask" });
    setTimeout(() => resolve(longest), 5000);
  });
}
