"""The drawn gizmo is where the gizmo is."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from volstudio.rendering.gizmo import Gizmo
from volstudio.rendering.gizmo_actor import AXIS_COLOURS, HOT, GizmoActor, polylines
from volstudio.rendering.planes import SliceView
from volstudio.scene.model import Camera, Scene


def test_every_handle_has_its_line_and_colour():
    view = SliceView("axial", (0, 0, 0), 200.0, (300, 300))
    gizmo = Gizmo((5.0, 6.0, 7.0))
    strokes = polylines(gizmo, view)
    drawn = np.concatenate([stroke.points for stroke in strokes])
    for handle in gizmo.handles(view):
        line = view.project(handle.line)
        tip = line[-1] if handle.kind == "move" else line[3]
        assert np.linalg.norm(drawn - tip, axis=1).min() < 1e-6
    assert {stroke.colour for stroke in polylines(gizmo, view, hot="roll")} >= {HOT}


@pytest.mark.parametrize(("plane", "axes"), [("axial", (2, 0, 1)), ("coronal", (1, 0, 2)), ("sagittal", (0, 1, 2))])
def test_in_a_slice_the_handles_wear_the_colours_of_the_axes_they_follow(plane, axes):
    gizmo = Gizmo(np.zeros(3), size=70.0)
    view = SliceView(plane, (0.0, 0.0, 0.0), 200.0, (300, 300))
    shown = {handle.name: handle for handle in gizmo.handles(view)}
    for name, axis in zip(("roll", "move-right", "move-up"), axes, strict=True):
        end = view.project(shown[name].line)[-1]
        colours = {s.colour for s in polylines(gizmo, view) if np.hypot(*(s.points - end).T).min() < 1e-6 and s.colour != (0.0, 0.0, 0.0)}
        assert colours == {AXIS_COLOURS[axis]}


@pytest.mark.gl
@pytest.mark.parametrize("viewport", [(0, 0, 1, 1), (0.5, 0.5, 1, 1)])
def test_handles_are_drawn_on_their_pixels_over_everything(viewport, make_volume, make_scene, make_view):
    scene, find = make_scene(make_volume(np.ones((30, 30, 30), np.float32), np.diag([2.0, 2, 2, 1])))
    from volstudio.volumes.store import path_of

    scene = msgspec.structs.replace(scene, layers=tuple(msgspec.structs.replace(x, path=path_of(find(x))) for x in scene.layers))
    view, picture = make_view(find, (500, 400))
    view._renderer.SetViewport(*viewport)
    camera = Camera((260.0, 300.0, 150.0), (29.0, 29.0, 29.0))
    view.sync(None, msgspec.structs.replace(scene, camera=camera, letters=False, show_crosshair=False))
    gizmo = Gizmo((29.0, 29.0, 29.0), size=60)
    actor = GizmoActor(view._renderer)
    actor.show(gizmo)
    pixels = picture().astype(float) / 255
    rays = view.rays()
    for k, letter in enumerate("xyz"):
        arrow = next(handle for handle in gizmo.handles(rays) if handle.name == f"move-{letter}")
        x, y = np.rint(rays.project(arrow.line[0] + 0.6 * (arrow.line[-1] - arrow.line[0]))[0]).astype(int)
        assert np.abs(pixels[y - 1 : y + 2, x - 1 : x + 2] - AXIS_COLOURS[k]).max(axis=2).min() < 0.12
    actor.show(None)
    assert (np.abs(picture() / 255.0 - AXIS_COLOURS[0]).max(axis=2) > 0.1).all()
    actor.close()


@pytest.mark.gl
def test_an_empty_scene_draws_its_background(make_view):
    view, picture = make_view(lambda layer: layer)
    view.sync(None, Scene(background=(0.2, 0.4, 0.6)))
    assert np.abs(picture() - np.array([51, 102, 153])).max() <= 1
