// Rejected rows by code: their file to download, and another try for them.

import { element, icon, setText } from "./dom.js";
import { offer } from "./download.js";
import { grouped, sentence } from "./figures.js";
import { offerLoads } from "./loads.js";
import { asksForLoad } from "./refusals.js";
import { begin } from "./start.js";

const FOLDER = "rejects/";

export class Rejects {
  #parts;
  #corrected;
  #run;
  #rows = new Map();
  #report = null;
  #offered = null;

  constructor(parts, run) {
    this.#parts = parts;
    this.#run = run;
    parts.replay.addEventListener("click", () => this.#replay({}, parts.replay));
    const path = `/api/sync/${encodeURIComponent(run)}/rejects`;
    offer(parts.download, `${path}?for=spreadsheet`, `rejects-${run}-for-spreadsheets.csv`, parts.rejectsHint);
    offer(parts.exact, path, `rejects-${run}.csv`, parts.rejectsHint);
    this.#corrected = this.#takeCorrected();
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
    this.#corrected.parentNode.hidden = parts.replay.disabled;
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
      button.addEventListener("click", () => this.#replay({ code }, button));
      row = { count, button };
      this.#rows.set(code, row);
      this.#parts.codeRows.append(element("tr", {}, element("th", { scope: "row" }, code), count, element("td", { class: "act" }, button)));
    }
    setText(row.count, grouped(rows));
    row.button.disabled = !ended;
  }

  /** The rows as a person corrected them: a file that is chosen, or dropped where they are. Gives what it is chosen with. */
  #takeCorrected() {
    const { exact, codes } = this.#parts;
    const input = element("input", { class: "unseen", type: "file", accept: ".csv,.gz,.zst" });
    exact.after(element("label", { class: "button upload", hidden: "" }, "Load the corrected file, or drop it here …", input));
    input.addEventListener("change", async () => {
      await this.#load(input.files);
      // The same file can be chosen again.
      input.value = "";
    });
    const panel = codes.closest("section");
    for (const type of ["dragover", "drop"]) {
      panel.addEventListener(type, (event) => {
        if (input.parentNode.hidden || !event.dataTransfer.types.includes("Files")) return;
        event.preventDefault();
        if (type === "drop") this.#load([...event.dataTransfer.files]);
      });
    }
    return input;
  }

  /** Into the container first, under a name that a person sees; then it is replayed. */
  async #load(files) {
    try {
      const { upload } = await import("./upload.js");
      await upload(files, FOLDER, (file) => this.#replay({ file }, this.#corrected));
    } catch (error) {
      setText(this.#parts.rejectsHint, sentence(error.message));
    }
  }

  async #replay(rows, button) {
    try {
      await begin(`/api/sync/${encodeURIComponent(this.#run)}/replay`, { ...rows, load: this.#parts.load.value || undefined }, button);
    } catch (error) {
      setText(this.#parts.rejectsHint, `${sentence(error.message)}${asksForLoad(error) ? " Choose one under Replay with." : ""}`);
    }
  }
}
