// Calls to the server: token, timeouts, and errors as sentences.

import { inWords } from "./refusals.js";
import { askForToken, token, forgetToken } from "./token.js";

const ANSWER_WITHIN_MS = 20_000;

/** The server said no, or something odd. */
export class Refused extends Error {
  constructor(status, body) {
    super(inWords(body?.kind, body?.error) ?? `the server answered ${status}`);
    this.status = status;
    this.kind = body?.kind;
    this.runId = body?.runId;
    this.confirm = body?.confirm;
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
  const answer = await call(path, { ...options, withinMs: ANSWER_WITHIN_MS });
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
    options.signal?.throwIfAborted();
  }
}

/** The time limit is of one request: a person who looks for the token may take longer. */
async function send(path, { withinMs, signal, ...options }, used) {
  const signals = [signal, withinMs && AbortSignal.timeout(withinMs)].filter(Boolean);
  const headers = { ...options.headers, ...(used && { Authorization: `Bearer ${used}` }) };
  try {
    return await fetch(path, { ...options, headers, cache: "no-store", signal: AbortSignal.any(signals) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Unreachable();
  }
}
