// A run says what it loads: chosen by a person, or by the name of its file.

import assert from "node:assert/strict";
import path from "node:path";
import { describe, it } from "node:test";

import { Watched } from "./support/browser.js";
import { look } from "./support/look.js";
import { answering } from "./support/org.js";
import { root } from "./support/product.js";
import { onStage } from "./support/stage.js";

const STATUS = ".story .pill";
// Neither the server nor a consumer has a default load.
const SETTINGS = { SALESFORCE_OBJECT: "", SALESFORCE_EXTERNAL_ID: "", MAPPING_FILE: "", LOADS_FILE: path.join(root, "deploy/loads.toml") };

describe("the load of a run", { timeout: 300_000 }, () => {
  const stage = onStage(async (product) => {
    for (const [file, ...more] of [["leads/june.csv", "--bad-rows", "100"], ["people.csv"]]) await product.generate(file, 500, ...more);
    await product.serve();
    await product.consume();
  }, SETTINGS);

  const open = (hash) => Watched.open(stage.browser, stage.product.origin, { hash });

  async function start(watched, file, load = "") {
    await watched.page.waitForSelector("#load option:nth-child(4)");
    await watched.press(`#files [title="${file}"]`);
    await watched.page.select("#load", load);
    await watched.press("[data-part=start]");
  }

  it("is that of the file's name, unless somebody chooses another", async () => {
    const watched = await open();
    await watched.sees("[data-part=loadHint]", /^The file's name decides which load it gets\.$/);
    assert.deepEqual(await watched.page.$$eval("#load option", (all) => all.map(({ text }) => text)), [
      "By the file's name", "leads: upsert Lead by External_Id__c", "accounts: upsert Account by ErpKey__c", "contacts: upsert Contact by LegacyId__c"]);
    await watched.page.select("#load", "contacts");
    await watched.sees("[data-part=loadHint]", /^API collections; mapping [0-9a-f]+; files contacts\*\.csv; after accounts\.$/);
    await look(watched, "loads");

    await start(watched, "leads/june.csv");
    await watched.sees(STATUS, /^Completed with rejects$/);
    assert.equal(await watched.text("[data-part=does]"), "upsert Lead by External_Id__c");
    await watched.press(".crumb a");
    await start(watched, "people.csv", "contacts");
    await watched.sees(STATUS, /^Completed$/);
    assert.match(await watched.text("[data-detail=load]"), /^upsert Contact by LegacyId__c, load contacts, mapping [0-9a-f]+$/);
    await watched.press(".crumb a");
    await watched.sees("tbody td .sub", /^upsert Contact$/);
    await watched.close();
  });

  it("is said of a file before it is started, with the reason", async () => {
    const watched = await open();
    watched.expected.push(/409/);
    await watched.sees("[data-part=loadHint]", /^The file's name decides/);
    await watched.press('#files [title="leads/june.csv"]');
    await watched.sees("[data-part=loadHint]", /^Load leads: upsert Lead by External_Id__c; one of leads\/\*\.csv, big-data-import\*\.csv fits the name\.$/);
    await look(watched, "load-of-file");
    await watched.press('#files [title="people.csv"]');
    await watched.sees("[data-part=loadHint]", /^No load fits this file's name\. Choose one above, or press Map columns, check first …$/);
    await watched.press("[data-part=start]");
    await watched.sees("#start-says", /^No load fits this file's name\. Choose one above, or press Map columns, check first …$/);
    await watched.page.select("#load", "contacts");
    await watched.sees("[data-part=loadHint]", /^API collections; /);
    await watched.page.select("#load", "");
    await watched.page.click("#file-name", { count: 3 });
    await watched.page.type("#file-name", "contacts-of-tomorrow.csv");
    await watched.sees("[data-part=loadHint]", /^Load contacts: upsert Contact by LegacyId__c; contacts\*\.csv fits the name\.$/);
    await watched.close();
  });

  it("is not missed where the file is", async () => {
    const watched = await open();
    watched.expected.push(/409/);
    await watched.sees("[data-part=loadHint]", /^The file's name decides/);
    await watched.page.type("#file-name", "peopel.csv");
    await watched.sees("[data-part=loadHint]", /^There is no file of this name in the container\.$/);
    await watched.press("[data-part=start]");
    await watched.sees("#start-says", /^There is no file of this name in the container\.$/);
    await watched.close();
  });

  it("is chosen where a load is made as well, checked and started by its name", async () => {
    await stage.product.put("contacts-2.csv", "ExternalId,Name,Email\nC-1,Ada,ada@example.com\nC-2,,\n");
    const watched = await Watched.open(stage.browser, stage.product.origin, { hash: "#/load/contacts-2.csv", before: [answering, {}] });
    const facts = () => watched.page.$$eval("[data-part=named] div", (all) => all.map((of) => of.textContent));
    const own = () => watched.page.$$eval("[data-own]", (all) => all.map((of) => of.checkVisibility()));
    const sent = async (path) => (await watched.page.evaluate(() => window.sent)).filter((call) => call.path === path && call.method === "POST").map(({ body }) => body);
    // The load that fits is chosen, so a start needs nothing more.
    await watched.sees("[data-part=loadHint]", /^Load contacts: upsert Contact by LegacyId__c; contacts\*\.csv fits the name\.$/);
    assert.equal(await watched.page.$eval("#c-load", (select) => select.value), "*");
    await watched.page.select("#c-load", "");
    await watched.sees("[data-part=loadHint]", /^By its name the file would get the load contacts; it gets what is said below\.$/);
    assert.deepEqual(await watched.page.$$eval("#c-load option", (all) => all.map(({ text }) => text)), [
      "what is said on this page", "by the file's name: contacts: upsert Contact by LegacyId__c",
      "leads: upsert Lead by External_Id__c", "accounts: upsert Account by ErpKey__c", "contacts: upsert Contact by LegacyId__c"]);
    assert.deepEqual(await own(), [true, true, true, true]);

    await watched.page.select("#c-load", "*");
    await watched.sees("[data-part=loadHint]", /^Load contacts: upsert Contact by LegacyId__c; contacts\*\.csv fits the name\.$/);
    assert.deepEqual(await own(), [false, false, false, false]);
    assert.match((await facts()).join("; "), /^ObjectContact; Operationupsert; Find records byLegacyId__c; Mapping[0-9a-f]+; APIcollections; File of idsno$/);
    await watched.page.select("#c-load", "accounts");
    await watched.sees("[data-part=named]", /Account/);
    await watched.page.select("#c-load", "contacts");
    await look(watched, "named");
    await watched.press("[data-part=check]");
    await watched.sees("[data-part=figures]", /^2 rows read/);
    await watched.sees("[data-part=checkHint]", /^Checked in /);
    await watched.page.select("#c-load", "*");
    await watched.sees("[data-part=checkHint]", /^The load was changed after this check began\.$/);
    await watched.press("[data-part=start]");

    await watched.sees(STATUS, /^Completed with rejects$/);
    assert.match(await watched.text("[data-detail=load]"), /load contacts, /);
    assert.deepEqual([await sent("/api/checks"), await sent("/api/sync/start")], [[{ fileName: "contacts-2.csv", load: "contacts" }], [{ fileName: "contacts-2.csv" }]]);
    await watched.close();
  });

  it("is not chosen where none fits, and the page says so", async () => {
    const watched = await open("#/load/people.csv");
    watched.expected.push(/409/);
    await watched.sees("[data-part=loadHint]", /^No load fits this file's name; it gets what is said below\.$/);
    assert.equal(await watched.page.$eval("#c-load", (select) => select.value), "");
    await watched.page.select("#c-load", "*");
    await watched.sees("[data-part=loadHint]", /^No load fits this file's name\. Choose one above, or what is said on this page\.$/);
    await watched.press("[data-part=start]");
    await watched.sees(".send [data-part=says]", /^No load fits this file's name\. Choose one above, or what is said on this page\. $/);
    await watched.close();
  });

  it("is kept by a replay, unless somebody chooses another", async () => {
    const { runs } = await stage.product.api("/api/sync");
    const { run } = runs.find(({ file }) => file === "leads/june.csv");
    const replay = async (load) => {
      const watched = await open(`#/runs/${run}`);
      await watched.page.waitForSelector("#replay-load option:nth-child(4)");
      await watched.page.select("#replay-load", load);
      await watched.press("[data-part=replay]:not(:disabled)");
      await watched.sees("[data-part=origin]", new RegExp(`replay of ${run}`));
      await watched.sees(STATUS, /^(Completed with rejects|Failed)$/);
      const does = await watched.text("[data-part=does]");
      await watched.close();
      return does;
    };

    assert.equal(await replay(""), "upsert Lead by External_Id__c");
    assert.equal(await replay("contacts"), "upsert Contact by LegacyId__c");
  });
});

describe("a run without a load, where the server has no file of loads", { timeout: 300_000 }, () => {
  const stage = onStage(async (product) => {
    await product.generate("nameless.csv", 500);
    await product.serve();
    await product.consume();
  }, { ...SETTINGS, LOADS_FILE: "" });

  it("waits, and the page says so", async () => {
    const { runId } = await stage.product.start("nameless.csv");
    const watched = await Watched.open(stage.browser, stage.product.origin, { hash: `#/runs/${runId}` });
    await watched.sees(STATUS, /^Draining$/);
    await watched.sees("[data-part=sentence]", /Nothing is delivered: /);
    assert.equal(await watched.text("[data-part=does]"), "no load yet");
    await look(watched, "waits-for-load");
    await watched.close();
  });
});
