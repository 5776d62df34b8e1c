"""Tables that users wrote, or saved from a spreadsheet."""

import pytest

from animefaces import tables


@pytest.mark.parametrize("text", ["file,age\na.png,7\n", "\ufefffile,age\na.png,7\n", "file;age\r\na.png;7\r\n"])
def test_commas_semicolons_and_a_byte_order_mark(text):
    assert list(tables.rows(text.splitlines(keepends=True), "file", "age")) == [{"file": "a.png", "age": "7"}]


@pytest.mark.parametrize("text", ["", "name,age\na.png,7\n", "file\tage\na.png\t7\n"])
def test_a_missing_column_is_named_and_the_first_line_quoted(text):
    with pytest.raises(ValueError, match="it has no column file; its first line is '") as found:
        tables.rows(text.splitlines(keepends=True), "file")
    assert repr(text.split("\n")[0]) in str(found.value)
