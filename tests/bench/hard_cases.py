"""Hard cases of rigid registration, each with an exact truth: lesions, noise, distortion, parts of a head, other sizes, odd surroundings.

A case is a pair of volumes of one anatomy, scanned on two grids. The moving volume's header is wrong by a known move about its middle,
drawn from a level and a seed; the voxels stay. ``build(kind, level, seed)`` makes a case, `KINDS` says what there is.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import hard_anatomy as anatomies
import hard_degradations as harm
import numpy as np
from hard_anatomy import grid_about

from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.geometry.rigid import RigidTransform
from volstudio.volumes.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KINDS", "LEVELS", "Case", "build"]

# Degrees, and mm for a head of 192 mm: other objects are moved in proportion.
LEVELS = {"easy": ((1, 5), (1, 5)), "medium": ((5, 15), (5, 20)), "hard": ((15, 45), (20, 60)), "extreme": ((45, 180), (20, 100))}
HEAD_MM = 192
MOST_TILT = 20  # degrees between the grids of the two scans
TARGETS = 1500


@dataclass(frozen=True)
class Case:
    """A pair and its truth.

    ``truth``: (4, 4) fixed -> moving; ``points``: (n, 3) mm of the fixed world, on the part of the object that the moving volume shows;
    ``tolerance_mm``: below it the place is found, a 96th of the object's width (2 mm for a head), at most the moving voxel's longest edge.
    """

    fixed: Volume
    moving: Volume
    truth: np.ndarray
    points: np.ndarray
    tolerance_mm: float
    angle_deg: float

    def error_mm(self, fixed_to_moving):
        """Mean distance from the truth over the points."""
        change = fixed_to_moving - self.truth
        return float(np.linalg.norm(self.points @ change[:3, :3].T + change[:3, 3], axis=1).mean())


@dataclass(frozen=True)
class Kind:
    """How a kind of case is made.

    ``thing``: what is scanned, ``field``: the moving grid of (anatomy, axes, rng), ``contrast`` of the moving scan, ``harms`` done to it in
    turn, ``finish``: its stored values. ``fixed_*`` likewise; ``fixed_voxel`` is in 192ths of the object's width, as every length here.
    """

    field: Callable
    thing: str = "head"
    contrast: Callable | None = None
    harms: tuple[Callable, ...] = ()
    finish: Callable | None = None
    fixed_voxel: float = 1.25
    fixed_thing: str | None = None
    fixed_field: Callable | None = None
    fixed_harms: tuple[Callable, ...] = ()
    fixed_finish: Callable | None = None


# ---------------------------------------------------------------------------------------------------------------------- grids
def whole(*voxel, margin=24, share=1.0):
    """All of the object, or a share of each edge around a random place."""

    def field(anatomy, axes, rng):
        unit = anatomy.width / HEAD_MM
        edges = np.diff(anatomy.box, axis=0)[0]
        centre = anatomy.centre + (1 - share) * 0.5 * rng.uniform(-1, 1, 3) * edges
        return grid_about(centre, edges * share + (margin * unit if share == 1 else 0), np.array(voxel) * unit, axes)

    return field


def slab(axis, thickness, voxel=1.5, slices=None):
    """A slab of a thickness across one axis of the object, between a third and two thirds of its length."""

    def field(anatomy, axes, rng):
        unit = anatomy.width / HEAD_MM
        edges = np.diff(anatomy.box, axis=0)[0]
        centre, extent = anatomy.centre.copy(), edges + 24 * unit
        centre[axis] += rng.uniform(-1, 1) * edges[axis] / 6
        extent[axis] = thickness * unit
        steps = np.full(3, voxel * unit)
        steps[axis] = thickness * unit / slices if slices else min(2 * voxel, thickness / 4) * unit
        return grid_about(centre, extent, steps, axes)

    return field


def octant(voxel):
    """An eighth of the object's box: half of each edge, in a random corner."""

    def field(anatomy, axes, rng):
        unit, edges = anatomy.width / HEAD_MM, np.diff(anatomy.box, axis=0)[0]
        return grid_about(anatomy.centre + rng.choice([-0.25, 0.25], 3) * edges, edges / 2, voxel * unit, axes)

    return field


def end_of(axis, share, sign, voxel=1.5):
    """One end of the object: a share of its length along an axis, all of it across."""

    def field(anatomy, axes, rng):
        unit, edges = anatomy.width / HEAD_MM, np.diff(anatomy.box, axis=0)[0]
        centre, extent = anatomy.centre.copy(), edges + 16 * unit
        centre[axis] += sign * (1 - share) / 2 * edges[axis]
        extent[axis] = share * edges[axis]
        return grid_about(centre, extent, voxel * unit, axes)

    return field


def cube(edge, voxel=1.5):
    """A cube in the middle parts of the object, away from its surface where there is room."""

    def field(anatomy, axes, rng):
        unit, edges = anatomy.width / HEAD_MM, np.diff(anatomy.box, axis=0)[0]
        return grid_about(anatomy.centre + rng.uniform(-0.2, 0.2, 3) * edges, np.full(3, edge * unit), voxel * unit, axes)

    return field


def padded(anatomy, axes, rng):
    """The object in a corner of a field of view of twice its size."""
    unit, edges = anatomy.width / HEAD_MM, np.diff(anatomy.box, axis=0)[0]
    return grid_about(anatomy.centre + rng.choice([-0.45, 0.45], 3) * edges, edges * 1.95, 2.5 * unit, axes)


# ------------------------------------------------------------------------------------------------------- contrasts and numbers
def other(values):
    """Another contrast: fluid bright, grey above white, skin and fat dim."""
    return np.interp(values, (0, 0.08, 0.2, 0.4, 0.6, 0.8, 1.0, 3.0), (0, 0.05, 0.9, 0.8, 0.6, 0.4, 0.45, 0.6)).astype(np.float32)


def glow(values):
    """An uptake: only the upper middle of the range shines."""
    return np.interp(values, (0, 0.3, 0.5, 0.65, 0.8, 1.0, 3.0), (0.02, 0.05, 0.5, 1.0, 0.35, 0.2, 0.2)).astype(np.float32)


def stored(values):
    """Whole numbers up to some thousand."""
    return np.rint(values * 1000).astype(np.int16)


def inverted(values):
    """Bright surroundings, as in a negative or bright-field microscopy."""
    return np.rint((values.max() - values) * 800).astype(np.int16)


def offset(values):
    """A constant of ten thousand below everything, and negative numbers about it."""
    return (values * 500 - 10_000).astype(np.float32)


def hounsfield(values):
    """A CT: air at -1000, soft tissue about 40, bone up to 1500; from values with bone above 0.7."""
    return np.rint(np.interp(values, (0, 0.1, 0.15, 0.65, 0.8, 1.0), (-1000, -900, -30, 90, 500, 1500))).astype(np.int16)


def labels(values):
    """Nine classes with names in no order, int8."""
    names = np.array([0, 17, 3, 120, -5, 41, 8, 77, 2], np.int8)
    return names[np.digitize(values, (0.08, 0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9))]


def with_holes(values):
    """NaN outside the object, as masked scans have."""
    return np.where(values > 0.05, values * 100, np.nan).astype(np.float32)


LIGHT = harm.rician(30)
KINDS = {
    "tumour, bright": Kind(whole(1.5, 1.5, 2), harms=(harm.tumour(1.3), LIGHT)),
    "tumour, dark": Kind(whole(1.5, 1.5, 2), contrast=other, harms=(harm.tumour(0.08), LIGHT)),
    "resection": Kind(whole(1.5, 1.5, 2), harms=(harm.tumour(0.0, 0.35), LIGHT)),
    "contrast agent": Kind(whole(1.5, 1.5, 1.5), harms=(harm.vessels, LIGHT)),
    "noise, SNR 5": Kind(whole(2, 2, 2), contrast=other, harms=(harm.rician(5),)),
    "noise, SNR 3": Kind(whole(2, 2, 2), contrast=other, harms=(harm.rician(3),)),
    "noise in both, SNR 4": Kind(whole(2, 2, 2), harms=(harm.rician(4),), fixed_harms=(harm.rician(4),)),
    "bias": Kind(whole(2, 2, 2), harms=(harm.bias(0.85), LIGHT)),
    "bias, other contrast": Kind(whole(2, 2, 2), contrast=other, harms=(harm.bias(0.8), LIGHT)),
    "hot spot": Kind(whole(2.5, 2.5, 3), contrast=glow, harms=(harm.blurred(0.03), harm.hot_spot, LIGHT)),
    "ghosts": Kind(whole(2, 2, 2), harms=(harm.ghost(0.25), LIGHT)),
    "EPI distorted": Kind(whole(3, 3, 3.6), contrast=other, harms=(harm.distorted(0.045), harm.dropout, harm.ghost(0.05), harm.rician(15))),
    "PET blurred": Kind(whole(2.5, 2.5, 3), contrast=glow, harms=(harm.blurred(0.035), harm.rician(12))),
    "slab 20 axial": Kind(slab(2, 20), contrast=other, harms=(LIGHT,)),
    "slab 20 coronal": Kind(slab(1, 20), contrast=other, harms=(LIGHT,)),
    "slab 20 sagittal": Kind(slab(0, 20), contrast=other, harms=(LIGHT,)),
    "slab 10 axial": Kind(slab(2, 10), contrast=other, harms=(LIGHT,)),
    "slab 10 coronal": Kind(slab(1, 10), contrast=other, harms=(LIGHT,)),
    "slab 10 sagittal": Kind(slab(0, 10), contrast=other, harms=(LIGHT,)),
    "slab 10, EPI": Kind(slab(2, 10, 3, slices=3), contrast=other, harms=(harm.distorted(0.02), harm.dropout, harm.rician(12))),
    "slab 20, PET": Kind(slab(2, 20, 2.5), contrast=glow, harms=(harm.blurred(0.035), harm.rician(10))),
    "slab 5 axial": Kind(slab(2, 5, slices=3), contrast=other, harms=(harm.rician(15),)),
    "cube 60": Kind(cube(60), contrast=other, harms=(LIGHT,)),
    "cube 40": Kind(cube(40), contrast=other, harms=(LIGHT,)),
    "cube 25": Kind(cube(25), contrast=other, harms=(LIGHT,)),
    "octant, EPI": Kind(octant(3), contrast=other, harms=(harm.dropout, harm.bias(0.5), harm.rician(10))),
    "octant": Kind(octant(1.5), harms=(LIGHT,)),
    "octant, other contrast": Kind(octant(1.5), contrast=other, harms=(LIGHT,)),
    "3 slices": Kind(slab(2, 15, slices=3), harms=(LIGHT,)),
    "2 slices": Kind(slab(2, 10, slices=2), harms=(LIGHT,)),
    "1 slice": Kind(slab(2, 4, slices=1), harms=(LIGHT,)),
    "1 slice, noisy": Kind(slab(2, 5, 2, slices=1), contrast=other, harms=(harm.rician(5),)),
    "1 slice, sagittal": Kind(slab(0, 4, slices=1), contrast=other, harms=(LIGHT,)),
    "6 mm voxels": Kind(whole(6, 6, 6), contrast=other, harms=(harm.rician(15),)),
    "half overlap": Kind(end_of(2, 0.7, -1), contrast=other, harms=(LIGHT,), fixed_field=end_of(2, 0.7, 1, 1.25)),
    "third overlap": Kind(end_of(2, 0.6, -1), harms=(LIGHT,), fixed_field=end_of(2, 0.6, 1, 1.25)),
    "cropped": Kind(whole(1.5, 1.5, 1.5, share=0.7), contrast=other, harms=(LIGHT,)),
    "thick slices": Kind(whole(1, 1.6, 6), contrast=other, harms=(LIGHT,)),
    "monkey": Kind(whole(2, 2, 3), thing="monkey", contrast=other, harms=(LIGHT,)),
    "mouse": Kind(whole(3, 3, 8), thing="mouse", contrast=other, harms=(harm.rician(15),), fixed_voxel=2),
    "micro-CT": Kind(whole(1.6, 1.6, 1.6), thing="bone", harms=(harm.rician(6),), fixed_voxel=1.4, fixed_harms=(harm.rician(8),)),
    "micro-CT, holder": Kind(
        whole(2, 2, 2, margin=130),
        thing="bone",
        harms=(harm.holder, harm.rician(6)),
        fixed_voxel=2,
        fixed_harms=(harm.holder, harm.rician(8)),
    ),
    "micro-CT, holder in one": Kind(
        whole(2, 2, 2, margin=130), thing="bone", harms=(harm.holder, harm.rician(6)), fixed_voxel=2, fixed_harms=(harm.rician(8),)
    ),
    "microscopy": Kind(whole(1.4, 1.4, 2.5), thing="tissue", contrast=other, harms=(harm.rician(15),)),
    "bright field": Kind(whole(1.4, 1.4, 2.5), thing="tissue", harms=(LIGHT,), finish=inverted),
    "macaque": Kind(whole(2, 2, 3), thing="macaque", contrast=other, harms=(LIGHT,)),
    "CT": Kind(whole(1, 1, 3), thing="head ct", fixed_thing="head", harms=(harm.rician(60),), finish=hounsfield),
    "CT, low dose": Kind(whole(1.5, 1.5, 4), thing="head ct", fixed_thing="head", harms=(harm.rician(20),), finish=hounsfield),
    "body, CT - CT": Kind(whole(1.4, 1.4, 1.6), thing="body", harms=(harm.table, LIGHT), finish=hounsfield, fixed_finish=hounsfield),
    "body, CT - PET": Kind(
        whole(1.2, 1.2, 1.2), thing="body pet", fixed_thing="body", harms=(harm.blurred(0.02), harm.rician(8)), fixed_finish=hounsfield
    ),
    "body, a part": Kind(whole(1.2, 1.2, 1.2, share=0.5), thing="body", harms=(LIGHT,), finish=hounsfield, fixed_finish=hounsfield),
    "inverted": Kind(whole(1.5, 1.5, 2), harms=(LIGHT,), finish=inverted),
    "inverted, cropped": Kind(whole(1.5, 1.5, 2, share=0.75), harms=(LIGHT,), finish=inverted),
    "offset": Kind(whole(1.5, 1.5, 2), contrast=other, harms=(LIGHT,), finish=offset),
    "table and holder": Kind(
        whole(1.5, 1.5, 2, margin=90), harms=(harm.holder, harm.table, LIGHT), finish=hounsfield, fixed_harms=(LIGHT,)
    ),
    "defaced": Kind(whole(1.5, 1.5, 2), harms=(harm.defaced, LIGHT)),
    "stripped": Kind(whole(1.5, 1.5, 2), contrast=other, harms=(harm.stripped,)),
    "padded": Kind(padded, contrast=other, harms=()),
    "labels": Kind(whole(1.5, 1.5, 2), finish=labels),
    "NaN outside": Kind(whole(1.5, 1.5, 2), contrast=other, finish=with_holes),
}


def build(kind, level, seed, *, data=None, head=None, coarser=1.0):
    """The case of a kind, a level and a seed.

    ``data``: folder of real scans, without which the built-in brain stands for the head; ``head``: the anatomy that does, whatever the
    seed; ``coarser``: how many times larger the voxels are than they should be, for tests in a hurry.
    """
    recipe, rng = KINDS[kind], np.random.default_rng((seed, zlib.crc32(kind.encode())))
    a_head = head or (anatomies.head(data) if seed % 2 == 0 else anatomies.brain())  # heads take turns with the built-in brain
    anatomy = _thing(recipe.thing, seed, data, a_head)
    fixed_anatomy = _thing(recipe.fixed_thing or recipe.thing, seed, data, a_head)
    axes = RigidTransform.from_axis_angle(rng.normal(size=3), np.radians(rng.uniform(0, MOST_TILT))).rotation
    margin = 120 if harm.holder in recipe.fixed_harms else 16
    fixed_field = recipe.fixed_field or whole(recipe.fixed_voxel, recipe.fixed_voxel, recipe.fixed_voxel, margin=margin)
    fixed_grid, grid = (g.coarser(coarser) for g in (fixed_field(fixed_anatomy, np.eye(3), rng), recipe.field(anatomy, axes, rng)))
    fixed = _harmed(fixed_anatomy.scan(fixed_grid), recipe.fixed_harms, fixed_grid, rng, fixed_anatomy)
    moving = anatomy.scan(grid)
    moving = _harmed(recipe.contrast(moving) if recipe.contrast else moving, recipe.harms, grid, rng, anatomy)
    move, angle = _move(level, grid.centre, anatomy.width / HEAD_MM, np.random.default_rng((seed, len(level), 9)))
    points = _shown(anatomy, grid, rng)
    edge = float(np.linalg.norm(grid.affine[:3, :3], axis=0).max())
    return Case(
        _volume((recipe.fixed_finish or stored)(fixed), fixed_grid.affine, "fixed"),
        _volume((recipe.finish or stored)(moving), move @ grid.affine, "moving"),
        move,
        points,
        min(anatomy.width / 96, edge),
        angle,
    )


def _thing(name, seed, data, a_head):
    """An anatomy by name."""
    made = {
        "head": lambda: a_head,
        "head ct": lambda: anatomies.with_skull(a_head),
        "macaque": lambda: anatomies.macaque(data),
        "monkey": lambda: a_head.scaled(0.45),
        "mouse": lambda: a_head.scaled(10 / a_head.width),
        "bone": lambda: anatomies.bone(seed),
        "tissue": lambda: anatomies.tissue(seed),
        "body": lambda: anatomies.body("ct"),
        "body pet": lambda: anatomies.body("pet"),
    }
    return made[name]()


def _harmed(values, harms, *scene):
    """Values after everything that went wrong."""
    for change in harms:
        values = change(values, *scene)
    return np.asarray(values, np.float32)


def _move(level, centre, unit, rng):
    """(4, 4) wrong move of a level about a centre, and its angle in degrees."""
    (low_deg, high_deg), (low_mm, high_mm) = LEVELS[level]
    angle, direction = rng.uniform(low_deg, high_deg), rng.normal(size=3)
    shift = direction / np.linalg.norm(direction) * rng.uniform(low_mm, high_mm) * unit
    return RigidTransform.from_axis_angle(rng.normal(size=3), np.radians(angle), shift, centre=centre).matrix, angle


def _shown(anatomy, grid, rng):
    """Some points of the object that lie in a grid's field of view."""
    points = anatomy.inside
    points = points + rng.uniform(-2, 2, points.shape) * anatomy.voxel  # they were drawn on every fourth voxel
    to_index = np.linalg.inv(grid.affine)
    index = points @ to_index[:3, :3].T + to_index[:3, 3]
    points = points[((index > -0.5) & (index < np.array(grid.shape) - 0.5)).all(axis=1)]
    return points[rng.permutation(len(points))[:TARGETS]]


def _volume(values, affine, name):
    return Volume(values, Grid(values.shape, Affine(affine, f"{name}:voxel", f"{name}:scanner")), name)
