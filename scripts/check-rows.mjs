// Compares every row of a generated file with what Salesforce holds, both ways.
// Reads both from their own servers and shares no code with the programs that
// it checks.
//
//   node check-rows.mjs CONNECTION-STRING CONTAINER FILE SIMULATOR-URL

import { download } from "./blob.mjs";

const [connection, container, file, simulator] = process.argv.slice(2);
const FIELDS = ["External_Id__c", "LastName", "Email", "Company"];

const expected = recordsOf(await (await download(connection, container, file)).text()).slice(1);
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
