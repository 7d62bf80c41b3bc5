// The queue: how full it is, its watermarks, and whether reading waits for it.

import { instance, setAttribute, setShare, setText } from "./dom.js";
import { bytes, grouped } from "./figures.js";
import { standstill } from "./status.js";

// The high watermark is not the end of the scale: a batch may just cross it.
const HIGH_AT = 0.9;

export class QueuePanel {
  #parts;

  constructor(place) {
    const { root, parts } = instance("queue-panel");
    place.append(root);
    this.#parts = parts;
    for (const meter of [parts.jobsMeter, parts.bytesMeter, parts.callsMeter]) setShare(meter.firstElementChild, 0);
  }

  show(queue, waits) {
    const parts = this.#parts;
    parts.waits.classList.toggle("shown", waits);
    setText(parts.waits, waits ? "reading waits for room" : "room to read on");
    this.#gauge("jobs", queue.jobs, queue.jobsLow, queue.jobsHigh, grouped, waits);
    this.#gauge("bytes", queue.bytes, queue.bytesLow, queue.bytesHigh, bytes, waits);
    this.#calls(queue.apiUsage);
    const idle = queue.consumers === 0;
    const still = standstill(queue);
    parts.crewHint.classList.toggle("warn", idle || still !== "");
    setText(parts.crewHint, idle ? "No consumer is running: nothing is delivered." : still || `${grouped(queue.consumers)} ${queue.consumers === 1 ? "consumer delivers" : "consumers deliver"} it.`);
  }

  #gauge(name, now, low, high, shown, waits) {
    const parts = this.#parts;
    const meter = parts[`${name}Meter`];
    const [fill, lowMark, highMark] = meter.children;
    const scale = high / HIGH_AT;
    setText(parts[name], shown(now));
    setText(parts[`${name}Of`], `of ${shown(high)}${name === "jobs" ? " a run" : ""}`);
    setShare(fill, now / scale);
    meter.classList.toggle("full", waits);
    meter.classList.remove("unset");
    for (const [mark, label, at, words] of [[lowMark, parts[`${name}Low`], low, "low"], [highMark, parts[`${name}High`], high, "high"]]) {
      const left = `${((at / scale) * 100).toFixed(2)}%`;
      if (mark.style.left !== left) mark.style.left = label.style.left = left;
      setText(label, `${words} ${shown(at)}`);
    }
    setAttribute(meter, "aria-valuemax", Math.max(high, now));
    setAttribute(meter, "aria-valuenow", now);
    setAttribute(meter, "aria-valuetext", `${shown(now)}; reading stops at ${shown(high)} and goes on at ${shown(low)}`);
  }

  #calls(usage) {
    const { calls, callsOf, callsMeter } = this.#parts;
    setText(calls, usage ? grouped(usage.used) : "–");
    setText(callsOf, usage ? `of ${grouped(usage.max)}` : "not known yet");
    setShare(callsMeter.firstElementChild, usage ? usage.used / usage.max : 0);
    callsMeter.classList.toggle("full", Boolean(usage) && usage.used > 0.9 * usage.max);
    setAttribute(callsMeter, "aria-valuemax", usage?.max ?? 1);
    setAttribute(callsMeter, "aria-valuenow", Math.min(usage?.used ?? 0, usage?.max ?? 1));
    setAttribute(callsMeter, "aria-valuetext", usage ? `${grouped(usage.used)} of ${grouped(usage.max)}` : "not known yet");
  }
}

/** Who is there, in the page's head. */
export function showCrew(queue) {
  const crew = document.getElementById("crew");
  const count = (number, one) => `${grouped(number)} ${number === 1 ? one : `${one}s`}`;
  setText(document.getElementById("crew-text"), `${count(queue.consumers, "consumer")} · ${count(queue.servers, "server")}`);
  crew.classList.toggle("warn", queue.consumers === 0);
  crew.hidden = false;
}
