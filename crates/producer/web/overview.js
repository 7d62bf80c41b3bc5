// The first view: start a run, the queue, and the runs.

import { get } from "./api.js";
import { instance } from "./dom.js";
import { Files } from "./files.js";
import { LoadPicker } from "./loads.js";
import { poll } from "./poll.js";
import { QueuePanel, showCrew } from "./queue.js";
import { Runs } from "./runs.js";
import { startRun } from "./start.js";

const EVERY_MS = 2000;

export function showOverview(main, signal) {
  const { root, parts } = instance("overview");
  main.append(root);
  document.title = "Batch Sync";

  const files = new Files(parts, signal);
  parts.form.addEventListener("submit", (event) => {
    event.preventDefault();
    startRun(parts, false);
  });
  parts.see.addEventListener("click", () => startRun(parts, true));

  const loads = new LoadPicker(parts, signal);
  const queue = new QueuePanel(parts.queue);
  const runs = new Runs(parts, signal);
  poll(EVERY_MS, signal, async () => {
    const now = await get("/api/queue", signal);
    queue.show(now, false);
    showCrew(now);
    await loads.refresh(now.loads);
    await runs.refresh();
  });
  files.load();
}
