// What a run does with its file: in words, and to choose from.

import { get } from "./api.js";
import { element, setText } from "./dom.js";
import { sentence } from "./figures.js";
import { isThere } from "./files.js";
import { asksForLoad, inWords } from "./refusals.js";

const LOOK_AFTER_MS = 150;
const NO_SUCH_FILE = { refused: "no-such-file", kind: "no-such-file" };

/** What to do on the first view when the file's name says no load. */
export const CHOOSE = "Choose one above, or press Map columns, check first …";

/** Such as "upsert Lead by External_Id__c". */
export const inShort = ({ operation, object, externalId }) => `${operation} ${object}${externalId ? ` by ${externalId}` : ""}`;

/** As one of several: what takes records away says so. */
export const inList = (load) => `${load.name}: ${inShort(load)}${deletes(load) ? ", deletes records" : ""}`;

export const deletes = ({ operation }) => operation.includes("delete");

export function inFull(load) {
  if (!load) return "none yet: the first consumer whose default upserts or updates gives it one";
  return `${inShort(load)}, load ${load.name}, mapping ${load.mapping}`;
}

/** What becomes of a file for which the server has no load. */
export function ofConsumers(loads) {
  const all = loads.map(inShort).join("; ");
  if (loads.length === 0) return "no consumer has a default load.";
  return loads.length === 1 ? `the default load of the consumers: ${all}.` : `the consumers have different default loads: ${all}.`;
}

/** The loads that the server has, behind the option that names none. */
export async function offerLoads(select, signal) {
  const { loads } = await get("/api/loads", signal);
  select.append(...loads.map((load) => element("option", { value: load.name }, inList(load))));
  return loads;
}

/** What a start of the file gets that says no load, and why. */
export const ofFile = (file, signal) => get(`/api/loads?${new URLSearchParams({ file })}`, signal).then((answer) => answer.ofFile);

/** The same, unless it gets none because there is no such file. */
async function ofFileThere(file, signal) {
  const found = await ofFile(file, signal);
  return found.load || (await isThere(file, signal)) ? found : { ...found, ...NO_SUCH_FILE };
}

/** Chooses the load of a new run, and says what that does. */
export class LoadPicker {
  #parts;
  #signal;
  #loads;
  #live;
  #ofFile = null;
  #timer;

  constructor(parts, signal) {
    this.#parts = parts;
    this.#signal = signal;
    parts.load.addEventListener("change", () => this.#explain());
    parts.name.addEventListener("chosen", () => this.#look());
  }

  /** With the default loads of the consumers that are alive. The server reads its own once, so they are asked for once. */
  async refresh(live) {
    const isOther = JSON.stringify(live) !== JSON.stringify(this.#live);
    this.#live = live;
    this.#loads ??= await offerLoads(this.#parts.load, this.#signal);
    if (isOther) this.#look();
    this.#explain();
  }

  /** Whoever goes through the list asks for the last file alone. */
  #look() {
    const file = this.#parts.name.value.trim();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      const found = file && (await ofFileThere(file, this.#signal).catch(() => null));
      if (file !== this.#parts.name.value.trim()) return;
      this.#ofFile = found || null;
      this.#explain();
    }, LOOK_AFTER_MS);
  }

  #explain() {
    const { load, loadHint } = this.#parts;
    if (!this.#loads) return;
    const isOfFile = load.value === "" && this.#ofFile;
    setText(loadHint, sentence(isOfFile ? explainFile(this.#loads, this.#ofFile) : explain(this.#loads, load.value, this.#live)));
    loadHint.classList.toggle("warn", Boolean(isOfFile?.refused) || /^Deletes/.test(loadHint.textContent));
  }
}

/** What a choice does; an empty one goes by the file's name. */
export function explain(loads, chosen, live) {
  const load = loads.find(({ name }) => name === (chosen || "default"));
  if (chosen) {
    const { api, mapping, ids, files, after } = load;
    return [...(deletes(load) ? ["deletes records"] : []), `API ${api}`, `mapping ${mapping}`, ...(ids ? ["ids file"] : []), ...named("files", files), ...named("after", after)].join("; ");
  }
  const others = load ? `default: ${inShort(load)}.` : ofConsumers(live);
  return loads.some(({ files }) => files.length > 0) ? `The file's name decides${load || live.length > 0 ? `; if no load fits, ${others}` : " which load it gets."}` : others;
}

/** What a file gets for which nobody chooses, and why. */
export function explainFile(loads, { by, load, refused, kind }, advice = CHOOSE) {
  if (refused) return asksForLoad({ kind }) ? `${inWords(kind, refused)}. ${advice}` : inWords(kind, refused);
  const others = loads.some(({ files }) => files.length > 0) ? "no load fits this file's name: " : "";
  if (!load) return others ? `no load fits this file's name. ${advice}` : "no load yet: map columns, or a consumer's default is taken";
  const files = loads.find(({ name }) => name === load.name)?.files ?? [];
  const why = by === "pattern" ? `${files.length > 1 ? "one of " : ""}${files.join(", ")} fits the name` : `${others}${by === "consumers" ? "the consumers' default load" : "the load of the server's settings"}`;
  return `${deletes(load) ? "deletes records; " : ""}load ${load.name}: ${inShort(load)}; ${why}`;
}

const named = (what, names) => (names.length > 0 ? [`${what} ${names.join(", ")}`] : []);
