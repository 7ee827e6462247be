"""The bar in which the window speaks: what stays, what makes room, and what is said again."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.window


@pytest.fixture
def area(app):
    from volstudio.apps.studio.messages import MessageArea

    made = MessageArea()
    made.show()
    yield made
    made.deleteLater()


def test_a_message_that_asks_for_a_decision_stays(area):
    asked = []
    area.say("Decide.", actions=(("Yes", lambda: asked.append(1)),))
    for number in range(6):
        area.say(f"news {number}")
    assert [message.text for message in area.messages] == ["Decide.", "news 3", "news 4", "news 5"]
    area.messages[0].buttons["Yes"].click()
    assert asked == [1]


def test_a_sentence_that_is_said_again_lights_up(area, hand):
    message = area.say("It failed.", "error")
    assert not message.styleSheet()
    assert area.say("It failed.", "error") is message
    assert message.styleSheet()
    hand.until(lambda: not message.styleSheet(), "the light goes out")


def test_good_news_said_again_stay_their_whole_time(area, hand, monkeypatch):
    from volstudio.apps.studio import messages

    monkeypatch.setattr(messages, "GOOD_NEWS_MS", 60)
    message = area.say("Saved.", "good")
    monkeypatch.setattr(messages, "GOOD_NEWS_MS", 60000)
    area.say("Saved.", "good")
    hand.until(lambda: message._timer.remainingTime() < 59800, "time passes")
    assert area.messages == (message,)


def test_an_error_says_what_came_to_nothing(area):
    from volstudio.errors import OutputError

    area.tell(OutputError("The disk is full."), what="a.nii.gz was not written")
    assert area.messages[0].text == "a.nii.gz was not written. The disk is full."
