// Which view is shown. The part of the address after # names it, so a run can be linked.

import { showOverview } from "./overview.js";
import { showRun } from "./run.js";

const main = document.getElementById("main");
let leave = new AbortController();
let isFirst = true;

function show() {
  leave.abort();
  leave = new AbortController();
  const [, run] = location.hash.match(/^#\/runs\/([^/]+)$/) ?? [];
  main.replaceChildren();
  main.classList.remove("loading");
  if (run) showRun(main, decode(run), leave.signal);
  else showOverview(main, leave.signal);
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
