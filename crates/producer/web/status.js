// How a run stands, and what that means for a person.

import { counted, grouped, moment, sentence as asSentence } from "./figures.js";
import { icon, setAttribute } from "./dom.js";

/** By status where the tone does not say it. */
const SIGNS = { queued: "wait", waiting: "wait", paused: "pause", run: "run", rest: "stop", warn: "alert", bad: "alert", good: "done" };

export function showStatus(pill, { status, label, tone }) {
  if (pill.dataset.status === status && pill.textContent === label) return;
  pill.dataset.status = status;
  setAttribute(pill, "class", `pill ${tone}`);
  pill.replaceChildren(icon(SIGNS[status] ?? SIGNS[tone]), label);
}

/** What goes on, and what to do when a person has to do something. */
export function sentence(report, queue) {
  const rows = (number) => counted(number, "row");
  const nobody = isWithoutConsumer(queue) ? " No consumer is running, so nothing is delivered: start one with" : waits(report) || (standstill(queue) && ` ${standstill(queue)}`);
  switch (report.status) {
    case "queued":
      return queue?.servers === 0 ? "No server is running that would read the file." : "A server reads the file as soon as one has a place for it.";
    case "feeding":
      return nobody ? `The file is read, batch by batch, onto the queue.${nobody}` : "The file is read, batch by batch, and its rows are delivered.";
    case "waiting":
      return nobody ? `The queue is full.${nobody}` : "The queue is full. Reading goes on by itself when there is room; rows are delivered all the time.";
    case "paused":
      return "Nothing of this run is read or delivered until somebody resumes it. What is on the queue stays there.";
    case "held":
      return `Nobody can deliver this run: ${asSentence(report.held.reason)} What is on the queue stays there. When that is put right, resume it.`;
    case "interrupted":
      return `${report.reason ? `Reading stopped: ${asSentence(report.reason)}` : "The producer that fed this run is gone."} Nothing is lost: resume goes on where it stopped, here or with`;
    case "draining":
      return nobody ? `All of the file is read; ${rows(report.unfinished)} wait on the queue.${nobody}` : `All of the file is read. The last ${rows(report.unfinished)} are being delivered.`;
    case "completed":
      return report.rejected > 0
        ? `Every row is accounted for: ${rows(report.delivered)} delivered, ${grouped(report.rejected)} rejected.`
        : `Every row is delivered: ${rows(report.delivered)}.`;
    case "failed":
      return `The run failed: ${report.reason ?? "nobody knows why"}. ${report.resumeCommand ? "When that is put right, resume it here or with" : ""}`;
    case "cancelling":
      return "What is on the queue is being removed. Calls that are under way still end.";
    case "cancelled":
      return `Cancelled. ${rows(report.delivered)} had been delivered and stay in Salesforce; ${grouped(report.cancelled)} were not sent.`;
    default:
      return "";
  }
}

/** Whether somebody has to start a consumer: none delivers, and none is signing in to Salesforce. */
export function isWithoutConsumer(queue) {
  return queue?.consumers === 0 && !queue.consumersStarting;
}

/** Why none of the consumers that are there delivers this run. */
function waits(report) {
  return report.waitingFor ? ` Nothing is delivered: ${asSentence(report.waitingFor)}` : "";
}

export function standstill(queue) {
  const pause = queue?.outage;
  if (!pause) return "";
  const left = pause.untilMs === null ? null : pause.untilMs - Date.now();
  const again = left === null ? "They go on by themselves." : left < 60_000 ? "It is tried again in a moment." : `It is tried again at ${moment(pause.untilMs)}.`;
  return `Deliveries stand still: ${pause.reason}. ${again}`;
}

/** The command that belongs to the sentence. */
export function command(report, queue) {
  if (report.resumeCommand) return report.resumeCommand;
  const delivers = ["feeding", "waiting", "draining"].includes(report.status);
  return delivers && isWithoutConsumer(queue) ? "consumer" : null;
}
