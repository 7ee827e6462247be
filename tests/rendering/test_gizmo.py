"""The gizmo's algebra against known drags, to 1e-9 mm, without any window."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.geometry.rigid import RigidTransform
from volstudio.rendering.gizmo import ARROW, Gizmo, rotation_about, translation
from volstudio.rendering.planes import SliceView
from volstudio.rendering.rays import CameraRays, pixel_mm

PIVOT = np.array([3.0, -4.0, 7.0])
VIEWPORTS = {"whole": (0, 0, 600, 500), "quarter": (300, 250, 300, 250)}
OBLIQUE = rotation_about((1, -2, 0.5), 0.35, (0, 0, 0))[:3, :3]


def camera(*, parallel=False, viewport=(0, 0, 600, 500), position=(250.0, 420.0, 180.0), up=(0, 0, 1)):
    """Rays of a camera that looks at the origin, made from the textbook's matrices rather than by VTK."""
    eye = np.array(position, float)
    back = eye / np.linalg.norm(eye)
    right = np.cross(up, back)
    right /= np.linalg.norm(right)
    top = np.cross(back, right)
    look = np.eye(4)
    look[:3, :3] = right, top, back
    look[:3, 3] = -look[:3, :3] @ eye
    near, far, aspect = 100.0, 900.0, viewport[2] / viewport[3]
    lens = np.zeros((4, 4))
    if parallel:
        lens[[0, 1, 2, 3], [0, 1, 2, 3]] = 1 / (130 * aspect), 1 / 130, -2 / (far - near), 1
        lens[2, 3] = -(far + near) / (far - near)
    else:
        cot = 1 / np.tan(np.radians(15))
        lens[[0, 1, 2], [0, 1, 2]] = cot / aspect, cot, -(far + near) / (far - near)
        lens[2, 3], lens[3, 2] = -2 * far * near / (far - near), -1
    return CameraRays(lens @ look, viewport, right, top, -back)


@pytest.fixture(params=[(p, v) for p in (False, True) for v in VIEWPORTS], ids=lambda p: f"{'parallel' if p[0] else 'perspective'}-{p[1]}")
def view(request):
    return camera(parallel=request.param[0], viewport=VIEWPORTS[request.param[1]])


def handle(gizmo, view, name):
    return next(h for h in gizmo.handles(view) if h.name == name)


@pytest.mark.parametrize("axes", [np.eye(3), OBLIQUE], ids=["world", "local"])
@pytest.mark.parametrize("k", range(3))
def test_arrow_moves_the_grabbed_point_under_the_cursor(view, k, axes):
    gizmo = Gizmo(PIVOT, axes)
    grip = PIVOT + gizmo.axes[k] * gizmo.size * pixel_mm(view, PIVOT) * 0.8
    drag = gizmo.press(view, view.project(grip)[0], f"move-{'xyz'[k]}")
    change = drag.to(view, view.project(grip + gizmo.axes[k] * 17.25)[0])
    assert np.abs(change - translation(gizmo.axes[k] * 17.25)).max() < 1e-9


@pytest.mark.parametrize("axes", [np.eye(3), OBLIQUE], ids=["world", "local"])
@pytest.mark.parametrize("k", range(3))
def test_ring_turns_about_the_pivot(view, k, axes):
    gizmo = Gizmo(PIVOT, axes)
    u, v = gizmo.axes[(k + 1) % 3], gizmo.axes[(k + 2) % 3]
    grips = [PIVOT + 40 * (np.cos(a) * u + np.sin(a) * v) for a in (0.6, 1.3)]
    drag = gizmo.press(view, view.project(grips[0])[0], f"turn-{'xyz'[k]}")
    change = drag.to(view, view.project(grips[1])[0])
    assert np.abs(change - rotation_about(gizmo.axes[k], 0.7, PIVOT)).max() < 1e-9
    assert np.allclose(change[:3, :3] @ PIVOT + change[:3, 3], PIVOT, atol=1e-9)


@pytest.mark.parametrize("k", range(3))
def test_square_moves_in_its_plane(view, k):
    gizmo = Gizmo(PIVOT)
    way = np.roll([0.0, 6.5, -3.25], k)
    drag = gizmo.press(view, view.project(PIVOT)[0], f"plane-{'xyz'[k]}")
    assert np.abs(drag.to(view, view.project(PIVOT + way)[0]) - translation(way)).max() < 1e-9


def test_centre_moves_parallel_to_the_screen(view):
    way = view.right * 9 - view.up * 4
    drag = Gizmo(PIVOT).press(view, view.project(PIVOT)[0], "free")
    assert np.abs(drag.to(view, view.project(PIVOT + way)[0]) - translation(way)).max() < 1e-9


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
@pytest.mark.parametrize("convention", ["neurological", "radiological"])
def test_slice_handles(plane, convention):
    view = SliceView(plane, (1.0, 2.0, 3.0), 180.0, (400, 300), convention)
    gizmo = Gizmo(PIVOT, OBLIQUE)
    assert {h.name for h in gizmo.handles(view)} == {"roll", "move-right", "move-up", "free"}
    for name, way in {"move-right": view.right * 5, "move-up": view.up * -3, "free": view.right * 2 + view.up * 7}.items():
        drag = gizmo.press(view, view.project(PIVOT)[0], name)
        assert np.abs(drag.to(view, view.project(PIVOT + way)[0]) - translation(way)).max() < 1e-9
    start, end = (PIVOT + 30 * (np.cos(a) * view.right + np.sin(a) * view.up) for a in (0.2, 0.9))
    change = gizmo.press(view, view.project(start)[0], "roll").to(view, view.project(end)[0])
    assert np.allclose(change[:3, :3] @ (start - PIVOT), end - PIVOT, atol=1e-9)
    assert np.abs(change - rotation_about(-view.direction, 0.7, PIVOT)).max() < 1e-9


def test_drags_are_rigid_and_start_at_the_identity(view):
    gizmo = Gizmo(PIVOT)
    for h in gizmo.handles(view):
        pixel = view.project(h.line[:1])[0]
        drag = gizmo.press(view, pixel, h.name)
        assert np.abs(drag.to(view, pixel) - np.eye(4)).max() < 1e-9
        RigidTransform.from_matrix(drag.to(view, pixel + np.array([13, -7])))


def test_a_half_turn_has_no_jump():
    view = camera()
    gizmo = Gizmo(PIVOT)
    at = [PIVOT + 40 * np.array([np.cos(a), np.sin(a), 0]) for a in np.radians([170, 178, 182, 190])]
    drag = gizmo.press(view, view.project(at[0])[0], "turn-z")
    turns = [drag.to(view, view.project(p)[0]) for p in at[1:]]
    for change, angle in zip(turns, np.radians([8, 12, 20]), strict=True):
        assert np.abs(change - rotation_about((0, 0, 1), angle, PIVOT)).max() < 1e-9


@pytest.mark.parametrize("parallel", [False, True])
def test_ring_seen_edge_on_follows_the_tangent(parallel):
    view = camera(parallel=parallel, position=(0.0, 400.0, 0.0))
    gizmo = Gizmo(np.zeros(3))
    radius = gizmo.size if parallel else np.nan
    # Looking along -y, the ring about z is a horizontal line; its side towards the eye moves to the left when it turns by a positive angle.
    drag = gizmo.press(view, view.project(np.zeros(3))[0] + (20, 1), "turn-z")
    ahead, more = (drag.to(view, view.project(np.zeros(3))[0] + (20 + n, 1)) for n in (30, 60))
    angle = np.arctan2(ahead[1, 0], ahead[0, 0])
    assert abs(angle) > 0.2
    assert np.isclose(np.arctan2(more[1, 0], more[0, 0]), 2 * angle, atol=1e-9)
    grip = np.array([0.0, 20.0, 0.0])
    moved = ahead[:3, :3] @ grip + ahead[:3, 3]
    assert view.project(moved)[0, 0] > view.project(grip)[0, 0] + 1
    if parallel:
        assert np.isclose(abs(angle), 30 / radius, atol=1e-9)


def test_arrow_towards_the_eye_is_not_offered():
    view = camera(position=(0.0, 400.0, 0.0))
    names = {h.name for h in Gizmo(np.zeros(3)).handles(view)}
    assert "move-y" not in names
    assert {"move-x", "move-z", "turn-y", "free"} <= names
    assert Gizmo(np.zeros(3)).press(view, (300, 250), "move-y") is None


def test_cursor_beyond_the_vanishing_point_keeps_the_last_change():
    view = camera(position=(0.0, 100.0, 400.0))
    drag = Gizmo(np.zeros(3)).press(view, view.project([0, 30.0, 0])[0], "move-y")
    last = drag.to(view, view.project([0, 20.0, 0])[0])
    assert np.array_equal(drag.to(view, (300.0, -1e6)), last)


@pytest.mark.parametrize("snap", [False, True])
def test_snap_gives_whole_millimetres_and_degrees(view, snap):
    gizmo = Gizmo(PIVOT, OBLIQUE)
    drag = gizmo.press(view, view.project(PIVOT)[0], "plane-z")
    way = drag.to(view, view.project(PIVOT + gizmo.axes[0] * 3.4 + gizmo.axes[1] * 7.7)[0], snap=snap)[:3, 3]
    assert np.allclose(gizmo.axes @ way, [3, 8, 0] if snap else [3.4, 7.7, 0], atol=1e-9)
    arrow = gizmo.press(view, view.project(PIVOT)[0], "move-x")
    moved = arrow.to(view, view.project(PIVOT + gizmo.axes[0] * 4.6)[0], snap=snap)[:3, 3] @ gizmo.axes[0]
    assert np.isclose(moved, 5.0 if snap else 4.6, atol=1e-9)
    grips = [PIVOT + 40 * (np.cos(a) * gizmo.axes[0] + np.sin(a) * gizmo.axes[1]) for a in np.radians([10, 32.4])]
    ring = gizmo.press(view, view.project(grips[0])[0], "turn-z").to(view, view.project(grips[1])[0], snap=snap)
    assert np.abs(ring - rotation_about(gizmo.axes[2], np.radians(22.0 if snap else 22.4), PIVOT)).max() < 1e-9


def test_same_size_on_the_screen_at_any_zoom():
    for distance in (150.0, 900.0):
        view = camera(parallel=False, position=(0.0, distance, 0.0))
        ring = handle(Gizmo(np.zeros(3)), view, "turn-y")
        pixels = view.project(ring.line)
        assert np.allclose(np.linalg.norm(pixels - view.project(np.zeros(3)), axis=1), Gizmo(np.zeros(3)).size, rtol=1e-9)


def test_hit_finds_what_is_aimed_at(view):
    gizmo = Gizmo(PIVOT)
    scale = gizmo.size * pixel_mm(view, PIVOT)
    assert gizmo.hit(view, view.project(PIVOT)[0]) == "free"
    for k, letter in enumerate("xyz"):
        assert gizmo.hit(view, view.project(PIVOT + gizmo.axes[k] * scale * ARROW[1])[0]) == f"move-{letter}"
        square = PIVOT + (1 - np.eye(3)[k]) @ np.diag([0.47 * scale] * 3)
        assert gizmo.hit(view, view.project(square)[0]) == f"plane-{letter}"
    corner = np.array(view.viewport[:2]) + 2
    assert gizmo.hit(view, corner) is None


def test_hit_prefers_the_near_side_of_a_ring():
    view = camera(parallel=True, position=(0.0, 400.0, 60.0))
    gizmo = Gizmo(np.zeros(3))
    ring = handle(gizmo, view, "turn-z")
    assert ring.faint.any()
    assert (~ring.faint).any()
    near = ring.line[~ring.faint]
    assert (near[:, 1] > -1e-6 * gizmo.size).all()


def test_camera_rays_invert_projection(view):
    points = np.random.default_rng(1).normal(size=(20, 3)) * 40
    for point, pixel in zip(points, view.project(points), strict=True):
        origin, direction = view.ray(pixel)
        arm = point - origin
        assert np.linalg.norm(arm - direction * (arm @ direction)) < 1e-9
        assert direction @ view.direction > 0.9


def test_direction_to_the_eye(view):
    point = np.array([3.0, 40.0, -7.0])
    _, direction = view.ray(view.project(point)[0])
    assert np.allclose(view.towards_eye(point), -direction, atol=1e-9)
