"""Programs whose output cannot be printed, and programs in an odd environment: one line, or no effect."""

import os
import subprocess
import sys

import pytest
from conftest import PROJECT, python

PROGRAM = (
    "import os, sys, warnings; from animefaces.commands import run_script\n"
    "from recipes import Options\n"
    "def work(options, given):\n{}"
    "sys.exit(run_script(Options, work, sys.argv[1:], ''))"
)


def program(*lines):
    """The code of a program that does this."""
    return PROGRAM.format("".join(f"    {line}\n" for line in lines))


def shell(command, tmp_path, code, **environment):
    """Run a shell command; $PROGRAM in it is the program with this code."""
    (tmp_path / "program.py").write_text(code, encoding="utf-8")
    return subprocess.run(
        ["sh", "-c", command.replace("$PROGRAM", f"{sys.executable} {tmp_path / 'program.py'}")],
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
        env={**os.environ, "PYTHONPATH": str(PROJECT), **environment},
    )  # fmt: skip


FULL = "error: the output cannot be printed (No space left on device): send it to another place\n"


@pytest.mark.parametrize("flag", ["", "--help"])
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a full device is needed")
def test_a_full_output_is_one_line(flag, tmp_path):
    done = shell(f"$PROGRAM {flag} > /dev/full; echo $?", tmp_path, program("print(1)", "print(2)"))
    assert (done.stdout, done.stderr) == ("1\n", FULL)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a full device is needed")
def test_warnings_that_cannot_be_printed_stop_nothing(tmp_path):
    done = shell("$PROGRAM 2> /dev/full; echo $?", tmp_path, program("print(1, file=sys.stderr)", "print(2)"))
    assert (done.stdout, done.stderr) == ("2\n0\n", "")


def test_a_reader_that_has_gone_ends_it_quietly(tmp_path):
    done = shell("$PROGRAM | head -1", tmp_path, program("for i in range(100_000): print(i)"))
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_no_file_gets_the_number_of_a_closed_stream(tmp_path):
    """What a library prints on stderr would be written into it."""
    code = program("with open('file', 'w') as file: os.write(2, b'noise')", "print('here', file=sys.stderr)")
    done = shell("$PROGRAM <&- >&- 2>&-", tmp_path, code)
    assert done.returncode == 0
    assert (tmp_path / "file").read_text() == ""


def test_each_line_is_printed_at_once(tmp_path):
    done = shell("$PROGRAM | cat", tmp_path, program("print('header')", "os._exit(0)"))
    assert done.stdout == "header\n"


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii"])
def test_odd_file_names_can_be_printed_anywhere(encoding, tmp_path):
    done = python("-c", program("print('\\u9854 \\udcff')"), cwd=tmp_path, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, "")


def test_warnings_that_are_made_errors_end_nothing(tmp_path):
    code = program("warnings.warn('old', DeprecationWarning, 2)", "warnings.warn('odd')", "print('done')")
    done = python("-c", code, cwd=tmp_path, PYTHONWARNINGS="error")
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert "UserWarning: odd" in done.stderr
    assert "old" not in done.stderr


def test_a_current_folder_that_is_gone_is_one_line(tmp_path):
    (tmp_path / "gone").mkdir()
    done = shell("cd gone; rmdir ../gone; $PROGRAM", tmp_path, program("print(1)"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: the current folder does not exist any more: change to another one with cd\n"
