// The queue: how full it is, its watermarks, and whether reading waits for it.

import { instance, setAttribute, setShare, setText } from "./dom.js";
import { bytes, grouped, sentence } from "./figures.js";
import { ofConsumers } from "./loads.js";
import { isWithoutConsumer, standstill } from "./status.js";

// The high watermark is not the end of the scale: a batch may just cross it.
const HIGH_AT = 0.9;

class Gauge {
  #parts;

  constructor(place, label) {
    const { root, parts } = instance("gauge");
    this.#parts = parts;
    setText(parts.label, label);
    setAttribute(parts.meter, "aria-label", label);
    setShare(parts.meter.firstElementChild, 0);
    place.append(root);
  }

  /** `now` of a scale that ends at `end`; `marks` are its places with names. */
  show({ now, end, max, text, of, says, full, marks = [] }) {
    const { meter } = this.#parts;
    setText(this.#parts.now, text);
    setText(this.#parts.of, of);
    setShare(meter.firstElementChild, now / end);
    meter.classList.toggle("full", full);
    meter.classList.toggle("unset", marks.length === 0);
    for (const [name, at, words] of marks) {
      const [mark, label] = [meter.querySelector(`.${name}`), this.#parts[name]];
      const left = `${((at / end) * 100).toFixed(2)}%`;
      if (mark.style.left !== left) mark.style.left = label.style.left = left;
      setText(label, `${name} ${words}`);
    }
    setAttribute(meter, "aria-valuemax", max);
    setAttribute(meter, "aria-valuenow", Math.min(now, max));
    setAttribute(meter, "aria-valuetext", says);
  }
}

export class QueuePanel {
  #parts;
  #jobs;
  #bytes;
  #calls;

  constructor(place) {
    const { root, parts } = instance("queue-panel");
    place.append(root);
    this.#parts = parts;
    [this.#jobs, this.#bytes, this.#calls] = ["Batches", "Size", "API calls, 24 h"].map((label) => new Gauge(parts.gauges, label));
  }

  show(queue, waits) {
    const parts = this.#parts;
    parts.waits.classList.toggle("shown", waits);
    setText(parts.waits, waits ? "reading waits for room" : "room to read on");
    this.#jobs.show(filled(queue.jobs, queue.jobsLow, queue.jobsHigh, grouped, waits, " a run"));
    this.#bytes.show(filled(queue.bytes, queue.bytesLow, queue.bytesHigh, bytes, waits, ""));
    this.#calls.show(called(queue.apiUsage));
    setText(parts.loads, sentence(ofConsumers(queue.loads)));
    const idle = isWithoutConsumer(queue);
    const still = standstill(queue) || (queue.consumers === 0 && "A consumer is signing in to Salesforce: nothing is delivered yet. If that lasts, its log says why.");
    parts.crewHint.classList.toggle("warn", idle || Boolean(still));
    setText(parts.crewHint, idle ? "No consumer is running: nothing is delivered." : still || `${grouped(queue.consumers)} ${queue.consumers === 1 ? "consumer delivers" : "consumers deliver"} it.`);
  }
}

/** What is on the queue, between its watermarks. */
function filled(now, low, high, shown, full, of) {
  const marks = [["low", low, shown(low)], ["high", high, shown(high)]];
  const says = `${shown(now)}; reading stops at ${shown(high)} and goes on at ${shown(low)}`;
  return { now, end: high / HIGH_AT, max: Math.max(high, now), text: shown(now), of: `of ${shown(high)}${of}`, says, full, marks };
}

function called(usage) {
  const { used, max } = usage ?? { used: 0, max: 1 };
  const of = usage ? `of ${grouped(max)}` : "not known yet";
  return { now: used, end: max, max, text: usage ? grouped(used) : "–", of, says: usage ? `${grouped(used)} ${of}` : of, full: used > 0.9 * max };
}

/** Who is there, in the page's head. */
export function showCrew(queue) {
  const crew = document.getElementById("crew");
  const count = (number, one) => `${grouped(number)} ${number === 1 ? one : `${one}s`}`;
  setText(document.getElementById("crew-text"), `${count(queue.consumers, "consumer")} · ${count(queue.servers, "server")}`);
  crew.classList.toggle("warn", queue.consumers === 0);
  crew.hidden = false;
}
