// The table of runs: the newest page follows what happens, older ones are added below.

import { get } from "./api.js";
import { element, instance, setShare, setText } from "./dom.js";
import { duration, grouped, setMoment, sentence } from "./figures.js";
import { readShare, settledShare } from "./pace.js";
import { asSeen, hasEnded, showStatus } from "./status.js";

const PAGE = 50;
// Runs that are under way and no longer among the newest: so many are asked for each time.
const OLD_MAX = 5;

export class Runs {
  #parts;
  #signal;
  #rows = new Map();
  #next;

  constructor(parts, signal) {
    this.#parts = parts;
    this.#signal = signal;
    parts.rows.replaceChildren(...Array.from({ length: 8 }, skeleton));
    parts.older.addEventListener("click", () => this.#older());
  }

  async refresh() {
    const { runs, next } = await get(`/api/sync?limit=${PAGE}`, this.#signal);
    const isFirst = this.#next === undefined;
    if (isFirst) {
      this.#next = next;
      this.#parts.rows.replaceChildren();
    }
    // From the oldest to the newest: each new one goes on top.
    for (const report of runs.toReversed()) this.#show(report, "prepend");
    this.#parts.older.hidden = this.#next === null;
    this.#parts.none.hidden = this.#rows.size > 0;
    setText(this.#parts.none, "No runs yet. Choose a file and press Start Batch Sync.");
    await this.#refreshOld(new Set(runs.map((report) => report.run)));
  }

  async #refreshOld(known) {
    const open = [...this.#rows.values()].filter((row) => !row.ended && !known.has(row.run)).slice(0, OLD_MAX);
    for (const { run } of open) this.#show(await get(`/api/sync/${encodeURIComponent(run)}`, this.#signal), "append");
  }

  async #older() {
    const { older, none } = this.#parts;
    older.disabled = true;
    try {
      const { runs, next } = await get(`/api/sync?limit=${PAGE}&before=${encodeURIComponent(this.#next)}`, this.#signal);
      this.#next = next;
      for (const report of runs) this.#show(report, "append");
      none.hidden = true;
    } catch (error) {
      if (this.#signal.aborted) return;
      setText(none, `Older runs could not be read. ${sentence(error.message)}`);
      none.hidden = false;
    }
    older.disabled = false;
    older.hidden = this.#next === null;
  }

  #show(report, where) {
    let row = this.#rows.get(report.run);
    if (!row) {
      row = new Row(report);
      this.#rows.set(report.run, row);
      this.#parts.rows[where](row.element);
    }
    row.show(report);
  }
}

class Row {
  run;
  ended = false;
  element;
  #parts;

  constructor(report) {
    const { root, parts } = instance("run-row");
    this.element = root.firstElementChild;
    this.#parts = parts;
    this.run = report.run;
    setText(parts.link, report.file);
    parts.link.href = `#/runs/${encodeURIComponent(report.run)}`;
    parts.link.title = report.file;
    setText(parts.id, report.run);
    setMoment(parts.started, report.startedAtMs);
  }

  show(ledger) {
    const report = asSeen(ledger);
    const parts = this.#parts;
    this.ended = hasEnded(report);
    showStatus(parts.status, report.status);
    setText(parts.delivered, grouped(report.delivered));
    setText(parts.rejected, grouped(report.rejected));
    parts.rejected.classList.toggle("some", report.rejected > 0);
    setText(parts.took, duration(report.seconds));
    const read = readShare(report) ?? 1;
    setShare(parts.good, report.read > 0 ? (report.delivered / report.read) * read : (settledShare(report) ?? 0));
    setShare(parts.bad, report.read > 0 ? ((report.delivered + report.rejected) / report.read) * read : 0);
  }
}

function skeleton() {
  const cells = ["", "", "wide", "", "mid", "mid"].map((name) => element("td", { class: name }, element("span", { class: "skeleton" })));
  return element("tr", { class: "loading", "aria-hidden": "true" }, ...cells);
}
