// What a check has found, for the view of a load: figures, groups of rejected rows, notes.

import { announce, element, setAttribute, setShare, setText } from "./dom.js";
import { counted, duration, grouped, sentence } from "./figures.js";

const GROUPS_SHOWN = 50;
/** The name of a load that a request said, as this view does. */
const OF_THIS_VIEW = "request";
/** What this view offers for a setting that a warning names. */
const CHOICES = { MAPPING_DATES: "Dates with slashes", MAPPING_DECIMAL: "Decimals behind" };

/** What is known so far, in the parts of the view. */
export function show({ checkBar, figures, found, foundBox, notes }, { rows, rejected, bytesRead, fileBytes, findings }) {
  const share = findings?.rows === undefined ? bytesRead / Math.max(1, fileBytes) : 1;
  setShare(checkBar.firstElementChild, share);
  setAttribute(checkBar, "aria-valuenow", Math.floor(100 * Math.min(1, share)));
  const keys = findings?.keys;
  const repeated = keys?.repeated > 0 ? [["warn", `${keys.isCounted ? "" : "about "}${grouped(keys.repeated)}`, keys.repeated === 1 ? "key comes more than once" : "keys come more than once"]] : [];
  const said = [["", grouped(rows), rows === 1 ? "row read" : "rows read"], ["good", grouped(rows - rejected), "would be sent"], [rejected > 0 ? "bad" : "", grouped(rejected), "would be rejected"], ...repeated];
  figures.replaceChildren(...said.map(([tone, number, words]) => element("span", { class: tone }, element("b", {}, number), ` ${words}`)));
  const groups = findings?.rejects ?? [];
  foundBox.hidden = groups.length === 0;
  found.replaceChildren(...groups.slice(0, GROUPS_SHOWN).map(group));
  notes.replaceChildren(...notesOf(findings, groups.length - GROUPS_SHOWN).map((note) => element("li", {}, note)));
}

/** How it ended. */
export function tell(checkHint, { status, error, rows, rejected, findings }) {
  if (status === "failed") setText(checkHint, sentence(error));
  else if (status === "stopped") setText(checkHint, "Stopped; the rest of the file was not read.");
  else if (findings.misfit) setText(checkHint, `A run would fail as a whole: ${sentence(findings.misfit)}`);
  else setText(checkHint, `Checked in ${duration(findings.durationMs / 1000)}, compared with ${findings.describedBy}.`);
  announce(`${checkHint.textContent} ${counted(rows, "row")} read, ${grouped(rejected)} would be rejected.`);
}

function group({ code, column, rows, first }) {
  const examples = first.map(({ record, line, rule }) => `record ${grouped(record)} (line ${grouped(line)}): ${rule}`).join("; ");
  const cells = [element("td", {}, column ?? "the row"), element("td", { class: "number" }, grouped(rows)), element("td", {}, examples)];
  return element("tr", {}, element("th", { scope: "row", class: "id" }, code), ...cells);
}

function places(rows) {
  return rows.map(({ record, line }) => `record ${grouped(record)} (line ${grouped(line)})`).join(", ");
}

function notesOf(findings, more) {
  if (!findings) return [];
  const { load, keys, requiredWithoutColumn: required, warnings, parents, linesWithoutData, rejectedBySalesforce } = findings;
  const first = keys?.first ?? [];
  return [
    ...(more > 0 ? [`and ${counted(more, "more group")} of rejected rows.`] : []),
    ...(first.length > 0 ? [`Column ${keys.column} repeats a key: ${places(first)}.`] : []),
    ...(required.length > 0 ? [`Required in a new record, and filled by no column: ${required.join(", ")}.`] : []),
    ...(rejectedBySalesforce ?? []).map(({ column, field, rows, first, ifNew }) => `Column ${column}: ${counted(rows, "row")} ${rows === 1 ? "has" : "have"} no value (${places(first)}). Salesforce rejects them${ifNew ? " if they make a new record" : ""}, for it needs ${field}.`),
    ...(parents ?? []).map(({ column, field, rows, records, isCounted }) => `Column ${column}: ${counted(rows, "reference")} to ${isCounted ? "" : "about "}${counted(records, "record")} by ${field}. Whether they are there is not checked.`),
    ...(linesWithoutData > 0 ? [`${counted(linesWithoutData, "line")} without data.`] : []),
    ...warnings.map((warning) => sentence(here(warning, load))),
  ];
}

/** A warning whose advice is where its setting is: here, or in the load that was chosen. */
function here(warning, load) {
  const [, fact, name] = warning.match(/^(.*); [^;]*\b(MAPPING_[A-Z_]+)[^;]*$/) ?? [];
  if (!CHOICES[name]) return warning;
  return `${fact}; ${load?.name === OF_THIS_VIEW ? `if that is wrong, choose another under “How cells are read”, ${CHOICES[name]}` : `if that is wrong, the load ${load?.name} has to say so`}`;
}
