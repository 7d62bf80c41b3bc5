// Throughput over time, drawn as SVG.

import { instance, setAttribute, setText, svgElement } from "./dom.js";
import { duration, grouped } from "./figures.js";
import { niceCeiling, niceSpan } from "./series.js";

const HEIGHT = 200;
const EDGE = { top: 8, right: 8, bottom: 22, left: 52 };

export class Chart {
  #parts;
  #plot;
  #points = null;
  #ended = false;
  /** Seconds, and rows delivered in each on average, as the report of the run has them. */
  #whole = null;
  #width = 0;
  #textAt = 0;

  constructor(place, signal) {
    const { root, parts } = instance("chart-panel");
    place.append(root);
    this.#parts = parts;
    this.#plot = parts.plot;
    const watch = new ResizeObserver(([entry]) => {
      this.#width = entry.contentRect.width;
      this.#draw();
    });
    watch.observe(this.#plot);
    signal.addEventListener("abort", () => watch.disconnect());
    this.#plot.addEventListener("pointermove", (event) => this.#point(event));
    this.#plot.addEventListener("pointerleave", () => this.#draw());
  }

  show(points, ended, whole) {
    this.#points = points;
    this.#ended = ended;
    this.#whole = whole;
    this.#draw();
    this.#say();
  }

  #scale() {
    const points = this.#points;
    const seconds = points.at(-1)?.to ?? 0;
    const span = this.#ended ? Math.max(seconds, 0.1) : niceSpan(seconds);
    const top = niceCeiling(Math.max(10, ...points.map((point) => Math.max(point.read, point.delivered))));
    const across = this.#width - EDGE.left - EDGE.right;
    const down = HEIGHT - EDGE.top - EDGE.bottom;
    return {
      span,
      top,
      x: (at) => EDGE.left + (at / span) * across,
      y: (rate) => EDGE.top + down * (1 - rate / top),
      secondsAt: (x) => ((x - EDGE.left) / across) * span,
    };
  }

  #draw() {
    if (!this.#points || this.#width < 50) return;
    const scale = this.#scale();
    const points = this.#points;
    const drawn = [...this.#grid(scale), ...waits(points, scale)];
    if (points.length > 0) {
      drawn.push(
        svgElement("path", { class: "area good", d: `${line(points, "delivered", scale)}V${scale.y(0)}H${scale.x(0)}Z` }),
        svgElement("path", { class: "line read", d: line(points, "read", scale) }),
        svgElement("path", { class: "line good", d: line(points, "delivered", scale) }),
      );
    }
    // Fits it to paper.
    setAttribute(this.#plot, "viewBox", `0 0 ${this.#width} ${HEIGHT}`);
    this.#plot.replaceChildren(...drawn);
    this.#parts.waited.classList.toggle("shown", points.some((point) => point.waited));
    this.#now();
  }

  /** The last point; of an ended run the average, that of reading up to its end. */
  #now() {
    const points = this.#points;
    if (!this.#ended) return this.#legend(points.at(-1), "rows/s");
    const reading = points.slice(0, points.findLastIndex((point) => point.read > 0) + 1);
    return this.#legend({ read: mean(reading, "read"), delivered: this.#whole.average }, "average");
  }

  #grid({ span, top, x, y }) {
    const [left, right] = [x(0), x(span)];
    const text = (at, down, anchor, words) => {
      const label = svgElement("text", { x: at, y: down, "text-anchor": anchor });
      label.textContent = words;
      return label;
    };
    const rates = [0, top / 2, top].flatMap((rate) => [
      svgElement("path", { class: "grid", d: `M${left} ${Math.round(y(rate)) + 0.5}H${right}` }),
      text(left - 8, y(rate) + 4, "end", short(rate)),
    ]);
    const times = [0, span / 2, span].map((at, index) => text(x(at), HEIGHT - 5, ["start", "middle", "end"][index], clock(at)));
    return [...rates, ...times];
  }

  #point(event) {
    if (!this.#points) return undefined;
    const points = this.#points;
    const scale = this.#scale();
    const seconds = scale.secondsAt(event.clientX - this.#plot.getBoundingClientRect().left);
    const point = points.find(({ from, to }) => from <= seconds && seconds <= to);
    this.#plot.querySelector(".cross")?.remove();
    if (!point) return this.#now();
    const x = scale.x((point.from + point.to) / 2);
    this.#plot.append(svgElement("path", { class: "cross", d: `M${x} ${EDGE.top}V${HEIGHT - EDGE.bottom}` }));
    return this.#legend(point, `at ${clock((point.from + point.to) / 2)}`);
  }

  #legend(point, unit) {
    setText(this.#parts.readNow, point ? grouped(point.read) : "–");
    setText(this.#parts.deliveredNow, point ? grouped(point.delivered) : "–");
    setText(this.#parts.moment, unit);
  }

  /** The same in words; not at every point, for somebody may be reading it. */
  #say() {
    const points = this.#points;
    const now = Date.now();
    if (points.length === 0 || (!this.#ended && now - this.#textAt < 10_000)) return;
    this.#textAt = now;
    const last = points.at(-1);
    const most = Math.max(...points.map((point) => point.delivered));
    const waited = points.some((point) => point.waited) ? " Reading waited for room on the queue at times." : "";
    const lately = this.#ended ? "" : ` Lately: ${grouped(last.delivered)} delivered, ${grouped(last.read)} read.`;
    setText(this.#parts.text, `Rows per second over ${duration(this.#whole.seconds)}: ${grouped(this.#whole.average)} delivered on average, ${grouped(most)} at most.${lately}${waited}`);
  }
}

/** Through the middle of each point; a long one is an average and stays level. */
function line(points, field, { span, x, y }) {
  const places = points.flatMap(({ from, to, [field]: rate }) => {
    const at = to - from > span / 12 ? [from, to] : [(from + to) / 2];
    return at.map((seconds) => [x(seconds), y(rate)]);
  });
  const ends = [[x(points[0].from), places[0][1]], ...places, [x(points.at(-1).to), places.at(-1)[1]]];
  return `M${ends.map(([across, down]) => `${across.toFixed(1)} ${down.toFixed(1)}`).join("L")}`;
}

function waits(points, { x, y }) {
  return points
    .filter((point) => point.waited)
    .map((point) => svgElement("rect", { class: "waits", x: x(point.from).toFixed(1), y: y(0) - 4, width: Math.max(1, x(point.to) - x(point.from)).toFixed(1), height: 4 }));
}

function mean(points, field) {
  const seconds = points.reduce((sum, { from, to }) => sum + to - from, 0);
  return points.reduce((sum, point) => sum + point[field] * (point.to - point.from), 0) / (seconds || 1);
}

/** 12000 as 12k: the axis has room for five characters. */
function short(rate) {
  if (rate >= 1e6) return `${Number((rate / 1e6).toPrecision(3))}M`;
  return rate >= 1000 ? `${Number((rate / 1000).toPrecision(3))}k` : String(rate);
}

function clock(seconds) {
  const two = (number) => String(Math.floor(number)).padStart(2, "0");
  if (seconds < 10 && seconds % 1) return `${seconds.toFixed(1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${two(seconds % 60)}`;
  return `${Math.floor(seconds / 3600)}:${two((seconds / 60) % 60)} h`;
}
