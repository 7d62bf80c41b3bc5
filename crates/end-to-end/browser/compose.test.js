// A new load, from a file to a run: mapped, looked at, started, saved.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, it } from "node:test";

import { Watched } from "./support/browser.js";
import { look } from "./support/look.js";
import { answering, NO_ORG, ORG } from "./support/org.js";
import { onStage } from "./support/stage.js";

const COMPOSER_BYTES_MAX = 60_000;
const FILE = "exports/contacts_2026-11-27.csv";
const ROWS = ["ErpNo,Name,E-Mail,Account,Born,Note", 'K-10001,"Meier, Jana",jana@example.com,A-77,03/11/1984,', "K-10002,O'Neil,,A-12,12/02/1991,\"<b>VIP</b>\"", "K-10003,Li,li@example.com,,,"];
const SDL = "# ours\nErpNo=ErpKey__c\nName=LastName\nAccount=Account\\:Account-ErpKey__c\nBorn=Birthdate\n\"Web\"=LeadSource\nGone=Email\n";
const SETTINGS = { SALESFORCE_OBJECT: "", SALESFORCE_EXTERNAL_ID: "", MAPPING_FILE: "" };

/** Files on this machine, to be chosen in the browser. */
function onDisk(name, text) {
  const folder = mkdtempSync(path.join(tmpdir(), "batch-sync-sdl-"));
  writeFileSync(path.join(folder, name), text);
  return { file: path.join(folder, name), remove: () => rmSync(folder, { recursive: true }) };
}

describe("a new load", { timeout: 300_000 }, () => {
  const stage = onStage(async (product) => {
    await product.serve();
    await product.run("generate-upload", "--file", "first.csv", "--rows", "1");
    await product.put(FILE, `${ROWS.join("\n")}\n`);
  }, SETTINGS);

  const open = (file = FILE, answers = ORG) => Watched.open(stage.browser, stage.product.origin, { hash: `#/load/${encodeURIComponent(file)}`, before: [answering, answers] });
  const sent = (watched, wanted) => watched.page.evaluate((path) => window.sent.filter((call) => call.path === path), wanted);

  /** What the row of a column says: field, rule, state. */
  const row = (watched, at) => watched.page.$eval(`.map li:nth-child(${at})`, (item) => [item.querySelector("input").value, item.querySelector(".rule").textContent, item.dataset.state]);

  async function fill(watched, selector, text) {
    await watched.page.$eval(selector, (input) => (input.value = ""));
    await watched.page.type(selector, text);
    await watched.page.keyboard.press("Tab");
  }

  async function choose(watched, object) {
    await watched.sees("[data-part=objectHint]", /objects in the org/);
    await fill(watched, "#c-object", object);
    await watched.sees("[data-part=objectHint]", /fields\.$/);
  }

  it("shows what the file has, and says what each column becomes", async () => {
    const watched = await open();
    await watched.sees("h1", /contacts_2026-11-27/);
    assert.equal(await watched.text("[data-part=facts]"), "166 B · 3 rows · comma, UTF-8, 6 columns");
    assert.deepEqual(await watched.page.$$eval(".sample tbody tr:nth-child(2) td", (cells) => cells.map((cell) => cell.textContent)), ["K-10002", "O'Neil", "", "A-12", "12/02/1991", "<b>VIP</b>"]);
    await choose(watched, "contact");

    assert.equal(await watched.page.$eval("#c-object", (input) => input.value), "Contact");
    assert.equal(await watched.page.$eval("#c-key", (select) => select.value), "ErpKey__c");
    // The label "ERP No" looks like the column; Name is read-only, and Note is no field.
    assert.deepEqual([await row(watched, 1), await row(watched, 2), await row(watched, 3), await row(watched, 6)], [
      ["ErpKey__c", "key, text up to 64, external id, unique", "ok"], ["", "", "none"], ["Email", "e-mail up to 80", "ok"], ["", "", "none"]]);
    assert.match(await watched.text("[data-part=required]"), /^LastName \(Last Name\)/);
    await fill(watched, "#c-column-1", "Name");
    assert.deepEqual(await row(watched, 2), ["Name", "Name is read-only", "bad"]);
    await fill(watched, "#c-column-1", "LastName");
    assert.deepEqual(await row(watched, 2), ["LastName", "text up to 80, required", "ok"]);
    await fill(watched, "#c-column-3", "Account.ErpKey__c");
    await watched.sees(".map li:nth-child(4) .rule", /^Account by ErpKey__c, text up to 64$/);
    await fill(watched, "#c-column-4", "Birthdate");
    assert.deepEqual(await row(watched, 5), ["Birthdate", "date; both orders fit the first rows choose", "warn"]);
    assert.equal(await watched.text("[data-part=mapped]"), "5 of 6 mapped");
    assert.equal(await watched.text("[data-part=left]"), "Note");
    await look(watched, "compose", { fullPage: true });
    await watched.press("[data-asks]");
    assert.equal(await watched.page.evaluate(() => document.activeElement.id), "c-dates");
    await watched.page.select("#c-dates", "day-first");
    assert.deepEqual(await row(watched, 5), ["Birthdate", "date", "ok"]);
    await fill(watched, "#c-column-5", "Email");
    assert.deepEqual((await row(watched, 6)).slice(1), ["Email is filled by E-Mail as well", "bad"]);
    await watched.close();
  });

  it("takes an .sdl file, chosen or dropped, and says what of it does not fit", async () => {
    const watched = await open();
    watched.expected.push(/422/);
    await choose(watched, "Contact");
    const good = onDisk("ours.sdl", SDL);
    const bad = onDisk("broken.sdl", "ErpNo=ErpKey__c\nnonsense\n");
    const input = await watched.page.$("[data-part=sdl]");
    await input.uploadFile(bad.file);
    await watched.sees("[data-part=mappingSays]", /^broken\.sdl: .*line 2: there is no `=`/);
    await input.uploadFile(good.file);
    await watched.sees("[data-part=mappingSays]", /^The file has no column Gone, which ours\.sdl maps\.$/);

    assert.equal(await watched.text("[data-part=mapped]"), "4 of 6 mapped");
    assert.deepEqual((await row(watched, 4))[0], "Account:Account-ErpKey__c");
    assert.deepEqual(await watched.page.$$eval(".constant input", (inputs) => inputs.map(({ value }) => value)), ["LeadSource", "Web"]);
    await watched.page.evaluate((text) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([text], "dropped.sdl"));
      const panel = document.querySelector("[data-part=drop]");
      for (const type of ["dragover", "drop"]) panel.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
    }, "ErpNo=ErpKey__c");
    await watched.sees("[data-part=mapped]", /^1 of 6 mapped$/);
    good.remove();
    bad.remove();
    await watched.close();
  });

  it("starts what is shown, and nothing else", async () => {
    const watched = await open();
    await choose(watched, "Contact");
    await fill(watched, "#c-column-1", "LastName");
    await watched.page.select("#c-key", "Email");
    await watched.press("[data-part=addConstant]");
    await watched.page.type(".constant [data-part=field]", "LeadSource");
    await watched.press("[data-part=start]");
    await watched.sees(".send [data-part=says]", /^Value for all rows: a value is missing\.$/);
    await watched.page.type(".constant [data-part=value]", "Web");
    await watched.press("[data-part=start]");

    await watched.sees(".story .pill", /^(Queued|Draining|Waiting.*)$/);
    const [{ body }] = await sent(watched, "/api/sync/start");
    assert.deepEqual(body, { fileName: FILE, load: { object: "Contact", operation: "upsert", externalId: "Email", columns: { ErpNo: "ErpKey__c", Name: "LastName", "E-Mail": "Email" }, constants: { LeadSource: "Web" } } });
    assert.equal(await watched.text("[data-part=does]"), "upsert Contact by Email");
    await watched.close();
  });
});
