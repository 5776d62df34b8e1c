"""Which run folder a training takes: the one that is named, the last unfinished one of its kind, or a new one."""

import os
from dataclasses import replace
from pathlib import Path

import filelock
import pytest
from test_train import options_of

import recipes
from animefaces import images, resuming, states
from animefaces.problems import Misuse, Problem
from demo import cartoons

MODERN = recipes.RECIPES["modern"]


class Pictures:
    """Ten pictures with a fingerprint."""

    fingerprint = "f" * 64

    def __len__(self):
        return 10


def begun(name, options=MODERN, step=7, seconds=60.0, **settled):
    """A run folder under results/ that stopped at this step."""
    run = Path("results") / name
    resuming.keep_record(run, options, replace(options, **settled), Pictures())
    if step is not None:
        states.save(run, {}, {"step": step, "seconds": seconds})
    return run


def taken(given=(), pictures=Pictures.fingerprint, **options):
    """The name of the folder that a command with these options takes."""
    with resuming.taken(replace(MODERN, **options), {*given, *options}, pictures) as run:
        return run.name


def test_the_unfinished_run_is_taken_again():
    begun("00000-modern")
    assert taken() == "00000-modern"
    assert taken(data=(Path("moved"),), cache=Path("else"), log_every=7) == "00000-modern"


@pytest.mark.parametrize("options", [{"seed": 1}, {"batch_size": 8}, {"warm_up": 9}, {"network": "vae"}, {"new": True}])
def test_other_options_begin_a_new_run(options):
    begun("00000-modern")
    assert taken(**options) == "00001-modern"


def test_other_pictures_begin_a_new_run():
    begun("00000-modern")
    assert taken(pictures="e" * 64) == "00001-modern"


def test_what_the_program_decided_does_not_make_another_training():
    run = begun("00000-modern", warm_up=100, precision="bfloat16")
    assert taken() == "00000-modern"
    own = resuming.resolved(replace(MODERN, run=run), set())
    assert (own.warm_up, own.precision) == (MODERN.warm_up, "auto")
    assert resuming.resolved(replace(MODERN, run=run), {"precision"}) == own  # typing what was typed before is allowed
    used = resuming.settled(run, own)
    assert (used.warm_up, used.precision) == (100, "bfloat16")


def test_a_run_without_a_first_state_is_taken_too():
    begun("00000-modern", step=None)
    assert taken() == "00000-modern"


def test_the_last_saved_one_is_taken():
    older, newer = begun("00005-modern"), begun("00003-modern")
    for seconds, run in enumerate((older, newer)):
        for path in (run / "options.json", *states.files(run)):
            os.utime(path, (seconds, seconds))
    assert taken() == "00003-modern"


def test_a_finished_run_is_named_and_a_higher_goal_continues_it(capsys):
    begun("00000-modern", replace(MODERN, minutes=1.0))
    assert taken(minutes=1.0) == "00001-modern"
    told = "results/00000-modern has the same options: to continue it, raise --steps or --minutes"
    assert told in capsys.readouterr().out
    assert taken(minutes=2.0) == "00000-modern"


def test_a_run_in_training_is_left_alone_and_said(capsys):
    begun("00000-modern")
    with filelock.FileLock("results/00000-modern/lock"):
        assert taken() == "00001-modern"
        assert "00000-modern has the same options, but it is being trained" in capsys.readouterr().out
    same = MODERN, set(), Pictures.fingerprint
    with resuming.taken(*same) as first, resuming.taken(*same) as second:  # two commands at once are two runs
        assert (first.name, second.name) == ("00000-modern", "00001-modern")


def test_who_is_refused_does_not_open_the_folder_to_a_third():
    run = Path("run")
    with resuming.locked(run):  # its options.json is not written yet
        for _ in range(2):
            with pytest.raises(Problem, match="is being trained by another process"), resuming.locked(run):
                pass
        assert run.is_dir()
    assert not run.exists()


@pytest.mark.parametrize(
    "text", [b"{", b"\xff", b'{"options": {"steps": "many"}, "data": ""}', b'{"options": [], "data": 1}']
)
def test_damaged_runs_are_nothing_to_go_on_with(text):
    (begun("00000-modern") / "options.json").write_bytes(text)
    assert taken() == "00001-modern"


def test_a_run_whose_states_are_all_damaged_is_nothing_to_go_on_with():
    (file,) = states.files(begun("00000-modern"))
    file.write_bytes(b"damaged")
    assert taken() == "00001-modern"


def test_new_is_not_for_a_run_that_is_there():
    run = begun("00000-modern")
    with pytest.raises(Misuse, match="--new is for a new run, and results/00000-modern holds one"):
        resuming.resolved(replace(MODERN, run=run, new=True), {"run", "new"})
    assert resuming.resolved(replace(MODERN, run=Path("other"), new=True), {"run", "new"}).run == Path("other")


def test_the_same_command_goes_on_where_it_was_with_moved_pictures_too(train, refused, capsys):
    images.save("pics/1.png", cartoons.draw(1, 16))
    flags = ["--recipe", "light", "--data"]
    assert train(*flags, "pics", "--steps", "1") == 0
    Path("pics").rename("moved")
    with_old = [*flags, "pics", "--run", "results/00000-light", "--steps", "2"]
    assert "pics" in refused(lambda argv: train(*argv), with_old, 1)
    assert train(*flags, "moved", "--steps", "2") == 0
    assert "run        continues results/00000-light, from step 1 (a new run: add --new)\n" in capsys.readouterr().out
    assert os.listdir("results") == ["00000-light"]
    assert options_of(Path("results/00000-light"))["options"]["data"] == ["moved"]
    assert states.load(Path("results/00000-light"), arrays=False)[1]["step"] == 2
