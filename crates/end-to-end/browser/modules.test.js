// The page's own arithmetic, run in the browser that it is written for.

import assert from "node:assert/strict";
import { before, describe, it } from "node:test";

import { Watched } from "./support/browser.js";
import { onStage } from "./support/stage.js";

describe("the modules of the page", { timeout: 120_000 }, () => {
  const stage = onStage((product) => product.serve());
  let watched;

  before(async () => {
    watched = await Watched.open(stage.browser, stage.product.origin);
  });

  /** What `body` gives, with the module as `of`. */
  const within = (module, body) => watched.page.evaluate(`import("/batch-sync/${module}.js").then((of) => (${body})(of))`);

  it("cut a stream of events anywhere", async () => {
    const stream = 'retry: 2000\n\n: still here\n\nid: 1-0\nevent: log\ndata: {"lines":["a"]}\n\nevent: run\r\ndata: {\r\ndata: }\r\n\r\nevent: end\ndata\n\n';

    const cuts = await within("events", `({ EventParser }) => {
      const stream = ${JSON.stringify(stream)};
      return Array.from({ length: stream.length }, (_, at) => {
        const parser = new EventParser();
        return JSON.stringify([...parser.push(stream.slice(0, at)), ...parser.push(stream.slice(at))]);
      });
    }`);

    const events = [{ name: "log", data: '{"lines":["a"]}', id: "1-0" }, { name: "run", data: "{\n}" }, { name: "end", data: "" }];
    assert.deepEqual([...new Set(cuts)], [JSON.stringify(events)]);
  });

  it("say numbers as the command line does", async () => {
    const said = await within("figures", `({ grouped, counted, bytes, duration, percent, timeLeft, sentence }) => [
      grouped(12345678), bytes(1023), bytes(5 * 2 ** 30), duration(12.34), duration(61), duration(7260),
      counted(1, "row"), counted(1.4, "row"), counted(0, "row"), percent(0.9999), percent(1), timeLeft(0.2), timeLeft(59.1), timeLeft(61), timeLeft(7300), timeLeft(Infinity), sentence("redis is away"), sentence("is it running?")]`);

    assert.deepEqual(said, [
      "12,345,678", "1023 B", "5.0 GiB", "12.3 s", "1 min 01 s", "2 h 01 min",
      "1 row", "1 row", "0 rows", "99.9 %", "100.0 %", "under 1 s left", "60 s left", "2 min left", "2 h 1 min left", "", "Redis is away.", "Is it running?"]);
  });

  it("tell how long a run still takes from lately, not from its start", async () => {
    const [rate, left, compressed, delivered] = await within("pace", `({ Rate, secondsLeft, deliveredShare }) => {
      const rate = new Rate(10);
      for (let second = 0; second <= 60; second += 1) rate.add(second, second * 1000);
      for (let second = 61; second <= 120; second += 1) rate.add(second, 60_000 + (second - 60) * 100);
      const report = { status: "feeding", file: "a.csv", fedAtMs: null, fileBytes: 1000, bytesFed: 250, read: 100, delivered: 40, rejected: 10, cancelled: 0 };
      return [rate.perSecond, secondsLeft(report, 50, 10), deliveredShare({ ...report, file: "a.csv.gz" }), deliveredShare({ ...report, bytesFed: 1000, delivered: 0, rejected: 100 })];
    }`);

    assert(rate > 100 && rate < 105, `${rate}`);
    assert.deepEqual(left, { reading: 15, delivering: 35 });
    assert.equal(compressed, null);
    assert.equal(delivered, 0);
  });

  it("draw the sums of a run as rates, up to now", async () => {
    const [live, ended, short, long, none, waits] = await within("series", `({ pointsOf }) => {
      const bucket = (read, delivered = 0, rejected = 0, backpressureMs = 0) => ({ read, delivered, rejected, backpressureMs });
      const series = { bucketMs: 500, buckets: [bucket(100, 10, 20), bucket(50, 20), bucket(0, 30, 0, 200), bucket(0, 30), bucket(0, 70)] };
      const waits = { bucketMs: 1000, buckets: [bucket(1), bucket(1), bucket(1, 0, 0, 1500), bucket(1)] };
      const minutes = { bucketMs: 64_000, buckets: [bucket(6400, 64), bucket(0, 640)] };
      return [pointsOf(series, 10.4, false), pointsOf(series, 10.4, true), pointsOf(series, 2.2, true), pointsOf(minutes, 100, false), pointsOf({ bucketMs: 0, buckets: [] }, 3, true), pointsOf(waits, 4, true)];
    }`);
    const point = (from, to, read, delivered, waited = false) => ({ from, to, read, delivered, waited });
    const quiet = (from, to) => Array.from({ length: to - from }, (_, at) => point(from + at, from + at + 1, 0, 0));
    const start = [point(0, 1, 150, 30), point(1, 2, 0, 60, true), point(2, 3, 0, 70)];

    assert.deepEqual(live, [...start, ...quiet(3, 10)]);
    assert.deepEqual(ended, [...start, ...quiet(3, 10), point(10, 10.4, 0, 0)]);
    assert.deepEqual([short[0], short.length, short.at(-1).to], [point(0, 0.5, 200, 20), 5, 2.2]);
    assert.deepEqual(long, [point(0, 64, 100, 1)]);
    assert.deepEqual(none, []);
    assert.deepEqual(waits.map(({ waited }) => waited), [false, true, true, false]);
  });

  it("say what a choice of a load does", async () => {
    const [none, several, byDefault, byName, chosen, short, full, gone, ofFile] = await within("loads", `({ explain, explainFile, inShort, inFull, inList }) => {
      const lead = { name: "default", operation: "upsert", object: "Lead", externalId: "Key__c", api: "auto", mapping: "1a2b", files: [], after: [] };
      const cases = { ...lead, name: "cases", operation: "insert", object: "Case", externalId: null, api: "bulk", mapping: "3c4d", files: ["a*.csv", "b.csv"], after: ["leads", "others"] };
      return [explain([], "", []), explain([], "", [lead, cases]), explain([lead], "", []), explain([cases, lead], "", []), explain([cases, lead], "cases", []), inShort(cases), inFull(lead),
        inList({ ...cases, operation: "hard-delete" }), ["pattern", "environment", "consumers"].map((by) => explainFile([cases, lead], { by, load: by === "pattern" ? cases : lead, refused: null }))
          .concat(explainFile([], { by: "consumers", load: null, refused: null }), explainFile([], { by: null, load: null, refused: "several fit" }))];
    }`);

    assert.deepEqual([none, several, byDefault], [
      "no consumer has a default load.", "the consumers have different default loads: upsert Lead by Key__c; insert Case.", "default: upsert Lead by Key__c."]);
    assert.equal(byName, "The file's name decides; if no load fits, default: upsert Lead by Key__c.");
    assert.equal(chosen, "API bulk; mapping 3c4d; files a*.csv, b.csv; after leads, others");
    assert.equal(gone, "cases: hard-delete Case, deletes records");
    assert.deepEqual(ofFile, [
      "load cases: insert Case; one of a*.csv, b.csv fits the name", "load default: upsert Lead by Key__c; no load fits this file's name: the load of the server's settings",
      "load default: upsert Lead by Key__c; no load fits this file's name: the consumers' default load", "no load yet: map columns, or a consumer's default is taken", "several fit"]);
    assert.deepEqual([short, full], ["insert Case", "upsert Lead by Key__c, load default, mapping 1a2b"]);
  });
});
