// Looks that are drawn onto faces: what is to be drawn, and in which order.

import { sharpened } from "./looks.js";
import { mirrored } from "./raster.js";
import * as touches from "./touches.js";

const LEAST = 1e-4; // a share below this one says nothing
const ADULT_LINES = 0.3; // how strong the lines of age are
const OLD_LINES = 0.75;

export class Finisher {
  constructor(faces) {
    Object.assign(this, { faces, looks: faces.looks });
  }

  /** A face, the looks that it should have (those that are NaN stay) and those that it has -> it as it should look. */
  async finished(face, wanted, has, mirror = false) {
    const pixels = mirror ? mirrored(face) : face;
    const { parts, places } = await this.faces.parts(pixels);
    const hair = this.colour(wanted, "hair", touches.HAIR_COLOURS);
    const skin = this.colour(wanted, "skin", touches.SKIN_COLOURS);
    const said = this.looks.said(wanted);
    const shown = this.looks.said(has);
    const mouth = said.mouth ?? shown.mouth;
    const smile = said.smile ?? shown.smile;
    const faint = said.smile && mouth === "closed" && smile === "yes"; // the generator's closed smiles are hardly seen
    let made = touches.coloured(pixels, parts, places, hair, skin);
    if (mouth !== shown.mouth || smile !== shown.smile || faint)
      made = touches.mouthed(made, parts, places, mouth === "open", smile === "yes");
    if (said.age === "adult" || said.age === "old")
      made = touches.aged(made, parts, places, said.age === "old" ? OLD_LINES : ADULT_LINES, said.age === "old");
    if (said.beard === "yes") made = touches.bearded(made, parts, places, touches.ofBeard(hair));
    if (said.glasses === "yes" && shown.glasses !== "yes") made = touches.withGlasses(made, places);
    return touches.asGrey(pixels, made);
  }

  /** A row of looks, "hair" or "skin", and the colours of its words -> Lab, or null to leave it as it is.
   * In doubt between two words, the colour is between theirs. A bald head gets the next likely colour of hair. */
  colour(wanted, name, colours) {
    if (!this.looks.known(wanted, name)) return null;
    const clear = sharpened(sharpened(this.looks.part(wanted, name)));
    const known = this.looks.words[name].map((word, i) => [word, clear[i]]).filter(([word]) => word in colours);
    const total = known.reduce((sum, [, share]) => sum + share, 0);
    const [likeliest] = known.reduce((best, one) => (one[1] > best[1] ? one : best));
    if (total < LEAST || likeliest === "light") return null;
    return [0, 1, 2].map((c) => known.reduce((sum, [word, share]) => sum + (share / total) * colours[word][c], 0));
  }
}
