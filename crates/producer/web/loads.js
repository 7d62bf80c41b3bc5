// What a run does with its file: in words, and to choose from.

import { get } from "./api.js";
import { element, setText } from "./dom.js";
import { sentence } from "./figures.js";

/** Such as "upsert Lead by External_Id__c". */
export const inShort = ({ operation, object, externalId }) => `${operation} ${object}${externalId ? ` by ${externalId}` : ""}`;

export function inFull(load) {
  if (!load) return "none yet: the first consumer with a default load gives it one";
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
  select.append(...loads.map((load) => element("option", { value: load.name }, `${load.name}: ${inShort(load)}`)));
  return loads;
}

/** Chooses the load of a new run, and says what that does. */
export class LoadPicker {
  #parts;
  #loads;
  #live;

  constructor(parts) {
    this.#parts = parts;
    parts.load.addEventListener("change", () => this.#explain());
  }

  /** With the default loads of the consumers that are alive. The server reads its own once, so they are asked for once. */
  async refresh(live, signal) {
    this.#live = live;
    this.#loads ??= await offerLoads(this.#parts.load, signal);
    this.#explain();
  }

  #explain() {
    setText(this.#parts.loadHint, sentence(explain(this.#loads, this.#parts.load.value, this.#live)));
  }
}

/** What a choice does; an empty one goes by the file's name. */
export function explain(loads, chosen, live) {
  const load = loads.find(({ name }) => name === (chosen || "default"));
  if (chosen) {
    const { api, mapping, files, after } = load;
    return [`API ${api}`, `mapping ${mapping}`, ...named("files", files), ...named("after", after)].join("; ");
  }
  const others = load ? `default: ${inShort(load)}.` : ofConsumers(live);
  return loads.some(({ files }) => files.length > 0) ? `The load whose pattern fits; without one, ${others}` : others;
}

const named = (what, names) => (names.length > 0 ? [`${what} ${names.join(", ")}`] : []);
