// What starts a run: the button here, and a replay.

import { post } from "./api.js";
import { announceNext, setText } from "./dom.js";
import { sentence } from "./figures.js";
import { isThere } from "./files.js";
import { CHOOSE } from "./loads.js";
import { asksForLoad, inWords } from "./refusals.js";

let attempt = {};

export async function startRun(parts, isSeen) {
  const fileName = parts.name.value.trim();
  if (fileName === "") return say(parts, "Choose a file, or type its name.");
  if (isSeen) return (location.hash = `#/load/${encodeURIComponent(fileName)}`);
  setText(parts.says, "");
  try {
    await begin("/api/sync/start", { fileName, load: parts.load.value || undefined }, parts.start);
  } catch (error) {
    if (error.runId) say(parts, `${sentence(error.message)} `, error.runId);
    else if (!asksForLoad(error)) say(parts, sentence(error.message));
    // A load is missing because the name is mistyped.
    else say(parts, (await isThere(fileName)) ? `${sentence(error.message)} ${CHOOSE}` : sentence(inWords("no-such-file")));
  }
}

/**
 * Starts a run and goes to it, unless the server wants a yes and the person says no. Asking again starts nothing twice.
 * Nobody can press `button` meanwhile.
 */
export async function begin(path, body, button) {
  const what = JSON.stringify([path, body]);
  if (attempt.what !== what) attempt = { what, key: randomKey() };
  const send = (confirm) => post(path, { ...body, confirm }, { "Idempotency-Key": attempt.key });
  button.disabled = true;
  try {
    const started = await send().catch((error) => afterYes(error, () => send(true)));
    attempt = {};
    if (started === null) return setTimeout(() => button.focus());
    announceNext(started.message);
    location.hash = `#/runs/${encodeURIComponent(started.runId)}`;
  } catch (error) {
    // A server that was too busy, or had no Redis, may have begun the run all the same.
    if (error.status && error.status < 500) attempt = {};
    throw error;
  } finally {
    button.disabled = false;
  }
}

/** The server says what cannot be undone, in words that begin with the operation. Null is a no. */
async function afterYes(error, send) {
  if (!error.confirm) throw error;
  const { ask } = await import("./ask.js");
  const [operation] = error.confirm.split(" ");
  const isMeant = await ask({ title: `Start this ${operation}?`, text: sentence(error.confirm), yes: `Start the ${operation}`, no: "Do not start" });
  return isMeant ? send() : null;
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
