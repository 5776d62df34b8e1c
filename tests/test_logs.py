"""log.jsonl: what is read of a damaged one."""

from pathlib import Path

import pytest

from animefaces import logs

GOOD = b'{"step": 10, "seconds": 1.5, "d_loss": 0.5}'
BAD = [b'{"step": 20, "epo', b"\xff\xfe\x00", b"\x00" * 40, b"7", b"[]", b'{"seconds": 2}', b'{"step": 2}',
       b'{"step": "x", "seconds": 2}', b'{"step": 20, "seconds": 2, "d_loss": "low"}',
       b'{"step": 20, "seconds": null}']  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_a_damaged_line_is_left_out(bad):
    Path("log.jsonl").write_bytes(b"\n".join([GOOD, bad, GOOD]))
    assert logs.read(Path()) == [{"step": 10, "seconds": 1.5, "d_loss": 0.5}] * 2
    log = logs.Log(Path(), 10)
    assert len(log.entries) == 2
    assert Path("log.jsonl").read_bytes().count(b"\n") == 2
