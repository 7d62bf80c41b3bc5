// Compares a generated file of any size with what Salesforce holds: the number of rows, and one hash of
// all of them. Reads the file from its own server and shares no code with the programs that it checks;
// crates/salesforce-simulator/src/store/listing.rs says what the hash is.
//
//   node check-digest.mjs CONNECTION-STRING CONTAINER FILE SIMULATOR-URL

import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";

import { download } from "./blob.mjs";

const [connection, container, file, simulator] = process.argv.slice(2);

// A sum modulo 2^256, the low 32 bits first. A double holds 2^21 such summands.
const sum = new Float64Array(8);
const CARRY_EVERY = 1 << 20;

let rows = 0;
const answer = await download(connection, container, file);
for await (const line of createInterface({ input: Readable.fromWeb(answer.body), crlfDelay: Infinity })) {
  if (rows === 0 && line === "ExternalId,Name,Email,Company") continue;
  const cells = line.split(",");
  // A file with quotes takes a reader of CSV: check-rows.mjs has one.
  if (cells.length !== 4 || line.includes('"')) throw new Error(`${file}: line ${rows + 2} is not four plain cells`);
  const [External_Id__c, LastName, Email, Company] = cells;
  const record = Object.entries({ Company, Email, External_Id__c, LastName }).filter(([, text]) => text !== "");
  add(createHash("sha256").update(JSON.stringify(Object.fromEntries(record))).digest());
  rows += 1;
  if (rows % CARRY_EVERY === 0) carry();
}
carry();
const expected = { rows, sha256: [...sum].reverse().map((word) => word.toString(16).padStart(8, "0")).join("") };
const stored = await (await fetch(`${simulator}/__sim/digest/Lead`)).json();

const isEqual = rows > 0 && stored.rows === rows && stored.sha256 === expected.sha256;
const count = (number) => number.toLocaleString("en");
console.error(
  `  ${count(rows)} rows in the file, ${count(stored.rows)} in Salesforce: ` +
    (isEqual ? `the same, hash ${stored.sha256.slice(0, 16)}…` : `NOT the same: ${expected.sha256} and ${stored.sha256}`),
);
process.exitCode = isEqual ? 0 : 1;

function add(hash) {
  for (let word = 0; word < 8; word += 1) sum[word] += hash.readUInt32BE(28 - 4 * word);
}

function carry() {
  for (let word = 0; word < 8; word += 1) {
    const over = Math.floor(sum[word] / 2 ** 32);
    sum[word] -= over * 2 ** 32;
    if (word < 7) sum[word + 1] += over;
  }
}
