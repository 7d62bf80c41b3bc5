// Puts the figures of all measurements together: a table of those with a goal, and JSON with
// machine and commit. The JSON of an earlier run that stands there is compared with.
//
//   node bench-table.mjs FIGURES ROOT RESULTS

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

const [figuresFile, root, resultsFile] = process.argv.slice(2);
const DECODE_GOAL = 1.5;

const lines = existsSync(figuresFile) ? readFileSync(figuresFile, "utf8").split("\n").filter(Boolean) : [];
const figures = [...decodeFigures(), ...lines.map((line) => JSON.parse(line))];
const earlier = existsSync(resultsFile) ? JSON.parse(readFileSync(resultsFile, "utf8")) : { figures: [] };
const measured = new Set(figures.map(({ id }) => id));
const kept = earlier.figures.filter(({ id }) => !measured.has(id)).map((figure) => ({ ...figure, isOld: true }));

const results = {
  measuredAt: new Date().toISOString(),
  commit: git("rev-parse", "HEAD"),
  isModified: git("status", "--porcelain") !== "",
  machine: {
    processor: os.cpus()[0]?.model,
    processors: os.cpus().length,
    memoryBytes: os.totalmem(),
    kernel: `${os.type()} ${os.release()}`,
  },
  figures: [...figures, ...kept],
};
print();
writeFileSync(resultsFile, `${JSON.stringify(results, null, 2)}\n`);
console.log(`\n  ${path.relative(root, resultsFile)} has all figures`);

function print() {
  const { processor, processors } = results.machine;
  console.log(`\n${results.commit.slice(0, 12)}${results.isModified ? " (modified)" : ""}, ${processors} × ${processor}\n`);
  row(["what", "measured", "beside", "ratio", "goal", "", "before"]);
  row(["---", "---", "---", "---", "---", "---", "---"]);
  for (const { id, what, unit, ours, neighbour, ratio, goal, isReached } of figures) {
    const before = earlier.figures.find((figure) => figure.id === id);
    const beside = neighbour ? `${neighbour.name}: ${digits(neighbour.figure)}` : "";
    const verdict = isReached === null ? "" : isReached ? "reached" : "MISSED";
    row([what, `${digits(ours)} ${unit}`, beside, ratio === null ? "" : digits(ratio), goal, verdict, change(before, ratio, ours)]);
  }
}

function change(before, ratio, ours) {
  if (!before) return "";
  const [now, then] = ratio === null ? [ours, before.ours] : [ratio, before.ratio];
  return `${now >= then ? "+" : "−"}${Math.abs((now / then - 1) * 100).toFixed(0)} %`;
}

function row(cells) {
  console.log(`| ${cells.join(" | ")} |`);
}

function digits(figure) {
  if (figure === null) return "never";
  return figure >= 100 ? Math.round(figure).toLocaleString("en") : String(Number(figure.toPrecision(3)));
}

// Criterion leaves its medians in files: nanoseconds for the same bytes.
function decodeFigures() {
  const criterion = path.join(process.env.CARGO_TARGET_DIR ?? path.join(root, "target"), "criterion");
  if (!existsSync(criterion) || process.env.BENCH_DECODE !== "1") return [];
  const median = (shape, name) => {
    const file = path.join(criterion, shape, name, "new", "estimates.json");
    return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).median.point_estimate : undefined;
  };
  return readdirSync(criterion).flatMap((shape) => {
    const [ours, csv] = [median(shape, "ingest"), median(shape, "csv")];
    if (!ours || !csv) return [];
    const ratio = csv / ours;
    return [
      {
        id: `decode-${shape}`,
        what: `decoding, ${shape.replaceAll("-", " ")}`,
        unit: "MB/s",
        ours: (2 ** 24 / ours) * 1000,
        neighbour: { name: "csv ByteRecord", figure: (2 ** 24 / csv) * 1000 },
        ratio,
        goal: `ratio ≥ ${DECODE_GOAL}`,
        isReached: ratio >= DECODE_GOAL,
      },
    ];
  });
}

function git(...words) {
  try {
    return execFileSync("git", words, { cwd: root, encoding: "utf8" }).trim();
  } catch {
    return "";
  }
}
