// A check: the whole file against the org, nothing sent. It is followed live, and can be stopped.

import { call, get, post } from "./api.js";
import { announce, setText } from "./dom.js";
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
    if (!this.#isAllowed) return;
    if (!this.#parts.checked.hidden) this.#says("The load was changed after this check began.");
    else this.#says("Nothing is checked yet.");
  }

  async begin(fileName, load) {
    const { check, checked } = this.#parts;
    check.disabled = true;
    this.#says("");
    try {
      const findings = await import("./findings.js");
      const { id } = await post("/api/checks", { fileName, load });
      this.#id = id;
      setText(check, "Stop checking");
      check.disabled = false;
      checked.hidden = false;
      checked.scrollIntoView({ block: "nearest" });
      await this.#follow(id, findings);
    } catch (error) {
      if (!this.#signal.aborted) this.#failed(error);
    } finally {
      this.#id = null;
      check.disabled = false;
      setText(check, "Check file");
    }
  }

  async stop() {
    this.#parts.check.disabled = true;
    await this.#end().catch((error) => this.#says(sentence(error.message), "says"));
  }

  /** What an earlier check found is not what this one would have. */
  #failed({ message }) {
    this.#parts.checked.hidden = true;
    this.#says(plain(message), "says");
    // Not behind the buttons at the end of the window.
    this.#parts.checkHint.scrollIntoView({ block: "center" });
    announce(this.#parts.checkHint.textContent);
  }

  #says(words, tone = "hint") {
    const { checkHint } = this.#parts;
    checkHint.className = tone;
    setText(checkHint, words);
  }

  #end() {
    return call(path(this.#id), { method: "DELETE" });
  }

  async #follow(id, { show, tell }) {
    for (;;) {
      const state = await get(path(id), this.#signal);
      show(this.#parts, state);
      if (state.status !== "running") {
        this.#parts.checkHint.className = state.status === "failed" ? "says" : "hint";
        return tell(this.#parts.checkHint, state);
      }
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
      this.#signal.throwIfAborted();
    }
  }
}

/** What the server says of a load, for who wrote no request: without places in one. */
export const plain = (message) => sentence(message.replace(/^`load`: (its settings are not understood: )?/, "").replace(/ at line \d+ column \d+$/, ""));

const path = (id) => `/api/checks/${encodeURIComponent(id)}`;
