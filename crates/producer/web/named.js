// A load that has a name, in place of one that is made: which there are, and what the chosen one does.

import { get } from "./api.js";
import { element, setText } from "./dom.js";
import { sentence } from "./figures.js";
import { deletes, explainFile, inList, ofFile } from "./loads.js";
import { inWords } from "./refusals.js";

const BY_FILE = "*";
export const CHOOSE = "Choose one above, or what is said on this page";

/** The loads of the server, and which of them the file gets; null when they cannot be had. */
export const offers = (file, signal) => Promise.all([get("/api/loads", signal), ofFile(file, signal)]).catch(() => null);

export class NamedLoad {
  #parts;
  #loads = [];
  #ofFile = null;

  constructor(parts, offered, changed) {
    this.#parts = parts;
    if (offered) this.#offer(offered);
    parts.load.addEventListener("change", () => {
      this.#show();
      changed();
    });
  }

  /** Offers what there is; of a server without loads, nothing. What fits the file is chosen. */
  #offer([{ loads }, found]) {
    this.#loads = loads;
    this.#ofFile = found;
    const { load, which } = this.#parts;
    const { length } = loads.filter(({ name }) => name !== "default");
    which.hidden = length === 0 && !found.load;
    load.append(...loads.map((of) => element("option", { value: of.name }, inList(of))));
    if (found.load) setText(load.options[1], `by the file's name: ${inList(found.load)}`);
    if (found.load && found.by !== "consumers") load.value = BY_FILE;
    this.#show();
  }

  /** Whether one is chosen, and not the load of this page. */
  get isChosen() {
    return this.#parts.load.value !== "";
  }

  /** As a request says it: the server goes by the file's name when nothing is said. */
  get name() {
    const { value } = this.#parts.load;
    return value === BY_FILE ? undefined : value;
  }

  #show() {
    const { form, load, loadHint, named, save } = this.#parts;
    for (const part of form.querySelectorAll("[data-own]")) part.hidden = this.isChosen;
    save.hidden = this.isChosen;
    named.hidden = !this.isChosen;
    const chosen = load.value === BY_FILE ? this.#ofFile.load : this.#loads.find(({ name }) => name === load.value);
    named.replaceChildren(...(chosen ? this.#facts(chosen) : []));
    setText(loadHint, load.value === BY_FILE ? sentence(explainFile(this.#loads, this.#ofFile, CHOOSE)) : this.#whatFits());
    loadHint.classList.toggle("warn", load.value === BY_FILE && Boolean(this.#ofFile.refused));
  }

  /** What the file would get, for who chooses something else. */
  #whatFits() {
    const { load, refused, kind } = this.#ofFile;
    if (this.isChosen) return load && load.name !== this.name ? `By its name the file would get the load ${load.name}.` : "\u00a0";
    const byName = load ? `by its name the file would get the load ${load.name}` : inWords(kind, refused ?? "no load fits this file's name");
    return sentence(`${byName}; it gets what is said below`);
  }

  #facts(chosen) {
    const known = this.#loads.find(({ name }) => name === chosen.name);
    const facts = [
      ["Object", chosen.object],
      ["Operation", chosen.operation, deletes(chosen) ? "deletes records" : null],
      ["Find records by", chosen.externalId ?? "nothing: each row is a new record"],
      ["Mapping", chosen.mapping],
      ...(known ? [["API", known.api], ["File of ids", known.ids ? "yes" : "no"]] : []),
    ];
    return facts.map(([name, value, mark]) => element("div", {}, element("dt", {}, name), element("dd", {}, value, ...(mark ? [" ", element("span", { class: "pill bad" }, mark)] : []))));
  }
}
