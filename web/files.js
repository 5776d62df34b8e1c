// Files that people give.

/** A drop -> the files in it. Of folders, those that may be pictures. */
export async function filesOf(transfer) {
  const entries = [...(transfer.items ?? [])]
    .filter((item) => item.kind === "file")
    .map((item) => item.webkitGetAsEntry?.());
  if (!entries.some((entry) => entry?.isDirectory)) return [...transfer.files];
  return (await Promise.all(entries.filter(Boolean).map(filesUnder))).flat();
}

async function filesUnder(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return pictures((await Promise.all(found.map(filesUnder))).flat());
    found.push(...some);
  }
}

/** Of a folder's files those that may be pictures. */
export const pictures = (files) =>
  files.filter(
    (file) =>
      !/^(text|video|audio)\//.test(file.type) &&
      (file.type.startsWith("image/") || /\.(jpe?g|png|webp|avif|gif|bmp|heic|heif)$/i.test(file.name)),
  );

/** "holiday/me.jpg" -> "me" */
export const stem = (name) => name.replace(/^.*[/\\]/, "").replace(/\.[^.]*$/, "");
