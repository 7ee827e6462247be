"""The table of many registrations: cells that stay cells, and what a line counts for."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from volstudio.errors import OutputError
from volstudio.tasks.group_table import TABLE, ManyOutcome, Row, as_table, refuse_foreign

DONE = Row("/数据/a.nii", "done", "from-a_to-t1_xfm.tfm", "pass", 0.123456789, 1.5, 10.0, 2.25, 0.5)
LOOK = Row("/b.nii", "kept", "from-b_to-t1_xfm.tfm", "look", None, 1.0, 1.0, 1.0, 1.0, "a\tword,\nand another")
WRONG = Row("/c.nii", "done", "from-c_to-t1_xfm.tfm", "fail", said="these may be different subjects")
FAILED = Row("/d.nii", "failed", said="no such file")


def test_a_reader_of_tables_finds_every_cell():
    rows = list(csv.DictReader(io.StringIO(as_table((DONE, LOOK, FAILED)).decode()), delimiter="\t"))
    assert rows[0]["scan"] == "/数据/a.nii"
    assert (rows[0]["error_mm"], rows[0]["seconds"], rows[0]["said"]) == ("0.123457", "0.5", "n/a")
    assert rows[1]["said"] == "a word, and another"
    assert rows[2]["status"] == "failed"
    assert {rows[2][name] for name in ("transform", "verdict", "error_mm", "metric")} == {"n/a"}


def test_names_that_are_no_text_are_the_bytes_they_are():
    assert b"caf\xe9.nii" in as_table((Row("caf\udce9.nii", "failed"),))


@pytest.mark.parametrize(("row", "good"), [(DONE, True), (LOOK, True), (WRONG, False), (FAILED, False)])
def test_good_is_what_has_a_result_that_was_not_judged_wrong(row, good):
    assert row.good is good
    assert ManyOutcome("t1", Path("out"), Path("out", TABLE), (DONE, row)).good is good


def test_the_story_counts_and_tells_every_doubt():
    outcome = ManyOutcome("t1", Path("out"), Path("out", TABLE), (DONE, LOOK, WRONG, FAILED))
    first, judged, *doubts, last = outcome.story()
    assert first == "2 of 4 registered to t1, 1 kept from an earlier run; 1 failed."
    assert judged == "Judged: 1 to look at, 1 not to be used."
    assert [doubt.split(":")[0] for doubt in doubts] == ["/b.nii", "/c.nii", "/d.nii"]
    assert last.endswith(f"{TABLE}.")
    assert len(ManyOutcome("t1", Path("out"), Path("out", TABLE), (DONE,)).story()) == 2
    told = json.loads(outcome.as_json())
    assert [row["status"] for row in told["rows"]] == ["done", "kept", "done", "failed"]


def test_a_table_of_ones_own_may_be_replaced_and_another_stays(tmp_path):
    table = tmp_path / TABLE
    refuse_foreign(table)
    table.write_bytes(as_table((DONE,)))
    refuse_foreign(table)
    for foreign in (b"", b"scan\tmine\n", b"participant_id\tage\n"):
        table.write_bytes(foreign)
        with pytest.raises(OutputError, match="no table of registrations"):
            refuse_foreign(table)
