// Throughput over the whole of a run in a bounded number of points.

const POINTS_MAX = 180;

/** Points of `{ from, to, read, delivered, waited }`: seconds, rows/s. */
export class Series {
  points = [];
  #step = 1;
  #last;

  add(seconds, read, delivered, waited) {
    this.#last ??= { seconds: 0, read: 0, delivered: 0 };
    const last = this.#last;
    if (read < last.read || delivered < last.delivered) this.#last = { seconds, read, delivered };
    const took = seconds - last.seconds;
    if (took < this.#step || this.#last !== last) return false;
    this.points.push({ from: last.seconds, to: seconds, read: (read - last.read) / took, delivered: (delivered - last.delivered) / took, waited });
    this.#last = { seconds, read, delivered };
    if (this.points.length > POINTS_MAX) this.#halve();
    return true;
  }

  /** What is left after the last whole step. */
  finish(seconds, read, delivered) {
    const step = this.#step;
    this.#step = 0.05;
    const isNew = this.add(seconds, read, delivered, false);
    this.#step = step;
    return isNew;
  }

  /** A run that is first seen after all of it was read: two averages. */
  seed(fedAfter, seconds, read, delivered) {
    const rate = delivered / seconds;
    this.points = [
      { from: 0, to: fedAfter, read: read / Math.max(fedAfter, 0.05), delivered: rate, waited: false },
      { from: fedAfter, to: seconds, read: 0, delivered: rate, waited: false },
    ];
    this.#last = { seconds, read, delivered };
  }

  #halve() {
    const halved = [];
    for (let at = 0; at + 1 < this.points.length; at += 2) halved.push(joined(this.points[at], this.points[at + 1]));
    if (this.points.length % 2) halved.push(this.points.at(-1));
    this.points = halved;
    this.#step *= 2;
  }
}

function joined(a, b) {
  const [first, second] = [a.to - a.from, b.to - b.from];
  const mean = (field) => (a[field] * first + b[field] * second) / (first + second);
  return { from: a.from, to: b.to, read: mean("read"), delivered: mean("delivered"), waited: a.waited || b.waited };
}

/** The next of 1, 2, 5, 10, 20 … that is not below `value`. */
export function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value) ?? 10 * power;
}

/** A length of time axis that is not stretched at every second. */
export function niceSpan(seconds) {
  const spans = [30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 28_800, 43_200, 86_400];
  return spans.find((span) => span >= seconds) ?? Math.ceil(seconds / 86_400) * 86_400;
}
