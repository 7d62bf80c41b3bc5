// Which view is shown. The part of the address after # names it.

import { lost } from "./connection.js";
import { showOverview } from "./overview.js";
import { showRun } from "./run.js";

const main = document.getElementById("main");
let leave = new AbortController();
let isFirst = true;

function show() {
  leave.abort();
  leave = new AbortController();
  const { signal } = leave;
  const [, view, name] = location.hash.match(/^#\/(runs|load)\/([^/]+)$/) ?? [];
  main.replaceChildren();
  main.classList.remove("loading");
  if (view === "runs") showRun(main, decode(name), signal);
  // Most visits need nothing of it.
  else if (view) import("./compose.js").then(({ showCompose }) => signal.aborted || showCompose(main, decode(name), signal), lost);
  else showOverview(main, signal);
  // A screen reader must hear that the page changed.
  if (!isFirst) {
    main.querySelector("h1")?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  isFirst = false;
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

addEventListener("hashchange", show);
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
show();
