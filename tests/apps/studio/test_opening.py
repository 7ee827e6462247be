"""Files opened one after the other, and together."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.window


@pytest.mark.parametrize("first", ["epi", "anatomy"])
def test_files_opened_one_after_the_other_give_one_picture_in_any_order(open_window, hand, scans, first):
    window = open_window()
    second = {"epi": "anatomy", "anatomy": "epi"}[first]
    for count, name in enumerate((first, second), start=1):
        window.ask.answers["files_to_open"] = (scans[name],)
        window.actions_by_name["open"].trigger()
        hand.until(lambda count=count: len(window.desk.shown.layers) == count, f"{name} is open")
    assert window.desk.shown.names == ("解剖", "epi")
    assert window.desk.shown.layer("解剖").look.colourmap == "gray"
    assert window.desk.shown.layer("epi").look.colourmap != "gray"
