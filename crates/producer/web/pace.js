// How fast it goes and how long it still takes. No clock and no page in here.

/** A rate that forgets: weights the last `memorySeconds` most. */
export class Rate {
  #memorySeconds;
  #last = null;
  perSecond;

  constructor(memorySeconds, perSecond = null) {
    this.#memorySeconds = memorySeconds;
    this.perSecond = perSecond;
  }

  /** `total` so far, at `seconds` of any clock that does not go back. */
  add(seconds, total) {
    const last = this.#last;
    if (last && seconds - last.seconds < 0.05) return;
    this.#last = { seconds, total };
    // A producer that resumes a failed run counts from the start again.
    if (!last || total < last.total) return;
    const now = (total - last.total) / (seconds - last.seconds);
    const weight = 1 - Math.exp(-(seconds - last.seconds) / this.#memorySeconds);
    this.perSecond = this.perSecond === null ? now : this.perSecond + weight * (now - this.perSecond);
  }
}

/** From the start to the end, or until now. A row that is rejected is not delivered. */
export const deliveredPerSecond = ({ delivered, seconds }) => delivered / (seconds || 1);

/** Rows whose outcome is known. */
export const settled = (report) => report.delivered + report.rejected + report.cancelled;

/**
 * How much of the file is read. `bytesFed` counts decoded bytes: of a compressed
 * file the share is not known before its end, and null.
 */
export function readShare(report) {
  if (report.fedAtMs !== null || report.status === "completed") return 1;
  if (/\.(gz|zst)$/i.test(report.file)) return null;
  return report.fileBytes > 0 ? Math.min(1, report.bytesFed / report.fileBytes) : 0;
}

/** How much of the file is delivered; rejected rows are not. */
export function deliveredShare(report) {
  const read = readShare(report);
  if (read === null || report.read === 0) return report.status === "completed" ? 1 : read && 0;
  return (report.delivered / report.read) * read;
}

export function secondsLeft(report, bytesPerSecond, rowsPerSecond) {
  const share = readShare(report);
  if (share === null || report.read === 0) return { reading: Infinity, delivering: Infinity };
  const rows = share > 0 ? report.read / share : Infinity;
  const reading = share === 1 ? 0 : (report.fileBytes - report.bytesFed) / (bytesPerSecond || 0);
  const delivering = (rows - settled(report)) / (rowsPerSecond || 0);
  return { reading, delivering: Math.max(reading, delivering) };
}
