// Calls to the server: token, timeouts, and errors as sentences.

import { askForToken, token, forgetToken } from "./token.js";

const ANSWER_WITHIN_MS = 20_000;

/** The server said no, or something odd. */
export class Refused extends Error {
  constructor(status, body) {
    super(body?.error ?? `the server answered ${status}`);
    this.status = status;
    this.runId = body?.runId;
  }
}

/** Nobody answered. */
export class Unreachable extends Error {
  constructor() {
    super("the server cannot be reached");
  }
}

export function get(path, signal) {
  return json(path, { signal });
}

export function post(path, body = {}, headers = {}) {
  return json(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

async function json(path, options) {
  const limit = AbortSignal.timeout(ANSWER_WITHIN_MS);
  const signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit;
  const answer = await call(path, { ...options, signal });
  try {
    return await answer.json();
  } catch {
    options.signal?.throwIfAborted();
    throw new Unreachable();
  }
}

/** The raw answer, for what is streamed. Asks for the token as often as it is wrong. */
export async function call(path, options = {}) {
  for (;;) {
    const used = token();
    const answer = await send(path, options, used);
    if (answer.ok) return answer;
    const body = await answer.json().catch(() => null);
    if (answer.status !== 401) throw new Refused(answer.status, body);
    forgetToken(used);
    await askForToken(used !== null);
    // The time that a person took is not the server's.
    if (options.signal?.aborted) throw new Unreachable();
  }
}

async function send(path, options, used) {
  const headers = { ...options.headers, ...(used && { Authorization: `Bearer ${used}` }) };
  try {
    return await fetch(path, { ...options, headers, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Unreachable();
  }
}
