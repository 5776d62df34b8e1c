"""Text that any file name may be in, and outputs that are checked before the work."""

import errno
import json
import os

import filelock
import pytest

from animefaces import files
from animefaces.problems import Misuse, Problem
from animefaces.words import counted

NOT_UTF8 = os.fsdecode(b"caf\xe9.jpg")


def test_any_file_name_can_be_written(tmp_path):
    files.write_text(tmp_path / "text", NOT_UTF8)
    assert (tmp_path / "text").read_text(encoding="utf-8") == "caf\\udce9.jpg"
    files.write_json(tmp_path / "json", {"name": NOT_UTF8})
    assert json.loads((tmp_path / "json").read_text(encoding="utf-8")) == {"name": NOT_UTF8}


@pytest.mark.parametrize("name", ["new.png", "new/deep/new.png", "old.png"])
def test_an_output_that_can_be_written(tmp_path, name):
    (tmp_path / "old.png").touch()
    files.check_output(tmp_path / name)
    files.check_output(tmp_path / "folder", folder=True)
    files.check_output(tmp_path, folder=True)


def test_an_output_that_cannot_be_written_is_named_with_its_flag(tmp_path, monkeypatch):
    (tmp_path / "old.png").touch()
    refused = {
        ("old.png", True): "is a file: name a folder",
        ("", False): "is a folder: name a file",
        ("x" * 300 + ".png", False): "cannot be written (File name too long)",
        ("old.png/new.png", False): "old.png is a file: name another one",
    }
    for (name, folder), words in refused.items():
        with pytest.raises(Misuse, match=r"^--card ") as caught:
            files.check_output(tmp_path / name, "--card", folder)
        assert words in str(caught.value)
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path / "old.png")  # root may write everywhere
    files.check_output(tmp_path / "new.png")
    with pytest.raises(Misuse, match=r"old\.png cannot be written, because this file is read-only"):
        files.check_output(tmp_path / "old.png")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(Misuse, match="read-only"):
        files.check_output(tmp_path / "new.png")


def test_a_fault_names_the_file_and_not_the_temporary_one(tmp_path, monkeypatch):
    long = tmp_path / ("x" * 254 + "y")
    with pytest.raises(OSError) as caught, files.written_whole(tmp_path / ("x" * 300)):
        pass
    assert caught.value.filename == str(tmp_path / ("x" * 300))
    with files.written_whole(long):
        pass
    monkeypatch.setattr(files.tempfile, "mkstemp", lambda **_: os.open(tmp_path / "none" / "deep", os.O_RDONLY))
    with pytest.raises(FileNotFoundError) as caught, files.written_whole(tmp_path / "a.png"):
        pass
    assert caught.value.filename == str(tmp_path / "a.png")
    assert os.listdir(tmp_path) == [long.name]


def test_one_and_several():
    assert [counted(n, "face") for n in (0, 1, 2000)] == ["0 faces", "1 face", "2,000 faces"]
    assert counted(3, "box", "boxes") == "3 boxes"


def test_an_input_that_is_missing_is_named_by_its_flag(tmp_path):
    files.check_input(tmp_path, "--data")
    with pytest.raises(Problem, match=r"^--data pics does not exist: check the path$"):
        files.check_input("pics", "--data")
    with pytest.raises(Problem, match=r"^--data .* cannot be read .*File name too long"):
        files.check_input("x" * 300, "--data")


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "file"),  # as write() raises it
        (OSError(errno.EACCES, "Permission denied", "other"), "other"),
        (OSError("of a library"), None),
    ],
)
def test_a_fault_while_a_file_is_written_names_the_file(fault, named):
    with pytest.raises(OSError, match=fault.strerror or "of a library") as found, files.written_whole("file"):
        raise fault
    assert found.value.filename == named
    assert os.listdir() == []


def test_a_folder_that_is_closed_meanwhile_does_not_hide_the_name_of_the_file(tmp_path, monkeypatch):
    def refuse(path, *_, **__):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(PermissionError) as found, files.written_whole(tmp_path / "file"):
        pass
    assert found.value.filename == str(tmp_path / "file")


def test_a_pattern_that_the_shell_left_as_it_is_is_no_missing_path(tmp_path):
    (tmp_path / "a.png").touch()
    files.check_input(tmp_path / "*.png", "--data")
    with pytest.raises(Problem, match=r"--data .*jpg does not exist"):
        files.check_input(tmp_path / "*.jpg", "--data")


def test_a_lock_keeps_others_out_and_clears_up_after_a_killed_process(tmp_path, monkeypatch):
    folder = tmp_path / "run"
    (folder / "deep").mkdir(parents=True)
    left = [folder / ".a.tmp.png", folder / "deep/.b.tmp.npz"]
    for path in left:
        path.touch()
    with files.locked(folder / "lock", files.TEMPORARY, "it is taken"):
        assert [path.exists() for path in left] == [False, True]
        with (
            pytest.raises(Problem, match="it is taken"),
            files.locked(folder / "lock", files.TEMPORARY, "it is taken"),
        ):
            pass
    with files.locked(folder / "lock", "**/" + files.TEMPORARY, "it is taken"):
        assert not left[1].exists()

    def refuse(*_, **__):
        raise NotImplementedError  # as older versions of filelock do on some network drives

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    with files.locked(folder / "lock", files.TEMPORARY, "it is taken"):
        pass
