"""Signals: what is begun is saved, nothing half written is left, and the message is one line."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from conftest import PROJECT, assert_same_training

from animefaces import logs, signals
from training import check

# What writes a file, tells that it has begun, and waits for a signal.
WAITING = """
import sys, time
from animefaces.commands import run_script
from animefaces.files import written_whole
from recipes import Options

def work(options, given):
    with written_whole("file") as temporary:
        temporary.write_text("half")
        open("begun", "w").close()
        time.sleep(30)

sys.exit(run_script(Options, work, [], ""))
"""
# What is told to stop, and then saves; `stop_signals` of the training.
SAVING = """
import sys, time
from animefaces import signals
from animefaces.commands import run_script
from recipes import Options

def work(options, given):
    with signals.stop_signals() as stopping:
        open("begun", "w").close()
        for _ in range(3000):
            time.sleep(0.01)
            if stopping:
                break
        print("a line for a terminal that is gone")
        print("another one", file=sys.stderr)
        open("saved", "w").close()

sys.exit(run_script(Options, work, [], ""))
"""


def begun(code, tmp_path, **settings):
    """A process that runs this code, once it has begun its work."""
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(PROJECT)}, **settings
    )
    while not (tmp_path / "begun").exists():
        assert process.poll() is None
        time.sleep(0.01)
    return process


def test_a_signal_is_not_lost_where_exceptions_are():
    class Closed:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)  # Python only prints what is raised here, and goes on
            self.ended = True

    with pytest.raises(KeyboardInterrupt), signals.interrupted() as seen:
        Closed()
        assert not seen
        time.sleep(10)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGXCPU"])
def test_a_signal_stops_any_program_with_one_line(name, tmp_path):
    process = begun(WAITING, tmp_path, stderr=subprocess.PIPE, text=True)
    process.send_signal(getattr(signal, name))
    assert process.communicate(timeout=20)[1] == "error: stopped\n"
    assert process.returncode == 1
    assert os.listdir(tmp_path) == ["begun"]  # no file, and no temporary one


def test_a_closed_terminal_lets_a_training_save(tmp_path):
    """The hangup of a real terminal: SIGHUP comes, and from then on nothing can be printed."""
    ours, theirs = os.openpty()
    process = begun(SAVING, tmp_path, stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=_own_terminal)
    os.close(theirs)
    os.close(ours)
    assert process.wait(timeout=20) == 0
    assert (tmp_path / "saved").exists()


def _own_terminal():
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_nohup_is_respected(tmp_path):
    process = begun(SAVING, tmp_path, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)
    time.sleep(0.1)
    assert process.poll() is None
    assert not (tmp_path / "saved").exists()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    assert (tmp_path / "saved").exists()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGUSR1"])
def test_a_signal_that_comes_twice_still_saves(name):
    with signals.stop_signals() as received:
        for _ in range(2):
            signal.raise_signal(getattr(signal, name))
        assert received == [getattr(signal, name)] * 2


def test_the_second_ctrl_c_stops_at_once():
    with pytest.raises(KeyboardInterrupt), signals.stop_signals() as received:
        signal.raise_signal(signal.SIGINT)
        assert received == [signal.SIGINT]
        signal.raise_signal(signal.SIGINT)


def test_handlers_are_put_back():
    before = [signal.getsignal(getattr(signal, name)) for name in signals.STOPS if hasattr(signal, name)]
    with signals.interrupted(), signals.stop_signals(), signals.stopwatch():
        pass
    assert before == [signal.getsignal(getattr(signal, name)) for name in signals.STOPS if hasattr(signal, name)]


def test_a_thread_of_a_notebook_can_train():
    found = []

    def work():
        with signals.stop_signals() as received:
            found.append(received)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [[]]


def test_the_clock_stands_still_while_the_program_is_suspended(monkeypatch):
    times = iter([0.0, 2.0, 5000.0, 5003.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(times))
    with signals.stopwatch() as lap:
        assert lap() == 2
        signal.raise_signal(signal.SIGCONT)  # after an hour and more
        assert lap() == 3


class Gone:
    """The stream of a terminal that is gone."""

    def __init__(self, file):
        self.fileno = file.fileno

    def write(self, text):
        raise OSError(errno.EIO, "Input/output error")

    flush = isatty = lambda self: False


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGUSR1"])
def test_a_training_saves_its_step_though_its_terminal_is_gone(name, train, monkeypatch, tmp_path):
    add = logs.Log.add

    def closed(log, entry):
        add(log, entry)
        if entry["step"] == 10:
            sys.stdout._stream = sys.stderr._stream = Gone(file)
            for _ in range(2):  # as from a terminal that is closed
                signal.raise_signal(getattr(signal, name))

    monkeypatch.setattr(logs.Log, "add", closed)
    with open(tmp_path / "nowhere", "w", encoding="utf-8") as file:
        assert train("--run", "run", "--steps", "30", "--log-every", "5") == 1
    assert max(os.listdir("run/state")) == "step_000000010.npz"
    assert os.path.exists("run/curves.png")


def test_the_second_ctrl_c_names_the_step_that_is_saved(train, monkeypatch, refused):
    def interrupted(log, entry):
        for _ in range(2):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(logs.Log, "add", interrupted)
    line = refused(lambda argv: train(*argv), ["--run", "run", "--steps", "30", "--log-every", "5"], 1)
    assert line == "stopped at once: python train.py --run run continues from step 0, which was saved"


def test_a_signal_in_the_last_step_changes_nothing(train, monkeypatch, capsys):
    monkeypatch.setattr(logs.Log, "add", lambda log, entry: signal.raise_signal(signal.SIGTERM))
    assert train("--run", "run", "--steps", "5", "--log-every", "5") == 0
    assert "done: 5 steps" in capsys.readouterr().out


def test_a_signal_before_the_first_step_leaves_nothing(trained, copied, train, monkeypatch, refused):
    """In the trial of precisions, say. A run that goes on is as it was; of a new one no folder is left."""
    monkeypatch.setattr(check, "settled", lambda *arguments: signal.raise_signal(signal.SIGTERM))
    assert refused(lambda argv: train(*argv), ["--run", "new"], 1) == "stopped"
    assert refused(lambda argv: train(*argv), ["--run", copied, "--steps", "30"], 1) == "stopped"
    assert not os.path.exists("new")
    assert_same_training(copied, trained)
