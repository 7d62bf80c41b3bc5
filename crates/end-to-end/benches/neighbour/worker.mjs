// What a Node.js team would build instead of the consumer, tuned: a BullMQ worker that sends
// each batch with one call of sObject Collections over a pool of undici.
//
//   node worker.mjs REDIS-URL SALESFORCE-URL CLIENT-ID CLIENT-SECRET CONCURRENCY

import { Worker } from "bullmq";
import { Pool } from "undici";

const [redis, salesforce, id, secret, concurrency] = process.argv.slice(2);
const FIELDS = { ExternalId: "External_Id__c", Name: "LastName", Email: "Email", Company: "Company" };

const login = await fetch(`${salesforce}/services/oauth2/token`, {
  method: "POST",
  body: new URLSearchParams({ grant_type: "client_credentials", client_id: id, client_secret: secret }),
});
const { access_token: token } = await login.json();
const pool = new Pool(salesforce, { connections: Number(concurrency) });
const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };

const worker = new Worker("rows", deliver, { connection: { url: redis }, concurrency: Number(concurrency) });
process.on("SIGTERM", async () => {
  await worker.close();
  await pool.close();
});
console.error("ready");

async function deliver({ data: { header, rows } }) {
  const fields = header.map((column) => FIELDS[column]);
  const records = rows.map((row) => {
    const record = { attributes: { type: "Lead" } };
    for (let i = 0; i < fields.length; i += 1) {
      if (row[i] !== "") record[fields[i]] = row[i];
    }
    return record;
  });
  const answer = await pool.request({
    method: "PATCH",
    path: "/services/data/v62.0/composite/sobjects/Lead/External_Id__c",
    headers,
    body: JSON.stringify({ allOrNone: false, records }),
  });
  const results = await answer.body.json();
  if (answer.statusCode !== 200) throw new Error(`HTTP ${answer.statusCode}`);
  const failed = results.filter(({ success }) => !success).length;
  if (failed > 0) throw new Error(`${failed} rows failed`);
}
