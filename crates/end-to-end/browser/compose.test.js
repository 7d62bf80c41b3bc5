// A new load, from a file to a run: mapped, looked at, started, saved.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, it } from "node:test";

import { Watched } from "./support/browser.js";
import { DESK, look } from "./support/look.js";
import { answering, NO_ORG, ORG } from "./support/org.js";
import { root } from "./support/product.js";
import { onStage } from "./support/stage.js";

const COMPOSER_BYTES_MAX = 60_000;
const FILE = "exports/contacts_2026-11-27.csv";
const ROWS = ["ErpNo,Name,E-Mail,Account,Born,Note", 'K-10001,"Meier, Jana",jana@example.com,A-77,03/11/1984,', "K-10002,O'Neil,,A-12,12/02/1991,\"<b>VIP</b>\"", "K-10003,Li,li@example.com,,,"];
const SDL = "# ours\nErpNo=ErpKey__c\nName=LastName\nAccount=Account\\:Account-ErpKey__c\nBorn=Birthdate\n\"Web\"=LeadSource\nGone=Email\n";
// A start compares its load with the org, which has a Contact as the page is told.
const SETTINGS = { SALESFORCE_OBJECT: "", SALESFORCE_EXTERNAL_ID: "", MAPPING_FILE: "", SIMULATOR_SCHEMA: path.join(root, "crates/end-to-end/browser/support/contact.json") };

/** A picture of all of it: the buttons stay at the end of the window. */
async function whole(watched, name) {
  const height = await watched.page.evaluate(() => document.documentElement.scrollHeight);
  await watched.page.setViewport({ ...DESK, height });
  await watched.page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "light" }]);
  await watched.shot(name);
  await watched.page.setViewport(DESK);
}

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
    await watched.page.click(selector, { count: 3 });
    await watched.page.keyboard.press("Backspace");
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
    assert.equal(await watched.text("[data-part=required]"), "Choose an object first.");
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
    // A parent is found by its external id, which is asked for when somebody names the parent.
    const offered = () => watched.page.$$eval("#c-fields option", (all) => all.map(({ value }) => value).filter((value) => value.startsWith("Account")));
    assert.deepEqual(await offered(), ["AccountId", "Account."]);
    await fill(watched, "#c-column-3", "Account");
    await watched.sees(".map li:nth-child(4) .rule", /^name an external id of Account: Account\.ErpKey__c$/);
    assert.deepEqual(await offered(), ["AccountId", "Account.ErpKey__c"]);
    await fill(watched, "#c-column-3", "Account.ErpKey__c");
    await watched.sees(".map li:nth-child(4) .rule", /^Account by ErpKey__c, text up to 64$/);
    await fill(watched, "#c-column-4", "Birthdate");
    assert.deepEqual(await row(watched, 5), ["Birthdate", "date; both orders fit the first rows choose", "warn"]);
    assert.equal(await watched.text("[data-part=mapped]"), "5 of 6 mapped");
    assert.equal(await watched.text("[data-part=left]"), "Note");
    await look(watched, "compose");
    await whole(watched, "compose");
    // Not behind the buttons at the end of the window.
    await watched.page.$eval("[data-asks]", (button) => button.scrollIntoView({ block: "center" }));
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

  it("checks the file, says what would be rejected, and can be stopped", async () => {
    const running = { id: "c1", file: FILE, status: "running", bytesRead: 80, fileBytes: 166, rows: 1_000, rejected: 2, error: null, findings: null };
    const found = { rows: 1_420_113, rejected: 307, rejects: [
      { code: "INVALID_VALUE", column: "Born", field: "Birthdate", rows: 210, first: [{ record: 4710, line: 4711, rule: "not a date there is" }] },
      { code: "EXTERNAL_ID_MISSING", column: null, field: null, rows: 97, first: [] }],
    rejectedBySalesforce: [
      { code: "REQUIRED_FIELD_MISSING", column: "Name", field: "LastName", rows: 1, first: [{ record: 7, line: 9, rule: "the field is emptied" }], ifNew: false },
      { code: "REQUIRED_FIELD_MISSING", column: "Name", field: "LastName", rows: 3, first: [{ record: 6, line: 8, rule: "no value" }], ifNew: true }],
    keys: { column: "ErpNo", field: "ErpKey__c", empty: 97, repeated: 1_204, isCounted: true, first: [{ record: 9, line: 10 }] }, parents: [{ column: "Account", field: "Account.ErpKey__c", rows: 5, records: 2, isCounted: true }],
    linesWithoutData: 0, misfit: null, requiredWithoutColumn: ["LastName"], warnings: ["dates with slashes are taken to be month first"], durationMs: 12_345, describedBy: "https://org.my.salesforce.com" };
    const done = { ...running, status: "done", bytesRead: 166, rows: 1_420_113, rejected: 307, findings: found };
    const stopped = { ...running, status: "stopped" };
    const watched = await open(FILE, { ...ORG, "POST /api/checks": { http: 202, ...running }, "GET /api/checks/c1": [running, running, running, done, running, running, stopped], "DELETE /api/checks/c1": {} });
    await choose(watched, "Contact");
    await watched.press("[data-part=check]");
    await watched.sees("[data-part=figures]", /^1,000 rows read.*998 would be sent.*2 would be rejected$/);
    assert.equal(await watched.text("[data-part=check]"), "Stop checking");

    await watched.sees("[data-part=figures]", /^1,420,113 rows read.*1,419,806 would be sent.*307 would be rejected.*1,204 keys come more than once$/);
    assert.equal(await watched.text("[data-part=checkHint]"), "Checked in 12.3 s, compared with https://org.my.salesforce.com.");
    assert.deepEqual(await watched.page.$$eval("[data-part=found] tr", (rows) => rows.map((of) => of.textContent)), ["INVALID_VALUEBorn210record 4,710 (line 4,711): not a date there is", "EXTERNAL_ID_MISSINGthe row97"]);
    assert.match(await watched.text("[data-part=notes]"), /repeats a key: record 9 \(line 10\).*LastName.*Column Name: 1 row has no value \(record 7 \(line 9\)\). Salesforce rejects them, for it needs LastName.*3 rows have no value \(record 6 \(line 8\)\). Salesforce rejects them if they make.*Dates with slashes/);
    await look(watched, "checked");
    await whole(watched, "checked");
    const [{ body }] = (await sent(watched, "/api/checks")).filter(({ method }) => method === "POST");
    assert.deepEqual([body.fileName, body.load.object, body.load.externalId], [FILE, "Contact", "ErpKey__c"]);
    await fill(watched, "#c-column-1", "LastName");
    await watched.sees("[data-part=checkHint]", /^The load was changed after this check began\.$/);
    await watched.press("[data-part=check]");
    await watched.sees("[data-part=check]", /^Stop checking$/);
    await watched.press("[data-part=check]");
    await watched.sees("[data-part=checkHint]", /^Stopped; the rest of the file was not read\.$/);
    assert.equal((await sent(watched, "/api/checks/c1")).filter(({ method }) => method === "DELETE").length, 1);
    await watched.close();
  });

  it("shows nothing of an earlier check when a new one fails", async () => {
    await stage.product.put("leads-of-today.csv", "External Id,Last Name,Company\nL-1,Ada,Lovelace\n");
    const watched = await open("leads-of-today.csv", {});
    watched.expected.push(/422/);
    await choose(watched, "Lead");
    await watched.press("[data-part=check]");
    await watched.sees("[data-part=checkHint]", /^Checked in /);
    await watched.page.$eval("[data-part=cells]", (details) => (details.open = true));
    await fill(watched, "#c-zone", "Europe/Berlyn");
    await watched.press("[data-part=check]");

    await watched.sees(".check .says", /^No such time zone; write it like Europe\/Berlin\.$/);
    assert.equal(await watched.page.$eval("[data-part=checked]", (box) => box.checkVisibility()), false);
    await look(watched, "check-failed");
    await fill(watched, "#c-zone", "");
    await watched.sees(".check .hint", /^Nothing is checked yet\.$/);
    await watched.close();
  });

  it("asks before it inserts or deletes, in the server's words", async () => {
    await stage.product.put("people_2026.csv", `${ROWS.join("\n")}\n`);
    const watched = await open("people_2026.csv");
    watched.expected.push(/409/);
    await choose(watched, "Contact");
    await watched.page.select("#c-operation", "insert");
    assert.equal(await watched.page.$eval("#c-key", (select) => select.disabled), true);
    await watched.press("[data-part=start]");
    await watched.sees(".send [data-part=says]", /^No column fills LastName, which every new record needs\.$/);
    await fill(watched, "#c-column-1", "LastName");
    await watched.press("[data-part=start]");
    await watched.sees("dialog p", /^Insert Contact \(load request\) from people_2026\.csv: each row becomes a new record; .*twice/);
    await look(watched, "compose-question");
    await watched.press("dialog [data-part=no]");
    const load = { object: "Contact", operation: "insert", columns: { ErpNo: "ErpKey__c", Name: "LastName", "E-Mail": "Email" } };
    assert.deepEqual((await sent(watched, "/api/sync/start")).map(({ body }) => body), [{ fileName: "people_2026.csv", load }]);

    await watched.page.select("#c-operation", "delete");
    await watched.page.select("#c-key", "ErpKey__c");
    await watched.press("[data-part=start]");
    await watched.sees("dialog p", /recycle bin/);
    await watched.press("dialog [data-part=no]");
    await watched.page.select("#c-operation", "hard-delete");
    assert.equal(await watched.page.$eval("#c-api", (select) => select.value), "bulk");
    await watched.press("[data-part=start]");
    await watched.sees("dialog [data-part=yes]", /^Start the hard-delete$/);
    assert.match(await watched.text("dialog p"), /for good/);
    await watched.press("dialog [data-part=no]");

    await watched.page.select("#c-operation", "insert");
    await watched.press("[data-part=start]");
    await watched.press("dialog [data-part=yes]");
    await watched.sees("[data-part=does]", /^insert Contact$/);
    assert.deepEqual((await sent(watched, "/api/sync/start")).at(-1).body, { fileName: "people_2026.csv", load: { ...load, api: "bulk" }, confirm: true });
    await watched.close();
  });

  it("is done with typed names where the server knows no org", async () => {
    await stage.product.put("alone.csv", `${ROWS.join("\n")}\n`);
    const watched = await open("alone.csv", NO_ORG);
    await watched.sees("[data-part=objectHint]", /set SALESFORCE_LOGIN_URL and SALESFORCE_CLIENT_ID\. Names can be typed; the first consumer compares them with the org\.$/);
    assert.deepEqual([await row(watched, 2), await row(watched, 3)], [["Name", "not compared with an org", "open"], ["EMail", "not compared with an org", "open"]]);
    assert.equal(await watched.page.$eval("[data-part=check]", (button) => button.hidden), true);
    await look(watched, "compose-alone");
    await watched.press("[data-part=start]");
    await watched.sees(".send [data-part=says]", /^Choose an object\.$/);
    assert.equal(await watched.page.evaluate(() => document.activeElement.id), "c-object");
    await fill(watched, "#c-object", "Contact");
    await fill(watched, "#c-typed-key", "ErpKey__c");
    await watched.press("[data-part=start]");
    await watched.sees(".send [data-part=says]", /^No column fills the key ErpKey__c\.$/);
    await fill(watched, "#c-column-0", "ErpKey__c");
    for (const at of [2, 3, 4, 5]) await fill(watched, `#c-column-${at}`, "");
    await fill(watched, "#c-column-1", "LastName");
    await watched.press("[data-part=start]");
    await watched.sees(".story .pill", /./);
    assert.equal(await watched.text("[data-part=does]"), "upsert Contact by ErpKey__c");
    await watched.close();
  });

  it("is saved as a load that `producer loads` takes", async () => {
    const watched = await open();
    await choose(watched, "Contact");
    await watched.page.$eval("[data-part=cells]", (details) => (details.open = true));
    await watched.page.select("#c-dates", "day-first");
    await watched.page.select("#c-truncate", "true");
    await fill(watched, "#c-zone", "Europe/Berlin");
    await watched.press(".tick");
    await fill(watched, "#c-column-1", "LastName, Email");
    await fill(watched, "#c-column-2", "");
    await watched.press("[data-part=addConstant]");
    await watched.page.type(".constant [data-part=field]", "LeadSource");
    await watched.page.type(".constant [data-part=value]", 'a "b" \\ ü');
    await watched.page.keyboard.press("Tab");
    const text = await watched.download("[data-part=save]", "contacts.toml");

    assert.equal(text, `# Made with the page of Batch Sync. Add it to the file that LOADS_FILE names.

[loads.contacts]
object = "Contact"
operation = "upsert"
external-id = "ErpKey__c"
dates = "day-first"
truncate = true
time-zone = "Europe/Berlin"
ids = true
files = ["exports/contacts_*.csv"]

[loads.contacts.columns]
"ErpNo" = "ErpKey__c"
"Name" = ["LastName", "Email"]

[loads.contacts.constants]
"LeadSource" = "a \\"b\\" \\\\ ü"
`);
    const saved = onDisk("loads.toml", text);
    const listed = JSON.parse(await stage.product.run("producer", "loads", "--json", "--loads-file", saved.file));
    const [load] = listed.loads ?? listed;
    assert.deepEqual([load.name, load.object, load.externalId, load.ids, load.files], ["contacts", "Contact", "ErpKey__c", true, ["exports/contacts_*.csv"]]);
    saved.remove();
    await watched.close();
  });

  it("is saved without a pattern when it deletes, and what was said of it does not stay", async () => {
    await stage.product.put("gone_1.csv", `ErpNo\n${"K-1\n".repeat(20)}`);
    const watched = await open("gone_1.csv");
    await watched.sees("[data-part=sampleHint]", /^Scroll in the table: it has the first 20 rows\.$/);
    const seen = () => watched.page.$eval("[data-part=sampleBox]", (box) => [box.clientHeight, [...box.querySelectorAll("tbody tr")].filter((row) => row.offsetTop + row.offsetHeight <= box.clientHeight).length]);
    assert.equal((await seen())[1], 5);
    await choose(watched, "Contact");
    await watched.page.select("#c-operation", "delete");
    await watched.page.select("#c-key", "ErpKey__c");
    await fill(watched, "#c-column-0", "ErpKey__c");
    const text = await watched.download("[data-part=save]", "gone.toml");

    assert.equal(text, `# Made with the page of Batch Sync. Add it to the file that LOADS_FILE names.

[loads.gone]
object = "Contact"
operation = "delete"
external-id = "ErpKey__c"
# No \`files\`: a load that deletes is chosen by its own name, never by the name of a file.

[loads.gone.columns]
"ErpNo" = "ErpKey__c"
`);
    const saved = onDisk("loads.toml", text);
    const listed = JSON.parse(await stage.product.run("producer", "loads", "--json", "--loads-file", saved.file));
    const [load] = listed.loads ?? listed;
    assert.deepEqual([load.name, load.operation, load.files], ["gone", "delete", []]);
    saved.remove();
    await watched.sees("[data-part=saved]", /^Downloaded as gone\.toml\. Add it to the file that LOADS_FILE names\.$/);
    await watched.press("[data-part=match]");
    await watched.sees("#announcer", /^1 of 1 mapped$/);
    assert.equal(await watched.text("[data-part=saved]"), "");
    await watched.page.evaluate((file) => (location.hash = `#/load/${encodeURIComponent(file)}`), FILE);
    await watched.sees("h1", /contacts_2026/);
    assert.equal(await watched.text("#announcer"), "");
    await watched.close();
  });

  it("names its own choice in a warning, and not a setting of the environment", async () => {
    await stage.product.put("born.csv", "ErpNo,LastName,Born\nK-1,Ada,03/11/1984\n");
    const watched = await open("born.csv", {});
    await choose(watched, "Contact");
    await fill(watched, "#c-column-2", "Birthdate");
    await watched.press("[data-part=check]");
    await watched.sees("[data-part=notes]", /^Dates with slashes are taken to be month first \(11\/23\/2026\) in Birthdate; if that is wrong, choose another under “How cells are read”, Dates with slashes\.$/);
    await watched.close();
  });

  it("is quick with 1,000 columns and 800 fields", async () => {
    const names = Array.from({ length: 1_000 }, (_, at) => (at === 0 ? "Key" : at < 700 ? `Field ${at}` : `Other ${at}`));
    await stage.product.put("wide.csv", `${names.join(",")}\n${names.map((_, at) => `value ${at}`).join(",")}\n`);
    const watched = await open("wide.csv");
    await watched.sees("[data-part=objectHint]", /objects in the org/);
    await watched.page.type("#c-object", "Big__c");
    const ms = await watched.page.evaluate(async () => {
      const input = document.querySelector("#c-object");
      const began = performance.now();
      input.dispatchEvent(new Event("change"));
      while (!/^700 of/.test(document.querySelector("[data-part=mapped]").textContent)) await new Promise((resolve) => requestAnimationFrame(resolve));
      document.body.getBoundingClientRect();
      const chosen = performance.now() - began;
      const field = document.querySelector("#c-column-900");
      field.value = "Field_750__c";
      const before = performance.now();
      field.dispatchEvent(new Event("change", { bubbles: true }));
      document.body.getBoundingClientRect();
      return [chosen, performance.now() - before];
    });
    assert.equal(await watched.text("[data-part=mapped]"), "701 of 1,000 mapped");
    const [chosen, changed] = ms;
    assert(chosen < 1_500 && changed < 300, `${chosen} ms to choose an object, ${changed} ms to change a field`);
    const many = await watched.page.evaluate(() => [document.querySelectorAll("option").length, document.querySelectorAll("*").length]);
    assert(many[0] < 1_000 && many[1] < 12_000, `${many} options, elements`);
    await watched.page.select("[data-part=only]", "none");
    assert.equal(await watched.page.$$eval(".map li", (items) => items.filter((item) => !item.hidden).length), 299);
    await watched.page.type("#c-find", "other 9");
    assert.equal(await watched.page.$$eval(".map li", (items) => items.filter((item) => !item.hidden).length), 99);
    await watched.press("[data-part=left] button");
    assert.equal(await watched.page.evaluate(() => document.activeElement.id), "c-column-700");
    await watched.close();
  });

  it("needs no mouse, and is found from the first view", async () => {
    const watched = await open("../x");
    watched.expected.push(/400/);
    await watched.sees("h1", /^The file cannot be shown$/);
    await watched.press(".lonely a");
    await watched.sees("#files [role=option]", /contacts/);
    await watched.page.focus("#file-name");
    await watched.page.keyboard.type("contacts");
    await watched.page.waitForFunction(() => document.querySelectorAll("#files [role=option]").length === 1);
    await watched.page.keyboard.press("ArrowDown");
    await watched.page.focus("[data-part=see]");
    await watched.page.keyboard.press("Enter");
    await watched.sees("h1", /contacts_2026-11-27/);
    assert.equal(await watched.page.evaluate(() => document.activeElement.tagName), "H1");
    const stops = [];
    for (let stop = 0; stop < 16; stop += 1) {
      await watched.page.keyboard.press("Tab");
      stops.push(await watched.page.evaluate(() => document.activeElement.id || document.activeElement.dataset.part || document.activeElement.textContent.trim()));
    }
    assert.deepEqual(stops, ["sampleBox", "c-object", "c-operation", "c-key", "c-api", "c-ids", "How cells are read", "sdl", "match", "c-column-0", "c-column-1", "c-column-2", "c-column-3", "c-column-4", "c-column-5", "addConstant"]);
    await watched.close();
  });

  it("loads its own files only when it is opened, and they are small", async () => {
    const own = async (watched) => {
      const files = await watched.page.evaluate(() => performance.getEntriesByType("resource").filter(({ name }) => name.includes("/batch-sync/")).map(({ name, decodedBodySize }) => [name.split("/").pop(), decodedBodySize]));
      return new Map(files);
    };
    const first = await Watched.open(stage.browser, stage.product.origin);
    await first.sees("#files [role=option]", /contacts/);
    const before = await own(first);
    await first.close();
    const watched = await open();
    await watched.sees("h1", /contacts/);
    const added = [...(await own(watched))].filter(([name]) => !before.has(name));
    const bytes = added.reduce((sum, [, size]) => sum + size, 0);
    assert.deepEqual(added.map(([name]) => name).filter((name) => name.startsWith("compose")).sort(), ["compose.css", "compose.html", "compose.js"]);
    assert(added.every(([, size]) => size > 0) && bytes < COMPOSER_BYTES_MAX, `${bytes} bytes: ${added}`);
    await watched.close();
  });

  it("goes from a file to a run with a real org: mapped by name, checked, started", async () => {
    const { product } = stage;
    await product.put("leads.csv", "External Id,Last Name,Company,Email,Status\nL-1,Ada,Lovelace,ada@example.com,Open - Not Contacted\nL-2,Bob,Bob & Co,,Nonsense\nL-1,Cem,Cem Inc,,\n");
    const watched = await open("leads.csv", {});
    await choose(watched, "Lead");
    assert.equal(await watched.text("[data-part=mapped]"), "5 of 5 mapped");
    assert.match((await row(watched, 5))[1], /^one of 4: Open - Not Contacted, /);
    await watched.press("[data-part=check]");
    await watched.sees("[data-part=figures]", /^3 rows read.*2 would be sent.*1 would be rejected.*1 keys? comes? more than once$/);
    await watched.sees("[data-part=found]", /^INVALID_VALUEStatus1record 2 \(line 3\): /);
    await product.consume();
    await watched.press("[data-part=start]");
    await watched.sees(".story .pill", /^Completed with rejects$/, 60_000);
    assert.deepEqual([await watched.text("[data-count=read]"), await watched.text("[data-count=rejected]")], ["3", "1"]);
    // One rate for one thing: what is delivered.
    const [, average] = (await watched.text("[data-part=deliveredLeft]")).match(/^(\d+) rows?\/s on average$/);
    assert.match(await watched.text("[data-part=text]"), new RegExp(`: ${average} delivered on average, `));
    await watched.close();
  });
});
