// The API token: asked for when the server wants one, kept as long as the tab.

import { instance, setText } from "./dom.js";

const KEY = "batch-sync-token";
let asking = null;

export const token = () => sessionStorage.getItem(KEY);

export function forgetToken(refused) {
  if (token() === refused) sessionStorage.removeItem(KEY);
}

/** One question, however many calls wait for its answer. */
export function askForToken(wasWrong) {
  if (token() !== null) return Promise.resolve();
  asking ??= ask(wasWrong).finally(() => (asking = null));
  return asking;
}

function ask(wasWrong) {
  const { root, parts } = instance("token-question");
  const dialog = root.querySelector("dialog");
  document.body.append(dialog);
  // Without a token there is nothing behind the question to go back to.
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.showModal();
  if (wasWrong) {
    setText(parts.says, "The server did not accept that token.");
    parts.token.setAttribute("aria-invalid", "true");
  }
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const given = parts.token.value.trim();
      dialog.remove();
      if (given) sessionStorage.setItem(KEY, given);
      resolve();
    });
  });
}
