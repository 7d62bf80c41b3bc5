// Whether the server can be reached, said in one calm line.

import { announce, setText } from "./dom.js";
import { sentence } from "./figures.js";

const banner = document.getElementById("banner");
const knocks = new EventTarget();
let isLost = false;

export function reached() {
  if (!isLost) return;
  isLost = false;
  banner.hidden = true;
  announce("Connected again.");
}

/** Shows why figures stand still; the callers go on trying. */
export function lost(error) {
  isLost = true;
  const reason = error.status ? `The server answers: ${sentence(error.message)}` : "The connection is lost.";
  setText(document.getElementById("banner-text"), `${reason} What you see may be old; trying again …`);
  banner.hidden = false;
}

export function pauseBeforeRetry(ms, signal) {
  return new Promise((resolve) => {
    const done = new AbortController();
    const end = () => {
      clearTimeout(timer);
      done.abort();
      resolve();
    };
    const timer = setTimeout(end, ms);
    const { signal: until } = done;
    knocks.addEventListener("knock", end, { signal: until });
    window.addEventListener("online", end, { signal: until });
    document.addEventListener("visibilitychange", () => document.hidden || end(), { signal: until });
    signal?.addEventListener("abort", end, { signal: until });
  });
}

/** 1, 2, 4 … up to 15 seconds, a little random. */
export function backoffMs(tries) {
  return Math.min(15_000, 1000 * 2 ** tries) * (0.75 + Math.random() / 2);
}

document.getElementById("banner-retry").addEventListener("click", () => knocks.dispatchEvent(new Event("knock")));
