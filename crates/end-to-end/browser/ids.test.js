// The ids of the records of a run can be downloaded.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Watched } from "./support/browser.js";
import { look } from "./support/look.js";
import { until } from "./support/processes.js";
import { onStage } from "./support/stage.js";

const LINK = "[data-detail=ids] a";
const LOAD = { object: "Contact", externalId: "LegacyId__c", ids: true, columns: { ExternalId: "LegacyId__c", Name: "LastName" } };

/** Starts the run of a file, and waits for its end and its ids file. */
async function run({ product }, fileName, load, headers = {}) {
  const call = { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify({ fileName, load }) };
  const { runId } = await product.api("/api/sync/start", call);
  await until("the run has its ids", async () => {
    const { status, ids, idsWrittenBytes } = await product.api(`/api/sync/${runId}`, { headers });
    return status === "completed" && (idsWrittenBytes > 0 || ids === 0);
  });
  return runId;
}

describe("the ids of a run", { timeout: 300_000 }, () => {
  const stage = onStage(async (product) => {
    await product.generate("people.csv", 300);
    await product.serve();
    await product.consume();
  });

  it("are a file to download, with every row once", async () => {
    const runId = await run(stage, "people.csv", LOAD);
    const watched = await Watched.open(stage.browser, stage.product.origin, { hash: `#/runs/${runId}` });
    await watched.sees("[data-detail=ids]", /^Download of 300 rows/);
    await look(watched, "ids", { fullPage: true });

    const [header, ...rows] = (await watched.download(LINK, `ids-${runId}.csv`)).trimEnd().split("\n");
    assert.equal(header, "_record,ExternalId,Id,_change");
    const cells = rows.map((line) => line.split(","));
    assert.deepEqual(cells.map(([record]) => Number(record)).sort((a, b) => a - b), Array.from({ length: 300 }, (_, at) => at + 1));
    assert.equal(new Set(cells.map(([, , id]) => id)).size, 300);
    assert(cells.every(([, , id, change]) => /^003\w{15}$/.test(id) && change === "created"), rows[0]);
    await watched.close();
  });

  it("are not offered where the load asks for none", async () => {
    const runId = await run(stage, "people.csv", { ...LOAD, ids: false });
    const watched = await Watched.open(stage.browser, stage.product.origin, { hash: `#/runs/${runId}` });
    await watched.sees("[data-detail=load]", /^upsert Contact/);
    assert.equal(await watched.page.$(LINK), null);
    await watched.close();
  });
});

describe("the ids of a run, with a token", { timeout: 300_000 }, () => {
  const stage = onStage(async (product) => {
    await product.generate("people.csv", 10);
    await product.serve();
    await product.consume();
  }, { API_TOKEN: "a-token-of-the-tests" });

  it("are downloaded with it", async () => {
    const runId = await run(stage, "people.csv", LOAD, { Authorization: "Bearer a-token-of-the-tests" });
    const keep = () => {
      window.showSaveFilePicker = async ({ suggestedName }) => ({ createWritable: async () => new WritableStream({ write: (chunk) => (window.saved = suggestedName + new TextDecoder().decode(chunk)) }) });
    };
    const watched = await Watched.open(stage.browser, stage.product.origin, { hash: `#/runs/${runId}`, before: [keep] });
    watched.expected.push(/401/);
    await watched.page.waitForSelector("#token");
    await watched.page.type("#token", "a-token-of-the-tests");
    await watched.page.keyboard.press("Enter");
    await watched.press(LINK);
    await watched.sees("[data-detail=ids] .hint", /^Downloaded\.$/);
    const saved = await watched.page.evaluate(() => window.saved);
    assert(saved.startsWith(`ids-${runId}.csv_record,ExternalId,Id,_change\n`), saved);
    await watched.close();
  });
});
