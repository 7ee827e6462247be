import threading

import pytest

from volstudio.errors import CommandError, SceneError
from volstudio.scene.model import Layer, Look, Placement, Scene
from volstudio.session import commands as c
from volstudio.session.history import MAX_STEPS
from volstudio.session.session import Session

SCENE = Scene(layers=tuple(Layer(name, f"/data/{name}.nii") for name in ("t1", "epi", "mask")))


def shift(x, made_by="hand"):
    return Placement(((1.0, 0.0, 0.0, float(x)), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0)), made_by)


def x_of(session, name="epi"):
    return session.scene.layer(name).placement.matrix[0][3]


@pytest.fixture
def session():
    return Session(SCENE)


def test_a_drag_of_many_moves_is_one_step(session):
    for x in range(1, 1001):
        session.apply(c.Place("epi", shift(x), gesture="drag-1"))
    assert x_of(session) == 1000
    assert session.revision == 1000
    assert session.undo_text == "Move epi"
    assert session.undo()
    assert session.scene == SCENE
    assert not session.can_undo
    assert session.redo()
    assert x_of(session) == 1000


def test_two_drags_are_two_steps(session):
    for gesture in ("a", "b"):
        for x in (1, 2, 3):
            session.apply(c.Place("epi", shift(x + ord(gesture)), gesture=gesture))
    assert len(session.history.past) == 2


def test_a_drag_back_to_its_start_leaves_no_step(session):
    for x in (1, 2, 0):
        session.apply(c.Place("epi", SCENE.layer("epi").placement if x == 0 else shift(x), gesture="a"))
    assert not session.can_undo
    session.apply(c.Place("epi", shift(4), gesture="a"))
    assert len(session.history.past) == 1
    session.undo()
    assert session.scene == SCENE


def test_moving_the_eye_does_not_break_a_drag_and_makes_no_step(session):
    session.apply(c.Place("epi", shift(1), gesture="a"))
    session.apply(c.SetCrosshair((1.0, 2.0, 3.0)))
    session.apply(c.Place("epi", shift(2), gesture="a"))
    assert len(session.history.past) == 1
    session.undo()
    assert x_of(session) == 0
    assert session.scene.crosshair == (1.0, 2.0, 3.0)


def test_undo_is_bit_exact_and_shares_layers(session):
    odd = Placement(((1.0, 0.0, 0.0, 0.1 + 0.2), (0.0, 1.0, 0.0, 1e-17), (0.0, 0.0, 1.0, -3.3e5), (0.0, 0.0, 0.0, 1.0)), "hand")
    session.apply(c.Place("epi", odd))
    placed = session.scene.layer("epi")
    session.apply(c.Place("epi", shift(1)))
    session.undo()
    assert session.scene.layer("epi") is placed
    assert session.scene.layer("t1") is SCENE.layers[0]


def test_undo_keeps_the_view_of_now_and_never_swaps_sides(session):
    session.apply(c.SetTitle("x"))
    session.apply(c.SetConvention("radiological"))
    session.apply(c.SetView("3d"))
    session.undo()
    assert (session.scene.title, session.scene.convention, session.scene.view) == ("", "radiological", "3d")
    session.apply(c.SetCrosshair((9.0, 9.0, 9.0)))
    assert session.can_redo
    session.redo()
    assert (session.scene.title, session.scene.crosshair) == ("x", (9.0, 9.0, 9.0))


def test_undo_of_another_scene_brings_back_how_the_former_was_seen(session):
    session.apply(c.SetCrosshair((1.0, 1.0, 1.0)))
    session.apply(c.ReplaceScene(Scene(title="other", crosshair=(50.0, 0.0, 0.0))))
    session.apply(c.SetView("axial"))
    session.undo()
    assert session.scene.crosshair == (1.0, 1.0, 1.0)
    assert session.scene.view == "quad"
    session.redo()
    assert (session.scene.title, session.scene.view) == ("other", "axial")


def test_a_new_step_forgets_what_could_be_redone(session):
    session.apply(c.SetTitle("a"))
    session.undo()
    session.apply(c.SetTitle("b"))
    assert not session.redo()
    assert session.scene.title == "b"


def test_nothing_to_undo(session):
    assert not session.undo()
    assert not session.redo()
    assert session.undo_text == session.redo_text == ""
    assert session.revision == 0


def test_history_is_bounded(session):
    for k in range(MAX_STEPS + 20):
        session.apply(c.SetTitle(str(k)))
    assert len(session.history.past) == MAX_STEPS
    while session.undo():
        pass
    assert session.scene.title == "19"


def test_a_command_that_changes_nothing_is_nothing(session):
    told = []
    session.on_change(lambda *change: told.append(change))
    assert session.apply(c.SetLook("epi", Look())) is session.scene
    assert (session.revision, told, session.can_undo) == (0, [], False)


class TestCancel:
    def test_cancel_takes_the_drag_back_without_a_trace(self, session):
        session.apply(c.SetTitle("a"))
        session.apply(c.SetTitle("b"))
        session.undo()
        for x in (1, 2):
            session.apply(c.Place("epi", shift(x), gesture="g"))
        assert not session.can_redo
        assert session.cancel("g")
        assert session.scene.layer("epi") is SCENE.layer("epi")
        assert [step.command.text for step in session.history.past] == ["Change title"]
        assert session.redo()
        assert session.scene.title == "b"

    def test_cancel_keeps_what_was_done_meanwhile(self, session):
        session.apply(c.Place("epi", shift(1), gesture="g"))
        session.apply(c.SetLook("epi", Look(colourmap="hot")))
        session.apply(c.Place("epi", shift(2), gesture="g"))
        session.apply(c.SetCrosshair((1.0, 2.0, 3.0)))
        assert session.cancel("g")
        assert x_of(session) == 0
        assert session.scene.layer("epi").look.colourmap == "hot"
        assert session.scene.crosshair == (1.0, 2.0, 3.0)
        assert session.undo()
        assert session.scene.layers == SCENE.layers
        assert not session.can_undo

    def test_cancel_of_an_unknown_or_empty_gesture_does_nothing(self, session):
        session.apply(c.Place("epi", shift(1)))
        assert not session.cancel("g")
        assert not session.cancel("")
        assert x_of(session) == 1

    def test_a_cancelled_drag_can_go_on_as_a_new_one(self, session):
        session.apply(c.Place("epi", shift(1), gesture="g"))
        session.cancel("g")
        session.apply(c.Place("epi", shift(2), gesture="g"))
        session.undo()
        assert session.scene == SCENE


class TestListeners:
    def test_listeners_get_before_and_after(self, session):
        told = []
        stop = session.on_change(lambda before, after: told.append((before.title, after.title)))
        session.apply(c.SetTitle("a"))
        session.undo()
        stop()
        stop()
        session.redo()
        assert told == [("", "a"), ("a", "")]

    def test_an_error_of_a_listener_comes_out_and_harms_nothing(self, session):
        told = []

        def broken(before, after):
            raise ZeroDivisionError("a view failed")

        session.on_change(broken)
        session.on_change(lambda before, after: told.append(after.title))
        with pytest.raises(ZeroDivisionError, match="a view failed"):
            session.apply(c.SetTitle("a"))
        assert told == ["a"]
        assert session.scene.title == "a"
        with pytest.raises(ZeroDivisionError):
            session.undo()
        assert session.scene == SCENE

    def test_several_errors_come_out_together(self, session):
        for error in (ZeroDivisionError(), KeyError()):

            def broken(before, after, error=error):
                raise error

            session.on_change(broken)
        with pytest.raises(ExceptionGroup) as caught:
            session.apply(c.SetTitle("a"))
        assert len(caught.value.exceptions) == 2

    def test_a_listener_may_answer_and_all_hear_in_order(self, session):
        first, second = [], []

        def answering(before, after):
            first.append(after.title)
            if after.title == "a":
                assert session.apply(c.SetTitle("b")).title == "b"
                assert session.scene.title == "b"

        session.on_change(answering)
        session.on_change(lambda before, after: second.append((before.title, after.title)))
        session.apply(c.SetTitle("a"))
        assert first == ["a", "b"]
        assert second == [("", "a"), ("a", "b")]

    def test_answers_without_end_are_stopped(self, session):
        session.on_change(lambda before, after: session.apply(c.SetTitle(after.title + "x" if len(after.title) < 400 else "")))
        with pytest.raises(CommandError, match="without end"):
            session.apply(c.SetTitle("a"))
        assert session.scene.title

    def test_a_listener_that_leaves_while_told_spoils_nothing(self, session):
        told = []
        stops = []

        def once(before, after):
            told.append("once")
            stops[0]()

        stops.append(session.on_change(once))
        session.on_change(lambda before, after: told.append("other"))
        session.apply(c.SetTitle("a"))
        session.apply(c.SetTitle("b"))
        assert told == ["once", "other", "other"]


class TestRefusals:
    def test_a_command_that_does_not_fit_changes_nothing(self, session):
        with pytest.raises(CommandError, match="no layer 'ep'"):
            session.apply(c.RemoveLayer("ep"))
        assert session.scene is SCENE
        assert session.revision == 0

    def test_the_rules_of_the_scene_hold(self, session):
        scaled = Placement(((2.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0)), "hand")
        with pytest.raises(CommandError, match="placement of layer 'epi' is not rigid"):
            session.apply(c.Place("epi", scaled))
        assert session.scene is SCENE

    def test_a_session_begins_with_a_sound_scene(self):
        with pytest.raises(SceneError, match="Two layers are called 'a'"):
            Session(Scene(layers=(Layer("a", "/a"), Layer("a", "/b"))))

    def test_other_threads_must_post(self, session):
        caught = []

        def other():
            try:
                session.apply(c.SetTitle("a"))
            except CommandError as error:
                caught.append(str(error))

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert "post()" in caught[0]
        assert session.scene is SCENE


class TestPosting:
    def test_posts_from_many_threads_all_run_on_the_owner(self, session):
        ran = []

        def worker_posting(k):
            for n in range(50):
                session.post(lambda n=n: ran.append((k, n, threading.get_ident())))

        threads = [threading.Thread(target=worker_posting, args=(k,)) for k in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert session.drain() == 400
        assert {ident for *_, ident in ran} == {threading.get_ident()}
        for k in range(8):
            assert [n for who, n, _ in ran if who == k] == list(range(50))
        assert session.drain() == 0

    def test_an_error_leaves_the_rest_posted(self, session):
        session.post(lambda: 1 / 0)
        session.post(lambda: session.apply(c.SetTitle("after")))
        with pytest.raises(ZeroDivisionError):
            session.drain()
        assert session.drain() == 1
        assert session.scene.title == "after"

    def test_what_is_posted_while_draining_waits(self, session):
        session.post(lambda: session.post(lambda: None))
        assert session.drain() == 1
        assert session.drain() == 1

    def test_the_owner_is_woken(self, session):
        woken = []
        session.on_post(lambda: woken.append(threading.get_ident()))
        thread = threading.Thread(target=lambda: session.post(lambda: None))
        thread.start()
        thread.join()
        assert len(woken) == 1


class TestRevisions:
    def test_only_what_a_job_depends_on_counts(self, session):
        session.apply(c.SetLook("epi", Look(colourmap="hot")))
        session.apply(c.SetPivot("epi", (1.0, 2.0, 3.0)))
        session.apply(c.SetBox("epi", box=False))
        assert session.layer_revision("epi") == 0
        session.apply(c.Place("epi", shift(1)))
        assert (session.layer_revision("epi"), session.layer_revision("t1")) == (4, 0)
        session.apply(c.SetTime("epi", 2))
        assert session.layer_revision("epi") == 5
        session.undo()
        assert session.layer_revision("epi") == 6
        session.apply(c.MoveLayer("epi", 0))
        assert session.layer_revision("epi") == 6

    def test_a_layer_that_was_away_counts_as_changed(self, session):
        session.apply(c.RemoveLayer("epi"))
        with pytest.raises(CommandError, match="no layer 'epi'"):
            session.layer_revision("epi")
        session.undo()
        assert session.layer_revision("epi") == 2


class TestSaved:
    def test_dirty_follows_the_content(self, session, tmp_path):
        assert not session.dirty
        session.apply(c.SetCrosshair((1.0, 2.0, 3.0)))
        assert not session.dirty
        session.apply(c.SetTitle("a"))
        assert session.dirty
        session.mark_saved(tmp_path / "a.toml")
        assert not session.dirty
        assert session.saved_path == tmp_path / "a.toml"
        session.undo()
        assert session.dirty
        session.redo()
        assert not session.dirty
