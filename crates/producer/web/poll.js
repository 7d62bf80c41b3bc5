// Asks again and again while somebody looks.

import { backoffMs, lost, pauseBeforeRetry, reached } from "./connection.js";

/** Runs `ask` every `everyMs` until `signal`; a hidden page rests. */
export async function poll(everyMs, signal, ask) {
  let failures = 0;
  while (!signal.aborted) {
    try {
      await ask();
      if (signal.aborted) return;
      reached();
      failures = 0;
      await pauseBeforeRetry(document.hidden ? 10 * everyMs : everyMs, signal);
    } catch (error) {
      if (signal.aborted) return;
      lost(error);
      await pauseBeforeRetry(backoffMs(failures), signal);
      failures += 1;
    }
  }
}
