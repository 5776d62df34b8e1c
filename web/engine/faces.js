// Drawn faces: from z to pixels, larger, and what is in them. And the looks that readers see, on photos and drawings.

import { greyLike } from "./colour.js";
import { toNetwork, toPixels } from "./networks.js";
import { mirrored, picture } from "./raster.js";

const SIDE = 64; // of a drawn face, in pixels
const KINDS = 4; // of parts
const PLACES = ["leftEye", "rightEye", "nose", "mouth", "chin", "leftJaw", "rightJaw"];

export class Faces {
  constructor(networks, looks, latent) {
    Object.assign(this, { networks, looks, latent });
  }

  /** z -> a face. */
  async draw(z) {
    return toPixels(await this.networks.run("generator", z, [1, this.latent]));
  }

  /** A face -> the same, four times as large. A grey face stays grey, though the upscaler gives it a tint. */
  async enlarge(face) {
    return greyLike(face, toPixels(await this.networks.picture("upscaler", face)));
  }

  /** A face, and "photo_reader" or "drawing_reader" -> its row of looks: the mean of the face and its mirror image. */
  async read(face, reader) {
    const both = new Float32Array([...toNetwork(face), ...toNetwork(mirrored(face))]);
    const { data } = await this.networks.run(reader, both, [2, face.height, face.width, 3]);
    const other = this.looks.mirrored(data.subarray(this.looks.size));
    return other.map((value, i) => (data[i] + value) / 2);
  }

  /** A drawn face -> {parts, places}: how much of each pixel is skin, hair, other, eyes; {name: [x, y]}, shares of the
   * side. */
  async parts(face) {
    const { data } = await this.networks.picture("parts", face);
    const end = SIDE * SIDE * KINDS;
    const places = Object.fromEntries(PLACES.map((name, i) => [name, [data[end + 2 * i], data[end + 2 * i + 1]]]));
    return { parts: picture(SIDE, SIDE, KINDS, data.slice(0, end)), places };
  }
}
