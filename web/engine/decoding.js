// Files of pictures -> pixels, and pixels -> what a page can show.

import { area, bytes, resized } from "./raster.js";

const MOST = 16_000_000; // pixels; a larger picture is made smaller
const HEIC = /^(hei[cmsx]|hev[cmsx]|mif1|msf1)$/;

/** A fault that the user should know by name. */
class Unreadable extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** A picture file -> its pixels, RGB, turned upright as its EXIF tag says. Transparent parts become white. */
export async function decoded(blob) {
  const bitmap = await createImageBitmap(blob, { imageOrientation: "from-image" }).catch(async () => {
    const head = new TextDecoder("latin1").decode(
      await blob
        .slice(4, 12)
        .arrayBuffer()
        .catch(() => new ArrayBuffer(0)),
    );
    const heic = head.startsWith("ftyp") && HEIC.test(head.slice(4));
    throw new Unreadable(heic ? "heic" : "unreadable", "the browser cannot read this picture");
  });
  const shrink = Math.min(1, Math.sqrt(MOST / (bitmap.width * bitmap.height)));
  const [width, height] = [bitmap.width, bitmap.height].map((n) => Math.max(1, Math.floor(n * shrink)));
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  const pixels = bytes(width, height, 3);
  for (let i = 0, at = 0; i < data.length; i += 4) for (let c = 0; c < 3; c++) pixels.data[at++] = data[i + c];
  return pixels;
}

/** Pixels, RGB or RGBA -> ImageData. */
export function imageData({ width, height, channels, data }) {
  if (channels === 4) return new ImageData(data, width, height);
  const made = new ImageData(width, height);
  for (let i = 0, at = 0; i < made.data.length; i += 4) {
    for (let c = 0; c < 3; c++) made.data[i + c] = data[at++];
    made.data[i + 3] = 255;
  }
  return made;
}

export const bitmap = (pixels) => createImageBitmap(imageData(pixels));

/** A picture whose longer side has that many pixels at most. */
export function fitted(pixels, side) {
  const shrink = Math.min(1, side / Math.max(pixels.width, pixels.height));
  return resized(pixels, ...[pixels.width, pixels.height].map((n) => Math.max(1, Math.round(n * shrink))), area);
}
