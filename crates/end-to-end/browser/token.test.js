// A server that wants a token.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Watched } from "./support/browser.js";
import { onStage } from "./support/stage.js";

const TOKEN = "the-right-one";

describe("a server that wants a token", { timeout: 300_000 }, () => {
  const stage = onStage(async (product) => {
    await product.generate("bad.csv", 3000, "--bad-rows", "100");
    await product.serve();
    await product.consume();
  }, { API_TOKEN: TOKEN });

  async function open(hash) {
    const watched = await Watched.open(stage.browser, stage.product.origin, { hash });
    watched.expected.push(/401/);
    return watched;
  }

  async function give(watched, token) {
    await watched.page.waitForSelector("dialog #token");
    await watched.page.type("#token", token);
    await watched.page.keyboard.press("Enter");
  }

  it("is asked for, again after a wrong one, and is forgotten with the tab", async () => {
    const watched = await open();

    await give(watched, "a wrong one");
    await watched.sees("#token-says", /did not accept/);
    await watched.page.keyboard.press("Escape");
    await watched.scan("a wrong token");
    await watched.shot("token");
    await give(watched, TOKEN);
    await watched.sees("#files [role=option]", /bad\.csv/);
    assert.equal(await watched.page.$("dialog"), null);
    assert.deepEqual(await watched.page.evaluate(() => [localStorage.length, document.cookie, ...Object.values(sessionStorage)]), [0, "", TOKEN]);

    await watched.page.reload();
    await watched.sees("#files [role=option]", /bad\.csv/);
    await watched.close();
    const other = await open();
    await other.page.waitForSelector("dialog #token");
    await other.close();
  });

  it("is shown with every call: start, events, and a download that is not buffered", async () => {
    const watched = await open();
    await give(watched, TOKEN);
    await watched.sees("#files [role=option]", /bad\.csv/);
    // The browser's own question for a place cannot be answered here; its file can be any.
    await watched.page.evaluate(() => {
      window.showSaveFilePicker = async ({ suggestedName }) => (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true });
    });

    await watched.press("#files [role=option]");
    await watched.press("[data-part=start]");
    await watched.sees(".story .pill", /^Completed with rejects$/);
    await watched.press("[data-part=download]");
    await watched.sees("[data-part=rejectsHint]", /^Downloaded\.$/);
    const saved = await watched.page.evaluate(async () => {
      const folder = await navigator.storage.getDirectory();
      for await (const [name, file] of folder.entries()) return { name, text: await (await file.getFile()).text() };
    });
    const rejected = Number((await watched.text("[data-count=rejected]")).replaceAll(",", ""));
    assert.match(saved.name, /^rejects-.+-for-spreadsheets\.csv$/);
    assert.match(saved.text, /"_record","_code","_message \(for spreadsheets\)"/);
    assert(saved.text.split("\n").length > rejected && rejected > 0);

    // A browser that lets no page write files gets the same another way.
    await watched.page.evaluate(() => (window.showSaveFilePicker = undefined));
    // `text()` takes the byte order mark off, by which spreadsheets know UTF-8.
    assert.equal(await watched.download("[data-part=download]", saved.name), `\ufeff${saved.text}`);
    await watched.close();
  });
});
