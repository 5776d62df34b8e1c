"""Several machines that train one network together: who is who, whether they agree, and what is said if one is gone."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from animefaces import hardware, supervised
from animefaces.problems import Misuse, Problem


def companions(options: Any) -> tuple[int, int]:
    """(this machine's place from 0, how many machines train together). Raises Misuse if these options forbid it.

    With JAX and several machines, it returns in a child process. It comes before Keras is loaded, since a fork loses
    the threads of libraries.
    """
    place, machines = hardware.machines()
    if machines > 1 and os.environ.get("KERAS_BACKEND") == "jax":
        with gone():
            supervised.in_child()
    if machines > 1:
        from training.task import task_of

        if not (options.run and task_of(options.network).many_machines):
            raise Misuse(f"train.py gan on {machines} machines needs a --run folder that all of them see; the "
                         "other networks train on one machine only: name a folder with --run, or start one process "
                         "only")  # fmt: skip
    return place, machines


@contextlib.contextmanager
def gone() -> Iterator[None]:
    """Within this context, a ConnectionError becomes a Problem."""
    try:
        yield
    except ConnectionError as fault:
        raise Problem("another machine is gone: start the same command again on all machines, on as many as you "
                      "like; it continues from the last saved state") from fault  # fmt: skip


def agreed(step: int, fingerprint: str) -> None:
    """The step of the state, and the fingerprint of the pictures. Raises Problem unless all machines have the same."""
    from models import engine

    rows = engine.of_machines([step, int(fingerprint[:12], 16)])
    if (rows != rows[0]).any():
        raise Problem("the machines do not see the same --run folder or the same --data: put both on a shared disk")
