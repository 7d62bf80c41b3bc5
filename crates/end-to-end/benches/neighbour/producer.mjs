// What a Node.js team would build instead of the producer, tuned: streams a blob, parses it
// with Papa Parse in its fastest mode, and adds batches to a BullMQ queue, many with one call.
//
//   node producer.mjs CONNECTION-STRING CONTAINER FILE REDIS-URL ROWS-PER-BATCH

import { BlobServiceClient, StorageSharedKeyCredential } from "@azure/storage-blob";
import { Queue } from "bullmq";
import Papa from "papaparse";

const [connection, container, file, redis, rowsPerBatch] = process.argv.slice(2);
const DEPTH_HIGH = 2000;
const BATCHES_PER_PUSH = 25;

const queue = new Queue("rows", { connection: { url: redis } });
const part = Object.fromEntries(connection.split(";").map((pair) => pair.split(/=(.*)/s)));
const credential = new StorageSharedKeyCredential(part.AccountName, part.AccountKey);
const service = new BlobServiceClient(part.BlobEndpoint, credential);
const blob = service.getContainerClient(container).getBlobClient(file);
const { readableStreamBody } = await blob.download();

let header;
let rows = [];
let jobs = [];
let read = 0;

await new Promise((resolve, reject) => {
  Papa.parse(readableStreamBody, {
    skipEmptyLines: true,
    chunk({ data }, parser) {
      header ??= data.shift();
      for (const row of data) {
        rows.push(row);
        if (rows.length === Number(rowsPerBatch)) cut();
      }
      if (jobs.length < BATCHES_PER_PUSH) return;
      parser.pause();
      push().then(() => parser.resume(), reject);
    },
    complete: resolve,
    error: reject,
  });
});
if (rows.length > 0) cut();
await push();
await queue.close();
console.log(read);

function cut() {
  read += rows.length;
  jobs.push({ name: "batch", data: { header, rows }, opts: { attempts: 5, removeOnComplete: true } });
  rows = [];
}

async function push() {
  while ((await queue.getWaitingCount()) > DEPTH_HIGH) await new Promise((resolve) => setTimeout(resolve, 20));
  if (jobs.length > 0) await queue.addBulk(jobs);
  jobs = [];
}
