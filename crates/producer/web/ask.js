// A question before something that cannot be taken back.

import { instance, setText } from "./dom.js";

/** Whether the person said yes. The focus is on no, and Escape is no. */
export function ask({ title, text, yes, no }) {
  const { root, parts } = instance("question");
  const dialog = root.querySelector("dialog");
  for (const [name, words] of Object.entries({ title, text, yes, no })) setText(parts[name], words);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    // Whoever leaves the view does not say yes.
    const leaves = () => dialog.close("no");
    addEventListener("hashchange", leaves, { once: true });
    dialog.addEventListener("close", () => {
      removeEventListener("hashchange", leaves);
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}
