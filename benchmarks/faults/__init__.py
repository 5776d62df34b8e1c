"""A campaign of faults: programs are stopped, starved, damaged and lied to at random, for as long as you like.

`python -m benchmarks.faults --minutes 60` runs it. docs/reliability.md has its kinds, its rules and its counts.

- `forked.py`: programs in forked processes, and what is done to one at its Nth change of a file.
- `ground.py`: what all tries start from: faces, and trainings that nothing disturbed.
- `tries.py`: one try, and what is measured after it: bytes that are lost, weights that are others.
- `stops.py`: the kinds kill, term, clock and twice.
- `disks.py`: the kinds disk, readonly and flipped.
- `mutations.py`: files that are changed at random.
- `hostile.py`: the kinds archives and hostile: what a program makes of such a file.
- `worker.py`: many such tries in one process, which is watched.
"""
