// A new load, from a file to a run: what the file has, what its columns become, a check, the start.

import { get, post } from "./api.js";
import { Check, plain } from "./check.js";
import { Columns } from "./columns.js";
import { announce, element, instance, setText, showMissing } from "./dom.js";
import { Draft } from "./draft.js";
import { equip } from "./equip.js";
import { rule, unwritable } from "./fields.js";
import { bytes, counted, grouped, sentence } from "./figures.js";
import { CHOOSE, NamedLoad, offers } from "./named.js";
import { asksForLoad } from "./refusals.js";
import { begin } from "./start.js";

const SAMPLE_COLUMNS = 40;
/** Rows of the sample that are seen at once: nothing else says that it scrolls. */
const SAMPLE_ROWS_SEEN = 5;
const MAPPING_BYTES_MAX = 500_000;
const DELIMITERS = { ",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe" };

export async function showCompose(main, file, signal) {
  document.title = `${file} · Batch Sync`;
  main.classList.add("loading");
  try {
    const [preview, offered] = await Promise.all([get(`/api/files/${encodeURIComponent(file)}/preview`, signal), offers(file, signal), equip("compose", "compose")]);
    if (signal.aborted) return;
    const { root, parts } = instance("compose");
    showFile(parts, preview);
    main.append(root);
    main.classList.remove("loading");
    parts.file.focus({ preventScroll: true });
    await new Composer(parts, preview, offered, signal).begin();
  } catch (error) {
    if (signal.aborted) return;
    main.classList.remove("loading");
    showMissing(main, "The file cannot be shown", sentence(error.message), "All files").focus();
  }
}

class Composer {
  #parts;
  #file;
  #draft;
  #columns;
  #check;
  #named;
  #signal;
  #asked = 0;
  #judged;

  constructor(parts, preview, offered, signal) {
    this.#parts = parts;
    this.#file = preview.file;
    this.#signal = signal;
    const samples = preview.columns.map((_, at) => preview.rows.map(({ cells }) => cells[at] ?? ""));
    this.#draft = new Draft(preview.columns, samples);
    this.#columns = new Columns(parts, this.#draft, () => this.#changed());
    this.#check = new Check(parts, signal);
    this.#named = new NamedLoad(parts, offered, () => this.#isOther());
    this.#listen();
  }

  #listen() {
    const parts = this.#parts;
    const draft = this.#draft;
    parts.object.addEventListener("change", () => this.#choose(parts.object.value.trim()));
    parts.operation.addEventListener("change", () => {
      draft.operation = parts.operation.value;
      // Collections has no such call.
      if (draft.operation === "hard-delete") draft.settings.api = parts.api.value = "bulk";
      draft.chooseKey();
      this.#keys();
      this.#changed();
    });
    for (const input of [parts.key, parts.typedKey]) {
      input.addEventListener("change", () => {
        draft.key = input.value.trim();
        this.#changed();
      });
    }
    for (const input of parts.form.querySelectorAll("[data-setting]")) {
      input.addEventListener("change", () => {
        const { setting } = input.dataset;
        const said = input.type === "checkbox" && !input.checked ? "" : input.value.trim();
        if (said === "") delete draft.settings[setting];
        else draft.settings[setting] = said === "true" || said;
        this.#changed();
      });
    }
    parts.cells.addEventListener("toggle", () => offerZones(parts.zones), { once: true });
    parts.match.addEventListener("click", () => {
      draft.matchNames();
      draft.chooseKey();
      this.#filled();
      announce(parts.mapped.textContent);
    });
    parts.sdl.addEventListener("change", () => {
      const [file] = parts.sdl.files;
      // The same file can be taken again, once mended.
      if (file) this.#takeMapping(file).finally(() => (parts.sdl.value = ""));
    });
    this.#takeDrops(parts.drop);
    parts.check.addEventListener("click", () => this.#checkFile());
    parts.save.addEventListener("click", () => this.#save());
    parts.form.addEventListener("submit", (event) => {
      event.preventDefault();
      // Enter in a field takes what was typed; only the button starts a run.
      if (event.submitter === parts.start && document.activeElement === parts.start) this.#start();
    });
  }

  /** Offers the objects of the org, if this server has one to ask. */
  async begin() {
    const parts = this.#parts;
    try {
      const { objects } = await get("/api/salesforce/objects", this.#signal);
      parts.objects.replaceChildren(...objects.map(({ name, label }) => element("option", { value: name, label: label === name ? name : `${label} (${name})` })));
      setText(parts.objectHint, `${counted(objects.length, "object")} in the org.`);
    } catch (error) {
      if (this.#signal.aborted) return;
      this.#alone(error);
    }
    this.#draft.takeFields(null);
    if (!parts.typedKeyBox.hidden) return this.#filled();
    this.#draft.targets = this.#draft.columns.map(() => []);
    this.#filled();
  }

  /** Without an org names are typed, and the first consumer compares them. */
  #alone(error) {
    const parts = this.#parts;
    parts.keyBox.hidden = true;
    parts.typedKeyBox.hidden = false;
    const reason = error.status === 409 ? error.message : `the org cannot be asked: ${error.message}`;
    setText(parts.objectHint, `${sentence(reason)} Names can be typed; the first consumer compares them with the org.`);
    this.#check.forbid("Without an org there is no check.");
  }

  async #choose(object) {
    const parts = this.#parts;
    const draft = this.#draft;
    const asked = (this.#asked += 1);
    draft.object = object;
    parts.object.removeAttribute("aria-invalid");
    if (!parts.typedKeyBox.hidden || object === "") return this.#changed();
    setText(parts.objectHint, "Reading its fields …");
    try {
      const describe = await get(`/api/salesforce/objects/${encodeURIComponent(object)}`, this.#signal);
      if (asked !== this.#asked) return;
      draft.takeFields(describe);
      parts.object.value = draft.object;
      setText(parts.objectHint, `${describe.name}: ${counted(describe.fields.length, "field")}.`);
    } catch (error) {
      if (this.#signal.aborted || asked !== this.#asked) return;
      draft.takeFields(null);
      parts.object.setAttribute("aria-invalid", "true");
      setText(parts.objectHint, sentence(error.message));
    }
    this.#offerFields();
    this.#filled();
  }

  /** One list for all columns, however many there are. */
  #offerFields() {
    const { fields, parents, operation } = this.#draft;
    const options = (fields?.fields ?? []).flatMap((field) => {
      const own = element("option", { value: field.name, label: `${field.label}: ${rule(field, operation)}` });
      const { relationshipName, referenceTo } = field;
      if (!relationshipName) return [own];
      const of = referenceTo.length === 1 ? parents.get(referenceTo[0]) : null;
      const keys = (of?.keys() ?? []).filter(({ type }) => type !== "id").map(({ name }) => name);
      // Asked of the parent only when somebody wants it.
      if (!of && referenceTo.length === 1 && !unwritable(field, operation)) keys.push("");
      const beyond = keys.map((key) => element("option", { value: `${relationshipName}.${key}`, label: `${field.label}, found by ${key || `an external id of ${referenceTo[0]}`}` }));
      return [own, ...beyond];
    });
    this.#parts.fields.replaceChildren(...options);
  }

  #keys() {
    const { fields, operation, key } = this.#draft;
    const { key: select, keyBox, typedKeyBox, typedKey } = this.#parts;
    const isAlone = !typedKeyBox.hidden;
    const options = (fields?.keys() ?? []).map((field) => element("option", { value: field.name }, `${field.name}${field.externalId ? ", external id" : ""}${field.unique ? ", unique" : ""}`));
    if (options.length === 0) options.push(element("option", { value: "" }, fields ? "no External ID or idLookup field" : "choose an object first"));
    select.replaceChildren(...options);
    select.value = key;
    typedKey.value = key;
    const isInsert = operation === "insert";
    select.disabled = typedKey.disabled = isInsert;
    (isAlone ? typedKeyBox : keyBox).classList.toggle("off", isInsert);
  }

  /** The draft was changed by the program, so all of it is written anew. */
  #filled() {
    this.#columns.fill();
    this.#keys();
    this.#changed();
  }

  #changed() {
    this.#judged = this.#draft.judge();
    this.#columns.show(this.#judged);
    this.#isOther();
    this.#askForParents();
  }

  /** What was said of the load before is old. */
  #isOther() {
    setText(this.#parts.says, "");
    setText(this.#parts.saved, "");
    this.#check.isOld();
  }

  async #askForParents() {
    const draft = this.#draft;
    const { fields } = draft;
    const unknown = draft.unknownParents();
    for (const object of unknown) draft.parents.set(object, null);
    for (const object of unknown) {
      const described = await get(`/api/salesforce/objects/${encodeURIComponent(object)}`, this.#signal).catch(() => null);
      if (this.#signal.aborted || draft.fields !== fields) return;
      draft.takeParent(object, described);
    }
    if (unknown.length === 0) return;
    this.#offerFields();
    this.#judged = draft.judge();
    this.#columns.show(this.#judged);
  }

  #takeDrops(panel) {
    const isFile = ({ dataTransfer }) => dataTransfer.types.includes("Files");
    const mark = (isOver) => panel.classList.toggle("dropped", isOver);
    panel.addEventListener("dragover", (event) => {
      if (!isFile(event)) return;
      event.preventDefault();
      mark(true);
    });
    panel.addEventListener("dragleave", ({ relatedTarget }) => panel.contains(relatedTarget) || mark(false));
    panel.addEventListener("drop", (event) => {
      if (!isFile(event)) return;
      event.preventDefault();
      mark(false);
      const [file] = event.dataTransfer.files;
      if (file) this.#takeMapping(file);
    });
  }

  async #takeMapping(file) {
    const { mappingSays } = this.#parts;
    setText(mappingSays, "");
    if (file.size > MAPPING_BYTES_MAX) return setText(mappingSays, `${file.name} has ${bytes(file.size)}; a mapping file has some kilobytes.`);
    try {
      const missing = this.#draft.takeMapping(await post("/api/mappings", { sdl: await file.text() }));
      this.#filled();
      if (missing.length > 0) {
        const some = missing.slice(0, 5).join(", ");
        setText(mappingSays, `The file has no column ${some}${missing.length > 5 ? ` and ${missing.length - 5} more` : ""}, which ${file.name} maps.`);
      }
      return announce(`${file.name}: ${this.#parts.mapped.textContent}`);
    } catch (error) {
      return this.#signal.aborted ? undefined : setText(mappingSays, `${file.name}: ${sentence(error.message)}`);
    }
  }

  /** Whether there is a load; if not, it says what is missing, where it is. */
  #isWhole() {
    const parts = this.#parts;
    if (this.#named.isChosen) return true;
    const lack = this.#draft.lacks(this.#judged);
    setText(parts.says, lack?.words ?? "");
    if (!lack) return true;
    if (lack.where === "columns") this.#columns.focus(lack.at);
    else if (lack.where === "constants") this.#columns.focusConstant(lack.at);
    else if (lack.where === "key") (parts.typedKeyBox.hidden ? parts.key : parts.typedKey).focus();
    else parts.object.focus();
    return false;
  }

  #checkFile() {
    if (this.#check.isUnderWay) return this.#check.stop();
    return this.#isWhole() ? this.#check.begin(this.#file, this.#load()) : undefined;
  }

  #load() {
    return this.#named.isChosen ? this.#named.name : this.#draft.load();
  }

  async #start() {
    const { start, says } = this.#parts;
    if (!this.#isWhole()) return;
    try {
      await begin("/api/sync/start", { fileName: this.#file, load: this.#load() }, start);
    } catch (error) {
      if (this.#signal.aborted) return;
      setText(says, `${plain(error.message)} ${asksForLoad(error) ? `${CHOOSE}. ` : ""}`);
      if (error.runId) says.append(element("a", { href: `#/runs/${encodeURIComponent(error.runId)}` }, "Show that run"));
    }
  }

  async #save() {
    if (!this.#isWhole()) return;
    const [{ nameFor, patternFor, toml }, { save }] = await Promise.all([import("./toml.js"), import("./download.js")]);
    const name = nameFor(this.#file);
    const text = toml(name, this.#draft.load(), [patternFor(this.#file)]);
    save(new Blob([text], { type: "application/toml" }), `${name}.toml`);
    setText(this.#parts.saved, `Downloaded as ${name}.toml. Add it to the file that LOADS_FILE names.`);
  }
}

function showFile(parts, preview) {
  const { columns, rows, rejects } = preview;
  const delimiter = DELIMITERS[preview.delimiter] ?? preview.delimiter;
  const number = preview.rowsAbout === null ? [] : [`${preview.isAll ? "" : "about "}${counted(preview.rowsAbout, "row")}`];
  const packed = preview.packing === "plain" ? [] : [preview.packing];
  const facts = [bytes(preview.bytes), ...number, ...packed, `${delimiter}, ${preview.encoding.toUpperCase()}, ${counted(columns.length, "column")}`];
  setText(parts.file, preview.file);
  setText(parts.facts, facts.join(" · "));
  const shown = columns.slice(0, SAMPLE_COLUMNS);
  parts.sampleHead.replaceChildren(...shown.map((name) => element("th", { scope: "col" }, name || "\u00a0")));
  parts.sample.replaceChildren(...rows.map(({ cells }) => element("tr", {}, ...shown.map((_, at) => element("td", {}, cells[at] ?? "")))));
  const hints = [];
  if (columns.length > SAMPLE_COLUMNS) hints.push(`The first ${SAMPLE_COLUMNS} of ${grouped(columns.length)} columns.`);
  if (rows.length > SAMPLE_ROWS_SEEN) hints.push(`Scroll in the table: it has the first ${rows.length} rows.`);
  if (rows.length === 0) hints.push("There are no rows in the beginning of the file.");
  const [reject] = rejects;
  if (reject) hints.push(`Of the first records ${grouped(rejects.length)} would be rejected: ${reject.code}, ${sentence(reject.message)}`);
  setText(parts.sampleHint, hints.join(" "));
}

function offerZones(list) {
  list.replaceChildren(...(Intl.supportedValuesOf?.("timeZone") ?? []).map((value) => element("option", { value })));
}
