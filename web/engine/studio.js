// Everything that the page computes, on pictures as raster.js has them: photos and their people, portraits, new faces.

import { Detector } from "./detector.js";
import { Faces } from "./faces.js";
import { cutOut, putBack, sticker } from "./heads.js";
import { between, edited, ofSeed } from "./latents.js";
import { Looks } from "./looks.js";
import { painted } from "./painting.js";
import { INNER, Portraits } from "./portraits.js";
import * as photos from "./photos.js";

const CROP = 256; // side of what is shown of a person, in pixels

export class Studio {
  /** `model`: what model.json holds. `known`: a function that gives a promise of what looks.json holds. */
  constructor(networks, model, known) {
    Object.assign(this, { model, known, photos: new Map(), people: new Map(), count: 0 });
    this.faces = new Faces(networks, new Looks(model.looks), model.networks.generator.input[1]);
    this.detector = new Detector(networks);
  }

  async portraits() {
    this.opened ??= new Portraits(this.faces, await this.known());
    return this.opened;
  }

  /** A photo -> {photo, width, height, turns, people: [{person, eyes, box, crop, inner}]}. */
  async find(pixels) {
    const { people, turns, photo } = await photos.upright(pixels, (picture) => this.detector.find(picture));
    const id = ++this.count;
    this.photos.set(id, photo);
    const [top, bottom, left] = INNER.map((edge) => edge * CROP);
    const inner = [left, top, bottom - top];
    const told = people.map((found) => {
      const person = ++this.count;
      const { eyes } = found;
      this.people.set(person, { ...found, photo: id });
      const crop = photos.cutUpright(photo, eyes, CROP, photos.frames.loose, true);
      return { person, eyes, box: photos.boxOf(eyes), crop, inner };
    });
    return { photo: id, width: photo.width, height: photo.height, turns, people: told };
  }

  photo(id) {
    const photo = this.photos.get(id);
    if (!photo) throw gone(`photo ${id}`);
    return photo;
  }

  person(id) {
    const person = this.people.get(id);
    if (!person) throw gone(`person ${id}`);
    return person;
  }

  forget(id) {
    this.photos.delete(id);
    for (const [person, { photo }] of this.people) if (photo === id) this.people.delete(person);
  }

  /** As Engine.portrait, with the face as the generator draws it, 64 pixels wide. The last one of a person is kept. */
  async drawn(id, options = {}) {
    const person = this.person(id);
    const key = JSON.stringify(options);
    if (person.key === key) return person.last;
    person.small ??= photos.forReader(this.photo(person.photo), person);
    const last = await (await this.portraits()).portrait(person.small, options);
    Object.assign(person, { key, last });
    return last;
  }

  async portrait(id, options) {
    const drawn = await this.drawn(id, options);
    return { ...drawn, face: await this.faces.enlarge(drawn.face) };
  }

  async head(id, options) {
    const { face } = await this.drawn(id, options);
    const { parts, places } = await this.faces.parts(face);
    return cutOut(await this.faces.enlarge(face), parts, places);
  }

  async sticker(id, options) {
    return sticker(await this.head(id, options));
  }

  /** A photo and [{person, options}] -> the photo with their drawn heads; with `paint`, the rest as if painted. */
  async intoPhoto(id, heads, { paint = false } = {}) {
    const photo = this.photo(id);
    const made = paint ? painted(photo) : { ...photo, data: photo.data.slice() };
    const wide = ({ person }) => Math.abs(this.person(person).eyes[1][0] - this.person(person).eyes[0][0]);
    // Who stands further back comes first, so that no head covers one before it.
    for (const { person, options } of [...heads].sort((a, b) => wide(a) - wide(b)))
      putBack(photo, this.person(person), await this.head(person, options), made);
    return made;
  }

  async face(seed, { size = 64, edit = {}, asked = {} } = {}) {
    return this.finished(this.z({ seed, edit }), asked, size);
  }

  /** The face on the way from a to b, {seed, edit, asked} each. What is asked is that of the nearer end. */
  async between(a, b, t, { size = 64 } = {}) {
    return this.finished(between(this.z(a), this.z(b), t), (t < 0.5 ? a : b).asked ?? {}, size);
  }

  z({ seed, edit = {} }) {
    return edited(ofSeed(seed, this.faces.latent), edit, this.model.edits);
  }

  async finished(z, asked, size) {
    const drawn = await this.faces.draw(z);
    const asks = Object.keys(asked).length;
    const face = asks ? await (await this.portraits()).finish(drawn, asked) : drawn;
    return size === 64 ? face : this.faces.enlarge(face);
  }
}

/** What was forgotten while somebody still asked for it. */
const gone = (what) => Object.assign(new Error(`there is no ${what}`), { code: "gone" });
