// Draws the memory of processes over time, as SVG on stdout.
//
//   node draw-memory.mjs SAMPLES LIMIT-MB TITLE
//
// SAMPLES: tab-separated, a line of names, then a line of bytes for each moment; the first column is the
// second, the last two are what the whole group holds and how much of that are files that the system
// keeps in free memory. A megabyte is 1,000,000 bytes.

import { readFileSync } from "node:fs";

const [samples, limit, title] = process.argv.slice(2);
const [names, ...lines] = readFileSync(samples, "utf8").trim().split("\n").map((line) => line.split("\t"));
const moments = lines.map((line) => line.map(Number));
if (moments.length < 2) throw new Error(`${samples}: too short to draw`);

const COLOURS = ["#1f6feb", "#d4760a", "#8a4fff", "#c9302c"];
const WIDTH = 960;
const HEIGHT = 440;
const FRAME = { left: 64, right: 230, top: 48, bottom: 56 };
const POINTS_MAX = 500;

const parts = names.slice(1, -2);
const curves = parts.map((name, i) => ({ name, colour: COLOURS[i], width: 1.5, of: (moment) => moment[i + 1] / 1e6 }));
curves.push({
  name: "all together",
  colour: "#1f2328",
  width: 2.2,
  of: (moment) => (moment.at(-2) - moment.at(-1)) / 1e6,
});

const end = moments.at(-1)[0];
const top = Number(limit) * 1.06;
const x = (second) => FRAME.left + (second / end) * (WIDTH - FRAME.left - FRAME.right);
const y = (megabytes) => HEIGHT - FRAME.bottom - (megabytes / top) * (HEIGHT - FRAME.top - FRAME.bottom);

const out = [
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="13" fill="#1f2328" role="img">`,
  `<title>${title}: memory of each process over time</title>`,
  `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
  `<text x="${FRAME.left}" y="26" font-size="16" font-weight="600">${title}: memory of each process, in MB</text>`,
];
for (const megabytes of ticks(top)) {
  out.push(line(FRAME.left, y(megabytes), WIDTH - FRAME.right, y(megabytes), "#d0d7de"));
  out.push(`<text x="${FRAME.left - 8}" y="${y(megabytes) + 4}" text-anchor="end">${megabytes}</text>`);
}
const [unit, seconds] = end > 600 ? ["min", 60] : ["s", 1];
for (const time of ticks(end / seconds)) {
  out.push(`<text x="${x(time * seconds)}" y="${HEIGHT - FRAME.bottom + 20}" text-anchor="middle">${time} ${unit}</text>`);
}
out.push(line(FRAME.left, y(limit), WIDTH - FRAME.right, y(limit), "#c9302c", 'stroke-dasharray="6 4"'));
out.push(`<text x="${WIDTH - FRAME.right + 10}" y="${y(limit) + 4}" fill="#c9302c">limit ${limit} MB, no swap</text>`);
curves.forEach(({ name, colour, width, of }, i) => {
  const points = thinned(of).map(([second, megabytes]) => `${x(second).toFixed(1)},${y(megabytes).toFixed(1)}`);
  out.push(`<polyline points="${points.join(" ")}" fill="none" stroke="${colour}" stroke-width="${width}"/>`);
  const most = moments.reduce((most, moment) => Math.max(most, of(moment)), 0);
  const row = y(limit) + 40 + 24 * i;
  out.push(line(WIDTH - FRAME.right + 10, row - 4, WIDTH - FRAME.right + 30, row - 4, colour, `stroke-width="${width + 1}"`));
  out.push(`<text x="${WIDTH - FRAME.right + 38}" y="${row}">${name}: ${most.toFixed(0)} at most</text>`);
});
const note = "A process's memory includes its program's file; all together is without files, which the system drops when memory is short.";
out.push(`<text x="${FRAME.left}" y="${HEIGHT - 6}" font-size="11" fill="#59636e">${note}</text>`);
out.push("</svg>");
console.log(out.join("\n"));

// The highest of each few moments, so that no peak is left out.
function thinned(of) {
  const each = Math.ceil(moments.length / POINTS_MAX);
  const points = [];
  for (let at = 0; at < moments.length; at += each) {
    const some = moments.slice(at, at + each);
    points.push([some[0][0], Math.max(...some.map(of))]);
  }
  return points;
}

function ticks(most) {
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((step) => most / step <= 8) ?? most;
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => i * step);
}

function line(x1, y1, x2, y2, colour, more = "") {
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${colour}" ${more}/>`;
}
