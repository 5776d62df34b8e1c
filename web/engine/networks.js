// The networks, run by onnxruntime-web. Pictures in bytes become numbers in [-1, 1], and back.

import { bytes, floats } from "./raster.js";

export class Networks {
  /** `runtime`: gives a promise of the module onnxruntime-web. `read`: a network's name -> a promise of its bytes. */
  constructor(runtime, read) {
    this.runtime = runtime;
    this.read = read;
    this.sessions = {};
  }

  open(name) {
    if (!this.sessions[name]) {
      this.sessions[name] = this.create(name);
      this.sessions[name].catch(() => delete this.sessions[name]); // the next call tries once more
    }
    return this.sessions[name];
  }

  async create(name) {
    const [{ InferenceSession }, file] = [await this.runtime(), await this.read(name)];
    return InferenceSession.create(file, { executionProviders: ["wasm"] });
  }

  /** Numbers and their shape -> what the network makes of them, {data, dims}. */
  async run(name, data, dims) {
    const session = await this.open(name);
    const { Tensor } = await this.runtime();
    const input = new Tensor("float32", data, dims);
    const { output } = await session.run({ input });
    const made = { data: output.data, dims: output.dims };
    input.dispose();
    return made;
  }

  /** A picture in bytes -> what the network makes of it. */
  picture(name, image) {
    return this.run(name, toNetwork(image), [1, image.height, image.width, image.channels]);
  }
}

export function toNetwork(image) {
  return floats(image).data.map((value) => Math.fround(value / 127.5) - 1);
}

/** Numbers in [-1, 1] -> bytes. */
export function toPixels({ data, dims: [, height, width, channels] }) {
  const image = bytes(width, height, channels);
  for (let i = 0; i < data.length; i++) image.data[i] = Math.floor(Math.min(Math.max(data[i] * 127.5 + 128, 0), 255));
  return image;
}
