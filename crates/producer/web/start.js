// What starts a run: the button here, and a replay.

import { post } from "./api.js";
import { announce, setText } from "./dom.js";
import { sentence } from "./figures.js";

let attempt = {};

export async function startRun(parts, isSeen) {
  const fileName = parts.name.value.trim();
  if (fileName === "") return say(parts, "Choose a file, or type its name.");
  if (isSeen) return (location.hash = `#/load/${encodeURIComponent(fileName)}`);
  parts.start.disabled = true;
  setText(parts.says, "");
  try {
    await begin("/api/sync/start", { fileName, load: parts.load.value || undefined });
  } catch (error) {
    if (error.runId) say(parts, `${sentence(error.message)} `, error.runId);
    else say(parts, sentence(error.message));
  } finally {
    parts.start.disabled = false;
  }
}

/** Starts a run and goes to it. Asking again starts nothing twice. */
export async function begin(path, body) {
  const what = JSON.stringify([path, body]);
  if (attempt.what !== what) attempt = { what, key: randomKey() };
  try {
    const { runId, message } = await post(path, body, { "Idempotency-Key": attempt.key });
    attempt = {};
    announce(message);
    location.hash = `#/runs/${encodeURIComponent(runId)}`;
  } catch (error) {
    // A server that was too busy, or had no Redis, may have begun the run all the same.
    if (error.status && error.status < 500) attempt = {};
    throw error;
  }
}

function randomKey() {
  const random = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function say(parts, text, runId) {
  setText(parts.says, text);
  if (runId) {
    const link = document.createElement("a");
    link.href = `#/runs/${encodeURIComponent(runId)}`;
    link.textContent = "Show that run";
    parts.says.append(link);
  }
  parts.name.focus();
}
