// A run is started with the button, or without a mouse.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Watched } from "./support/browser.js";
import { onStage } from "./support/stage.js";

const ROWS = 20_000;
const ODD = "<b title='x'>odd</b> & \"co\".csv";

describe("starting a run", { timeout: 300_000 }, () => {
  const stage = onStage(async (product) => {
    for (const [file, rows] of [["leads/monday.csv", ROWS], ["leads/tuesday.csv", 500], ["slow.csv", 40_000], ["leads/once.csv", 100], [ODD, 100]]) await product.generate(file, rows);
    await product.serve();
    await product.consume();
  });

  it("shows a run that was started with the button to its end", async () => {
    const watched = await Watched.open(stage.browser, stage.product.origin);
    await watched.sees("#files [role=option]", /leads\/monday\.csv/);

    await watched.press('#files [title="leads/monday.csv"]');
    assert.equal(await watched.text("[data-part=start]"), "Start Batch Sync");
    await watched.press("[data-part=start]");

    await watched.sees(".story .pill", /^Completed$/);
    assert.equal(await watched.text("h1"), "leads/monday.csv");
    assert.equal(await watched.text("[data-count=read]"), "20,000");
    assert.equal(await watched.text("[data-count=created]"), "20,000");
    assert.equal(await watched.text("[data-part=deliveredShare]"), "100.0 %");
    const log = await watched.page.$$eval("[data-part=log] li", (lines) => lines.map((line) => line.textContent));
    assert.equal(log[0], "Worker started job: full-import");
    assert.equal(log[1], "Downloading stream from Azure: leads/monday.csv...");
    assert.equal(log.at(-1), `Job Completed! Total Rows Processed: ${ROWS}`);
    assert(log.some((line) => /^Batch #1 processed: 200 records\.$/.test(line)), log.slice(0, 14).join("\n"));
    const stored = await (await fetch(`${stage.product.simulator}/__sim/state`)).text();
    assert.match(stored, new RegExp(`\\b${ROWS}\\b`));
    await watched.staysStill();
    await watched.close();
  });

  it("needs no mouse", async () => {
    const watched = await Watched.open(stage.browser, stage.product.origin);
    const { page } = watched;
    await watched.sees("#files [role=option]", /monday/);

    for (const stop of ["Skip to the content", "Batch Sync", ""]) {
      await page.keyboard.press("Tab");
      assert.equal(await page.evaluate(() => document.activeElement.textContent), stop);
    }
    await page.keyboard.type("TUES");
    await page.waitForFunction(() => document.querySelectorAll("#files [role=option]").length === 1);
    await page.keyboard.press("ArrowDown");
    assert.equal(await page.$eval("#file-name", (input) => input.value), "leads/tuesday.csv");
    await page.keyboard.press("Enter");

    await watched.sees(".story .pill", /^Completed$/);
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1");
    await page.keyboard.down("Shift");
    await page.keyboard.press("Tab");
    await page.keyboard.up("Shift");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "All runs");
    await page.keyboard.press("Enter");
    await watched.sees("tbody a", /leads\/tuesday\.csv/);
    await watched.close();
  });

  it("shows what a file is called, and never as markup", async () => {
    const watched = await Watched.open(stage.browser, stage.product.origin);
    await watched.sees("#files [role=option]", /odd/);

    await watched.page.type("#file-name", "odd");
    await watched.page.waitForFunction(() => document.querySelectorAll("#files [role=option]").length === 1);
    await watched.press("#files [role=option]");
    await watched.press("[data-part=start]");

    await watched.sees(".story .pill", /^Completed$/);
    assert.equal(await watched.text("h1"), ODD);
    assert.match(await watched.text("[data-part=log]"), /<b title='x'>odd<\/b>/);
    await watched.press(".crumb a");
    await watched.sees("tbody a", /<b title='x'>odd<\/b> & "co"\.csv/);
    assert.equal(await watched.page.$("b[title]"), null);
    await watched.close();
  });

  it("starts one run when the answer to the first try was lost", async () => {
    const watched = await Watched.open(stage.browser, stage.product.origin);
    await watched.page.evaluate(() => {
      const real = window.fetch;
      window.fetch = async (path, options) => {
        const answer = await real(path, options);
        if (!path.endsWith("/start")) return answer;
        window.fetch = real;
        throw new TypeError("the answer is lost");
      };
    });

    await watched.page.type("#file-name", "leads/once.csv");
    await watched.press("[data-part=start]");
    await watched.sees("[data-part=says]", /cannot be reached/);
    await watched.press("[data-part=start]");

    await watched.sees(".story .pill", /^Completed$/);
    const { runs } = await stage.product.api("/api/sync");
    assert.equal(runs.filter(({ file }) => file === "leads/once.csv").length, 1);
    await watched.close();
  });

  it("says what is wrong with a name, beside it", async () => {
    const watched = await Watched.open(stage.browser, stage.product.origin);
    watched.expected.push(/404/);

    await watched.press("[data-part=start]");
    await watched.sees("[data-part=says]", /Choose a file, or type its name/);
    await watched.page.type("#file-name", "nothing.csv");
    await watched.press("[data-part=start]");

    await watched.sees("[data-part=says]", /^There is no file of this name in the container\.$/);
    assert.equal(await watched.page.evaluate(() => document.activeElement.id), "file-name");
    await watched.close();
  });

  it("leads to the run of a file that is being loaded already", async () => {
    await stage.product.faults({ latencyMs: 300 });
    const { runId } = await stage.product.start("slow.csv");
    const watched = await Watched.open(stage.browser, stage.product.origin);
    watched.expected.push(/409/);

    await watched.page.type("#file-name", "slow.csv");
    await watched.press("[data-part=start]");
    await watched.press("[data-part=says] a");

    await watched.sees("[data-part=id]", new RegExp(`^${runId}$`));
    await stage.product.faults({ latencyMs: 0 });
    await watched.sees(".story .pill", /^Completed$/);
    await watched.close();
  });
});
