// What fields take, in words, and which one a column means. Pure, so it can be tried without a page.

const CREATES = new Set(["upsert", "insert"]);
const UPDATES = new Set(["upsert", "update"]);
export const DELETES = new Set(["delete", "hard-delete"]);
const VALUES_SHOWN = 4;

/** The fields of an object, as the API describes them. */
export class ObjectFields {
  #byName = new Map();
  #byLabel = new Map();
  #byLooks = new Map();
  #byRelationship = new Map();

  constructor(describe) {
    Object.assign(this, describe);
    for (const field of describe.fields) {
      this.#byName.set(field.name.toLowerCase(), field);
      only(this.#byLabel, field.label.toLowerCase(), field);
      for (const looks of new Set([squeezed(field.name), squeezed(field.label)])) only(this.#byLooks, looks, field);
      if (field.relationshipName) this.#byRelationship.set(field.relationshipName.toLowerCase(), field);
    }
  }

  /** As a consumer finds it: by its name, else by a label that no other field has. */
  find(name) {
    const low = name.trim().toLowerCase();
    return this.#byName.get(low) ?? this.#byLabel.get(low) ?? null;
  }

  /** The same, else by a name that looks alike: only a proposal, which a person sees. */
  guess(column) {
    return this.find(column) ?? this.#byLooks.get(squeezed(column)) ?? null;
  }

  relationship(name) {
    return this.#byRelationship.get(name.trim().toLowerCase()) ?? null;
  }

  /** Those by which rows can find their record: external ids first, and the id last. */
  keys() {
    const rank = ({ externalId, type }) => (externalId ? 0 : type === "id" ? 2 : 1);
    return this.fields.filter((field) => field.externalId || field.idLookup || field.type === "id").sort((a, b) => rank(a) - rank(b));
  }
}

/** What two fields share names neither. */
function only(map, key, field) {
  map.set(key, map.has(key) && map.get(key) !== field ? null : field);
}

const squeezed = (name) => name.toLowerCase().replace(/__c$/, "").replace(/[^\p{L}\p{N}]/gu, "");

/** A relationship and a field beyond it, in all forms that a mapping knows; null for a plain name. */
export function pathOf(name) {
  const loader = name.match(/^([^:]+):([^-]+)-(.+)$/);
  if (loader) return path(loader[2], loader[1], loader[3]);
  const typed = name.match(/^([^:]+):([^.]+)\.(.+)$/);
  if (typed) return path(typed[1], typed[2], typed[3]);
  const plain = name.match(/^([^:.]+)[:.](.*)$/);
  return plain && path(null, plain[1], plain[2]);
}

const path = (object, relationship, field) => ({ object: object?.trim() ?? null, relationship: relationship.trim(), field: field.trim() });

/** A relationship without the field beyond it, which is no field's name; else null. */
function relationshipOf(fields, name) {
  return fields?.relationship(name) && !fields.find(name) ? path(null, name, "") : null;
}

/** The object beyond a path, when there is only one that it can be. */
export function parentOf(fields, name) {
  const found = pathOf(name) ?? relationshipOf(fields, name);
  const reference = found && fields?.relationship(found.relationship);
  if (!reference) return null;
  const { referenceTo } = reference;
  if (found.object) return referenceTo.find((known) => known.toLowerCase() === found.object.toLowerCase()) ?? null;
  return referenceTo.length === 1 ? referenceTo[0] : null;
}

/** What a field takes, such as "text up to 80, required". */
export function rule(field, operation) {
  const facts = [kind(field)];
  if (field.required && CREATES.has(operation)) facts.push("required");
  if (field.externalId) facts.push(field.unique ? "external id, unique" : "external id");
  return facts.join(", ");
}

function kind(field) {
  const { type, length, digits, precision, scale, values, valuesCount, referenceTo } = field;
  switch (type) {
    case "boolean": return "true or false";
    case "int": return digits > 0 ? `whole number, ${digits} digits at most` : "whole number";
    case "double": case "currency": case "percent":
      return precision > 0 ? `number, ${precision - scale} digits and ${scale} decimals` : "number";
    case "date": return "date";
    case "datetime": return "date and time";
    case "time": return "time of day";
    case "id": return "id of the record";
    case "reference": return `id of ${referenceTo.slice(0, 3).join(" or ") || "a record"}`;
    case "picklist": case "multipicklist":
      if (values.length > 0) {
        const some = values.slice(0, VALUES_SHOWN).join(", ");
        return `${type === "picklist" ? "one" : "any"} of ${valuesCount}: ${some}${valuesCount > VALUES_SHOWN ? " …" : ""}`;
      }
      return `picklist that takes other values too`;
    default: return `${{ email: "e-mail", phone: "phone", url: "URL" }[type] ?? "text"}${length > 0 ? ` up to ${length}` : ""}`;
  }
}

/** Why a field cannot be filled, or null. */
export function unwritable(field, operation) {
  const { name, type, createable, updateable } = field;
  if (type === "base64") return `${name} holds a file, which no CSV has`;
  if (type === "address" || type === "location") return `${name} is made of other fields; fill those`;
  const create = CREATES.has(operation) && createable;
  const update = UPDATES.has(operation) && updateable;
  if (create || update || DELETES.has(operation)) return null;
  if (createable && operation === "update") return `${name} can only be set in a new record`;
  return `${name} is read-only`;
}

const fine = (words, more = {}) => ({ state: "ok", words, ...more });
/** Nobody has asked whether it is right. */
const open = (words, more = {}) => ({ state: "open", words, ...more });
const wrong = (words, more = {}) => ({ state: "bad", words, ...more });

/**
 * What becomes of a column that fills `name`: the rule in words, whether it can be, and the field that
 * is filled. Without `fields`, which an org tells, a name can only be spelled well.
 */
export function judgeField(name, { fields, parents, operation, key, samples = [], dates = "" }) {
  const found = pathOf(name) ?? relationshipOf(fields, name);
  if (!fields) {
    const isName = /^[\w.:-]+$/.test(name);
    return isName ? open("not compared with an org", { fills: name.toLowerCase(), isKey: isSame(name, key) }) : wrong("a field has letters, digits and _");
  }
  if (found) return judgeParent(name, found, fields, parents, operation);
  const field = fields.find(name);
  if (!field) return wrong(`${fields.name} has no such field`);
  const isKey = isSame(field.name, key);
  if (DELETES.has(operation) && !isKey) return { state: "warn", words: `a ${operation} sends the key alone`, fills: field.name };
  const why = isKey ? null : unwritable(field, operation);
  if (why) return wrong(why, { fills: field.name });
  const words = `${isKey ? "key, " : ""}${rule(field, operation)}`;
  const order = field.type.startsWith("date") ? dateOrder(samples, dates) : null;
  if (order) return { state: "warn", words: `${words}; ${order}`, fills: field.name, isKey, asksFor: "dates" };
  if (operation === "upsert" && !isKey && field.createable !== field.updateable) {
    return fine(`${words}; ${field.createable ? "only in a new record" : "only in a record that exists"}`, { fills: field.name });
  }
  return fine(words, { fills: field.name, isKey });
}

function judgeParent(name, { object, relationship, field }, fields, parents, operation) {
  const reference = fields.relationship(relationship);
  if (!reference) return wrong(`${fields.name} has no relationship ${relationship}`);
  const { referenceTo } = reference;
  const parent = parentOf(fields, name);
  if (!parent) return wrong(object ? `it leads to ${referenceTo.join(" or ")}` : `say which object: ${referenceTo[0]}:${relationship}.${field || "Key__c"}`);
  const why = unwritable(reference, operation);
  if (why) return wrong(why, { fills: reference.name });
  const known = parents?.get(parent);
  if (!known) return field ? open(`${parent} by an external id`, { fills: reference.name }) : wrong(`name an external id of ${parent}: ${reference.relationshipName}.EXTERNAL_ID`);
  const keys = known.keys().filter(({ type }) => type !== "id").map(({ name: of }) => of);
  const found = known.find(field);
  if (!found || !(found.externalId || found.idLookup)) {
    const some = keys.length > 0 ? keys.slice(0, VALUES_SHOWN).map((of) => `${reference.relationshipName}.${of}`).join(", ") : "it has none";
    return wrong(`name an external id of ${parent}: ${some}`, { fills: reference.name });
  }
  return fine(`${parent} by ${found.name}, ${kind(found)}`, { fills: reference.name });
}

const isSame = (name, key) => Boolean(key) && name.toLowerCase() === key.toLowerCase();

const SLASHED = /^\s*(\d{1,2})\/(\d{1,2})\/\d{2}(?:\d{2})?(?:\s|T|$)/;

/** What is to be said of dates with slashes, of which the order of day and month is not written. */
export function dateOrder(samples, chosen) {
  const dates = samples.map((cell) => cell.match(SLASHED)).filter(Boolean);
  if (dates.length === 0) return null;
  const monthFirst = dates.every(([, first]) => Number(first) <= 12);
  const dayFirst = dates.every(([, , second]) => Number(second) <= 12);
  const fits = { "month-first": monthFirst, "day-first": dayFirst };
  if (chosen) return fits[chosen] ? null : "the first rows have another order";
  if (monthFirst && dayFirst) return "both orders fit the first rows";
  if (monthFirst || dayFirst) return `only ${monthFirst ? "month" : "day"} first fits the first rows`;
  return "no order fits the first rows";
}
