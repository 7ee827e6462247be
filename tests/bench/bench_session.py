"""What one move of the mouse costs before anything is drawn.

Run with ``python -m pytest tests/bench/bench_session.py --benchmark-enable --benchmark-columns=min,median,rounds``.
"""

import itertools

import msgspec
import pytest

from volstudio.scene.checks import check
from volstudio.scene.files import scene_bytes
from volstudio.scene.model import Layer, Look, Placement, Scene
from volstudio.scene.parse import parse_scene
from volstudio.session import commands as c
from volstudio.session.entries import Begin, Past, decode, encode
from volstudio.session.journal import Journal
from volstudio.session.session import Session


def placement(x):
    return Placement(((1.0, 0.0, 0.0, float(x)), (0.0, 1.0, 0.0, 0.5), (0.0, 0.0, 1.0, -0.25), (0.0, 0.0, 0.0, 1.0)), "hand")


@pytest.fixture
def scene():
    return Scene(layers=tuple(Layer(f"layer {k}", f"/data/study/sub-01/{k}.nii.gz", placement(k)) for k in range(20)))


def nudging(session):
    counter = itertools.count(1)
    return lambda: session.apply(c.Place("layer 7", placement(next(counter)), gesture="drag"))


def test_nudge_of_20_layers(benchmark, scene):
    session = Session(scene)
    benchmark(nudging(session))
    assert len(session.history.past) == 1


def test_nudge_with_a_listener_that_compares_layers(benchmark, scene):
    session = Session(scene)
    changed = []
    session.on_change(
        lambda before, after: changed.append([b.name for a, b in zip(before.layers, after.layers, strict=True) if a is not b])
    )
    benchmark(nudging(session))
    assert changed[-1] == ["layer 7"]


def test_nudge_with_a_journal(benchmark, scene, tmp_path):
    session = Session(scene, journal=Journal.start(tmp_path))
    benchmark(nudging(session))
    session.close()


def test_crosshair(benchmark, scene):
    session = Session(scene)
    counter = itertools.count(1)
    benchmark(lambda: session.apply(c.SetCrosshair((float(next(counter)), 0.0, 0.0))))
    assert not session.can_undo


def test_undo_and_redo(benchmark, scene):
    session = Session(scene)
    session.apply(c.SetLook("layer 7", Look(colourmap="hot")))
    assert benchmark(lambda: session.undo() and session.redo())


def test_whole_check_of_20_layers(benchmark, scene):
    benchmark(check, scene)


@pytest.mark.parametrize("syntax", ["toml", "json"])
def test_read_a_scene_of_20_layers(benchmark, scene, syntax):
    text = scene_bytes(scene, syntax=syntax).decode()
    assert benchmark(parse_scene, text, syntax=syntax, where="x") == scene


def test_play_back_a_thousand_changes(benchmark, scene):
    session = Session(scene)
    lines = [encode(Begin.of(session)), *(encode(c.Place("layer 7", placement(k + 100), gesture=str(k // 10))) for k in range(1000))]

    def play():
        past = Past(decode(lines[0]))
        for line in lines[1:]:
            past.play(decode(line))
        return past

    assert len(benchmark(play).history.past) == 100


def test_state_of_500_steps(benchmark, scene):
    session = Session(scene)
    for k in range(500):
        session.apply(c.Place(f"layer {k % 20}", placement(k + 100)))
    data = benchmark(lambda: encode(Begin.of(session)))
    assert len(data) < 1_000_000
    assert msgspec.json.decode(data)["do"] == "Begin"
