"""A short part of the corpus of hostile inputs: `python -m tests.corpus.try_all --output FOLDER` tries all of it."""

import pytest

pytest.importorskip("resource", reason="the inputs need an operating system like Linux or macOS")

from tests.corpus import try_all

CASES = try_all.all_cases(short=True)


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case.kind}: {case.name}".encode("ascii", "replace").decode()
)
def test_case(case, eager):
    outcome, why = try_all.attempt(case)
    assert not why, why
    assert outcome in ("used", "refused")


def test_a_program_that_does_the_wrong_thing_is_found():
    def wrong():
        raise try_all.Wrong("it goes on as if nothing were wrong")

    case = try_all.Case("kind", "name", wrong)
    assert try_all.attempt(case) == ("WRONG", "it goes on as if nothing were wrong")
    assert "| kind | 1 | 0 | 0 | 1 |" in try_all.table([(case, *try_all.attempt(case))])
