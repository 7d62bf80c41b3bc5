// What starts a run: the button here, and a replay.

import { post } from "./api.js";
import { announce, element, setText } from "./dom.js";
import { sentence } from "./figures.js";
import { targetInFull } from "./status.js";

let attempt = {};

export async function startRun(parts) {
  const fileName = parts.name.value.trim();
  if (fileName === "") return say(parts, "Choose a file, or type its name.");
  parts.start.disabled = true;
  setText(parts.says, "");
  try {
    const target = parts.choose.hidden ? "" : parts.target.value;
    await begin("/api/sync/start", target ? { fileName, target } : { fileName });
  } catch (error) {
    if (error.runId) say(parts, `${sentence(error.message)} `, error.runId);
    else say(parts, sentence(error.message));
  } finally {
    parts.start.disabled = false;
  }
}

/** Consumers that do different things: a person says which of them are meant. */
export function showTargets(parts, targets) {
  const ids = targets.map((target) => target.id).join(" ");
  parts.choose.hidden = targets.length < 2;
  if (parts.target.dataset.ids === ids) return;
  parts.target.dataset.ids = ids;
  const before = parts.target.value;
  const option = (value, text) => element("option", { value }, text);
  parts.target.replaceChildren(option("", "As the server is set"), ...targets.map((target) => option(target.id, targetInFull(target))));
  parts.target.value = targets.some((target) => target.id === before) ? before : "";
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
