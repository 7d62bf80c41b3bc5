// The two bars: how much of the file is read, and how much of it is delivered.

import { setAttribute, setShare, setText } from "./dom.js";
import { bytes, counted, grouped, percent, timeLeft } from "./figures.js";
import { Rate, readShare, secondsLeft, settled, deliveredPerSecond, deliveredShare } from "./pace.js";

// What is shown should move with the run; what time left follows from should not jump.
const SHOWN_SECONDS = 3;
const STEADY_SECONDS = 15;

export class Progress {
  shareShown = "";
  #parts;
  #rates = null;

  constructor(parts) {
    this.#parts = parts;
    for (const bar of [parts.readBar, parts.deliveredBar]) {
      for (const fill of bar.children) setShare(fill, 0);
    }
  }

  show(report, isDelivered) {
    const rates = this.#measure(report);
    const moves = isDelivered && ["feeding", "waiting", "draining"].includes(report.status);
    const left = moves ? secondsLeft(report, rates.steadyBytes.perSecond, rates.steadyRows.perSecond) : { reading: Infinity, delivering: Infinity };
    this.#read(report, rates, left.reading);
    this.#delivered(report, rates, left.delivering);
  }

  #measure(report) {
    const average = report.seconds > 0 ? 1 / report.seconds : 0;
    this.#rates ??= {
      bytes: new Rate(SHOWN_SECONDS),
      readRows: new Rate(SHOWN_SECONDS),
      rows: new Rate(SHOWN_SECONDS),
      steadyBytes: new Rate(STEADY_SECONDS, report.bytesFed * average || null),
      steadyRows: new Rate(STEADY_SECONDS, settled(report) * average || null),
    };
    const { bytes: shownBytes, readRows, rows, steadyBytes, steadyRows } = this.#rates;
    for (const rate of [shownBytes, steadyBytes]) rate.add(report.seconds, report.bytesFed);
    for (const rate of [rows, steadyRows]) rate.add(report.seconds, settled(report));
    readRows.add(report.seconds, report.read);
    return this.#rates;
  }

  #read(report, rates, left) {
    const { readBar, readShare: share, readOf, readRate, readLeft } = this.#parts;
    const read = readShare(report);
    const reads = ["feeding", "waiting"].includes(report.status);
    const amount = read === null ? `${bytes(report.bytesFed)} decompressed, ${bytes(report.fileBytes)} in the container` : `${bytes(Math.min(report.bytesFed, report.fileBytes))} of ${bytes(report.fileBytes)}`;
    setText(share, read === null ? "–" : percent(read));
    setText(readOf, read === 1 && report.bytesFed !== report.fileBytes ? bytes(report.bytesFed) : amount);
    setText(readRate, reads ? `${counted(rates.readRows.perSecond ?? 0, "row")}/s · ${bytes(Math.round(rates.bytes.perSecond ?? 0))}/s` : "");
    setText(readLeft, reads ? timeLeft(left) : read === 1 ? "all of it" : "");
    bar(readBar, read, `${amount} read`);
    setShare(readBar.firstElementChild, read ?? 0);
    readBar.classList.toggle("unknown", read === null && reads);
    readBar.classList.toggle("still", report.status === "waiting" || report.status === "paused");
  }

  #delivered(report, rates, left) {
    const { deliveredBar, deliveredShare: share, deliveredOf, deliveredRate, deliveredLeft } = this.#parts;
    const done = deliveredShare(report);
    const read = readShare(report) ?? 1;
    const [ghost, good, bad] = deliveredBar.children;
    const words = `${grouped(report.delivered)} of ${counted(report.read, "row")} read`;
    this.shareShown = done === null ? "" : percent(done);
    setText(share, done === null ? "–" : percent(done));
    setText(deliveredOf, report.rejected > 0 ? `${words}, ${grouped(report.rejected)} rejected` : words);
    const delivers = ["feeding", "waiting", "draining"].includes(report.status);
    setText(deliveredRate, delivers ? `${counted(rates.rows.perSecond ?? 0, "row")}/s` : "");
    setText(deliveredLeft, report.isOpen ? timeLeft(left) : `${counted(deliveredPerSecond(report), "row")}/s on average`);
    bar(deliveredBar, done, `${words} are delivered${report.rejected > 0 ? `, ${grouped(report.rejected)} rejected` : ""}`);
    const of = (rows) => (report.read > 0 ? (rows / report.read) * read : done === 1 ? 1 : 0);
    setShare(ghost, read && report.read > 0 ? read : 0);
    setShare(good, of(report.delivered));
    setShare(bad, of(report.delivered + report.rejected));
  }
}

function bar(element, share, words) {
  if (share === null) element.removeAttribute("aria-valuenow");
  else setAttribute(element, "aria-valuenow", Math.floor(share * 100));
  setAttribute(element, "aria-valuetext", words);
}
