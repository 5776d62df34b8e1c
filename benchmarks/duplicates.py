"""How long the search for near duplicates takes as the set grows, and how many faces it compares.

    python -m benchmarks.duplicates                           # up to a million faces
    python -m benchmarks.duplicates --faces faces.zip         # hashes like those of these faces

The hashes are made by chance. With --faces, each bit is set as often as in the faces of a set, and bits that agree
there agree here: a hash is that of a face of the set with a fifth of its bits changed.
"""

import argparse
import io
import resource
import time
from pathlib import Path

import numpy as np

from gathering import cleaning

WITHIN = 16
ASKED = 300


def hashes(count, known, rng):
    """Count and known hashes, uint64 (K, 4) or None -> hashes, uint64 (count, 4)."""
    made = rng.integers(0, 2**64, (count, 4), np.uint64)
    if known is None:
        return made
    changed = np.packbits(rng.random((count, 256)) < 0.2, axis=1).view(np.uint64)
    return known[rng.integers(0, len(known), count)] ^ changed


def hashes_of(path):
    """A folder or zip of faces -> the hashes of the first 5,000."""
    from animefaces import images, sources

    entries = sources.found(path, set())
    found = []
    for read, together in sources.readers(entries):
        for entry in together:
            found.append(cleaning.perceptual_hash(cleaning.measured(images.read(io.BytesIO(read(entry))))))
            if len(found) == 5000:
                return np.array(found)
    return np.array(found)


def main():
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", nargs="+", type=int, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--faces", type=Path)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    known = hashes_of(arguments.faces) if arguments.faces else None
    print("| faces | compared with each new one | microseconds | if all are compared | memory / MB |")
    print("|---|---|---|---|---|")
    for count in arguments.counts:
        seen, every = cleaning.Seen(WITHIN), cleaning.Seen(cleaning.INDEXED + 1)
        for number, bits in enumerate(hashes(count, known, rng)):
            seen.add(str(number), bits)
            every.add(str(number), bits)
        new = hashes(ASKED, known, rng)
        compared = np.mean([sum(map(len, seen._equal(bits))) + len(seen) - seen._indexed for bits in new])
        times = []
        for one in (seen, every):
            start = time.perf_counter()
            for bits in new:
                one.nearest(bits, WITHIN)
            times.append((time.perf_counter() - start) / ASKED * 1e6)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"| {count:,} | {compared:,.0f} | {times[0]:,.0f} | {times[1]:,.0f} | {memory:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
