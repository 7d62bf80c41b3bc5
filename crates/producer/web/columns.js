// The columns of a file and the fields that they fill: shown, changed in place, judged at once.

import { element, instance, setAttribute, setText } from "./dom.js";
import { grouped } from "./figures.js";

const VALUES_CHARACTERS = 80;
const LEFT_SHOWN = 50;
const FIND_FROM = 12;

export class Columns {
  #parts;
  #draft;
  #rows;
  #changed;
  #judged = null;

  /** `changed` is called after a person changed what fills what. */
  constructor(parts, draft, changed) {
    this.#parts = parts;
    this.#draft = draft;
    this.#changed = changed;
    this.#rows = draft.columns.map((name, at) => this.#row(name, at));
    parts.rows.replaceChildren(...this.#rows.map(({ item }) => item));
    parts.find.hidden = draft.columns.length < FIND_FROM;
    parts.rows.addEventListener("change", ({ target }) => {
      draft.fill(Number(target.dataset.at), target.value);
      changed();
    });
    parts.rows.addEventListener("click", ({ target }) => target.closest("[data-asks]") && this.#ask());
    for (const control of [parts.query, parts.only]) control.addEventListener("input", () => this.#filter());
    parts.left.addEventListener("click", ({ target }) => target.dataset.at && this.focus(Number(target.dataset.at)));
    parts.required.addEventListener("click", ({ target }) => target.dataset.field && this.#addConstant(target.dataset.field));
    parts.addConstant.addEventListener("click", () => this.#addConstant(""));
  }

  #row(name, at) {
    const { root, parts } = instance("map-row");
    const shown = name.trim() || `column ${at + 1}, without a name`;
    const rule = `c-rule-${at}`;
    parts.field.id = `c-column-${at}`;
    parts.field.dataset.at = at;
    parts.name.htmlFor = parts.field.id;
    parts.rule.id = rule;
    parts.field.setAttribute("aria-describedby", rule);
    parts.field.disabled = this.#draft.nameless[at] !== null;
    setText(parts.name, shown);
    setText(parts.values, values(this.#draft.samples[at]));
    return { item: root.firstElementChild, ...parts };
  }

  /** Takes over what the draft has, such as after a mapping file was taken. */
  fill() {
    this.#rows.forEach(({ field }, at) => (field.value = this.#draft.targets[at].join(", ")));
    this.#constants();
  }

  show(judged) {
    const { mapped, left, required } = this.#parts;
    const draft = this.#draft;
    const before = this.#judged;
    this.#judged = judged;
    judged.columns.forEach((of, at) => {
      const was = before?.columns[at];
      if (was?.state !== of.state || was.words !== of.words || was.asksFor !== of.asksFor) showRule(this.#rows[at], of);
    });
    judged.constants.forEach((of, at) => showRule({ item: this.#parts.constants.children[at], ...constantParts(this.#parts.constants.children[at]) }, of));
    setText(mapped, `${grouped(judged.mapped)} of ${grouped(draft.columns.length)} mapped`);
    mapped.classList.toggle("good", judged.mapped > 0);
    required.replaceChildren(...(judged.required.length === 0 ? [element("li", {}, draft.fields ? "None." : this.#parts.typedKeyBox.hidden ? "Choose an object first." : "Not known without an org.")] : judged.required.map(requiredItem)));
    const free = judged.columns.flatMap(({ state }, at) => (state === "none" ? [at] : []));
    const named = free.slice(0, LEFT_SHOWN).map((at) => element("li", {}, element("button", { type: "button", class: "quiet id", "data-at": at }, draft.columns[at].trim() || `column ${at + 1}`)));
    if (free.length === 0) named.push(element("li", {}, "None."));
    if (free.length > LEFT_SHOWN) named.push(element("li", {}, `and ${grouped(free.length - LEFT_SHOWN)} more`));
    left.replaceChildren(...named);
    if (this.#parts.only.value !== "") this.#filter();
  }

  focus(at) {
    const { item, field } = this.#rows[at];
    item.hidden = false;
    field.focus();
    item.scrollIntoView({ block: "nearest" });
  }

  focusConstant(at) {
    constantParts(this.#parts.constants.children[at]).field.focus();
  }

  #filter() {
    const wanted = this.#parts.query.value.trim().toLowerCase();
    const only = this.#parts.only.value;
    this.#rows.forEach(({ item }, at) => {
      const name = this.#draft.columns[at].toLowerCase();
      const targets = this.#draft.targets[at].join(" ").toLowerCase();
      const state = this.#judged?.columns[at].state;
      item.hidden = !(name.includes(wanted) || targets.includes(wanted)) || (only !== "" && !(only === state || (only === "bad" && state === "warn")));
    });
  }

  #ask() {
    this.#parts.cells.open = true;
    this.#parts.form.querySelector("[data-setting=dates]").focus();
  }

  #addConstant(field) {
    this.#draft.constants.push([field, ""]);
    this.#constants();
    this.#changed();
    const { children } = this.#parts.constants;
    constantParts(children[children.length - 1])[field === "" ? "field" : "value"].focus();
  }

  #constants() {
    this.#parts.constants.replaceChildren(...this.#draft.constants.map(([field, value], at) => {
      const { root, parts } = instance("constant-row");
      parts.field.value = field;
      parts.value.value = value;
      parts.rule.id = `c-constant-${at}`;
      for (const input of [parts.field, parts.value]) {
        input.setAttribute("aria-describedby", parts.rule.id);
        input.addEventListener("change", () => {
          this.#draft.constants[at] = [parts.field.value.trim(), parts.value.value];
          this.#changed();
        });
      }
      parts.remove.addEventListener("click", () => {
        this.#draft.constants.splice(at, 1);
        this.#constants();
        this.#changed();
        this.#parts.addConstant.focus();
      });
      return root.firstElementChild;
    }));
  }
}

const constantParts = (item) => Object.fromEntries([...item.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));

function showRule({ item, field, rule }, { state, words, asksFor }) {
  item.dataset.state = state;
  setAttribute(field, "aria-invalid", state === "bad");
  if (!asksFor) return setText(rule, words);
  return rule.replaceChildren(element("span", {}, `${words} `), element("button", { type: "button", class: "quiet", "data-asks": asksFor }, "choose"));
}

function requiredItem({ name, label }) {
  const said = name === label ? name : `${name} (${label})`;
  return element("li", {}, `${said} `, element("button", { type: "button", class: "quiet", "data-field": name, "aria-label": `Give all rows a value of ${name}` }, "give all rows a value"));
}

/** What the first cells of a column say, in short. */
function values(cells) {
  const some = cells.filter((cell) => cell.trim() !== "");
  if (some.length === 0) return "empty in the first rows";
  const text = [...new Set(some)].slice(0, 4).join(", ").slice(0, VALUES_CHARACTERS);
  return some.length * 2 < cells.length ? `${text} (mostly empty)` : text;
}
