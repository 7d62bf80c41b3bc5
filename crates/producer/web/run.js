// One run, live.

import { get, post } from "./api.js";
import { Chart } from "./chart.js";
import { announce, element, harmless, instance, setText, showMissing } from "./dom.js";
import { follow } from "./events.js";
import { bytes, counted, duration, grouped, moment, sentence as asSentence, setMoment } from "./figures.js";
import { inFull, inShort } from "./loads.js";
import { copy, Log } from "./log.js";
import { deliveredPerSecond } from "./pace.js";
import { Progress } from "./progress.js";
import { QueuePanel, showCrew } from "./queue.js";
import { pointsOf } from "./series.js";
import { command, sentence, showStatus } from "./status.js";

const CONTROLS = ["pause", "resume", "cancel"];
const OBEYED_WITHIN_MS = 8000;

export function showRun(main, run, signal) {
  const { root, parts } = instance("run-view");
  main.append(root);
  document.title = `${run} · Batch Sync`;
  new RunView(main, parts, run, signal).live();
}

class RunView {
  #main;
  #parts;
  #run;
  #signal;
  #asksForSeries = false;
  #seriesDueAt = 0;
  #place = { lastId: null };
  #pressed = false;
  #report = null;
  #queue = null;
  #rejects = null;

  constructor(main, parts, run, signal) {
    Object.assign(parts, { chart: new Chart(parts.chart, signal), queue: new QueuePanel(parts.queue) });
    this.#main = main;
    this.#parts = parts;
    this.#run = run;
    this.#signal = signal;
    parts.log = new Log(parts.log, parts.copyLog);
    parts.progress = new Progress(parts);
    parts.copyCommand.addEventListener("click", () => copy(parts.copyCommand, parts.line.textContent));
    for (const name of CONTROLS) parts[name].addEventListener("click", () => this.#control(name));
    main.classList.add("loading");
    setText(parts.file, "\u00a0");
    setText(parts.id, run);
  }

  /** Follows the run to its end; again after it was resumed from there. */
  async live() {
    try {
      await follow(this.#path("events"), this.#place, this.#signal, (name, data) => {
        if (name === "run") this.#show(data.report, data.queue);
        else if (name === "log") this.#parts.log.add(data.lines);
        else if (name === "peek") this.#look().catch(() => {});
      });
      await this.#look();
    } catch (error) {
      if (!this.#signal.aborted && this.#report === null) this.#missing(error);
    }
  }

  async #look() {
    const report = await get(this.#path(), this.#signal);
    if (!this.#signal.aborted) this.#show(report, this.#queue);
  }

  #path(rest) {
    const path = `/api/sync/${encodeURIComponent(this.#run)}`;
    return rest ? `${path}/${rest}` : path;
  }

  #show(report, queue) {
    const before = this.#report;
    this.#report = report;
    this.#queue = queue;
    this.#main.classList.remove("loading");
    this.#head(report, queue);
    this.#parts.progress.show(report, !report.waitingFor && !queue?.outage);
    this.#throughput(report);
    if (queue) {
      // The bytes are those of all runs, which share them.
      this.#parts.queue.show({ ...queue, jobs: report.batchesQueued }, report.status === "waiting");
      showCrew(queue);
    }
    this.#counts(report);
    this.#rejected(report).catch(() => (this.#rejects = null));
    if (before?.status !== report.status) this.#enable();
    if (before && before.status !== report.status) this.#tell(report);
  }

  #head(report, queue) {
    const parts = this.#parts;
    setText(parts.file, report.file);
    setText(parts.does, report.load ? inShort(report.load) : "no load yet");
    setText(parts.size, bytes(report.fileBytes));
    setMoment(parts.started, report.startedAtMs);
    setText(parts.took, `${report.isOpen ? "for" : "took"} ${duration(report.seconds)}`);
    if (report.replayOf && parts.origin.hidden) {
      parts.origin.hidden = false;
      parts.origin.href = `#/runs/${encodeURIComponent(report.replayOf)}`;
      setText(parts.origin, `replay of ${report.replayOf}`);
    }
    showStatus(parts.status, report);
    setText(parts.sentence, sentence(report, queue));
    const line = command(report, queue);
    parts.command.hidden = line === null;
    setText(parts.line, line ?? "");
    for (const name of CONTROLS) parts[name].hidden = !report.commands.includes(name);
    const share = parts.progress.shareShown;
    document.title = `${!report.isOpen || share === "" ? report.label : share} · ${harmless(report.file)} · Batch Sync`;
  }

  /** Draws what the API has counted: now and then, and when the run has ended. */
  async #throughput({ seconds, ...report }) {
    const ended = !report.isOpen;
    if (this.#asksForSeries || (!ended && seconds < this.#seriesDueAt)) return;
    this.#asksForSeries = true;
    try {
      const series = await get(this.#path("series"), this.#signal);
      this.#parts.chart.show(pointsOf(series, seconds, ended), ended, { seconds, average: deliveredPerSecond({ ...report, seconds }) });
      this.#seriesDueAt = seconds + Math.max(1, series.bucketMs / 1000);
    } catch {
      // The stream of events tells that the server is away.
      this.#seriesDueAt = seconds + 1;
    }
    this.#asksForSeries = false;
    if (!ended && !this.#report.isOpen) this.#throughput(this.#report);
  }

  #counts(report) {
    for (const place of this.#main.querySelectorAll("[data-count]")) {
      const number = report[place.dataset.count];
      setText(place, grouped(number));
      place.classList.toggle("none", number === 0);
    }
    const times = report.pauses === 1 ? "once" : `${grouped(report.pauses)} times`;
    const details = {
      load: ["Load", inFull(report.load)],
      container: ["Container", report.container],
      etag: ["Version (ETag)", report.etag],
      batches: ["Batches delivered", `${grouped(report.batchesSettled)} of ${grouped(report.batchesFed)}`],
      apiCalls: ["API calls of this run", grouped(report.apiCalls)],
      waited: ["Waited for room", report.pauses === 0 ? "never" : `${duration(report.pausedMs / 1000)}, ${times}`],
      average: ["Average", `${counted(deliveredPerSecond(report), "row")}/s`],
      fed: ["File read", report.fedAtMs === null ? "not yet" : moment(report.fedAtMs)],
      ended: ["Ended", report.finishedAtMs === null ? "not yet" : moment(report.finishedAtMs)],
    };
    const places = this.#parts.details;
    for (const [name, [label, text]] of Object.entries(details)) {
      const place = places.querySelector(`[data-detail=${name}]`) ?? element("dd", { "data-detail": name });
      setText(place, text);
      if (!place.parentNode) places.append(element("div", {}, element("dt", {}, label), place));
    }
    if (report.idsWrittenBytes > 0) import("./ids.js").then(({ showIds }) => showIds(places, this.#run, report)).catch(() => {});
  }

  /** Few runs need all that there is for rejected rows. */
  async #rejected({ rejected, isOpen }) {
    const parts = this.#parts;
    if (rejected === 0 && !this.#rejects) return setText(parts.noRejects, isOpen ? "No row is rejected so far." : "No row was rejected.");
    parts.noRejects.hidden = true;
    this.#rejects ??= import("./rejects.js").then(({ Rejects }) => new Rejects(parts, this.#run));
    return (await this.#rejects).show(this.#report);
  }

  /** Only what changed for good is worth an interruption. */
  #tell(report) {
    if (["queued", "feeding", "waiting"].includes(report.status)) return;
    announce(`${report.label}. ${sentence(report, this.#queue)}`);
  }

  async #control(name) {
    const parts = this.#parts;
    if (name === "cancel" && !(await this.#isSure())) return;
    const hadEnded = !this.#report.isOpen;
    setText(parts.says, "");
    this.#pressed = true;
    parts[name].disabled = true;
    // Until the run says that it has changed, or has had the time for it.
    setTimeout(() => this.#enable(), OBEYED_WITHIN_MS);
    try {
      await post(this.#path(name));
      // A stream that came to its end says nothing more: a resumed run needs a new one.
      if (hadEnded) this.live();
    } catch (error) {
      this.#enable();
      if (!this.#signal.aborted) setText(parts.says, asSentence(error.message));
    }
  }

  #enable() {
    const buttons = CONTROLS.map((name) => this.#parts[name]);
    for (const button of buttons) button.disabled = false;
    if (this.#pressed && document.activeElement === document.body) buttons.find((button) => !button.hidden)?.focus();
    this.#pressed = false;
  }

  async #isSure() {
    const { unfinished } = this.#report;
    const { ask } = await import("./ask.js");
    return ask({
      title: "Cancel this run?",
      text: `Reading stops, and what is on the queue is removed: ${counted(unfinished, "row")} at this moment. What is delivered stays in Salesforce. A cancelled run cannot be resumed.`,
      yes: "Cancel the run",
      no: "Keep it running",
    });
  }

  #missing(error) {
    showMissing(this.#main, error.status === 404 ? "There is no such run" : "The run cannot be shown", asSentence(error.message), "All runs");
  }
}
