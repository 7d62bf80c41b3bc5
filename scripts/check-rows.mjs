// Compares every row of a generated file with what Salesforce holds, both ways.
// Reads both from their own servers and shares no code with the programs that
// it checks.
//
//   node check-rows.mjs CONNECTION-STRING CONTAINER FILE SIMULATOR-URL

import { createHmac } from "node:crypto";

const [connection, container, file, simulator] = process.argv.slice(2);
const FIELDS = ["External_Id__c", "LastName", "Email", "Company"];

const expected = recordsOf(await download()).slice(1);
const stored = (await (await fetch(`${simulator}/__sim/rows/Lead`)).text()).split("\n").filter(Boolean);

const byId = new Map();
let twice = 0;
for (const line of stored) {
  const row = JSON.parse(line);
  if (byId.has(row.External_Id__c)) twice += 1;
  byId.set(row.External_Id__c, row);
}

let missing = 0;
let different = 0;
for (const record of expected) {
  const row = byId.get(record[0]);
  byId.delete(record[0]);
  if (!row) missing += 1;
  else if (FIELDS.some((field, i) => (row[field] ?? "") !== record[i])) different += 1;
}

const count = (rows) => rows.length.toLocaleString("en");
console.error(
  `  ${count(expected)} rows in the file, ${count(stored)} in Salesforce: ` +
    `${missing} missing, ${twice} twice, ${byId.size} too many, ${different} with other values`,
);
process.exitCode = expected.length > 0 && missing + twice + byId.size + different === 0 ? 0 : 1;

async function download() {
  const part = Object.fromEntries(connection.split(";").map((pair) => pair.split(/=(.*)/s)));
  const url = new URL(`${part.BlobEndpoint}/${container}/${file}`);
  const headers = { "x-ms-date": new Date().toUTCString(), "x-ms-version": "2021-10-04" };
  // Shared Key: method, eleven standard headers that are all empty, ours, the resource.
  const signed = [
    ["GET", ...Array(11).fill("")].join("\n"),
    ...Object.entries(headers).map((header) => header.join(":")),
    `/${part.AccountName}${url.pathname}`,
  ].join("\n");
  const signature = createHmac("sha256", Buffer.from(part.AccountKey, "base64")).update(signed).digest("base64");
  const answer = await fetch(url, { headers: { ...headers, Authorization: `SharedKey ${part.AccountName}:${signature}` } });
  if (!answer.ok) throw new Error(`could not read ${file}: ${answer.status}`);
  return answer.text();
}

function recordsOf(text) {
  const records = [];
  let record = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^,"\r\n]*))(,|\r?\n|$)/g)) {
    record.push(quoted?.replaceAll('""', '"') ?? plain);
    if (end === ",") continue;
    if (record.length > 1 || record[0] !== "") records.push(record);
    record = [];
  }
  return records;
}
