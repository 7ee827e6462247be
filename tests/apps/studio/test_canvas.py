"""What a pane shows before there is anything to show."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.window


def test_the_first_volume_brings_no_white_flash(open_window, hand, scans, monkeypatch):
    from volstudio.apps.studio.canvas import Canvas

    seen = []
    monkeypatch.setattr(Canvas, "_tick", lambda pane: seen.append(pane.grabFramebuffer().pixelColor(20, 20).lightness()))
    window = open_window()
    window.documents.open_paths([scans["anatomy"]])
    hand.until(lambda: len(seen) >= 4, "all panes were painted before their first picture")
    assert max(seen) < 30
