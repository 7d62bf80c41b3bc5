// The table of runs, a page at a time: however many there are, a page is all that is
// asked for and laid out.

import { get } from "./api.js";
import { element, harmless, instance, setAttribute, setShare, setText } from "./dom.js";
import { duration, grouped, setMoment } from "./figures.js";
import { inFull } from "./loads.js";
import { readShare, deliveredShare } from "./pace.js";
import { showStatus } from "./status.js";

const PAGE = 25;

export class Runs {
  #parts;
  #signal;
  #rows = new Map();
  /** Where each page up to this one begins; the first one with the newest run. */
  #begins = [null];
  #next = null;
  #asked = 0;

  constructor(parts, signal) {
    this.#parts = parts;
    this.#signal = signal;
    parts.rows.replaceChildren(...Array.from({ length: 8 }, skeleton));
    parts.older.addEventListener("click", () => this.#turn([...this.#begins, this.#next]));
    parts.newer.addEventListener("click", () => this.#turn(this.#begins.slice(0, -1)));
  }

  /** The page that is shown, as it is now. */
  async refresh() {
    const asked = (this.#asked += 1);
    const begin = this.#begins.at(-1);
    const where = new URLSearchParams({ limit: PAGE, ...(begin && { before: begin }) });
    const { runs, next } = await get(`/api/sync?${where}`, this.#signal);
    if (asked !== this.#asked) return;
    this.#next = next;
    this.#show(runs);
  }

  async #turn(begins) {
    const before = this.#begins;
    this.#begins = begins;
    try {
      await this.refresh();
      this.#parts.pages.scrollIntoView({ block: "nearest" });
    } catch {
      // The next look at the runs will say what is wrong; the page has not turned.
      this.#begins = before;
    }
  }

  #show(runs) {
    const { rows, none, pages, older, newer, range } = this.#parts;
    this.#rows = new Map(runs.map((report) => [report.run, this.#rows.get(report.run) ?? new Row(report)]));
    for (const report of runs) this.#rows.get(report.run).show(report);
    arrange(rows, [...this.#rows.values()].map((row) => row.element));
    const isFirst = this.#begins.length === 1;
    none.hidden = runs.length > 0;
    setText(none, isFirst ? "No runs yet. Choose a file and press Start Batch Sync." : "No older runs.");
    pages.hidden = isFirst && this.#next === null;
    newer.disabled = isFirst;
    older.disabled = this.#next === null;
    const first = (this.#begins.length - 1) * PAGE;
    setText(range, `${grouped(first + 1)} to ${grouped(first + runs.length)}, newest first`);
  }
}

function arrange(place, wanted) {
  let at = place.firstElementChild;
  for (const row of wanted) {
    if (row === at) at = at.nextElementSibling;
    else place.insertBefore(row, at);
  }
  while (at) {
    const next = at.nextElementSibling;
    at.remove();
    at = next;
  }
}

class Row {
  element;
  #parts;

  constructor(report) {
    const { root, parts } = instance("run-row");
    this.element = root.firstElementChild;
    this.#parts = parts;
    setText(parts.link, report.file);
    parts.link.href = `#/runs/${encodeURIComponent(report.run)}`;
    parts.link.title = harmless(report.file);
    setText(parts.id, report.run);
    setMoment(parts.started, report.startedAtMs);
  }

  show(report) {
    const parts = this.#parts;
    showStatus(parts.status, report);
    setText(parts.load, report.load ? `${report.load.operation} ${report.load.object}` : "");
    setAttribute(parts.load, "title", inFull(report.load));
    setText(parts.delivered, grouped(report.delivered));
    setText(parts.rejected, grouped(report.rejected));
    parts.rejected.classList.toggle("some", report.rejected > 0);
    setText(parts.took, duration(report.seconds));
    const read = readShare(report) ?? 1;
    setShare(parts.good, report.read > 0 ? (report.delivered / report.read) * read : (deliveredShare(report) ?? 0));
    setShare(parts.bad, report.read > 0 ? ((report.delivered + report.rejected) / report.read) * read : 0);
  }
}

function skeleton() {
  const cells = ["", "", "wide", "", "mid", "mid"].map((name) => element("td", { class: name }, element("span", { class: "skeleton" })));
  return element("tr", { class: "loading", "aria-hidden": "true" }, ...cells);
}
