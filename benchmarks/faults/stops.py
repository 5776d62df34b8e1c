"""Trainings that are stopped: kill, term, clock, twice. Started again, each ends as if nothing had happened."""

import os
import signal
import time
from pathlib import Path

from benchmarks.faults.forked import Program, at_change
from benchmarks.faults.ground import STEPS, Ground, Training
from benchmarks.faults.tries import Try, bytes_lost, half_files, newest_step, same_log, same_weights, whole_files
from tests.corpus.case import Done, look_at, must

SAVES = (0, 0.0005, 0.003)  # --save-minutes
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGXCPU)
RUN = Path("run")
DAY = 86_400


def words_of(t: Try, training: Training) -> list[str]:
    """The command line of a try."""
    return [*training.words, "--save-minutes", str(t.rng.choice(SAVES)), "--run", str(RUN)]


def to_the_end(t: Try, words: list[str], training: Training, run: Path = RUN, log: bool = True) -> Done:
    """Start a training again -> what it did. It must come to its end, and be the same as the undisturbed one."""
    done = look_at(Program("train", *words).ended())
    must(done.code == 0, "it does not go on", done)
    must(not half_files(run), f"half files are left: {half_files(run)}", done)
    t.identical = t.identical is not False and same_weights(run, training.run)
    must(not log or same_log(run, training.run), "its log is not that of one training", done)
    return done


def kill(ground: Ground, t: Try) -> None:
    """SIGKILL, at a random change of a file (a file that is being written is cut) or at a random moment."""
    training = ground.training(t.rng)
    words = words_of(t, training)
    for _ in range(t.rng.integers(1, 4)):
        before, share = whole_files(RUN), t.rng.random()

        def die(event, args, share=share):
            if event == "os.rename":
                os.truncate(args[0], int(share * os.path.getsize(args[0])))
            os.kill(os.getpid(), signal.SIGKILL)

        stopped(t, words, training, die, signal.SIGKILL)
        t.lost += bytes_lost(before, RUN)
    to_the_end(t, words, training)


def stopped(t: Try, words: list[str], training: Training, act, number: int, again: float = 0) -> Done:
    """Start a training, and at a random change of a file call `act`, or send the signal at a random moment."""
    if t.rng.random() < 0.5:
        program = Program("train", *words, before=at_change(int(t.rng.integers(1, training.changes + 1)), act))
    else:
        program = Program("train", *words)
        program.until(lambda: False, t.rng.uniform(0, training.seconds))
        program.send(number)
    if again:
        program.until(lambda: False, again)
        program.send(number)
    return program.ended()


def term(ground: Ground, t: Try) -> None:
    """SIGTERM, Ctrl-C and the like, some of them twice. It saves, says one line, and goes on."""
    training = ground.training(t.rng)
    words = words_of(t, training)
    for _ in range(t.rng.integers(1, 4)):
        number, before = signal.Signals(t.rng.choice(SIGNALS)), whole_files(RUN)
        again = t.rng.uniform(0, 1) if t.rng.random() < 0.2 else 0
        done = stopped(t, words, training, lambda *_, n=number: os.kill(os.getpid(), n), number, again)
        t.lost += bytes_lost(before, RUN)
        if done.code == -number and not done.said:
            continue  # it had not begun yet
        look_at(done)
        must(done.code == 0 or "stopped" in done.error, "it does not say that it stopped", done)
        must(not half_files(RUN), f"half files are left: {half_files(RUN)}", done)
    to_the_end(t, words, training)


def clock(ground: Ground, t: Try) -> None:
    """The clock goes back and forth while it trains, and the dates of its files are any. It is killed in between."""
    training = ground.training(t.rng)
    words = words_of(t, training)
    if t.rng.random() < 0.5:
        words = words[:-2]  # without --run: it is found by its options
    for _ in range(t.rng.integers(1, 4)):
        number, seed = int(t.rng.integers(1, training.changes + 1)), int(t.rng.integers(2**31))
        die = at_change(number, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        done = Program("train", *words, before=lambda d=die, s=seed: (_wrong_clock(s), d())).ended()
        must(done.code == -signal.SIGKILL or look_at(done).code == 0, "it stops by itself", done)
        for path in Path().rglob("*"):
            moment = t.rng.choice([0, time.time() - 400 * DAY * t.rng.random(), time.time() + DAY * t.rng.random()])
            os.utime(path, (moment, moment))
        if _step() == STEPS:
            break  # without --run, the same command would begin another run
    if step := _step() % STEPS:
        done = look_at(Program("train", *words).ended())
        must(f"from step {step:,}" in done.out, f"it does not go on from step {step}", done)
    elif not _begun():
        Program("train", *words).ended()
    must(len(_begun()) == 1, f"it does not go on in its folder: {_begun()}")
    to_the_end(t, [*words, "--run", str(*_begun())], training, *_begun())


def _begun():
    """The run folders that hold a training."""
    return [file.parent for file in Path().rglob("options.json")]


def _step():
    """The step of the newest state."""
    return max(map(newest_step, _begun()), default=0)


def _wrong_clock(seed):
    """In a program: its clock jumps now and then, and the clocks that cannot go back jump forward."""
    import random

    chance, jumps = random.Random(seed), {"back and forth": 0.0, "forward": 0.0}

    def jumping(clock, kind):
        def now():
            if chance.random() < 0.05:
                jump = chance.gauss(0, DAY)
                jumps[kind] += jump if kind == "back and forth" else abs(jump) / 100
            return clock() + jumps[kind]

        return now

    time.time = jumping(time.time, "back and forth")
    for name in ("monotonic", "perf_counter"):
        setattr(time, name, jumping(getattr(time, name), "forward"))


def twice(ground: Ground, t: Try) -> None:
    """The same command two and three times at once: one trains, and each other says one line."""
    training = ground.training(t.rng)
    words = words_of(t, training)
    programs = [Program("train", *words)]
    for _ in range(t.rng.integers(1, 3)):
        programs[0].until(lambda: False, t.rng.choice([0, t.rng.uniform(0, training.seconds)]))
        programs.append(Program("train", *words))
    ends = [look_at(program.ended()) for program in programs]
    trained = [done for done in ends if done.code == 0 and "is finished" not in done.out]
    must(len(trained) == 1, f"{len(trained)} of {len(ends)} train", ends[0])
    for done in ends:
        must(done.code == 0 or "another process" in done.error, "it does not say why it is refused", done)
    to_the_end(t, words, training)
