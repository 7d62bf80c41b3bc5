// As much of a Redis client as a test needs to put things there.

import { connect } from "node:net";

/** Sends all `commands` at once and gives their answers as lines; fails on an error. */
export function redis(port, commands) {
  const sent = commands.map((words) => `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`).join("");
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.end(`${sent}*1\r\n$4\r\nQUIT\r\n`));
    let said = "";
    socket.on("data", (data) => (said += data)).on("error", reject);
    socket.on("close", () => {
      const refusal = said.match(/^-.*$/m);
      if (refusal) reject(new Error(refusal[0]));
      else resolve(said.split("\r\n"));
    });
  });
}
