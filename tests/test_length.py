"""How long the warm-up of a new run is, and what is said of a training that is too short for its recipe."""

from dataclasses import replace
from pathlib import Path

import pytest
from conftest import SIZES, state_of
from test_train import options_of

import recipes
from training import check, warm_up

MODERN = recipes.RECIPES["modern"]


@pytest.mark.parametrize(("options", "steps", "words"), [
    ({"steps": 16_000}, 2000, ""),
    ({"steps": 8_000}, 1000, "8,000 steps are short for this recipe: its warm-up has 1,000 steps instead of 2,000; "
                             "--steps 16000 gives it all"),
    ({"minutes": 27.0}, 2000, ""),
    ({"minutes": 3.0}, 225, "3 minutes are short for this recipe: its warm-up has 225 steps instead of 2,000; "
                            "--minutes 27 gives it all"),
    ({"minutes": 3.0, "steps": 80}, 10, "80 steps are short for this recipe: its warm-up has 10 steps instead of "
                                        "2,000; --steps 16000 gives it all"),
    ({"steps": 1}, 0, "1 step are short"),
    ({"steps": 1, "init_from": Path("other")}, 2000, ""),
])  # fmt: skip
def test_a_warm_up_takes_an_eighth_at_most(options, steps, words, monkeypatch):
    monkeypatch.setattr(check, "measured", lambda options, targets, seconds, first: 10.0)
    shortened, said = warm_up.shortened(replace(MODERN, **options), None)
    assert shortened.warm_up == steps
    assert said.startswith(words) and bool(said) == bool(words)
    assert replace(shortened, warm_up=2000) == replace(MODERN, **options)


def test_only_a_recipe_with_a_warm_up_is_measured(monkeypatch):
    monkeypatch.setattr(check, "measured", None)
    light = replace(recipes.RECIPES["light"], minutes=3.0)
    assert warm_up.shortened(light, None) == (light, "")


FLAGS = [*SIZES, "--generator-widths", "16,8", "--discriminator-widths", "8,16", "--sample-every", "1000"]


def test_what_was_decided_stays_when_the_run_goes_on(train, capsys):
    assert train("--steps", "16", tiny=FLAGS) == 0
    said = capsys.readouterr().out
    assert "the first 2 steps are a warm-up" in said
    assert "16 steps are short for this recipe: its warm-up has 2 steps instead of 2,000" in said
    run = Path("results/00000-modern")
    assert options_of(run)["options"]["warm_up"] == 2000
    assert options_of(run)["settled"]["warm_up"] == 2
    assert not {name for name in state_of(run) if name.startswith(("posterior", "w_optimizer"))}  # no longer needed
    assert train("--steps", "24", tiny=FLAGS) == 0  # an eighth of it would be 3
    said = capsys.readouterr().out
    assert "continues results/00000-modern, from step 16" in said
    assert options_of(run)["settled"]["warm_up"] == 2
    assert "the first 2 steps are a warm-up" in said


def test_a_warm_up_that_was_typed_is_kept(train, capsys):
    assert train("--warm-up", "5", "--steps", "2", tiny=FLAGS) == 0
    said = capsys.readouterr().out
    assert "the training ends within its warm-up: for sharp faces raise --steps or lower --warm-up" in said
    state = state_of(Path("results/00000-modern"))
    assert any(name.startswith("w_optimizer") for name in state)
