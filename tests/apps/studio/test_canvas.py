"""What the panes show before there is anything to show."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.window


def test_the_first_volume_brings_no_white_flash(open_window, hand, scans, monkeypatch):
    from volstudio.apps.studio.pointing import Pointing

    seen = {}

    def look(pane):
        image = pane.grabFramebuffer() if hasattr(pane, "grabFramebuffer") else pane.grab().toImage()
        seen[pane] = max(seen.get(pane, 0), image.pixelColor(20, 20).lightness())

    monkeypatch.setattr(Pointing, "_tick", look)
    window = open_window()
    window.documents.open_paths([scans["anatomy"]])
    hand.until(lambda: len(seen) == 4, "all panes were painted before their first picture")
    assert max(seen.values()) < 30
