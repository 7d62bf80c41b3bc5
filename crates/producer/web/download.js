// Files to download, also from a server that wants a token, which a link cannot send.

import { call } from "./api.js";
import { element, setText } from "./dom.js";
import { bytes, sentence } from "./figures.js";
import { token } from "./token.js";

/** Makes the link one to this file; `hint` says how far it is. */
export function offer(link, path, name, hint) {
  link.href = path;
  link.addEventListener("click", (event) => {
    // Without a token the browser's own download is the best there is.
    if (token() === null) return;
    event.preventDefault();
    download(path, name, hint);
  });
}

/** The answer goes into a file as it comes where the browser lets a page write one; elsewhere into a blob. */
async function download(path, name, hint) {
  try {
    const target = await window.showSaveFilePicker?.({ suggestedName: name });
    setText(hint, "Downloading …");
    const answer = await call(path);
    if (target) await answer.body.pipeThrough(counter(hint)).pipeTo(await target.createWritable());
    else save(await answer.blob(), name);
    setText(hint, "Downloaded.");
  } catch (error) {
    setText(hint, error.name === "AbortError" ? "" : `The download failed. ${sentence(error.message)}`);
  }
}

/** Gives the browser a file to save. */
export function save(blob, name) {
  const address = URL.createObjectURL(blob);
  element("a", { href: address, download: name }).click();
  // The browser reads on for a moment after the click.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

function counter(hint) {
  let size = 0;
  let shownAt = 0;
  return new TransformStream({
    transform(chunk, controller) {
      size += chunk.byteLength;
      if (Date.now() - shownAt > 250) {
        shownAt = Date.now();
        setText(hint, `Downloading … ${bytes(size)}`);
      }
      controller.enqueue(chunk);
    },
  });
}
