// A check: the whole file against the org, nothing sent. It is followed live, and can be stopped.

import { call, get, post } from "./api.js";
import { setText } from "./dom.js";
import { sentence } from "./figures.js";

const EVERY_MS = 500;

export class Check {
  #parts;
  #signal;
  #id = null;
  #isAllowed = true;

  constructor(parts, signal) {
    this.#parts = parts;
    this.#signal = signal;
    // Nobody waits for it any more.
    signal.addEventListener("abort", () => this.#id && this.#end().catch(() => {}));
  }

  get isUnderWay() {
    return this.#id !== null;
  }

  forbid(why) {
    this.#isAllowed = false;
    this.#parts.check.hidden = true;
    setText(this.#parts.checkHint, why);
  }

  /** What was checked is not what would be started now. */
  isOld() {
    const { checked, checkHint } = this.#parts;
    if (this.#isAllowed && !checked.hidden) setText(checkHint, "The load was changed after this check began.");
  }

  async begin(fileName, load) {
    const { check, checkHint, checked } = this.#parts;
    check.disabled = true;
    try {
      const findings = await import("./findings.js");
      const { id } = await post("/api/checks", { fileName, load });
      this.#id = id;
      setText(check, "Stop checking");
      setText(checkHint, "");
      check.disabled = false;
      checked.hidden = false;
      checked.scrollIntoView({ block: "nearest" });
      await this.#follow(id, findings);
    } catch (error) {
      if (!this.#signal.aborted) setText(checkHint, sentence(error.message));
    } finally {
      this.#id = null;
      check.disabled = false;
      setText(check, "Check file");
    }
  }

  async stop() {
    const { check, checkHint } = this.#parts;
    check.disabled = true;
    await this.#end().catch((error) => setText(checkHint, sentence(error.message)));
  }

  #end() {
    return call(path(this.#id), { method: "DELETE" });
  }

  async #follow(id, { show, tell }) {
    for (;;) {
      const state = await get(path(id), this.#signal);
      show(this.#parts, state);
      if (state.status !== "running") return tell(this.#parts.checkHint, state);
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
      this.#signal.throwIfAborted();
    }
  }
}

const path = (id) => `/api/checks/${encodeURIComponent(id)}`;
