// Every state of the page: whole for everybody, light and dark, on a desk and on a
// phone; with a picture of each. `KEEP_SCREENSHOTS=1` renews those of the documents.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Watched } from "./support/browser.js";
import { DESK, look } from "./support/look.js";
import { until } from "./support/processes.js";
import { onStage } from "./support/stage.js";

const STATUS = ".story .pill";
const PAGE_BYTES_MAX = 80_000;

/** The chart has a line, and it is known whether rows are rejected. */
async function drawn(watched) {
  await watched.page.waitForSelector("[data-part=chart] .line.good");
  await watched.sees("[data-part=noRejects]", /^No row /);
}

/** On paper there is a report and nothing to press; the chart is fitted to it, though it was drawn for a screen. */
async function looksGoodOnPaper(watched) {
  const { page } = watched;
  await page.emulateMediaType("print");
  await page.setViewport({ width: 700, height: 990 });
  await watched.shot("printed", { fullPage: true });
  const shown = (selector) => page.$$eval(selector, (all) => all.filter((element) => element.checkVisibility()).length);
  assert.deepEqual([await shown("button"), await shown(".queue"), await shown("[data-part=codes] tbody tr") > 0], [0, 0, true]);
  const fits = await page.$eval(".plot", (plot) => plot.querySelector(".line.good").getBoundingClientRect().right <= plot.getBoundingClientRect().right);
  assert(fits && await page.evaluate(() => document.documentElement.scrollWidth) <= 700, "the chart is wider than the paper");
  await page.emulateMediaType("screen");
  await page.setViewport(DESK);
}

/** Runs in the page: pauses of a second and more never end, so that it tries again only when it is told to. */
function neverByItself() {
  const wait = window.setTimeout.bind(window);
  window.setTimeout = (then, ms, ...args) => (ms < 700 ? wait(then, ms, ...args) : 0);
}

describe("each state of the page", { timeout: 400_000 }, () => {
  const stage = onStage(async (product) => {
    await product.serve();
  }, { QUEUE_DEPTH_HIGH: "200", CONSUMER_CONCURRENCY: "3", SALESFORCE_LIMIT_CHECK: "2s" });

  const open = (hash) => Watched.open(stage.browser, stage.product.origin, { hash });

  async function runs(file, status) {
    const { runId } = await stage.product.start(file);
    await until(`the run is ${status}`, async () => (await stage.product.api(`/api/sync/${runId}`)).status === status);
    return runId;
  }

  it("empty: no container, no runs", async () => {
    const watched = await open();
    watched.expected.push(/api\/files/);
    await watched.sees("[data-part=none]", /No runs yet/);
    await watched.sees("[data-part=empty]", /no container .high-volume-ingest.; create it/);
    await look(watched, "empty");
    await watched.close();
  });

  it("nobody delivers", async () => {
    await stage.product.generate("leads/october.csv", 60_000);
    const runId = await runs("leads/october.csv", "waiting");
    const watched = await open(`#/runs/${runId}`);
    await watched.sees(STATUS, /^Waiting for room$/);
    await watched.sees("[data-part=line]", /^consumer$/);
    await drawn(watched);
    await look(watched, "nobody-delivers");
    await watched.close();
  });

  it("live: one run, its progress, its throughput, its log", async () => {
    await stage.product.generate("leads/november.csv", 200_000, "--bad-rows", "15");
    await stage.product.consume();
    await stage.product.faults({ latencyMs: 40, latencyJitterMs: 30 });
    const { runId } = await stage.product.start("leads/november.csv");
    const watched = await open(`#/runs/${runId}`);
    await watched.sees("[data-part=deliveredShare]", /^[5-9]\d\./, 120_000);
    await watched.shot("live-light");
    await watched.page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "dark" }]);
    await watched.shot("live-dark");
    await look(watched, "live");
    await stage.product.api(`/api/sync/${runId}/pause`, { method: "POST" });
    await watched.sees(STATUS, /^Paused$/);
    await look(watched, "paused");
    await watched.press("[data-part=cancel]");
    await look(watched, "question");
    await watched.press("dialog [data-part=no]");
    await stage.product.faults({ latencyMs: 0, latencyJitterMs: 0 });
    await watched.press("[data-part=resume]");
    await watched.sees(STATUS, /^Completed with rejects$/, 120_000);
    assert.match(await watched.page.$eval(STATUS, (pill) => pill.className), /\bwarn\b/);
    await look(watched, "rejects");
    await looksGoodOnPaper(watched);
    await watched.close();
  });

  it("left alone: the command and the button that go on", async () => {
    await stage.product.generate("leads/december.csv", 80_000);
    await stage.product.faults({ latencyMs: 100 });
    const sync = await stage.product.program("producer", "sync", "--file", "leads/december.csv", "--run-id", "december");
    await until("it has read some", async () => (await stage.product.api("/api/sync/december")).read > 0);
    await sync.kill();
    const watched = await open("#/runs/december");
    await watched.sees(STATUS, /^Interrupted$/);
    assert.equal(await watched.text("[data-part=line]"), "producer resume december");
    await look(watched, "interrupted");

    await stage.product.faults({ latencyMs: 0 });
    await watched.press("[data-part=resume]");
    await watched.sees(STATUS, /^Completed$/, 60_000);
    assert.equal(await watched.text("[data-count=read]"), "80,000");
    await watched.close();
  });

  it("standing still: why, and until when", async () => {
    await stage.product.generate("leads/winter.csv", 40_000);
    await stage.product.limits({ apiCalls: 96, dailyLimit: 100 });
    const { runId } = await stage.product.start("leads/winter.csv");
    const watched = await open(`#/runs/${runId}`);

    await watched.sees("[data-part=crewHint]", /^Deliveries stand still: \d+ of the day's 100 api calls are used, and 10% are kept for others\. It is tried again in a moment\.$/);
    await watched.sees("[data-part=sentence]", /Deliveries stand still/);
    assert.equal(await watched.text("[data-part=deliveredLeft]"), "");
    await look(watched, "stands-still");
    await stage.product.limits({ apiCalls: 0, dailyLimit: 1_000_000 });

    await watched.sees(STATUS, /^Completed$/, 60_000);
    await watched.sees("[data-part=crewHint]", /^1 consumer delivers it\.$/);
    await watched.close();
  });

  it("failed: why, and what now", async () => {
    await stage.product.generate("leads/january.csv", 80_000);
    await stage.product.faults({ latencyMs: 100 });
    const { runId } = await stage.product.start("leads/january.csv");
    const watched = await open(`#/runs/${runId}`);
    await watched.sees("[data-count=read]", /[1-9]/);
    await watched.press("[data-part=pause]");
    await watched.sees(STATUS, /^Paused$/);
    await stage.product.generate("leads/january.csv", 100, "--force");
    await stage.product.faults({ latencyMs: 0 });
    await watched.press("[data-part=resume]");
    await watched.sees(STATUS, /^Failed$/);
    await watched.sees("[data-part=sentence]", /was replaced .*; load the new version as a new run/);
    assert.equal(await watched.page.$eval("[data-part=resume]", (button) => button.hidden), true, "the version that it read is gone");
    await look(watched, "failed");
    await watched.close();
  });

  it("the first view, with files and runs", async () => {
    const watched = await open();
    await watched.sees("tbody a", /january/);
    await watched.press('#files [title="leads/january.csv"]');
    await look(watched, "overview");
    await watched.close();
  });

  it("a run that is not there", async () => {
    const watched = await open("#/runs/nothing");
    watched.expected.push(/404/);
    await watched.sees("h1", /There is no such run/);
    await watched.sees(".lonely p", /^The server knows no run with this id\. The newest runs are in the list; those long past are forgotten\.$/);
    await look(watched, "no-such-run");
    await watched.close();
  });

  it("a lost connection", async () => {
    const watched = await open();
    watched.expected.push(/ERR_CONNECTION|ERR_EMPTY_RESPONSE/);
    await watched.sees("tbody a", /january/);
    await stage.product.producer.kill();
    await watched.sees("#banner", /The connection is lost/);
    await look(watched, "lost");
    await stage.product.serve();
    await watched.page.waitForSelector("#banner", { hidden: true });
    await watched.close();
  });

  it("a lost connection, and somebody who does not wait", async () => {
    const watched = await open();
    watched.expected.push(/ERR_CONNECTION|ERR_EMPTY_RESPONSE/);
    await watched.sees("tbody a", /january/);
    await stage.product.producer.kill();
    await watched.sees("#banner", /The connection is lost/);
    await watched.page.evaluate(neverByItself);
    const tries = () => Promise.all([watched.page.waitForRequest((request) => request.url().includes("/api/")), watched.press("#banner-retry")]);
    await tries();
    await stage.product.serve();
    assert(await watched.page.$eval("#banner", (banner) => banner.checkVisibility()));
    await tries();
    await watched.page.waitForSelector("#banner", { hidden: true });
    await watched.close();
  });

  it("the whole page is small, and all of it comes from this server", async () => {
    const watched = await open();
    await watched.sees("tbody a", /january/);
    const files = await watched.page.evaluate(() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].filter(({ name }) => name.includes("/batch-sync")).map(({ name, decodedBodySize }) => [name, decodedBodySize]));
    // The icon may have been asked for twice.
    const bytes = [...new Map(files).values()].reduce((sum, size) => sum + size, 0);
    assert(files.length > 10 && files.every(([, size]) => size > 0), JSON.stringify(files));
    assert(bytes < PAGE_BYTES_MAX, `${bytes} bytes`);
    await watched.close();
  });
});

describe("many runs at once", { timeout: 300_000 }, () => {
  const stage = onStage(async (product) => {
    await product.serve();
  }, { IMPORT_CONCURRENCY: "1", QUEUE_DEPTH_HIGH: "100000", QUEUE_BYTES_HIGH: `${1 << 30}` });

  const is = (runId, status) => until(`the run is ${status}`, async () => (await stage.product.api(`/api/sync/${runId}`)).status === status);

  it("each with its own state, and why it waits", async () => {
    const { product } = stage;
    for (const [file, rows] of [["june", 3_000], ["july", 2_000], ["contacts", 5_000], ["august", 100_000], ["october", 4_000]]) await product.generate(`leads/${file}.csv`, rows);
    await product.generate("leads/september.csv", 1_500_000);
    await product.consume();
    const start = async (file) => (await product.start(`leads/${file}.csv`)).runId;
    await is(await start("june"), "completed");
    await product.faults({ rowErrors: [{ keyPrefix: "", statusCode: "STORAGE_LIMIT_EXCEEDED", message: "storage limit exceeded" }] });
    const held = await start("july");
    await is(held, "held");
    await product.faults({ rowErrors: [], latencyMs: 300 });
    const misfit = "leads-as-contacts";
    await product.runSignedOut("producer", "sync", "--file", "leads/contacts.csv", "--run-id", misfit, "--object", "Contact", "--external-id", "LegacyId__c", "--no-wait");
    await is(misfit, "failed");
    await is(await start("august"), "draining");
    const feeding = await start("september");
    await start("october");
    await until("rows of it arrive", async () => (await product.api(`/api/sync/${feeding}`)).delivered > 0);
    const watched = await Watched.open(stage.browser, product.origin);
    for (const status of [/^Queued$/, /^Feeding$/, /^Draining$/, /^Held$/, /^Failed$/, /^Completed$/]) await watched.sees("tbody .pill", status);
    await watched.shot("many-runs");

    const { page } = watched;
    const see = async (runId, status, words, state) => {
      await page.goto(`${product.origin}/batch-sync#/runs/${runId}`);
      await watched.sees(STATUS, status);
      await watched.sees("[data-part=sentence]", words);
      await drawn(watched);
      await look(watched, state, { fullPage: true });
    };
    await see(held, /^Held$/, /Nobody can deliver this run: .*STORAGE_LIMIT_EXCEEDED.*resume it/, "held");
    await see(misfit, /^Failed$/, /The run failed: .*Company/, "misfit");
    await watched.close();
  });
});
