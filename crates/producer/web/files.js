// The list of files to choose from. What is in the box above it is what is started.

import { get } from "./api.js";
import { element, setText } from "./dom.js";
import { bytes, grouped, moment, sentence } from "./figures.js";

const PAGE = 200;
const TYPING_MS = 200;

/** Whether there is such a file; also when that cannot be told. */
export async function isThere(name, signal) {
  const { files } = await get(`/api/files?${new URLSearchParams({ prefix: name, limit: 1 })}`, signal).catch(() => ({ files: [{ name }] }));
  // The shortest of those that begin so is the first.
  return files[0]?.name === name;
}

export class Files {
  #parts;
  #signal;
  #all = null;
  #shown = [];
  #next = null;
  #query = "";
  #active = -1;
  #asked = 0;

  constructor(parts, signal) {
    this.#parts = parts;
    this.#signal = signal;
    const { name, list, more } = parts;
    let timer;
    name.addEventListener("input", () => {
      clearTimeout(timer);
      setText(parts.says, "");
      timer = setTimeout(() => {
        name.dispatchEvent(new Event("chosen"));
        this.#filter(name.value.trim());
      }, TYPING_MS);
    });
    name.addEventListener("keydown", (event) => this.#key(event));
    list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.#choose([...list.children].indexOf(option));
    });
    more.addEventListener("click", () => this.#page(this.#next));
    this.#skeleton();
  }

  load() {
    return this.#page(null);
  }

  /** With all names at hand, any part of a name finds it; else the server looks for beginnings. */
  #filter(query) {
    if (query === this.#query) return undefined;
    this.#query = query;
    if (this.#all === null) return this.#page(null);
    const wanted = query.toLowerCase();
    this.#next = null;
    return this.#show(this.#all.filter((file) => file.name.toLowerCase().includes(wanted)));
  }

  async #page(after) {
    const asked = (this.#asked += 1);
    const where = new URLSearchParams({ limit: PAGE, prefix: this.#query, ...(after && { after }) });
    try {
      const { files, next } = await get(`/api/files?${where}`, this.#signal);
      if (asked !== this.#asked) return;
      this.#next = next;
      const shown = after ? [...this.#shown, ...files] : files;
      if (next === null && this.#query === "") this.#all = shown;
      this.#show(shown);
    } catch (error) {
      if (this.#signal.aborted || asked !== this.#asked) return;
      this.#fail(error);
    }
  }

  #show(files) {
    const { list, box, empty, more } = this.#parts;
    this.#shown = files;
    this.#active = -1;
    this.#parts.name.removeAttribute("aria-activedescendant");
    list.replaceChildren(...files.map(option));
    list.hidden = files.length === 0;
    box.removeAttribute("aria-busy");
    more.hidden = this.#next === null;
    empty.hidden = files.length > 0;
    if (files.length === 0) setText(empty, this.#nothing());
    this.#hint();
  }

  #nothing() {
    if (this.#query === "") return "The container has no files yet. Upload a CSV file, or let generate-upload write one.";
    return this.#all ? "No file has this in its name." : "No file's name starts with this.";
  }

  #hint() {
    const count = `${grouped(this.#shown.length)}${this.#next ? " or more" : ""} ${this.#shown.length === 1 ? "file" : "files"}`;
    const how = this.#query === "" ? "in the container" : this.#all ? "with this in the name" : "that start with this";
    setText(this.#parts.hint, `${count} ${how}`);
  }

  #fail(error) {
    const { list, empty, box, more } = this.#parts;
    list.replaceChildren();
    list.hidden = true;
    more.hidden = true;
    box.removeAttribute("aria-busy");
    const again = element("button", { type: "button", class: "quiet" }, "Try again");
    again.addEventListener("click", () => {
      this.#skeleton();
      this.load();
    });
    empty.replaceChildren(`The list of files could not be read. ${sentence(error.message)} A name can still be typed. `, again);
    empty.hidden = false;
    setText(this.#parts.hint, "\u00a0");
  }

  #skeleton() {
    const { list, box, empty } = this.#parts;
    box.setAttribute("aria-busy", "true");
    empty.hidden = true;
    list.hidden = false;
    list.replaceChildren(...Array.from({ length: 6 }, () => element("li", { class: "skeleton", role: "presentation" })));
  }

  #key(event) {
    const { length } = this.#shown;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || length === 0) return;
    event.preventDefault();
    const from = this.#active < 0 && step < 0 ? 0 : this.#active;
    this.#choose((from + step + length) % length);
  }

  #choose(index) {
    const { list, name } = this.#parts;
    list.children[this.#active]?.setAttribute("aria-selected", "false");
    const option = list.children[index];
    this.#active = index;
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    name.setAttribute("aria-activedescendant", option.id);
    name.value = this.#shown[index].name;
    setText(this.#parts.says, "");
    name.dispatchEvent(new Event("chosen"));
    name.focus();
  }
}

function option(file, index) {
  const when = element("span", { class: "sub" }, `${bytes(file.bytes)} · ${moment(file.lastModifiedMs)}`);
  return element("li", { role: "option", id: `file-${index}`, "aria-selected": "false", title: file.name }, element("span", {}, file.name), when);
}
