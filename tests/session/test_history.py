"""The session against a model so simple that it is seen to be right: every state is kept whole, with a number for each drag."""

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from volstudio.scene.model import Layer, Look, Placement, Scene
from volstudio.session import commands as c
from volstudio.session.entries import Begin, Past, decode, encode
from volstudio.session.history import History
from volstudio.session.session import Session

NAMES = ("t1", "epi", "mask")
VIEWS = {"crosshair": c.SetCrosshair, "view": c.SetView, "convention": c.SetConvention}


def placement(x):
    return Placement(((1.0, 0.0, 0.0, float(x)), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0)), "hand")


def content(scene):
    """What undo is about: everything but the view."""
    return c.with_view_of(scene, Scene())


class Model:
    """A list of contents and where we are in it."""

    def __init__(self, scene):
        self.states = [content(scene)]
        self.at = 0
        self.view = c.with_view_of(Scene(), scene)

    @property
    def now(self):
        return self.states[self.at]

    def step(self, after):
        del self.states[self.at + 1 :]
        self.states.append(content(after))
        self.at += 1


class SessionMachine(RuleBasedStateMachine):
    @initialize()
    def begin(self):
        scene = Scene(layers=tuple(Layer(name, f"/{name}.nii") for name in NAMES))
        self.session = Session(scene)
        self.model = Model(scene)
        self.drags = 0
        self.told = [scene]
        self.revision = 0
        self.journal = [Begin.of(self.session)]
        self.session.on_change(lambda before, after: (self.told.append(after), self.check_chain(before)))

    def check_chain(self, before):
        assert self.told[-2] is before

    def apply(self, command):
        before = self.session.scene
        after = self.session.apply(command)
        if after is not before:
            self.revision += 1
            self.journal.append(command)
        return after is not before

    @rule(name=st.sampled_from(NAMES), x=st.integers(-3, 3))
    def place_at_once(self, name, x):
        if name in self.session.scene.names and self.apply(c.Place(name, placement(x))):
            self.model.step(self.session.scene)

    @rule(name=st.sampled_from(NAMES), opacity=st.sampled_from([0.25, 0.5, 1.0]))
    def look(self, name, opacity):
        if name in self.session.scene.names and self.apply(c.SetLook(name, Look(opacity=opacity))):
            self.model.step(self.session.scene)

    @rule(
        name=st.sampled_from(NAMES), xs=st.lists(st.integers(-3, 3), min_size=1, max_size=5), eye=st.floats(-9, 9), cancelled=st.booleans()
    )
    def drag(self, name, xs, eye, cancelled):
        if name not in self.session.scene.names:
            return
        self.drags += 1
        gesture = f"drag-{self.drags}"
        start, states, at = self.model.now, list(self.model.states), self.model.at
        moved = False
        for k, x in enumerate(xs):
            moved |= self.apply(c.Place(name, placement(x), gesture=gesture))
            if k == 1:
                self.move_eye((eye, 0.0, 0.0))
        if cancelled:
            if self.session.cancel(gesture):
                self.revision += 1
                self.journal.append(c_cancel(gesture))
            assert (self.model.states, self.model.at) == (states, at)
        elif content(self.session.scene) != start:
            self.model.step(self.session.scene)
        elif moved:
            del self.model.states[self.model.at + 1 :]

    @rule(name=st.sampled_from(NAMES))
    def remove_or_add(self, name):
        if name in self.session.scene.names:
            self.apply(c.RemoveLayer(name))
        else:
            self.apply(c.AddLayer(Layer(name, f"/{name}.nii"), index=0))
        self.model.step(self.session.scene)

    @rule(point=st.tuples(*[st.floats(-100, 100)] * 3))
    def move_eye(self, point):
        self.apply(c.SetCrosshair(point))

    @rule(convention=st.sampled_from(["neurological", "radiological"]))
    def swap_sides(self, convention):
        self.apply(c.SetConvention(convention))

    @precondition(lambda self: self.model.at > 0)
    @rule()
    def undo(self):
        view = c.with_view_of(Scene(), self.session.scene)
        assert self.session.undo()
        self.note("Undo", view)
        self.model.at -= 1

    @precondition(lambda self: self.model.at + 1 < len(self.model.states))
    @rule()
    def redo(self):
        view = c.with_view_of(Scene(), self.session.scene)
        assert self.session.redo()
        self.note("Redo", view)
        self.model.at += 1

    def note(self, kind, view):
        assert c.with_view_of(Scene(), self.session.scene) == view
        self.revision += 1
        self.journal.append(msgspec.json.encode({"do": kind}))

    @invariant()
    def session_equals_model(self):
        if not hasattr(self, "model"):
            return
        session, model = self.session, self.model
        assert content(session.scene) == model.now
        assert session.can_undo == (model.at > 0)
        assert session.can_redo == (model.at + 1 < len(model.states))
        assert len(session.history.past) == model.at
        assert session.revision == self.revision
        assert self.told[-1] is session.scene
        assert set(session._layer_revisions) == set(session.scene.names)

    def teardown(self):
        """The journal tells the same story; and what it says of the end holds all of it."""
        if not hasattr(self, "model"):
            return
        lines = [line if isinstance(line, bytes) else encode(line) for line in self.journal]
        past = Past(decode(lines[0]))
        for line in lines[1:]:
            past.play(decode(line))
        same_history(past.history, self.session.history)
        same_history(Past(decode(encode(Begin.of(self.session)))).history, self.session.history)


def c_cancel(gesture):
    return msgspec.json.encode({"do": "Cancel", "gesture": gesture})


def same_history(one: History, other: History):
    assert one.scene == other.scene
    assert list(one.past) == list(other.past)
    assert one.future == other.future
    assert one.running == other.running


TestSessionMachine = SessionMachine.TestCase
TestSessionMachine.settings = settings(max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def test_interleaved_drags_cancel_apart():
    session = Session(Scene(layers=tuple(Layer(name, f"/{name}.nii") for name in NAMES)))
    for x in range(1, 4):
        session.apply(c.Place("t1", placement(x), gesture="a"))
        session.apply(c.Place("epi", placement(-x), gesture="b"))
    assert session.cancel("a")
    assert session.scene.layer("t1").placement == Placement()
    assert session.scene.layer("epi").placement == placement(-3)
    assert session.cancel("b")
    assert session.scene.layer("epi").placement == Placement()
    assert not session.can_undo


def test_a_drag_that_returns_after_another_that_returned():
    session = Session(Scene(layers=(Layer("epi", "/e.nii"),)))
    session.apply(c.SetTime("epi", 1))
    session.apply(c.Place("epi", placement(1), gesture="g"))
    session.apply(c.Place("epi", Placement(), gesture="g"))
    session.apply(c.SetTime("epi", 2))
    session.apply(c.SetTime("epi", 1))
    session.apply(c.SetTime("epi", 3))
    assert [step.scene.layers[0].time for step in session.history.past] == [0, 1]
    session.undo()
    session.undo()
    assert session.scene.layers[0].time == 0
