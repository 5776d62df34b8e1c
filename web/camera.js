// A photo from the camera, which starts only when the user asked for it.

import { button, h } from "./dom.js";
import { camera as words, page } from "./strings.js";

/** Opens a dialogue with the camera's picture -> the blob of a photo, or null. */
export function takePhoto() {
  return new Promise((resolve) => {
    let stream = null;
    let photo = null;
    const video = h("video", { autoplay: true, muted: true, playsinline: true, "aria-label": words.picture });
    video.muted = true; // the attribute alone does not mute a video that a script made
    const note = h("p", { role: "status" }, words.starting);
    const shoot = button(
      words.shoot,
      () =>
        still(video).then((blob) => {
          photo = blob;
          dialog.close();
        }),
      { image: "camera", look: "main", disabled: true },
    );
    const dialog = h(
      "dialog",
      {
        class: "camera",
        "aria-label": words.title,
        onclose: () => {
          stream?.getTracks().forEach((track) => track.stop());
          dialog.remove();
          resolve(photo);
        },
      },
      h("h2", {}, words.title),
      note,
      video,
      h(
        "div",
        { class: "row" },
        shoot,
        button(page.close, () => dialog.close()),
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
    const wanted = { video: { facingMode: "user", width: { ideal: 1280 } }, audio: false };
    Promise.resolve()
      .then(() => navigator.mediaDevices.getUserMedia(wanted))
      .then(
        (given) => {
          stream = given;
          if (!dialog.open) return given.getTracks().forEach((track) => track.stop());
          video.srcObject = given;
          video.addEventListener(
            "playing",
            () => {
              note.textContent = "";
              shoot.disabled = false;
              shoot.focus();
            },
            { once: true },
          );
        },
        (error) => {
          note.textContent = error.name === "NotAllowedError" ? words.refused : words.none;
          video.hidden = true;
        },
      );
  });
}

function still(video) {
  const canvas = h("canvas", { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.95));
}
