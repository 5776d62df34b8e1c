"""A folder of crops that grows: new faces are added, known ones and near duplicates are not."""

import contextlib
import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from animefaces import files, images, sources
from animefaces.files import written_whole
from animefaces.problems import Problem
from animefaces.words import counted
from gathering import cleaning, crops, decisions, manifest
from gathering.crops import Crop
from gathering.pictures import Picture


def locked(folder: Path) -> contextlib.AbstractContextManager[None]:
    """Within this context nobody else writes to the folder, which is made. Raises Problem if somebody does now."""
    taken = f"another preprocess.py writes to {folder}: wait for it, or give another --output"
    return files.locked(Path(folder, ".lock"), files.TEMPORARY, taken)


class Collection:
    """The crops in a folder, with their manifest. To be used with `with`, and within `locked`.

    A crop is written before its line in the manifest. The lines of a picture are written together, when all its
    crops are there. So a run that was interrupted goes on where it stopped: nothing is missing and nothing is double.
    Pictures with a verdict of crops.AGAIN are unknown to the next run.
    """

    def __init__(self, folder: Path, settings: dict[str, Any], defaults: dict[str, Any], duplicate_bits: int | None):
        """`settings`: a JSON-able dict of what shapes the crops. Raises Problem if the folder has other settings.

        `defaults`: their values where an older version has noted none.
        `duplicate_bits`: of near duplicates, at most this many of the 256 bits of their hashes differ. With None,
        duplicates are added too.
        """
        self.folder, self._within = Path(folder), duplicate_bits
        self._pictures: set[int] = set()
        self._contents: set[int] = set()
        self._seen = cleaning.Seen(duplicate_bits or 0)  # the rejected faces, too: they are not asked for again
        self._rejected: set[str] = set()
        self.damaged: list[int] = []  # numbers of the lines that cannot be read
        path = self.folder / manifest.NAME
        manifest.end_whole(path)
        manifest.keep_settings(folder, settings, defaults)
        again = False
        for line in manifest.lines(path, self.damaged):
            if line["verdict"] in crops.AGAIN:
                again = True
                continue
            self._pictures.add(_key(line["source"], line["picture"]))
            self._contents.add(_key(line["picture"]))
            bits, name = manifest.bits(line), decisions.name_of(line)
            if name and bits is not None:
                self._seen.add(name, bits)
            if line["verdict"] == decisions.REJECTED:
                self._rejected.add(name)
        if again:
            self.damaged = manifest.forget(path, crops.AGAIN)
        self._unclaimed = self._pictures_without_line()
        self._lines = open(path, "a", encoding="ascii")  # noqa: SIM115 - __exit__ closes it

    def __enter__(self) -> "Collection":
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # `add` has told of a full disk already
            self._lines.close()

    def _pictures_without_line(self):
        """Names of the crops that an interrupted run wrote last, and of the user's own pictures: both count as seen."""
        known, unclaimed = set(self._seen.names), set()
        for name in sorted(os.listdir(self.folder)):
            if name in known or name.startswith(".") or Path(name).suffix.lower() not in images.SUFFIXES:
                continue
            try:
                data = sources.reopen(str(self.folder / name))
                grey = cleaning.measured(images.read(io.BytesIO(data)))
            except (*sources.FAULTS, MemoryError):  # it is no crop of ours
                continue
            self._seen.add(name, cleaning.perceptual_hash(grey))
            unclaimed.add(name)
        return unclaimed

    def unknown(self, pictures: Iterable[Picture]) -> Iterator[Picture]:
        """Pictures -> those that have no line yet. One that equals an earlier one has no data, and says why."""
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

    def add(self, picture: Picture, found: list[Crop]) -> list[dict[str, Any]]:
        """The crops of one picture -> their lines. Those that are good and new are added to the folder.

        Raises Problem if the folder cannot be written any more.
        """
        try:
            lines = [self._added(picture, crop) for crop in found]
            self._lines.write("".join(map(manifest.to_text, lines)))
            self._lines.flush()
        except OSError as fault:
            raise Problem(
                f"{self.folder} cannot be written any more ({fault.strerror}): see to its free space and its "
                "permissions, then run the same command again to go on"
            ) from fault
        return lines

    def _added(self, picture, crop):
        """Add one crop if it is good and new -> its line. Whatever else goes wrong with it becomes its verdict."""
        try:
            return self._kept(picture, crop)
        except OSError:
            raise
        except Exception as fault:
            return manifest.line(picture, crops.crashed(fault))

    def _kept(self, picture, crop):
        """Add one crop if it is good and new -> its line."""
        if crop.verdict != "kept":
            return manifest.line(picture, crop)
        bits = np.array(crop.bits, np.uint64)
        alike = None if self._within is None else self._seen.nearest(bits, self._within)
        if alike and crop.name not in self._unclaimed:
            name, distance = alike
            verdict = decisions.REJECTED if name in self._rejected else "duplicate"
            crop = crop._replace(verdict=verdict, detail=f"differs by {counted(distance, 'bit')}")
            return manifest.line(picture, crop, name)
        if crop.name in self._rejected:  # duplicates are kept, but it is the same face to the pixel
            return manifest.line(picture, crop._replace(verdict=decisions.REJECTED), crop.name)
        crop = crop._replace(name=self._free(crop.name))
        with written_whole(self.folder / crop.name) as temporary:
            temporary.write_bytes(crop.png)
        self._seen.add(crop.name, bits)
        self._unclaimed.discard(crop.name)
        return manifest.line(picture, crop)

    def _free(self, name):
        """A crop's name -> that name, or if another crop has it, the first free one of NAME-2, NAME-3 and so on."""
        free, number = name, 1
        while free not in self._unclaimed and (self.folder / free).exists():
            number += 1
            free = f"{Path(name).stem}-{number}.png"
        return free


def _key(*texts):
    return hash(texts)  # numbers take less memory than texts, and there may be a million of them
