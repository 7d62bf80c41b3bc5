// The log lines of a run: the last ones, in step with the run unless somebody reads.

import { element } from "./dom.js";

const LINES_MAX = 500;

export class Log {
  #box;
  #list;

  constructor(box, copyButton) {
    const list = box.firstElementChild;
    this.#box = box;
    this.#list = list;
    copyButton.addEventListener("click", () => copy(copyButton, [...list.children].map((line) => line.textContent).join("\n")));
  }

  add(lines) {
    const [box, list] = [this.#box, this.#list];
    const follows = box.scrollHeight - box.scrollTop - box.clientHeight < 8;
    list.append(...lines.slice(-LINES_MAX).map((line) => element("li", {}, line)));
    while (list.childElementCount > LINES_MAX) list.firstElementChild.remove();
    if (follows) box.scrollTop = box.scrollHeight;
  }
}

/** Copies, and says so on the button. */
export async function copy(button, text) {
  const words = button.lastChild;
  const before = words.textContent;
  if (before !== "Copy") return;
  try {
    await navigator.clipboard.writeText(text);
    words.textContent = "Copied";
  } catch {
    // Browsers forbid it on plain HTTP, except on this machine.
    words.textContent = "Not allowed";
  }
  setTimeout(() => (words.textContent = before), 1500);
}
