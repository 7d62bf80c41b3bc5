// A file from this machine into the container. Then a load is made for it.

import { get } from "./api.js";
import { announceNext, instance, setAttribute, setShare, setText } from "./dom.js";
import { equip } from "./equip.js";
import { bytes, grouped, moment, sentence, timeLeft } from "./figures.js";
import { Rate } from "./pace.js";
import { token } from "./token.js";

const RATE_SECONDS = 5;
let isOpen = false;

/** A load is made for what was uploaded, unless somebody has another use for it. */
const makeLoad = (name) => (location.hash = `#/load/${encodeURIComponent(name)}`);

/** Asks under which name, and sends it: into `folder`, if the person wants nothing else. One at a time. Then `done` gets the name. */
export async function upload(files, folder = "", done = makeLoad) {
  if (isOpen || files.length === 0) return;
  isOpen = true;
  try {
    await equip("upload");
    await new Upload(files, folder, done).closed;
  } finally {
    isOpen = false;
  }
}

class Upload {
  #file;
  #dialog;
  #parts;
  #request = null;
  /** The name of a file that somebody was asked to replace. */
  #asked = null;
  #done;
  closed;

  constructor(files, folder, done) {
    const { root, parts } = instance("upload");
    const [file] = files;
    this.#file = file;
    this.#done = done;
    this.#parts = parts;
    this.#dialog = root.querySelector("dialog");
    const more = files.length > 1 ? `; the first of ${grouped(files.length)}: one file at a time` : "";
    setText(parts.facts, `${file.name}, ${bytes(file.size)}${more}`);
    parts.name.value = folder + file.name;
    parts.name.addEventListener("input", () => this.#ask(null, ""));
    parts.cancel.addEventListener("click", () => this.#dialog.close());
    root.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit(parts.name.value.trim());
    });
    document.body.append(this.#dialog);
    this.#dialog.showModal();
    this.closed = this.#untilClosed();
  }

  /** By a button, Escape, or another view. What was not sent whole is nowhere. */
  #untilClosed() {
    const leaves = () => this.#dialog.close();
    addEventListener("hashchange", leaves);
    return new Promise((resolve) => {
      this.#dialog.addEventListener("close", () => {
        removeEventListener("hashchange", leaves);
        this.#request?.abort();
        this.#dialog.remove();
        resolve();
      });
    });
  }

  async #submit(name) {
    const { send, says } = this.#parts;
    if (name === "") return setText(says, "Type a name.");
    send.disabled = true;
    try {
      if (this.#asked !== name && !(await this.#fits(name))) return;
      await this.#send(name);
      this.#dialog.close();
      announceNext(`${name} is uploaded.`);
      this.#done(name);
    } catch (error) {
      this.#failed(name, error);
    } finally {
      send.disabled = false;
    }
  }

  /** Nothing is sent that the server would refuse. */
  async #fits(name) {
    const where = new URLSearchParams({ prefix: name, limit: 1 });
    // Without a container there is nothing to replace; an upload makes one.
    const { files, uploadBytesMax: most } = await get(`/api/files?${where}`).catch((error) => {
      if (error.status !== 404) throw error;
      return { files: [], uploadBytesMax: Infinity };
    });
    const { size } = this.#file;
    if (most === 0) throw new Error("this server takes no uploads (UPLOAD_BYTES_MAX is 0); use producer upload");
    if (size > most) throw new Error(`the file has ${bytes(size)}, and this server takes ${bytes(most)} at most (UPLOAD_BYTES_MAX); use producer upload`);
    const [found] = files;
    if (found?.name !== name) return true;
    this.#ask(name, `There is a file of this name: ${bytes(found.bytes)}, of ${moment(found.lastModifiedMs)}. Replace it, or type another name.`);
    return false;
  }

  #ask(name, words) {
    const { send, says } = this.#parts;
    this.#asked = name;
    setText(says, words);
    setText(send, name === null ? "Upload" : "Replace the file");
    send.className = name === null ? "primary" : "danger solid";
  }

  async #send(name) {
    const { bar, going, hint, name: input, says } = this.#parts;
    const rate = new Rate(RATE_SECONDS);
    const show = (sent) => {
      const total = Math.max(1, this.#file.size);
      rate.add(performance.now() / 1000, sent);
      setShare(bar.firstElementChild, sent / total);
      setAttribute(bar, "aria-valuenow", Math.floor((100 * sent) / total));
      const pace = rate.perSecond ? ` · ${bytes(rate.perSecond)}/s · ${timeLeft((this.#file.size - sent) / rate.perSecond)}` : "";
      setText(hint, sent < this.#file.size ? `${bytes(sent)} of ${bytes(this.#file.size)}${pace}` : "Sent. The server completes it …");
    };
    setText(says, "");
    going.hidden = false;
    input.readOnly = true;
    const stays = (event) => event.preventDefault();
    addEventListener("beforeunload", stays);
    try {
      show(0);
      await this.#put(`/api/files/${encodeURIComponent(name)}${this.#asked === name ? "?overwrite=true" : ""}`, show);
    } finally {
      removeEventListener("beforeunload", stays);
      going.hidden = true;
      input.readOnly = false;
    }
  }

  /** What \`fetch\` cannot do: it does not say how much it has sent. */
  #put(path, show) {
    const request = (this.#request = new XMLHttpRequest());
    request.open("PUT", path);
    request.responseType = "json";
    if (token() !== null) request.setRequestHeader("Authorization", `Bearer ${token()}`);
    request.upload.addEventListener("progress", ({ loaded }) => show(loaded));
    return new Promise((resolve, reject) => {
      request.addEventListener("load", () => {
        const { status, response } = request;
        if (status < 300) resolve();
        else reject(Object.assign(new Error(response?.error ?? `the server answered ${status}`), { status }));
      });
      request.addEventListener("error", () => reject(new Error("the upload broke off, and nothing of it is in the container; the server cannot be reached, or the file cannot be read")));
      request.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
      request.send(this.#file);
    });
  }

  #failed(name, error) {
    if (error.name === "AbortError") return;
    // Somebody else was quicker.
    if (error.status === 409 && this.#asked === null) this.#ask(name, "There is a file of this name now. Replace it, or type another name.");
    else this.#ask(null, sentence(error.message));
    this.#parts.name.focus();
  }
}
