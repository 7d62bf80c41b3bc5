// What cannot be undone starts when a person says yes to the server's question.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it } from "node:test";

import { Watched } from "./support/browser.js";
import { look } from "./support/look.js";
import { until } from "./support/processes.js";
import { onStage } from "./support/stage.js";

const LOADS = `
[loads.gone]
object = "Lead"
operation = "delete"
external-id = "External_Id__c"
columns = { ExternalId = "External_Id__c" }
files = ["gone*.csv"]

[loads.once-more]
object = "Lead"
operation = "insert"
columns = { ExternalId = "External_Id__c", Name = "LastName", Company = "Company" }
`;

/** Runs in the page, before all else: keeps what starts a run, and the key with which. */
function keeping() {
  const real = window.fetch;
  window.starts = [];
  window.fetch = (path, options = {}) => {
    if (/\/(start|replay)$/.test(path)) window.starts.push({ key: options.headers["Idempotency-Key"], body: JSON.parse(options.body) });
    return real(path, options);
  };
}

describe("what cannot be undone", { timeout: 300_000 }, () => {
  const folder = mkdtempSync(path.join(tmpdir(), "batch-sync-loads-"));
  writeFileSync(path.join(folder, "loads.toml"), LOADS);
  after(() => rmSync(folder, { recursive: true }));
  const stage = onStage(async (product) => {
    await product.generate("leads.csv", 300, "--bad-rows", "100");
    await product.serve();
    await product.put("gone.csv", "ExternalId,LastName,Company\nA-1,Ada,Lovelace\n");
  }, { LOADS_FILE: path.join(folder, "loads.toml") });

  async function open(hash = "") {
    const watched = await Watched.open(stage.browser, stage.product.origin, { hash, before: [keeping] });
    // The browser writes down each refusal.
    watched.expected.push(/409/);
    return watched;
  }
  const starts = (watched) => watched.page.evaluate(() => window.starts);
  const focused = (watched) => watched.page.evaluate(() => document.activeElement.dataset.part);
  const runs = async () => (await stage.product.api("/api/sync")).runs.length;

  it("is asked in the server's words, and nothing starts after a no", async () => {
    const watched = await open();
    await watched.press('#files [title="gone.csv"]');
    await watched.sees("[data-part=loadHint].warn", /^Deletes records; load gone: delete Lead by External_Id__c; gone\*\.csv fits the name\.$/);
    const options = await watched.page.$$eval("#load option", (all) => all.map(({ text }) => text));
    assert.deepEqual(options.slice(1, 3), ["gone: delete Lead by External_Id__c, deletes records", "once-more: insert Lead"]);
    await watched.press("[data-part=start]");
    await watched.sees("dialog h2", /^Start this delete\?$/);
    assert.match(await watched.text("dialog p"), /^Delete Lead by External_Id__c \(load gone\) from gone\.csv: the record of each row is deleted, .* recycle bin .*\.$/);
    assert.deepEqual([await watched.text("dialog [data-part=yes]"), await focused(watched)], ["Start the delete", "no"]);
    await look(watched, "confirm");

    await watched.page.keyboard.press("Escape");
    await watched.page.waitForSelector("dialog", { hidden: true });
    await watched.page.waitForFunction(() => document.activeElement.dataset.part === "start");
    assert.equal(await watched.text("[data-part=says]"), "");
    assert.equal((await starts(watched)).length, 1);
    assert.equal(await runs(), 0);
    await watched.close();
  });

  it("starts after a yes with the key of the question", async () => {
    const watched = await open();
    await watched.press('#files [title="gone.csv"]');
    await watched.press("[data-part=start]");
    await watched.press("dialog [data-part=yes]");

    await watched.sees("[data-part=does]", /^delete Lead by External_Id__c$/);
    const [asked, meant] = await starts(watched);
    assert.deepEqual([asked.body, meant.body], [{ fileName: "gone.csv" }, { fileName: "gone.csv", confirm: true }]);
    assert.equal(asked.key, meant.key);
    assert.equal(await runs(), 1);
    await watched.close();
  });

  it("is dropped when the person leaves the view", async () => {
    const watched = await open();
    await watched.press('#files [title="gone.csv"]');
    await watched.press("[data-part=start]");
    await watched.page.waitForSelector("dialog");
    await watched.page.evaluate(() => (location.hash = "#/load/gone.csv"));

    await watched.page.waitForSelector("dialog", { hidden: true });
    await watched.sees("h1", /^gone\.csv$/);
    await watched.page.waitForSelector("#c-load option[value=gone]");
    await watched.page.select("#c-load", "gone");
    await watched.sees("[data-part=named] .pill.bad", /^deletes records$/);
    assert.equal((await starts(watched)).length, 1);
    await watched.close();
  });

  it("is asked before rows are replayed", async () => {
    await stage.product.consume();
    const { runId } = await stage.product.start("leads.csv");
    await until("the run has ended", async () => (await stage.product.api(`/api/sync/${runId}`)).status === "completed");
    const before = await runs();
    const watched = await open(`#/runs/${runId}`);
    await watched.page.waitForSelector("#replay-load option[value=once-more]");
    await watched.page.select("#replay-load", "once-more");
    await watched.press("[data-part=replay]:not(:disabled)");
    await watched.sees("dialog h2", /^Start this insert\?$/);
    assert.match(await watched.text("dialog p"), /^Insert Lead \(load once-more\) from .*twice/);
    await watched.press("dialog [data-part=no]");
    await watched.page.waitForFunction(() => document.activeElement.dataset.part === "replay");
    assert.equal(await runs(), before);

    await watched.page.keyboard.press("Enter");
    await watched.press("dialog [data-part=yes]");
    await watched.sees("[data-part=origin]", new RegExp(`replay of ${runId}`));
    assert.equal(await watched.text("[data-part=does]"), "insert Lead");
    const [, asked, meant] = await starts(watched);
    assert.deepEqual([asked.body, meant.body], [{ load: "once-more" }, { load: "once-more", confirm: true }]);
    assert.equal(asked.key, meant.key);
    await watched.close();
  });
});
