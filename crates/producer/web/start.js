// The button that starts a run.

import { post } from "./api.js";
import { announce, setText } from "./dom.js";
import { sentence } from "./figures.js";

let attempt = { fileName: null, key: null };

export async function startRun(parts) {
  const fileName = parts.name.value.trim();
  if (fileName === "") return say(parts, "Choose a file, or type its name.");
  parts.start.disabled = true;
  setText(parts.says, "");
  try {
    const { runId, message } = await post("/api/sync/start", { fileName }, { "Idempotency-Key": keyFor(fileName) });
    attempt = { fileName: null, key: null };
    announce(message);
    location.hash = `#/runs/${encodeURIComponent(runId)}`;
  } catch (error) {
    if (error.status) attempt = { fileName: null, key: null };
    if (error.runId) say(parts, `${sentence(error.message)} `, error.runId);
    else say(parts, sentence(error.message));
  } finally {
    parts.start.disabled = false;
  }
}

/** The same until the server has answered: when an answer is lost, asking again starts nothing twice. */
function keyFor(fileName) {
  if (attempt.fileName !== fileName) {
    const random = crypto.getRandomValues(new Uint8Array(16));
    attempt = { fileName, key: Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("") };
  }
  return attempt.key;
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
