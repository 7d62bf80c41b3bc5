// Ten thousand past runs.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Watched } from "./support/browser.js";
import { redis } from "./support/redis.js";
import { onStage } from "./support/stage.js";

const RUNS = 10_000;
const PAGE = 25;
const PAGES = 20;

const id = (index) => `past-${String(index).padStart(5, "0")}`;
const ids = (watched) => watched.page.$$eval("tbody [data-part=id]", (all) => all.map((place) => place.textContent));

describe("ten thousand past runs", { timeout: 300_000 }, () => {
  const stage = onStage(async (product) => {
    await product.generate("small.csv", 1000, "--bad-rows", "20");
    await product.serve();
    const consumer = await product.consume();
    await product.run("producer", "sync", "--file", "small.csv", "--run-id", "the-first").catch((done) => assert.equal(done.code, 3));
    await consumer.kill();
    await copies();
  });

  /** Past runs as real as the first one: copies of what the ledger has of it, each a minute older. */
  async function copies() {
    const [first, now] = ["{batch-sync}:run:the-first", Date.now()];
    const commands = Array.from({ length: RUNS - 1 }, (_, index) => {
      const run = id(index + 1);
      const started = `${now - (index + 1) * 60_000}`;
      const entry = `{batch-sync}:run:${run}`;
      return [["COPY", first, entry], ["COPY", `${first}:codes`, `${entry}:codes`], ["HSET", entry, "started_at_ms", started, "finished_at_ms", `${Number(started) + 2000}`], ["ZADD", "{batch-sync}:runs", started, run]];
    });
    await redis(stage.product.redisPort, commands.flat());
  }

  it("are listed at once, and older ones a page at a time", async (test) => {
    const watched = await Watched.open(stage.browser, stage.product.origin);
    const begun = Date.now();
    await watched.page.reload();
    await watched.sees("[data-part=id]", /^the-first$/);
    const first = Date.now() - begun;

    const took = [];
    const seen = await ids(watched);
    for (let page = 2; page <= PAGES; page += 1) {
      const pressed = Date.now();
      await watched.press("[data-part=older]:not(:disabled)");
      await watched.sees("[data-part=id]", new RegExp(`^${id((page - 1) * PAGE)}$`));
      took.push(Date.now() - pressed);
      seen.push(...(await ids(watched)));
    }
    assert.deepEqual(seen, ["the-first", ...Array.from({ length: PAGES * PAGE - 1 }, (_, index) => id(index + 1))]);
    assert.equal(await watched.text("[data-part=range]"), "476 to 500, newest first");
    await watched.press("[data-part=newer]");
    await watched.sees("[data-part=id]", new RegExp(`^${id((PAGES - 2) * PAGE)}$`));

    const refresh = await watched.page.evaluate(longestTask);
    const older = Math.round(took.reduce((sum, time) => sum + time, 0) / took.length);
    test.diagnostic(`first page ${first} ms, an older one ${older} ms, longest task while it refreshes ${refresh} ms`);
    // Wide bounds: this machine may be busy with other tests.
    assert(first < 5000, `the first page took ${first} ms`);
    assert(older < 2000, `an older page took ${older} ms`);
    assert(refresh < 250, `refreshing held the page for ${refresh} ms`);
    await watched.close();
  });

  it("are given by the API a page at a time", async () => {
    const begun = Date.now();
    const { runs, next } = await stage.product.api("/api/sync?limit=50");

    assert.equal(runs.length, 50);
    assert(next);
    assert(Date.now() - begun < 3000);
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
