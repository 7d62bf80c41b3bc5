// A run that goes on: paused, resumed, cancelled, rejected rows, and a server that dies.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, it } from "node:test";

import { Watched } from "./support/browser.js";
import { look } from "./support/look.js";
import { onStage } from "./support/stage.js";

const STATUS = ".story .pill";

describe("a run that goes on", { timeout: 400_000 }, () => {
  const stage = onStage(async (product) => {
    // A small queue: with a slow Salesforce reading soon waits for room.
    for (const name of ["paused", "cancelled", "left", "still", "silent", "unseen"]) await product.generate(`${name}.csv`, 60_000);
    await product.generate("bad.csv", 6000, "--bad-rows", "60");
    await product.serve();
    await product.consume();
  }, { QUEUE_DEPTH_HIGH: "60", CONSUMER_CONCURRENCY: "2" });

  afterEach(() => stage.product.faults({ latencyMs: 0 }));

  async function watch(file, latencyMs) {
    await stage.product.faults({ latencyMs });
    const { runId } = await stage.product.start(file);
    const watched = await Watched.open(stage.browser, stage.product.origin, { hash: `#/runs/${runId}` });
    return { watched, runId };
  }

  const number = async (watched, name) => Number((await watched.text(`[data-count=${name}]`)).replaceAll(",", ""));

  // The files share their rows: what one run created the next one updates.
  const delivered = async (watched) => (await number(watched, "created")) + (await number(watched, "updated"));

  it("is paused and resumed with its buttons", async () => {
    const { watched } = await watch("paused.csv", 40);
    await watched.sees(STATUS, /^(Feeding|Waiting for room)$/);

    await watched.press("[data-part=pause]");
    await watched.sees(STATUS, /^Paused$/);
    const read = await number(watched, "read");
    assert(read > 0 && read < 60_000, `${read} rows are read`);
    await watched.press("[data-part=resume]");
    await stage.product.faults({ latencyMs: 0 });

    await watched.sees(STATUS, /^Completed$/);
    assert.equal(await delivered(watched), 60_000);
    await watched.close();
  });

  it("is cancelled after a question, and not before", async () => {
    const { watched, runId } = await watch("cancelled.csv", 100);
    await watched.sees("[data-count=read]", /[1-9]/);

    await watched.press("[data-part=cancel]");
    await watched.sees("dialog h2", /^Cancel this run\?$/);
    assert.equal(await watched.page.evaluate(() => document.activeElement.textContent), "Keep it running");
    await watched.page.keyboard.press("Escape");
    await watched.page.waitForSelector("dialog", { hidden: true });
    assert.match(await watched.text(STATUS), /^(Feeding|Waiting for room)$/);

    await watched.press("[data-part=cancel]");
    await watched.press("dialog [data-part=yes]");
    await watched.sees(STATUS, /^Cancelled$/);
    await watched.sees("[data-count=unfinished]", /^0$/);
    const cancelled = await number(watched, "cancelled");
    assert(cancelled > 0, "rows were on the queue");
    assert.equal(await number(watched, "read"), (await delivered(watched)) + cancelled);
    assert.equal((await stage.product.api(`/api/sync/${runId}`)).status, "cancelled");
    await watched.close();
  });

  it("shows rejected rows by code, and gives their file", async () => {
    const { watched, runId } = await watch("bad.csv", 0);
    await watched.sees(STATUS, /^Completed with rejects$/);
    const rejected = await number(watched, "rejected");
    assert(rejected > 100, `${rejected} rows are rejected`);
    const codes = await watched.page.$$eval("[data-part=codeRows] tr", (rows) => rows.map((row) => [row.children[0].textContent, Number(row.children[1].textContent.replaceAll(",", ""))]));
    assert(codes.length > 1);
    assert.equal(codes.reduce((sum, [, rows]) => sum + rows, 0), rejected);

    const content = await watched.download("[data-part=exact]", `rejects-${runId}.csv`);
    const lines = content.trim().split("\n");
    assert.match(lines[0], /,_record,_code,_message\r?$/);
    assert(lines.length > rejected, "each row has a line, and the header one");
    const copy = await watched.download("[data-part=download]", `rejects-${runId}-for-spreadsheets.csv`);
    assert.match(copy.split("\r\n")[0], /,"_message \(for spreadsheets\)"$/);
    assert(copy.split("\r\n").length > rejected);
    await watched.close();
  });

  it("replays the rejected rows of one code as a run of its own", async () => {
    const { watched, runId } = await watch("bad.csv", 0);
    await watched.sees(STATUS, /^Completed with rejects$/);

    const [code, rows] = await watched.page.$eval("[data-part=codeRows] tr:last-child", (row) => [row.children[0].textContent, row.children[1].textContent]);
    await watched.press(`[aria-label="Replay the rows with ${code}"]`);

    await watched.sees("[data-part=origin]", new RegExp(`replay of ${runId}`));
    await watched.sees(STATUS, /^Completed with rejects$/);
    assert.equal(await watched.text("[data-count=read]"), rows);
    assert.equal(await watched.text("[data-count=rejected]"), rows);
    await watched.close();
  });

  it("takes corrected rows back: uploads their file, and loads it as a replay", async () => {
    const rows = ["M-1,Ada,ada@example.com,Lovelace", "M-2,Bob,nonsense,Bob & Co", "M-3,Cem,,"];
    await stage.product.put("mend.csv", `ExternalId,Name,Email,Company\n${rows.join("\n")}\n`);
    const { watched, runId } = await watch("mend.csv", 0);
    await watched.sees(STATUS, /^Completed with rejects$/);
    await watched.sees("[data-count=rejected]", /^2$/);
    const averages = [await watched.text("[data-part=deliveredLeft]"), await watched.text("[data-detail=average]")];
    assert.equal(averages[0], `${averages[1]} on average`, "a run has one average");
    const copy = await watched.download("[data-part=download]", `rejects-${runId}-for-spreadsheets.csv`);
    const corrected = copy.replace("nonsense", "bob@example.com");
    assert.notEqual(corrected, copy);
    await watched.sees(".rejects .upload", /^Load the corrected file/);
    await look(watched, "corrected");
    const folder = mkdtempSync(path.join(tmpdir(), "batch-sync-corrected-"));
    writeFileSync(path.join(folder, "mended.csv"), corrected);
    const input = await watched.page.$(".rejects .upload input");
    await input.uploadFile(path.join(folder, "mended.csv"));
    await watched.sees("dialog h2", /^Upload a file$/);
    assert.equal(await watched.page.$eval("#up-name", ({ value }) => value), "rejects/mended.csv");
    await watched.press("dialog [data-part=cancel]");
    await watched.page.$eval(".rejects [data-part=codes]", (place, text) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([text], "dropped.csv"));
      for (const type of ["dragover", "drop"]) place.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
    }, corrected);
    await watched.sees("dialog [data-part=facts]", /^dropped\.csv, /);
    await watched.press("dialog [data-part=send]");

    await watched.sees("[data-part=origin]", new RegExp(`replay of ${runId}`));
    await watched.sees(STATUS, /^Completed with rejects$/);
    assert.equal(await watched.text("h1"), "rejects/dropped.csv");
    assert.deepEqual([await number(watched, "read"), await number(watched, "created"), await number(watched, "rejected")], [2, 1, 1]);
    rmSync(folder, { recursive: true });
    await watched.close();
  });

  it("comes back by itself when the server is gone for a while", async () => {
    const { watched, runId } = await watch("left.csv", 60);
    watched.expected.push(/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/);
    await watched.sees("[data-part=deliveredOf]", /^[1-9]/);

    await stage.product.producer.kill();
    await watched.sees("#banner", /The connection is lost/);
    const before = await watched.text("[data-count=read]");
    await stage.product.serve();

    await watched.page.waitForSelector("#banner", { hidden: true });
    await stage.product.faults({ latencyMs: 0 });
    await watched.sees(STATUS, /^Completed$/, 60_000);
    assert.notEqual(await watched.text("[data-count=read]"), before);
    assert.equal(await delivered(watched), 60_000);
    const log = await watched.page.$$eval("[data-part=log] li", (all) => all.map((line) => line.textContent));
    const singly = log.filter((line) => /^Batch #\d+ processed: \d+ records\.$/.test(line));
    assert.deepEqual(singly, [...new Set(singly)], "no line comes twice");
    assert.equal((await stage.product.api(`/api/sync/${runId}`)).read, 60_000);
    await watched.close();
  });

  it("says that Redis does not answer, and that it does again", async () => {
    const { watched } = await watch("silent.csv", 60);
    await watched.sees("[data-part=deliveredOf]", /^[1-9]/);

    stage.product.redis.signal("SIGSTOP");
    await watched.sees("#banner", /No news from redis\. What you see may be old/);
    stage.product.redis.signal("SIGCONT");

    await watched.page.waitForSelector("#banner", { hidden: true });
    await stage.product.faults({ latencyMs: 0 });
    await watched.sees(STATUS, /^Completed$/, 60_000);
    assert.equal(await delivered(watched), 60_000);
    await watched.close();
  });

  it("waits for room in sight, and nothing on the page moves", async () => {
    const { watched } = await watch("still.csv", 150);

    await watched.sees(STATUS, /^Waiting for room$/);
    await watched.sees(".title .pill", /^reading waits for room$/);
    const meter = await watched.page.$eval("[role=meter][aria-label=Batches]", ({ ariaValueNow, ariaValueMax, ariaValueText }) => ({ ariaValueNow, ariaValueMax, ariaValueText }));
    assert.match(meter.ariaValueText, /reading stops at 60 and goes on at 30/);
    await stage.product.faults({ latencyMs: 5 });
    await watched.sees(STATUS, /^Completed$/, 60_000);
    assert.match(await watched.text('[data-detail="waited"]'), /, (once|\d+ times)$/);
    await watched.staysStill();
    await watched.close();
  });

  it("holds no connection while nobody sees the page, and goes on when somebody does", async () => {
    const { watched } = await watch("unseen.csv", 60);
    const { page } = watched;
    await watched.sees("[data-part=deliveredOf]", /^[1-9]/);
    const session = await page.createCDPSession();
    await session.send("Network.enable");
    const given = new Promise((resolve) => session.on("Network.loadingFailed", ({ canceled }) => canceled && resolve()));

    await page.evaluate(setHidden, true);
    await given;
    const before = await watched.text("[data-part=deliveredOf]");
    assert.equal(await page.$eval("#banner", (banner) => banner.hidden), true);
    await page.evaluate(setHidden, false);

    await page.waitForFunction((text) => document.querySelector("[data-part=deliveredOf]").textContent !== text, {}, before);
    await stage.product.faults({ latencyMs: 0 });
    await watched.sees(STATUS, /^Completed$/, 60_000);
    await watched.close();
  });
});

/** Runs in the page: as if another tab were in front. */
function setHidden(hidden) {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}
