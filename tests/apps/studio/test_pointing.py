"""A pane's events as values, and frames that are drawn once however often they are asked for."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.window


@pytest.fixture
def pane(app, hand):
    from volstudio.apps.studio.picture_canvas import PictureCanvas

    class Told(PictureCanvas):
        """Keeps what it was told, and counts its frames."""

        def __init__(self) -> None:
            super().__init__()
            self.told, self.frames = [], 0
            for name in ("pressed", "dragged", "released", "hovered", "wheeled", "doubled"):
                getattr(self, name).connect(lambda pointer, name=name: self.told.append((name, pointer)))

        def draw(self) -> None:
            self.frames += 1

    pane = Told()
    pane.resize(200, 150)
    pane.show()
    hand.until(lambda: pane.frames > 0, "the first frame was asked for")
    hand.settle()
    pane.told.clear()
    yield pane
    pane.shut()
    pane.deleteLater()


def names(pane):
    return [name for name, _ in pane.told]


def test_a_drag_is_told_from_press_to_release_in_pixels(pane, hand):
    hand.drag(pane, (30, 40), (60, 80))
    assert names(pane) == ["pressed", *["dragged"] * 10, "released"]
    assert pane.told[0][1].pixel == (30, 40)
    assert pane.told[-1][1].pixel == (60, 80)
    assert not pane.told[0][1].moved
    assert pane.told[-1][1].moved


def test_a_hand_that_trembles_by_two_pixels_clicks(pane, hand):
    hand.press(pane, (30, 40))
    hand.move(pane, (32, 40))
    hand.release(pane, (32, 40))
    assert not pane.told[-1][1].moved


def test_the_wheel_counts_notches(pane, hand):
    hand.wheel(pane, (30, 40), -2, "Control")
    ((name, pointer),) = pane.told
    assert (name, pointer.notches, pointer.ctrl, pointer.shift) == ("wheeled", -2, True, False)


def test_after_a_press_is_forgotten_nothing_is_told_until_the_button_is_let_go(pane, hand):
    hand.press(pane, (30, 40))
    pane.forget_press()
    hand.move(pane, (50, 40))
    assert names(pane) == ["pressed"]
    hand.release(pane, (50, 40))
    hand.press(pane, (50, 40))
    assert names(pane) == ["pressed", "hovered", "pressed"]
    hand.release(pane, (50, 40))


def test_many_requests_give_one_frame_and_a_pane_that_was_shut_none(pane, hand):
    before = pane.frames
    for _ in range(50):
        pane.request()
    hand.settle()
    assert pane.frames == before + 1
    pane.request(10**6)
    pane.request()  # what is due sooner comes first
    hand.settle()
    assert pane.frames == before + 2
    pane.shut()
    pane.request()
    pane.postpone(0)
    hand.settle()
    assert pane.frames == before + 2


def test_a_pane_that_is_hidden_draws_when_it_is_seen_again(pane, hand):
    pane.hide()
    before = pane.frames
    pane.request()
    hand.settle()
    assert pane.frames == before
    pane.show()
    hand.until(lambda: pane.frames > before, "it is drawn")
