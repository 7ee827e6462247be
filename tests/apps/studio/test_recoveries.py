"""Sessions of studios that were killed: offered at the next start and from the menu, restored with nothing lost."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.window, pytest.mark.slow]


def test_a_killed_session_is_offered_and_restored_with_nothing_lost(launch, scans, tmp_path):
    killed = launch(
        """
        from volstudio.session.commands import Place, SetTitle
        from volstudio.geometry.rigid import RigidTransform
        from volstudio.geometry.affine import Affine
        from volstudio.scene.model import Placement
        for x in (1.0, 2.0, 3.25):
            move = RigidTransform.from_six((x, 0, 0, 0.1, 0, 0), (0, 0, 0)).matrix
            window.desk.apply(Place("epi", Placement.of(Affine(move, "epi:scanner", "scene"))))
        print("ready", flush=True)
        """,
        scans["anatomy"],
        scans["epi"],
    )
    assert killed.stdout.readline().strip() == "ready"
    killed.kill()
    killed.wait(20)
    back = launch(
        """
        (message,) = window.messages.messages
        assert "was not closed" in message.text, message.text
        assert window.desk.shown.layers == ()
        message.buttons["Restore"].click()
        assert window.desk.session.scene.layer("epi").placement.matrix[0][3] == 3.25
        window.desk.undo()
        assert window.desk.session.scene.layer("epi").placement.matrix[0][3] == 2.0
        print("restored", flush=True)
        window.close()
        """
    )
    out, err = back.communicate(timeout=90)
    assert "restored" in out, err
    assert back.returncode == 0
    clean = launch(
        """
        print("messages", len(window.messages.messages), flush=True)
        window.close()
        """
    )
    out, err = clean.communicate(timeout=90)
    assert "messages 0" in out, err


DIE = """
from volstudio.session.commands import SetTitle
window.desk.apply({changes})
print("ready", flush=True)
"""


@pytest.fixture
def leave_behind(launch, scans):
    """Kills studios that have made some changes, one after the other."""

    def left(*changes):
        for each in changes:
            killed = launch(DIE.format(changes=each), scans["anatomy"])
            assert killed.stdout.readline().strip() == "ready"
            killed.kill()
            killed.wait(20)

    return left


def test_a_discarded_session_is_not_offered_again(launch, leave_behind):
    leave_behind('SetTitle("a")')
    for expected, then in (("messages 1", 'window.messages.messages[0].buttons["Discard"].click()'), ("messages 0", "pass")):
        process = launch(
            f"""
            print("messages", len(window.messages.messages), flush=True)
            {then}
            window.close()
            """
        )
        out, err = process.communicate(timeout=90)
        assert expected in out, err
        assert process.returncode == 0


def test_a_session_that_was_only_looked_at_is_not_offered(launch, leave_behind):
    leave_behind("")
    out, err = launch('print("messages", len(window.messages.messages), flush=True); window.close()').communicate(timeout=90)
    assert "messages 0" in out, err


def test_all_of_several_sessions_stay_within_reach_whatever_else_is_said(launch, leave_behind):
    leave_behind('SetTitle("first")', 'SetTitle("second"), SetTitle("third")')
    process = launch(
        """
        for number in range(5):
            window.messages.say(f"news {number}")
        offer = window.messages.messages[0]
        assert "2 sessions" in offer.text and "2 changes" in offer.text, offer.text
        offer.buttons["Next"].click()
        offer = window.messages.messages[-1]
        assert "1 change" in offer.text, offer.text
        offer.buttons["Discard"].click()
        offer = window.messages.messages[-1]
        assert "2 changes" in offer.text, offer.text
        offer.buttons["Restore"].click()
        print("title", window.desk.session.scene.title, flush=True)
        window.close()
        """
    )
    out, err = process.communicate(timeout=90)
    assert "title third" in out, err


def test_an_offer_that_was_closed_is_made_again_from_the_menu(launch, leave_behind):
    leave_behind('SetTitle("a")')
    process = launch(
        """
        (offer,) = window.messages.messages
        offer.close_message()
        assert not window.messages.messages
        window.actions_by_name["recover"].trigger()
        (offer,) = window.messages.messages
        offer.buttons["Restore"].click()
        print("title", window.desk.session.scene.title, flush=True)
        window.actions_by_name["recover"].trigger()
        print("then", [message.text for message in window.messages.messages], flush=True)
        window.close()
        """
    )
    out, err = process.communicate(timeout=90)
    assert "title a" in out, err
    assert "No session is waiting" in out, err
