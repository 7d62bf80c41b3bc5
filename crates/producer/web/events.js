// Server-sent events over fetch: EventSource cannot send the token.

import { call } from "./api.js";
import { backoffMs, lost, pauseBeforeRetry, reached } from "./connection.js";

// The server says something at least every 15 seconds.
const SILENCE_MAX_MS = 40_000;

// A browser opens six connections to a server. A page that nobody sees must not hold
// one for long, or the seventh tab would wait for ever; it asks now and then instead.
const UNSEEN_MAX_MS = 10_000;
const PEEK_EVERY_MS = 15_000;

/**
 * Gives each event to `on(name, data)` until `end` or `signal`, through any number of
 * connections: each goes on after `place.lastId`, the last event that came. While nobody
 * sees the page there is no connection, and a `peek` now and then. A refusal is thrown.
 */
export async function follow(path, place, signal, on) {
  let failures = 0;
  while (!signal.aborted) {
    await rest(signal, on);
    try {
      const ended = await listen(path, signal, place, (name, data) => {
        failures = 0;
        if (name === "stale") return lost({ status: 503, message: data.error });
        reached();
        on(name, data);
      });
      if (ended) return;
      if (document.hidden) continue;
      throw new Error("the stream was cut");
    } catch (error) {
      if (signal.aborted) return;
      if (document.hidden && error.name === "AbortError") continue;
      if (error.status >= 400 && error.status < 500) throw error;
      lost(error);
      await pauseBeforeRetry(backoffMs(failures), signal);
      failures += 1;
    }
  }
}

async function rest(signal, on) {
  while (document.hidden && !signal.aborted) {
    await pauseBeforeRetry(PEEK_EVERY_MS, signal);
    if (document.hidden && !signal.aborted) on("peek");
  }
}

/** One connection; whether it came to the end of the run. */
async function listen(path, signal, place, on) {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MAX_MS);
  let unseen;
  const watchEyes = () => {
    clearTimeout(unseen);
    if (document.hidden) unseen = setTimeout(() => silence.abort(), UNSEEN_MAX_MS);
  };
  document.addEventListener("visibilitychange", watchEyes);
  try {
    const headers = { Accept: "text/event-stream", ...(place.lastId && { "Last-Event-ID": place.lastId }) };
    const answer = await call(path, { headers, signal: AbortSignal.any([signal, silence.signal]) });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    const parser = new EventParser();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return false;
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MAX_MS);
      for (const event of parser.push(value)) {
        place.lastId = event.id ?? place.lastId;
        if (event.name === "end") return true;
        on(event.name, JSON.parse(event.data));
      }
    }
  } finally {
    document.removeEventListener("visibilitychange", watchEyes);
    clearTimeout(unseen);
    clearTimeout(timer);
    silence.abort();
  }
}

/** Cuts text into events, wherever the network cut it. */
export class EventParser {
  #rest = "";
  #event = {};

  push(text) {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop();
    return lines.flatMap((line) => this.#line(line));
  }

  #line(line) {
    if (line === "") {
      const { name = "message", data, id } = this.#event;
      this.#event = {};
      return data === undefined ? [] : [{ name, data, id }];
    }
    const [, field, value] = line.match(/^([^:]*):? ?(.*)$/s);
    if (field === "event") this.#event.name = value;
    else if (field === "id") this.#event.id = value;
    else if (field === "data") this.#event.data = this.#event.data === undefined ? value : `${this.#event.data}\n${value}`;
    return [];
  }
}
