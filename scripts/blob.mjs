// Reads a blob from its own server, and shares no code with the programs that the scripts check.

import { createHmac } from "node:crypto";

// The answer, whose body has yet to be read.
export async function download(connection, container, file) {
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
  return answer;
}
