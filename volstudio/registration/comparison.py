"""How alike two volumes are at a pose, and which way to move: mutual information and its kin on a fixed set of points.

A pose is compared on *samples*: points drawn once in and around the object of one volume (the source), looked up in the other (the
target). Everything that is asked of an image pair, the number beside a drag, the climb of a registration, the probes of its trust, is one
call of `Comparison.at`; it costs some 3 ms for 60 000 samples with the gradient, because the samples are worked off in pieces that
stay in the processor's cache (16 384 at a time; all at once is several times slower).

Sources: the joint histogram with one crisp and one cubic B-spline side, and its analytic gradient, are Mattes' (Mattes et al., IEEE TMI 22,
2003); weights that fade at the border of the field of view, so that the measure stays smooth when samples leave it, are the apodisation of
Jenkinson & Smith (Med. Image Anal. 5, 2001).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from volstudio.registration.field import Field
from volstudio.registration.measures import MEASURES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from volstudio.geometry.affine import FloatArray
    from volstudio.registration.field import Border, Samples, Three
    from volstudio.registration.plan import Metric
    from volstudio.registration.prepare import Level

__all__ = ["Comparison", "Likeness"]

CHUNK = 16_384  # samples at a time: their arrays fit a core's second-level cache
TAPS = 4  # a cubic B-spline covers four bins
# A handful of samples in view can agree by chance; below this share of them there is no answer.
LEAST_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike the two volumes are at one pose.

    Parameters
    ----------
    value : float
        Larger is more alike; -inf where next to nothing overlaps.
    overlap : float
        Share of the samples that lie in the target's field of view, 0 to 1.
    force : (3,) float array
        Change of ``value`` per mm that the source moves along the target frame's axes; zeros where not asked for.
    torque : (3,) float array
        Change of ``value`` per radian that the source turns about those axes through the samples' centroid.
    """

    value: float
    overlap: float
    force: FloatArray
    torque: FloatArray


class Comparison:
    """A source's samples against a target, for any pose.

    Parameters
    ----------
    samples : Samples
        Of the source.
    target : Level
    bins : int
        Classes of intensity, along both axes of the joint histogram.
    metric : {"mi", "nmi", "ncc", "mse"}
        Mutual information in nats; normalised mutual information, 1 to 2; correlation, -1 to 1; mean squared difference, negative.
    """

    def __init__(self, samples: Samples, target: Level, *, bins: int = 32, metric: Metric = "mi") -> None:
        self.samples = samples
        self.bins = bins
        self._field = Field(target)
        self._measure = MEASURES[metric]
        self._columns = bins + TAPS - 1
        # A fourth row of ones, so that a sum over moments gives the sum, too.
        self._points = np.concatenate([samples.points, np.ones((1, len(samples.values)), np.float32)])
        self._row = np.rint(samples.values * (bins - 1)).astype(np.intp) * self._columns

    def at(self, rotation: FloatArray, position: FloatArray, *, slope: bool = True) -> Likeness:
        """Likeness where the source is turned by ``rotation`` and the samples' centroid lies at ``position``.

        Parameters
        ----------
        rotation : (3, 3) float array
            Source frame -> target frame.
        position : (3,) float array, mm
            In the target frame.
        slope : bool
            Whether force and torque are wanted; without them it takes half the time.
        """
        return self.at_each(rotation[None], position[None], slope=slope)[0]

    def at_each(self, rotations: FloatArray, positions: FloatArray, *, slope: bool = True) -> list[Likeness]:
        """Likeness at several poses: the same to the last bit as one by one, and faster where the samples are few.

        Parameters
        ----------
        rotations : (m, 3, 3) float array
        positions : (m, 3) float array, mm
        slope : bool
        """
        at_once = max(1, CHUNK // len(self._row))
        parts = [slice(first, first + at_once) for first in range(0, len(rotations), at_once)]
        return [likeness for part in parts for likeness in self._at_some(rotations[part], positions[part], slope=slope)]

    def _at_some(self, rotations: FloatArray, positions: FloatArray, *, slope: bool) -> list[Likeness]:
        """Likeness at as many poses as fit into a chunk."""
        joints, pieces = self._histograms(rotations, positions, keep=slope)
        totals = joints.sum(axis=1)
        overlaps = totals / len(self._row)
        values, tables = np.full(len(joints), -np.inf), np.zeros(joints.shape)
        for number in np.flatnonzero(overlaps >= LEAST_SHARE):
            share = (joints[number] / totals[number]).reshape(self.bins, self._columns)
            values[number], table = self._measure(share)
            table -= (share * table).sum()  # shares add up to one, whatever enters or leaves
            tables[number] = table.ravel() / totals[number]
        forces, torques = np.zeros((2, len(joints), 3))
        if slope:
            to_target = self._field.to_voxels.T
            pulls, moments = _pull(pieces, tables, self.bins)
            forces = pulls @ to_target.T
            torques = np.array([_axial(to_target @ m @ r.T) for m, r in zip(moments, rotations, strict=True)])
        return [Likeness(*each) for each in zip(values.tolist(), overlaps.tolist(), forces, torques, strict=True)]

    def _histograms(self, rotations: FloatArray, positions: FloatArray, *, keep: bool) -> tuple[FloatArray, list[_Piece]]:
        """Joint histograms (m, cells) of all samples; and, to be kept for the slope, the pieces they came from."""
        matrices = (self._field.to_voxels @ rotations).astype(np.float32)
        shifts = ((positions - self._field.origin) @ self._field.to_voxels.T).astype(np.float32)
        count, size = len(rotations), self.bins * self._columns
        joint, kept = np.zeros(count * size + TAPS - 1), []
        for first in range(0, len(self._row), CHUNK):
            piece = self._piece(matrices, shifts, slice(first, first + CHUNK), slope=keep)
            cells = piece.cell.ravel()
            for tap, weight in enumerate(piece.taps()):
                joint[tap : count * size + tap] += np.bincount(cells, weight.ravel(), count * size)
            if keep:
                kept.append(piece)
        return joint[: count * size].reshape(count, size), kept

    def _piece(self, matrices: NDArray[np.float32], shifts: NDArray[np.float32], part: slice, *, slope: bool) -> _Piece:
        """One chunk of samples, looked up at each pose."""
        points, row = self._points[:, part], self._row[part]
        x, y, z = (
            matrices[:, k, 0, None] * points[0]
            + matrices[:, k, 1, None] * points[1]
            + (matrices[:, k, 2, None] * points[2] + shifts[:, k, None])
            for k in range(3)
        )
        value, value_slope, border = self._field.look(x, y, z, slope=slope)
        scaled = value * np.float32(self.bins - 1)
        column = scaled.astype(np.int32)
        first = np.arange(len(matrices))[:, None] * (self.bins * self._columns)
        return _Piece(points, row + first + column, scaled - column.astype(np.float32), value_slope, border)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some samples at m poses: where each falls in the joint histograms, and what moves it there.

    Parameters
    ----------
    points : (4, n) float32 array
        Relative to the centroid, source frame; the last row holds ones.
    cell : (m, n) int array
        First of the four cells that a sample is spread over.
    part : (m, n) float32 array
        How far into that cell it lies, 0 to 1.
    slope : three (m, n) float32 arrays or None
        Change of the target's value per voxel, where it was asked for.
    border : Border
        The samples that weigh less than one.
    """

    points: NDArray[np.float32]
    cell: NDArray[np.intp]
    part: NDArray[np.float32]
    slope: Three | None
    border: Border

    def taps(self) -> tuple[NDArray[np.float32], ...]:
        """The four weights of the cubic B-spline, faded at the border."""
        taps = _cubic(self.part)
        for tap in taps:
            tap.reshape(-1)[self.border.index] *= self.border.weight
        return taps


def _cubic(part: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
    """Weights of the uniform cubic B-spline at a place within its cell; they add up to one."""
    square = part * part
    last = square * part / np.float32(6)
    rest = 1 - part
    first = rest * rest * rest / np.float32(6)
    second = np.float32(2 / 3) - square + 3 * last
    return first, second, 1 - first - second - last, last


def _pull(pieces: list[_Piece], tables: FloatArray, bins: int) -> tuple[FloatArray, FloatArray]:
    """Chain rule over all samples: (forces (m, 3), moments (m, 3, 3) of force with points), per voxel of the target.

    The derivative of a cubic B-spline is a difference of two quadratic ones, so the slope along the columns needs the table's steps only.
    """
    height = np.concatenate([tables.ravel(), np.zeros(TAPS)]).astype(np.float32)
    step = (height[1:] - height[:-1]) * np.float32(bins - 1)
    forces, moments = np.zeros((len(tables), 3)), np.zeros((len(tables), 3, 3))
    for piece in pieces:
        value_slope, border = piece.slope, piece.border
        assert value_slope is not None and border.slope is not None  # noqa: S101, PT018 - pieces are kept with their slopes
        last = np.float32(0.5) * piece.part * piece.part
        first = last - piece.part + np.float32(0.5)
        rise = step.take(piece.cell) * first + step.take(piece.cell + 1) * (1 - first - last) + step.take(piece.cell + 2) * last
        cell, taps = piece.cell.reshape(-1)[border.index], _cubic(piece.part.reshape(-1)[border.index])
        level = sum((height.take(cell + k) * tap for k, tap in enumerate(taps)), start=np.float32(0))
        rise.reshape(-1)[border.index] *= border.weight
        for axis in range(3):
            pull = value_slope[axis] * rise
            pull.reshape(-1)[border.index] += border.slope[axis] * level
            sums = np.einsum("mn,kn->mk", pull, piece.points)  # not by BLAS, whose sums depend on the number of threads
            forces[:, axis] += sums[:, 3]
            moments[:, axis] += sums[:, :3]
    return forces, moments


def _axial(moments: FloatArray) -> FloatArray:
    """Torque of the moments ``sum f x^T``: the vector ``sum x cross f``."""
    return np.array([moments[2, 1] - moments[1, 2], moments[0, 2] - moments[2, 0], moments[1, 0] - moments[0, 1]])
