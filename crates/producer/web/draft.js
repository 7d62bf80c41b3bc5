// A load that is being made: which column fills which fields, what that needs, and the load itself.

import { judgeField, ObjectFields, parentOf, pathOf } from "./fields.js";

/** Names as a header finds them: the same, else but for blanks around it, else whatever its capitals. */
export function findColumn(columns, name) {
  const trimmed = name.trim();
  if (trimmed === "") return null;
  for (const isIt of [(column) => column === name, (column) => column.trim() === trimmed, (column) => column.trim().toLowerCase() === trimmed.toLowerCase()]) {
    const found = columns.flatMap((column, at) => (isIt(column) ? [at] : []));
    if (found.length > 1) return null;
    if (found.length === 1) return found[0];
  }
  return null;
}

export class Draft {
  operation = "upsert";
  object = "";
  key = "";
  /** Settings as the API names them; those that are not said have no entry. */
  settings = {};
  /** For each column, the names of the fields that it fills. */
  targets;
  /** Pairs of a field and what it gets in every row. */
  constants = [];
  /** What the org says of the object; null when there is no org to ask. */
  fields = null;
  parents = new Map();
  /** Somebody said what the columns fill, so it is not guessed again. */
  isSaid = false;

  constructor(columns, samples) {
    this.columns = columns;
    this.samples = samples;
    this.targets = columns.map(() => []);
    const names = new Map();
    for (const name of columns) names.set(name.trim(), (names.get(name.trim()) ?? 0) + 1);
    /** Why a column cannot be named in a load. */
    this.nameless = columns.map((name) => {
      if (name.trim() === "") return "a column without a name is not loaded";
      if (/^\s*".*"\s*$/.test(name)) return "a name in quotes is a value in a load";
      return names.get(name.trim()) > 1 ? "several columns are called so" : null;
    });
  }

  takeFields(describe) {
    this.fields = describe && new ObjectFields(describe);
    this.parents.clear();
    if (this.fields) this.object = this.fields.name;
    if (!this.isSaid) this.matchNames();
    this.chooseKey();
  }

  /** Each column fills the field of its name; a field is filled once. */
  matchNames() {
    const taken = new Set();
    this.targets = this.columns.map((column, at) => {
      if (this.nameless[at]) return [];
      const name = this.fields ? this.#named(column.trim()) : column.trim().replace(/[^\w.]/g, "");
      if (!name || taken.has(name.toLowerCase())) return [];
      taken.add(name.toLowerCase());
      return [name];
    });
  }

  #named(column) {
    if (pathOf(column)?.field && parentOf(this.fields, column)) return column;
    const field = this.fields.guess(column);
    if (!field) return null;
    const isKey = field.externalId || field.type === "id";
    return isKey || judgeField(field.name, this.#rules()).state !== "bad" ? field.name : null;
  }

  /** Takes what a mapping file says; gives its columns that the file does not have. */
  takeMapping({ columns, constants }) {
    const missing = [];
    const targets = this.columns.map(() => []);
    for (const [name, fields] of Object.entries(columns)) {
      const at = findColumn(this.columns, name);
      if (at === null) missing.push(name);
      else targets[at] = [fields].flat().filter((field) => field !== "");
    }
    this.targets = targets;
    this.constants = Object.entries(constants);
    this.isSaid = true;
    this.chooseKey();
    return missing;
  }

  /** The fields of one column, as they are typed: with commas between. */
  fill(at, typed) {
    this.targets[at] = typed.split(",").map((name) => name.trim()).filter((name) => name !== "");
    this.isSaid = true;
  }

  /** The key stays as long as it can; else it is one that a column fills. */
  chooseKey() {
    if (this.operation === "insert" || !this.fields) return;
    const keys = this.fields.keys().filter(({ type }) => this.operation !== "upsert" || type !== "id");
    if (keys.some(({ name }) => name === this.key)) return;
    const filled = new Set(this.targets.flat().map((name) => name.toLowerCase()));
    const best = keys.find(({ name }) => filled.has(name.toLowerCase()));
    const usual = this.operation === "upsert" ? keys[0] : this.fields.find("Id");
    this.key = (best ?? usual)?.name ?? "";
  }

  #rules() {
    const key = this.operation === "insert" ? "" : this.key || (this.operation === "upsert" ? "" : "Id");
    return { fields: this.fields, parents: this.parents, operation: this.operation, key, dates: this.settings.dates };
  }

  /** Objects that columns refer to, of which nobody has asked yet. */
  unknownParents() {
    const names = [...this.targets.flat(), ...this.constants.map(([field]) => field)];
    const parents = names.map((name) => parentOf(this.fields, name)).filter((name) => name && !this.parents.has(name));
    return [...new Set(parents)];
  }

  /** What the org says of one; null when it says nothing. */
  takeParent(object, describe) {
    this.parents.set(object, describe && new ObjectFields(describe));
  }

  /** What is to be said of each column and value, and of the whole. */
  judge() {
    const rules = this.#rules();
    const filledBy = new Map();
    let isKeyFilled = false;
    const one = (name, samples, by) => {
      const judged = judgeField(name, { ...rules, samples });
      const fills = judged.fills?.toLowerCase();
      if (!fills) return judged;
      const first = filledBy.get(fills);
      if (first !== undefined) return { ...judged, state: "bad", words: `${judged.fills} is filled by ${first} as well` };
      filledBy.set(fills, by);
      isKeyFilled ||= Boolean(judged.isKey);
      return judged;
    };
    const columns = this.targets.map((names, at) => {
      if (this.nameless[at]) return { state: "none", words: this.nameless[at] };
      if (names.length === 0) return { state: "none", words: "" };
      return worst(names.map((name) => one(name, this.samples[at], this.columns[at].trim())));
    });
    const constants = this.constants.map(([field, value]) => {
      if (field === "" && value === "") return { state: "none", words: "" };
      if (field === "") return { state: "bad", words: "name a field" };
      if (value.trim() === "") return { state: "bad", words: "a value is missing" };
      const judged = one(field, [value], "a value for all rows");
      return judged.isKey ? { ...judged, state: "bad", words: "the key has to differ from row to row" } : judged;
    });
    const creates = this.operation === "upsert" || this.operation === "insert";
    const required = creates && this.fields ? this.fields.fields.filter(({ required: is, name }) => is && !filledBy.has(name.toLowerCase())) : [];
    const mapped = columns.filter(({ state }) => state !== "none").length;
    return { columns, constants, required, mapped, isKeyFilled };
  }

  /** Why there is no load yet, and where that can be changed; null when there is one. */
  lacks(judged = this.judge()) {
    if (this.object === "") return { where: "object", words: "Choose an object." };
    if (this.operation === "upsert" && this.key === "") return { where: "key", words: "An upsert finds records by an external id. Choose one." };
    if (judged.mapped === 0) return { where: "columns", at: 0, words: "No column fills a field yet." };
    const at = judged.columns.findIndex(({ state }) => state === "bad");
    if (at >= 0) return { where: "columns", at, words: `Column ${this.columns[at].trim()}: ${judged.columns[at].words}.` };
    const value = judged.constants.findIndex(({ state }) => state === "bad");
    if (value >= 0) return { where: "constants", at: value, words: `Value for all rows: ${judged.constants[value].words}.` };
    const [needed] = judged.required;
    if (needed && this.operation === "insert") return { where: "columns", at: 0, words: `No column fills ${needed.name}, which every new record needs.` };
    const { key } = this.#rules();
    if (key && !judged.isKeyFilled) return { where: "key", words: `No column fills the key ${key}.` };
    return null;
  }

  /** As a request says it. */
  load() {
    const columns = this.targets.flatMap((names, at) => (names.length > 0 ? [[this.columns[at].trim(), names.length === 1 ? names[0] : names]] : []));
    const constants = this.constants.filter(([field]) => field !== "");
    return {
      object: this.object,
      operation: this.operation,
      ...(this.key && this.operation !== "insert" && { externalId: this.key }),
      ...this.settings,
      columns: Object.fromEntries(columns),
      ...(constants.length > 0 && { constants: Object.fromEntries(constants) }),
    };
  }
}

/** Of several fields that one column fills, the worst is said, with the others' words. */
function worst(judged) {
  const state = ["bad", "warn", "open", "ok"].find((wanted) => judged.some((of) => of.state === wanted));
  const asksFor = judged.find((of) => of.asksFor)?.asksFor;
  const said = state === "ok" ? judged : judged.filter((of) => of.state === state);
  return { state, words: [...new Set(said.map(({ words }) => words))].join("; "), asksFor };
}
