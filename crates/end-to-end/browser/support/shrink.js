// A screenshot with a palette: a page has few colours, and a third of the bytes.

import zlib, { deflateSync, inflateSync } from "node:zlib";

const COLOURS_MAX = 64;

/** Takes a picture of 8 bits a channel without interlacing, as Chromium makes it. */
export function shrink(png) {
  const { width, height, channels, pixels } = decode(Buffer.from(png));
  const { palette, indexes } = reduce(pixels, channels);
  const rows = Buffer.alloc(height * (width + 1));
  for (let row = 0; row < height; row += 1) indexes.copy(rows, row * (width + 1) + 1, row * width, (row + 1) * width);
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8);
  const chunks = [chunk("IHDR", head), chunk("PLTE", palette), chunk("IDAT", deflateSync(rows, { level: 9, memLevel: 9 })), chunk("IEND", Buffer.alloc(0))];
  return Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), ...chunks]);
}

function decode(png) {
  const data = [];
  let head;
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    const name = png.toString("latin1", at + 4, at + 8);
    const body = png.subarray(at + 8, at + 8 + length);
    if (name === "IHDR") head = body;
    if (name === "IDAT") data.push(body);
    at += length + 12;
  }
  const [width, height, channels] = [head.readUInt32BE(0), head.readUInt32BE(4), head[9] === 6 ? 4 : 3];
  return { width, height, channels, pixels: unfilter(inflateSync(Buffer.concat(data)), width * channels, height, channels) };
}

function unfilter(raw, stride, height, channels) {
  const pixels = Buffer.alloc(stride * height);
  for (let row = 0; row < height; row += 1) {
    const filter = raw[row * (stride + 1)];
    for (let at = 0; at < stride; at += 1) {
      const here = row * stride + at;
      const left = at < channels ? 0 : pixels[here - channels];
      const up = row === 0 ? 0 : pixels[here - stride];
      const corner = at < channels || row === 0 ? 0 : pixels[here - stride - channels];
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter];
      pixels[here] = raw[row * (stride + 1) + 1 + at] + guess;
    }
  }
  return pixels;
}

function paeth(left, up, corner) {
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

/** The most frequent colours; the others become the nearest of them. */
function reduce(pixels, channels) {
  const counts = new Map();
  const keys = new Uint32Array(pixels.length / channels);
  for (let at = 0; at < keys.length; at += 1) {
    const key = (pixels[at * channels] << 16) | (pixels[at * channels + 1] << 8) | pixels[at * channels + 2];
    keys[at] = key;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const chosen = spread([...counts.entries()].sort(([, a], [, b]) => b - a).map(([key]) => key));
  const nearest = new Map();
  for (const key of counts.keys()) nearest.set(key, chosen.reduce((best, colour, index) => (distance(key, colour) < distance(key, chosen[best]) ? index : best), 0));
  const indexes = Buffer.from(Uint8Array.from(keys, (key) => nearest.get(key)));
  return { indexes, palette: Buffer.from(chosen.flatMap((key) => [key >> 16, (key >> 8) & 255, key & 255])) };
}

/** Frequent colours that are not too close to one already taken: else shades of text take all places. */
function spread(keys) {
  const chosen = [];
  for (const key of keys) {
    if (chosen.length === COLOURS_MAX) break;
    if (chosen.every((colour) => distance(key, colour) > (chosen.length < 24 ? 8 : 600))) chosen.push(key);
  }
  return chosen;
}

function distance(a, b) {
  const [red, green, blue] = [16, 8, 0].map((shift) => ((a >> shift) & 255) - ((b >> shift) & 255));
  return red * red + green * green + blue * blue;
}

function chunk(name, body) {
  const made = Buffer.alloc(body.length + 12);
  made.writeUInt32BE(body.length, 0);
  made.write(name, 4, "latin1");
  body.copy(made, 8);
  made.writeUInt32BE(crc32(made.subarray(4, body.length + 8)), body.length + 8);
  return made;
}

/** Node has it from 22.2 on. */
function crc32(bytes) {
  if (zlib.crc32) return zlib.crc32(bytes);
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
