// A load as a file of loads has it.

import { DELETES } from "./fields.js";

const KEYS = { externalId: "external-id", timeZone: "time-zone", twoDigitYears: "two-digit-years", datesWithTime: "dates-with-time", callRows: "call-rows" };

/** Text in quotes. JSON escapes what TOML wants escaped, but for one character. */
const quoted = (text) => JSON.stringify(text).replaceAll("\x7f", "\\u007f");

const value = (of) => (Array.isArray(of) ? `[${of.map(quoted).join(", ")}]` : typeof of === "string" ? quoted(of) : String(of));

/** A name of small letters, digits and dashes, after the file: what numbers say is of one day. */
export function nameFor(file) {
  const base = file.split("/").pop().replace(/\.(gz|zst)$/i, "").replace(/\.[^.]*$/, "");
  const words = base.toLowerCase().match(/[a-z]+/g) ?? [];
  const name = words.join("-").slice(0, 60);
  return name === "" || name === "default" ? "new-load" : name;
}

/** The names of files like this one: digits stand for others. */
export const patternFor = (file) => file.replace(/[*?[\]{}\\]/g, "?").replace(/\d[\d_-]*\d|\d/g, "*");

// Whoever uploads a file chooses its name.
const NO_FILES = "# No `files`: a load that deletes is chosen by its own name, never by the name of a file.";

/** The table of a load. One that deletes fits no files. */
export function toml(name, load, files) {
  const { columns, constants, ...settings } = load;
  const table = (title, entries) => [`\n[loads.${name}${title}]`, ...entries];
  const plain = Object.entries(settings).map(([key, of]) => `${KEYS[key] ?? key} = ${value(of)}`);
  const pairs = (object) => Object.entries(object).map(([key, of]) => `${quoted(key)} = ${value(of)}`);
  return [
    "# Made with the page of Batch Sync. Add it to the file that LOADS_FILE names.",
    ...table("", [...plain, DELETES.has(load.operation) ? NO_FILES : `files = ${value(files)}`]),
    ...table(".columns", pairs(columns)),
    ...(constants ? table(".constants", pairs(constants)) : []),
    "",
  ].join("\n");
}
