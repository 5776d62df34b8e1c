// Files that people give.

/** A drop -> the files in it. Of folders, those that may be pictures. */
export async function filesOf(transfer) {
  const entries = [...(transfer.items ?? [])]
    .filter((item) => item.kind === "file")
    .map((item) => item.webkitGetAsEntry?.());
  if (!entries.some((entry) => entry?.isDirectory)) return [...transfer.files];
  return (await Promise.all(entries.filter(Boolean).map(filesUnder))).flat();
}

/** What cannot be read, or is gone since, is left out. */
async function filesUnder(entry) {
  if (entry.isFile)
    return new Promise((resolve) =>
      entry.file(
        (file) => resolve([file]),
        () => resolve([]),
      ),
    );
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
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
