"""ITK text files (.tfm, .txt): what ANTs, 3D Slicer, SimpleITK, ITK-SNAP, fMRIPrep and FreeSurfer's lta_convert read and write.

An ITK transform maps *fixed points to moving points* (it pulls voxels), in LPS millimetres. Every linear class is read, with its centre,
and a Composite of linear ones. Written is always ``AffineTransform_double_3_3`` with its centre at zero: it is the one class that every
reader named above takes (lta_convert takes no Euler3D), and it drops neither scale nor shear. The direction stands behind
``#Transform 0``, the one place for a remark that ITK, FreeSurfer and nitransforms all skip.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from volstudio.errors import TransformError
from volstudio.geometry.affine import FloatArray
from volstudio.geometry.conventions import ras_to_lps
from volstudio.geometry.rotation import from_axis_angle, from_quaternion
from volstudio.transforms.dialect import Dialect, Ends
from volstudio.transforms.text import decode, exact, numbers

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ITK", "Block", "compose", "kind_of"]

BANNER = "#Insight Transform File V1.0"
WARPS = ("BSpline", "DisplacementField", "VelocityField", "Kernel", "ThinPlate", "ElasticBody", "VolumeSpline", "Exponential")


@dataclass(frozen=True, slots=True)
class Block:
    """One transform of a file: its class, parameters and fixed parameters, as they stand there."""

    kind: str
    parameters: list[float]
    fixed: list[float]


def read(data: bytes, ends: Ends) -> FloatArray:  # noqa: ARG001 - ITK's files need no image
    """Fixed -> moving points, RAS mm, of an ITK text file; see `Dialect.read`."""
    blocks = list(_blocks(decode(data)))
    if not blocks:
        raise TransformError("it has no line 'Transform: ...'; is it truncated?")
    return compose(blocks)


def compose(blocks: list[Block]) -> FloatArray:
    """Fixed -> moving points, RAS mm, of the transforms of one ITK file, text or binary.

    Raises
    ------
    TransformError
        They are no single linear transform and no Composite of linear ones.

    Notes
    -----
    ``y = M (x - c) + c + t`` in LPS. A Composite applies its last part first: ``T = T_0 T_1 ... T_n`` (ITK, ``itkCompositeTransform.h``).
    """
    if blocks[0].kind == "CompositeTransform":
        blocks = blocks[1:]
    elif len(blocks) > 1:
        raise TransformError(
            f"it is a list of {len(blocks)} transforms, such as one per volume of a series, and no Composite; choose one and save it alone"
        )
    lps = np.eye(4)
    for block in blocks:
        lps = lps @ _matrix(block)
    return ras_to_lps(lps)


def write(matrix: FloatArray, ends: Ends) -> bytes:
    """The text of an AffineTransform; see `Dialect.write`."""
    lps = ras_to_lps(matrix)
    parameters = " ".join(exact(value) for value in [*lps[:3, :3].ravel(), *lps[:3, 3]])
    return (
        f"{BANNER}\n"
        f"#Transform 0 {ends.in_words()}, LPS mm\n"
        "Transform: AffineTransform_double_3_3\n"
        f"Parameters: {parameters}\n"
        "FixedParameters: 0 0 0\n"
    ).encode()


def recognises(data: bytes) -> bool:
    """Whether the content has ITK's banner or a line of its own."""
    text = decode(data)
    return (
        text.lstrip().startswith("#Insight Transform File") or re.search(r"^[ \t]*Transform: *\w+_\d+_\d+", text, re.MULTILINE) is not None
    )


def _blocks(text: str) -> list[Block]:
    """The transforms of a file in their order."""
    blocks: list[Block] = []
    for line in (line.strip() for line in text.split("\n")):
        if not line or line.startswith("#"):
            continue
        tag, colon, value = line.partition(":")
        if tag == "Transform":
            blocks.append(Block(kind_of(value.strip()), [], []))
        elif tag in ("Parameters", "FixedParameters") and blocks:
            target = blocks[-1].parameters if tag == "Parameters" else blocks[-1].fixed
            target.extend(numbers(value))
        elif colon and tag == "ComponentTransformFile":
            raise TransformError("it names other files as its parts; open the parts instead")
        else:
            raise TransformError(f"it holds the line {line[:40]!r}, which ITK text does not know; is it truncated or damaged?")
    return blocks


def kind_of(value: str) -> str:
    """Class name without its precision and dimensions: ``"Euler3DTransform"`` of ``"Euler3DTransform_double_3_3"``.

    Raises
    ------
    TransformError
        It is no class of ITK, or not in three dimensions.
    """
    found = re.fullmatch(r"(\w+?)(?:_(?:double|float))?_(\d+)_(\d+)", value)
    if found is None:
        raise TransformError(f"it names the transform {value[:60]!r}, which is no class of ITK")
    if found.group(2, 3) != ("3", "3"):
        raise TransformError(f"it holds {value}, a transform in {found.group(2)} dimensions, not in three")
    return found.group(1)


def _matrix(block: Block) -> FloatArray:
    """(4, 4) LPS matrix of one linear transform."""
    if block.kind == "CompositeTransform":
        raise TransformError("it holds a Composite inside a list, which ITK text cannot express; is it damaged?")
    if block.kind not in CLASSES:
        if block.kind.startswith(WARPS):
            raise TransformError(f"it holds a {block.kind}, a non-linear warp, which a 4 x 4 matrix cannot express; use its linear part")
        known = ", ".join(sorted(CLASSES))
        raise TransformError(f"it holds the unknown transform {block.kind[:80]}; the linear transforms of ITK that are read are {known}")
    n_parameters, build = CLASSES[block.kind]
    if len(block.parameters) != n_parameters:
        raise TransformError(
            f"its {block.kind} has {len(block.parameters)} parameters where ITK has {n_parameters}; is it truncated or damaged?"
        )
    centre = _centre(block)
    linear, translation = build(block.parameters, block.fixed)
    matrix = np.eye(4)
    matrix[:3, :3] = linear
    matrix[:3, 3] = translation + centre - linear @ centre
    return matrix


def _centre(block: Block) -> FloatArray:
    """Fixed point of the linear part, LPS mm."""
    if block.kind in ("TranslationTransform", "IdentityTransform"):
        return np.zeros(3)
    allowed = (3, 4) if block.kind == "Euler3DTransform" else (3,)
    if len(block.fixed) not in allowed:
        raise TransformError(f"its {block.kind} has {len(block.fixed)} fixed parameters where ITK has 3, the centre; is it truncated?")
    return np.array(block.fixed[:3])


Parts = tuple[FloatArray, FloatArray]  # linear part (3, 3) and translation (3,)


def _affine(p: list[float], _: list[float]) -> Parts:
    return np.reshape(p[:9], (3, 3)), np.array(p[9:])


def _euler(p: list[float], fixed: list[float]) -> Parts:
    """``Rz Rx Ry``, or ``Rz Ry Rx`` where a fourth fixed parameter sets ITK's ComputeZYX."""
    about_x, about_y, about_z = np.eye(3)
    rx, ry, rz = from_axis_angle(about_x, p[0]), from_axis_angle(about_y, p[1]), from_axis_angle(about_z, p[2])
    return (rz @ ry @ rx if len(fixed) == 4 and fixed[3] else rz @ rx @ ry), np.array(p[3:])


def _versor(p: list[float], _: list[float]) -> Parts:
    """Right part of a unit quaternion whose real part is not negative."""
    right = np.array(p[:3])
    square = float(right @ right)
    if square > 1 + 1e-6:
        raise TransformError(f"its versor is {np.sqrt(square):.3g} long and can be 1 at most; is it damaged?")
    return from_quaternion(np.array([np.sqrt(max(0.0, 1 - square)), *right])), np.array(p[3:6] or (0, 0, 0), dtype=np.float64)


def _similarity(p: list[float], fixed: list[float]) -> Parts:
    rotation, translation = _versor(p, fixed)
    return p[6] * rotation, translation


def _scale_versor(p: list[float], fixed: list[float]) -> Parts:
    """Scales are *added*: ``R + diag(s - 1)``, as ITK computes (``itkScaleVersor3DTransform.hxx``)."""
    rotation, translation = _versor(p, fixed)
    return rotation + np.diag(np.array(p[6:9]) - 1), translation


def _scale_skew_versor(p: list[float], fixed: list[float]) -> Parts:
    """As `_scale_versor`, and six skews added off the diagonal, row by row."""
    linear, translation = _scale_versor(p, fixed)
    skew = np.zeros((3, 3))
    skew[~np.eye(3, dtype=bool)] = p[9:]
    return linear + skew, translation


def _compose_scale_skew_versor(p: list[float], fixed: list[float]) -> Parts:
    """``R diag(s) K`` with K upper unit triangular (``itkComposeScaleSkewVersor3DTransform.hxx``)."""
    rotation, translation = _versor(p, fixed)
    skew = np.eye(3)
    skew[np.triu_indices(3, 1)] = p[9:]
    return rotation @ np.diag(p[6:9]) @ skew, translation


def _scale(p: list[float], _: list[float]) -> Parts:
    return np.diag(p), np.zeros(3)


def _translation(p: list[float], _: list[float]) -> Parts:
    return np.eye(3), np.array(p or (0, 0, 0), dtype=np.float64)


# Class without precision: how many parameters it has, and what they mean.
CLASSES: dict[str, tuple[int, Callable[[list[float], list[float]], Parts]]] = {
    "AffineTransform": (12, _affine),
    "ComposeScaleSkewVersor3DTransform": (12, _compose_scale_skew_versor),
    "Euler3DTransform": (6, _euler),
    "IdentityTransform": (0, _translation),
    "MatrixOffsetTransformBase": (12, _affine),
    "Rigid3DTransform": (12, _affine),
    "ScaleSkewVersor3DTransform": (15, _scale_skew_versor),
    "ScaleTransform": (3, _scale),
    "ScaleVersor3DTransform": (9, _scale_versor),
    "Similarity3DTransform": (7, _similarity),
    "TranslationTransform": (3, _translation),
    "VersorRigid3DTransform": (6, _versor),
    "VersorTransform": (3, _versor),
}

ITK = Dialect("itk", "ITK text", (".tfm", ".txt"), recognises, read, write)
