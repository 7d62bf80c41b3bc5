// The whole product for one test file: Redis, Azurite, a simulated Salesforce,
// and the programs of this workspace.

import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { freePort, listens, Program, until } from "./processes.js";

const execute = promisify(execFile);

export const root = fileURLToPath(new URL("../../../..", import.meta.url));
export const target = path.resolve(root, process.env.CARGO_TARGET_DIR ?? "target");
// Every Azurite has this key; it is no secret.
const AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const azurite = process.env.AZURITE?.split(" ") ?? [path.join(root, ".services/node_modules/.bin/azurite-blob")];

export class Product {
  #folder = mkdtempSync(path.join(tmpdir(), "batch-sync-page-"));
  #started = [];
  #settings = {};
  #httpPort;
  producer = null;
  redis;
  redisPort;
  simulator;

  /** Everything but a consumer, which a test may want to start later. */
  static async start(settings = {}) {
    const product = new Product();
    try {
      await product.#start(settings);
    } catch (error) {
      await product.stop();
      throw error;
    }
    return product;
  }

  async #start(settings) {
    const [redisPort, azuritePort, salesforcePort, httpPort] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
    this.redisPort = redisPort;
    this.#httpPort = httpPort;
    this.simulator = `http://127.0.0.1:${salesforcePort}`;
    this.#settings = {
      AZURE_STORAGE_CONNECTION_STRING: `AccountName=devstoreaccount1;AccountKey=${AZURITE_KEY};BlobEndpoint=http://127.0.0.1:${azuritePort}/devstoreaccount1`,
      REDIS_URL: `redis://127.0.0.1:${redisPort}`,
      QUEUE_LEASE: "3s",
      SALESFORCE_LOGIN_URL: this.simulator,
      SALESFORCE_CLIENT_ID: "batch-sync",
      SALESFORCE_CLIENT_SECRET: "local-only-secret",
      SALESFORCE_OBJECT: "Lead",
      SALESFORCE_EXTERNAL_ID: "External_Id__c",
      MAPPING_FILE: path.join(root, "deploy/mappings/lead.sdl"),
      ...settings,
    };
    const redis = [process.env.REDIS_SERVER ?? "redis-server", "--port", `${redisPort}`, "--bind", "127.0.0.1", "--dir", this.#folder, "--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction"];
    const blobs = [...azurite, "--blobHost", "127.0.0.1", "--blobPort", `${azuritePort}`, "--location", path.join(this.#folder, "azurite"), "--silent", "--skipApiVersionCheck", "--disableTelemetry"];
    const salesforce = [built("salesforce-simulator"), "--listen", `127.0.0.1:${salesforcePort}`];
    [this.redis] = await Promise.all([this.#serve(redis, redisPort), this.#serve(blobs, azuritePort), this.#serve(salesforce, salesforcePort)]);
  }

  async #serve(command, port) {
    const program = await this.#begin(command);
    await until(`${path.basename(command[0])} listens`, () => listens(port), program);
    return program;
  }

  /** A program of this workspace, in the background. */
  program(name, ...args) {
    return this.#begin([built(name), ...args]);
  }

  async #begin(command) {
    const program = await Program.start(this.#folder, command, this.#settings);
    this.#started.push(program);
    return program;
  }

  /** `producer serve`, always on the same port: a page finds it again. */
  async serve() {
    this.producer = await this.program("producer", "serve", "--http-listen", `127.0.0.1:${this.#httpPort}`);
    await until("the page is served", () => listens(this.#httpPort), this.producer);
    return this;
  }

  async consume() {
    const consumer = await this.program("consumer");
    await until("the consumer is ready", () => consumer.log.includes("worker started"), consumer);
    return consumer;
  }

  async generate(file, rows, ...more) {
    await this.run("generate-upload", "--file", file, "--rows", `${rows}`, "--seed", "7", ...more);
  }

  /** Runs a program to its end; fails when that is not a good one. Gives its stdout. */
  async run(name, ...args) {
    const { stdout } = await execute(built(name), args, { cwd: this.#folder, env: this.#settings, timeout: 120_000 });
    return stdout;
  }

  /** The same for a program that cannot sign in, so that it compares nothing with the org. */
  async runSignedOut(name, ...args) {
    const env = { ...this.#settings, SALESFORCE_CLIENT_ID: "", SALESFORCE_CLIENT_SECRET: "" };
    await execute(built(name), args, { cwd: this.#folder, env, timeout: 120_000 });
  }

  /** A file with this text. */
  async put(file, text) {
    const answer = await fetch(`${this.origin}/api/files/${encodeURIComponent(file)}?overwrite=true`, { method: "PUT", body: text });
    if (!answer.ok) throw new Error(await answer.text());
  }

  /** How slow Salesforce is, and what goes wrong there. */
  faults(change) {
    return this.#changeSalesforce("faults", change);
  }

  /** Calls of the day: used, and free to be used. */
  limits(change) {
    return this.#changeSalesforce("limits", change);
  }

  async #changeSalesforce(what, change) {
    const answer = await fetch(`${this.simulator}/__sim/${what}`, { method: "POST", body: JSON.stringify(change) });
    if (!answer.ok) throw new Error(await answer.text());
  }

  get origin() {
    return `http://127.0.0.1:${this.#httpPort}`;
  }

  async api(call, options) {
    const answer = await fetch(`${this.origin}${call}`, options);
    return answer.json();
  }

  /** Starts a run as a script would; gives the answer with its `runId`. */
  start(fileName, headers = {}) {
    return this.api("/api/sync/start", { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify({ fileName }) });
  }

  /** Kills all of it, the last one first. */
  async stop() {
    for (const program of this.#started.reverse()) await program.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function built(name) {
  const program = path.join(process.env.PROGRAMS ?? path.join(target, "debug"), name);
  if (!existsSync(program)) throw new Error(`${program} is not built; run make test`);
  return program;
}

export const source = (name) => readFileSync(path.join(root, "crates/producer/web", name));
