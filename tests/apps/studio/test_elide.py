"""Names cut to the room there is."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.window

NAME = "sub-01_task-rest_run-02_bold"


@pytest.fixture
def metrics(app):
    from PySide6.QtGui import QFont, QFontMetrics

    return QFontMetrics(QFont("DejaVu Sans", 10))


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8, 0.99])
def test_what_is_cut_fits_and_keeps_more_of_the_end_than_of_the_beginning(metrics, share):
    from volstudio.apps.studio.elide import keep_end

    room = share * metrics.horizontalAdvance(NAME)
    head, dots, tail = keep_end(NAME, metrics, room).partition("…")
    assert dots
    assert metrics.horizontalAdvance(head + dots + tail) <= room
    assert NAME.startswith(head)
    assert NAME.endswith(tail)
    assert len(tail) > len(head)


def test_what_fits_is_left_alone_and_no_room_leaves_a_sign(metrics):
    from volstudio.apps.studio.elide import keep_end

    assert keep_end(NAME, metrics, metrics.horizontalAdvance(NAME)) == NAME
    assert keep_end(NAME, metrics, 1) == "…"
