// A file of the person's machine comes into the container, and a load is made for it.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, it } from "node:test";

import { Watched } from "./support/browser.js";
import { look } from "./support/look.js";
import { answering } from "./support/org.js";
import { onStage } from "./support/stage.js";

const ROWS = "Key,Name\nK-1,Ada\nK-2,Bob\n";

/** Drops files of this name and text on an element, as a hand does. */
function drop(watched, files, selector = "body") {
  return watched.page.$eval(selector, (place, all) => {
    const dataTransfer = new DataTransfer();
    for (const [name, text] of all) dataTransfer.items.add(new File([text], name));
    const events = ["dragover", "drop"].map((type) => new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
    const taken = events.map((event) => !place.dispatchEvent(event));
    if (taken.includes(false)) throw new Error("the browser would open the file");
  }, files);
}

async function rename(watched, name) {
  await watched.page.click("#up-name", { count: 3 });
  await watched.page.type("#up-name", name);
}

const says = "dialog [data-part=says]";
const send = "dialog [data-part=send]";

describe("an upload", { timeout: 300_000 }, () => {
  const stage = onStage(async (product) => {
    await product.generate("first.csv", 10);
    await product.serve();
  });

  const open = (hash = "", answers = {}) => Watched.open(stage.browser, stage.product.origin, { hash, before: [answering, answers] });
  const files = async (prefix) => (await stage.product.api(`/api/files?prefix=${encodeURIComponent(prefix)}`)).files.map(({ name, bytes }) => [name, bytes]);
  const hasDialog = (watched) => watched.page.$eval("body", (body) => body.querySelector("dialog") !== null);

  it("is dropped on the page, gets a name, and leads to the load for it", async () => {
    const watched = await open();
    await watched.sees("#files [role=option]", /first\.csv/);
    await drop(watched, [["dropped.csv", ROWS], ["other.csv", ROWS]]);
    await watched.sees("dialog h2", /^Upload a file$/);
    assert.equal(await watched.text("dialog [data-part=facts]"), "dropped.csv, 25 B; the first of 2: one file at a time");
    assert.deepEqual(await watched.page.evaluate(() => [document.activeElement.id, document.activeElement.value]), ["up-name", "dropped.csv"]);
    await look(watched, "upload");
    await rename(watched, "new/of today.csv");
    await watched.press(send);

    await watched.sees("h1", /^new\/of today\.csv$/);
    await watched.sees("[data-part=facts]", /^25 B · 2 rows · comma, UTF-8, 2 columns$/);
    assert.deepEqual(await watched.page.$$eval(".sample tbody tr", (rows) => rows.map((of) => of.textContent)), ["K-1Ada", "K-2Bob"]);
    assert.equal(await hasDialog(watched), false);
    assert.deepEqual(await files("new/"), [["new/of today.csv", 25]]);
    await watched.close();
  });

  it("needs no mouse, and Escape ends it", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "batch-sync-upload-"));
    writeFileSync(path.join(folder, "chosen.csv"), ROWS);
    const watched = await open();
    const { page } = watched;
    await watched.sees("#files [role=option]", /first\.csv/);
    const choose = async () => {
      const choosing = page.waitForFileChooser();
      // The browser takes one command after the other: from here on it waits for the choice.
      await page.evaluate(() => {});
      await page.keyboard.press("Enter");
      const chooser = await choosing;
      await chooser.accept([path.join(folder, "chosen.csv")]);
    };
    await page.focus("#file-name");
    for (let stop = 0; stop < 10 && (await page.evaluate(() => document.activeElement.type)) !== "file"; stop += 1) await page.keyboard.press("Tab");
    await choose();
    await watched.sees("dialog [data-part=facts]", /^chosen\.csv, 25 B$/);
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog", { hidden: true });
    assert.equal(await page.evaluate(() => document.activeElement.type), "file");
    await choose();
    await page.waitForSelector("dialog");
    await page.keyboard.press("Enter");

    await watched.sees("h1", /^chosen\.csv$/);
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1");
    rmSync(folder, { recursive: true });
    await watched.close();
  });

  it("replaces a file only when a person says so", async () => {
    await stage.product.put("kept.csv", "Key\nOLD\n");
    const watched = await open();
    await drop(watched, [["kept.csv", ROWS]]);
    await watched.press(send);
    await watched.sees(says, /^There is a file of this name: 8 B, of .*\. Replace it, or type another name\.$/);
    assert.equal(await watched.text(send), "Replace the file");
    await look(watched, "upload-replace");
    await rename(watched, "kept-2.csv");
    assert.deepEqual([await watched.text(send), await watched.text(says)], ["Upload", ""]);
    await rename(watched, "kept.csv");
    await watched.press(send);
    await watched.sees(says, /^There is a file/);
    assert.deepEqual(await files("kept"), [["kept.csv", 8]]);
    await watched.press(send);

    await watched.sees("[data-part=facts]", /^25 B · 2 rows/);
    assert.deepEqual(await files("kept"), [["kept.csv", 25]]);
    await watched.close();
  });

  it("asks as well when the file came in between", async () => {
    await stage.product.put("quick.csv", "Key\nOLD\n");
    const watched = await open("", { "/api/files?prefix=quick.csv&limit=1": { files: [], next: null, uploadBytesMax: 1_000 } });
    watched.expected.push(/409/);
    await drop(watched, [["quick.csv", ROWS]]);
    await watched.press(send);
    await watched.sees(says, /^There is a file of this name now\./);
    await watched.press(send);

    await watched.sees("h1", /^quick\.csv$/);
    assert.deepEqual(await files("quick"), [["quick.csv", 25]]);
    await watched.close();
  });

  it("says how far it is, and leaves nothing when it is cancelled", async () => {
    const watched = await open();
    const session = await watched.page.createCDPSession();
    const slow = (uploadThroughput) => session.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput });
    await session.send("Network.enable");
    const large = ["large.csv", `Key\n${"K-1\n".repeat(1_000_000)}`];
    await drop(watched, [large]);
    await slow(200_000);
    await watched.press(send);
    await watched.sees("dialog .hint", /^[\d.]+ [KM]iB of 3\.8 MiB · [\d.]+ \w+\/s · \d+ s left$/);
    assert(await watched.page.$eval("dialog [role=progressbar]", (bar) => Number(bar.getAttribute("aria-valuenow")) < 100));
    await look(watched, "uploading");
    const ended = new Promise((resolve) => watched.page.once("requestfailed", (request) => resolve(`${request.method()} ${request.failure().errorText}`)));
    await watched.press("dialog [data-part=cancel]");
    await watched.page.waitForSelector("dialog", { hidden: true });
    assert.equal(await ended, "PUT net::ERR_ABORTED");
    await slow(-1);

    assert.equal(await watched.page.evaluate(() => location.hash), "");
    assert.deepEqual(await files("large"), []);
    await drop(watched, [large]);
    await watched.press(send);
    await watched.sees("h1", /^large\.csv$/);
    assert.deepEqual(await files("large"), [["large.csv", 4_000_004]]);
    await watched.close();
  });

  it("is taken by every view, but for files that a part of it takes", async () => {
    const watched = await open("#/load/first.csv");
    await watched.sees("h1", /^first\.csv$/);
    // The load of the server's settings is chosen; columns are of a load that is said here.
    await watched.page.select("#c-load", "");
    await drop(watched, [["some.sdl", "ExternalId=External_Id__c\n"]], "[data-part=drop]");
    await watched.sees("[data-part=mapped]", /^1 of/);
    assert.equal(await hasDialog(watched), false);
    await drop(watched, [["view.csv", ROWS]]);
    await watched.press(send);
    await watched.sees("h1", /^view\.csv$/);
    await watched.close();
  });

  it("says when the server takes no files, or is gone", async () => {
    const watched = await open("", { "/api/files?prefix=off.csv&limit=1": { files: [], next: null, uploadBytesMax: 0 }, "/api/files?prefix=gone.csv&limit=1": { http: 404, error: "there is no container" } });
    watched.expected.push(/gone\.csv/);
    await drop(watched, [["off.csv", ROWS]]);
    await watched.press(send);
    await watched.sees(says, /^This server takes no uploads \(UPLOAD_BYTES_MAX is 0\); use producer upload\.$/);
    await rename(watched, " ");
    await watched.press(send);
    await watched.sees(says, /^Type a name\.$/);
    await rename(watched, "gone.csv");
    await watched.page.evaluate(() => {
      const { open } = XMLHttpRequest.prototype;
      XMLHttpRequest.prototype.open = function (method, path) {
        open.call(this, method, `http://127.0.0.1:1${path}`);
      };
    });
    watched.expected.push(/127\.0\.0\.1:1/, /Content Security Policy|ERR_/);
    await watched.press(send);
    await watched.sees(says, /^The upload broke off, and nothing of it is in the container; /);
    assert.equal(await watched.text(send), "Upload");
    await watched.page.browserContext().close();
  });
});

describe("an upload to a server with limits", { timeout: 300_000 }, () => {
  const stage = onStage(async (product) => {
    await product.generate("first.csv", 10);
    await product.serve();
  }, { UPLOAD_BYTES_MAX: "1000", API_TOKEN: "a-token-of-the-tests" });

  it("shows the limit, sends nothing over it, and shows the token", async () => {
    const watched = await Watched.open(stage.browser, stage.product.origin);
    watched.expected.push(/401/);
    const sent = [];
    watched.page.on("request", (request) => request.method() === "PUT" && sent.push(request.url()));
    await watched.page.waitForSelector("#token");
    await watched.page.type("#token", "a-token-of-the-tests");
    await watched.page.keyboard.press("Enter");
    await watched.sees("#files [role=option]", /first\.csv/);
    await drop(watched, [["large.csv", ROWS.repeat(100)]]);
    await watched.press(send);
    await watched.sees(says, /^The file has 2\.4 KiB, and this server takes 1000 B at most \(UPLOAD_BYTES_MAX\); use producer upload\.$/);
    await look(watched, "upload-large");
    await watched.page.keyboard.press("Escape");
    await watched.page.waitForSelector("dialog", { hidden: true });
    assert.deepEqual(sent, []);

    await drop(watched, [["small.csv", ROWS]]);
    await watched.press(send);
    await watched.sees("h1", /^small\.csv$/);
    assert.equal(sent.length, 1);
    await watched.close();
  });
});
