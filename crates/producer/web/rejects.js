// Rejected rows by code: their file to download, and another try for them.

import { element, icon, setText } from "./dom.js";
import { offer } from "./download.js";
import { grouped, sentence } from "./figures.js";
import { offerLoads } from "./loads.js";
import { begin } from "./start.js";

export class Rejects {
  #parts;
  #run;
  #rows = new Map();
  #report = null;
  #offered = null;

  constructor(parts, run) {
    this.#parts = parts;
    this.#run = run;
    parts.replay.addEventListener("click", () => this.#replay(undefined, parts.replay));
    const path = `/api/sync/${encodeURIComponent(run)}/rejects`;
    offer(parts.download, `${path}?for=spreadsheet`, `rejects-${run}-for-spreadsheets.csv`, parts.rejectsHint);
    offer(parts.exact, path, `rejects-${run}.csv`, parts.rejectsHint);
  }

  show(report) {
    const parts = this.#parts;
    const ended = !report.isOpen;
    const before = this.#report;
    this.#report = report;
    if (before && before.rejected === report.rejected && before.isOpen === report.isOpen && before.rejectsWrittenBytes === report.rejectsWrittenBytes) return;
    parts.codes.hidden = parts.replay.hidden = parts.replays.hidden = false;
    // Of a run that has ended just now, the file may be on its way.
    parts.download.hidden = parts.exact.hidden = report.rejectsWrittenBytes === 0;
    parts.replay.disabled = !report.commands.includes("replay");
    this.#offered ??= offerLoads(parts.load).catch(() => (this.#offered = null));
    // What a download says stays.
    if (before?.isOpen !== report.isOpen) setText(parts.rejectsHint, ended ? "" : "Rows can be replayed when the run has ended.");
    const codes = Object.entries(report.rejectedByCode).sort(([, a], [, b]) => b - a);
    for (const [code, rows] of codes) this.#code(code, rows, ended);
  }

  #code(code, rows, ended) {
    let row = this.#rows.get(code);
    if (!row) {
      const count = element("td", { class: "number" });
      const button = element("button", { class: "quiet", "aria-label": `Replay the rows with ${code}` }, icon("again"), "Replay");
      button.addEventListener("click", () => this.#replay(code, button));
      row = { count, button };
      this.#rows.set(code, row);
      this.#parts.codeRows.append(element("tr", {}, element("th", { scope: "row" }, code), count, element("td", { class: "act" }, button)));
    }
    setText(row.count, grouped(rows));
    row.button.disabled = !ended;
  }

  async #replay(code, button) {
    try {
      await begin(`/api/sync/${encodeURIComponent(this.#run)}/replay`, { code, load: this.#parts.load.value || undefined }, button);
    } catch (error) {
      setText(this.#parts.rejectsHint, sentence(error.message));
    }
  }
}
