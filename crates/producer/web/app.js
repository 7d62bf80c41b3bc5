// Which view is shown. The part of the address after # names it.

import { lost } from "./connection.js";
import { announceView } from "./dom.js";
import { showOverview } from "./overview.js";

const main = document.getElementById("main");
let leave = new AbortController();
let isFirst = true;

function show() {
  leave.abort();
  leave = new AbortController();
  const { signal } = leave;
  const [, view, name] = location.hash.match(/^#\/(runs|load)\/([^/]+)$/) ?? [];
  announceView();
  main.replaceChildren();
  main.classList.remove("loading");
  const isNext = !isFirst;
  isFirst = false;
  // Each view needs nothing of the others.
  if (view === "runs") import("./run.js").then(({ showRun }) => signal.aborted || arrive(isNext, () => showRun(main, decode(name), signal)), lost);
  else if (view) import("./compose.js").then(({ showCompose }) => signal.aborted || showCompose(main, decode(name), signal), lost);
  else arrive(isNext, () => showOverview(main, signal));
}

/** A screen reader must hear that the page changed. */
function arrive(isNext, showView) {
  showView();
  if (!isNext) return;
  main.querySelector("h1")?.focus({ preventScroll: true });
  scrollTo(0, 0);
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

addEventListener("hashchange", show);
/** Files that are dropped on any view, if nothing there takes them, or chosen with the button. */
function takeFiles() {
  const upload = ([...files]) => import("./upload.js").then((of) => of.upload(files)).catch(lost);
  addEventListener("change", ({ target }) => {
    if (target.dataset.part !== "upload") return;
    upload(target.files);
    // The same file can be chosen again.
    target.value = "";
  });
  for (const type of ["dragover", "dragleave", "drop"]) {
    addEventListener(type, (event) => {
      const isOurs = !event.defaultPrevented && event.dataTransfer.types.includes("Files");
      document.body.classList.toggle("over", isOurs && type === "dragover");
      if (!isOurs) return;
      event.preventDefault();
      if (type === "drop") upload(event.dataTransfer.files);
    });
  }
}

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
takeFiles();
show();
