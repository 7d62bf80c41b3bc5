// Numbers and errors as people read them, the same as on the command line.

const groups = new Intl.NumberFormat("en");

export const grouped = (number) => groups.format(Math.round(number));

/** Such as "1 row" and "1,000 rows". */
export const counted = (number, one) => `${grouped(number)} ${one}${Math.round(number) === 1 ? "" : "s"}`;

export function bytes(number) {
  let size = number;
  let unit = "B";
  for (const larger of ["KiB", "MiB", "GiB", "TiB"]) {
    if (size < 1024) break;
    size /= 1024;
    unit = larger;
  }
  return unit === "B" ? `${number} B` : `${size.toFixed(1)} ${unit}`;
}

export function duration(seconds) {
  const whole = Math.floor(seconds);
  const two = (number) => String(number).padStart(2, "0");
  if (whole < 60) return `${seconds.toFixed(1)} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor(whole / 60) % 60)} min`;
}

/** Time left is an estimate: no more digits than it deserves. */
export function timeLeft(seconds) {
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 1) return "under 1 s left";
  if (seconds < 60) return `${Math.ceil(seconds)} s left`;
  if (seconds < 3600) return `${Math.ceil(seconds / 60)} min left`;
  if (seconds < 360_000) return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min left`;
  return "days left";
}

/** A share of 0 to 1. Not 100 before the end, and not 0 once there is something. */
export function percent(share) {
  const tenths = Math.floor((share || 0) * 1000);
  return `${(tenths / 10).toFixed(1)} %`;
}

/** Local time, to the minute. */
export function moment(unixMs) {
  const at = new Date(unixMs);
  const two = (number) => String(number).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

export function setMoment(time, unixMs) {
  const text = moment(unixMs);
  if (time.textContent === text) return;
  time.textContent = text;
  time.dateTime = new Date(unixMs).toISOString();
  time.title = `${time.dateTime.slice(0, 19).replace("T", " ")} UTC`;
}

export const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?!…]$/.test(text) ? "" : "."}`;
