"""A folder of distinct crops that grows: what is new comes in, what is known or alike stays out."""

import os
from pathlib import Path

import numpy as np

from animefaces import images
from animefaces.files import written_whole
from gathering import cleaning, manifest


class Collection:
    """The crops in a folder, with their manifest. To be used with `with`.

    A crop is on disk before its line is, and the lines of a picture are written in one go when all its
    crops are there: a run that was cut off goes on where it stopped, and loses and doubles nothing.
    """

    def __init__(self, folder, settings, duplicate_bits):
        """`settings`, a JSON-able dict, are what shapes the crops: Problem where the folder has others.

        `duplicate_bits`: how many of a hash's 256 bits differ between near duplicates at most; None
        lets duplicates in.
        """
        self.folder, self._within = Path(folder), duplicate_bits
        self._pictures, self._contents, self._seen = set(), set(), cleaning.Seen()
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / manifest.NAME
        manifest.end_whole(path)
        manifest.keep_settings(folder, settings)
        for line in manifest.lines(path):
            self._pictures.add(_key(line["source"], line["picture"]))
            self._contents.add(_key(line["picture"]))
            if line["file"]:
                self._seen.add(line["file"], manifest.bits(line))
        self._unclaimed = self._pictures_without_line()
        self._lines = open(path, "a", encoding="ascii")  # noqa: SIM115 - open as long as we are

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._lines.close()

    def _pictures_without_line(self):
        """Crops that an interrupted run wrote last, or pictures of the user's own: those count as seen, too."""
        known, unclaimed = set(self._seen.names), set()
        for name in sorted(os.listdir(self.folder)):
            if name in known or name.startswith(".") or Path(name).suffix.lower() not in images.SUFFIXES:
                continue
            try:
                grey = cleaning.measured(images.read(self.folder / name))
            except (OSError, ValueError):
                continue
            self._seen.add(name, cleaning.perceptual_hash(grey))
            unclaimed.add(name)
        return unclaimed

    def unknown(self, pictures):
        """Those of the Pictures that have no line yet; one whose content has been seen comes without data."""
        for picture in pictures:
            key = _key(picture.source, picture.digest or None)
            if key in self._pictures:
                continue
            self._pictures.add(key)
            if self._within is not None and _key(picture.digest) in self._contents:
                picture = picture._replace(data=None, verdict="duplicate", fault="the same file as one before")
            if picture.digest:
                self._contents.add(_key(picture.digest))
            yield picture

    def add(self, picture, crops):
        """Take in the crops of one Picture that are good and new -> the verdicts on all of them."""
        lines = [self._added(picture, crop) for crop in crops]
        self._lines.write("".join(manifest.to_text(line) for line in lines))
        self._lines.flush()
        return [line["verdict"] for line in lines]

    def _added(self, picture, crop):
        if crop.verdict != "kept":
            return manifest.line(picture, crop)
        bits = np.array(crop.bits, np.uint64)
        alike = None if self._within is None else self._seen.nearest(bits, self._within)
        if alike and crop.name not in self._unclaimed:
            name, distance = alike
            return manifest.line(picture, crop._replace(verdict="duplicate", detail=f"{distance} bits differ"), name)
        crop = crop._replace(name=self._free(crop.name))
        with written_whole(self.folder / crop.name) as temporary:
            temporary.write_bytes(crop.png)
        self._seen.add(crop.name, bits)
        self._unclaimed.discard(crop.name)
        return manifest.line(picture, crop)

    def _free(self, name):
        """`name`, or where equal crops are let in and it is taken, the first of NAME-2, NAME-3 ... that is not."""
        free, number = name, 1
        while free not in self._unclaimed and (self.folder / free).exists():
            number += 1
            free = f"{Path(name).stem}-{number}.png"
        return free


def _key(*texts):
    return hash(texts)  # a number, not strings: a million of these have to fit in memory
