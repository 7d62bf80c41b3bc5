// The points of the chart, from the sums that the API serves. No clock and no page in here.

/**
 * Points of `{ from, to, read, delivered, waited }` in seconds and rows a second, up to
 * `seconds`. A bucket that is not over yet is no point, unless the run has ended.
 */
export function pointsOf({ bucketMs, buckets }, seconds, ended) {
  // Rows are delivered batch by batch: less than a second is an average only of a short run.
  const joined = bucketMs > 0 && seconds > 8 ? Math.ceil(1000 / bucketMs) : 1;
  const step = (joined * bucketMs) / 1000 || Infinity;
  const counted = Math.ceil(buckets.length / joined);
  const count = ended ? Math.max(counted, Math.ceil(seconds / step)) : Math.max(counted - 1, Math.floor(seconds / step));
  const points = Array.from({ length: count }, (_, at) => {
    const of = buckets.slice(at * joined, (at + 1) * joined);
    const sum = (...fields) => of.reduce((sum, bucket) => fields.reduce((all, field) => all + bucket[field], sum), 0);
    const from = at * step;
    const to = at === count - 1 && ended && seconds > from ? seconds : from + step;
    const rate = (rows) => rows / (to - from);
    return { from, to, read: rate(sum("read")), delivered: rate(sum("delivered")), waited: sum("backpressureMs") };
  });
  // A wait is noted once in a while: what is longer than its point began before it.
  let earlier = 0;
  for (const point of points.toReversed()) {
    const waited = point.waited + earlier;
    earlier = Math.max(0, waited - step * 1000);
    point.waited = waited > 0;
  }
  return points;
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
