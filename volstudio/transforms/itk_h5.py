"""ITK's HDF5 transforms (.h5): antsRegistration --write-composite-transform, 3D Slicer, SimpleITK.

``/TransformGroup/0``, ``1``, ... each with the name of an ITK class, its parameters and its fixed parameters (the centre); a Composite is
an empty 0 with its parts behind it. Composites of linear transforms are read; a displacement field among the parts is refused, for its
linear part alone would be another map. Direction and axes are those of ITK text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.errors import TransformError
from volstudio.geometry.conventions import ras_to_lps
from volstudio.transforms.dialect import Dialect, Ends
from volstudio.transforms.hdf5 import MAGIC, Group, opened, stored
from volstudio.transforms.itk import Block, compose, kind_of

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray

__all__ = ["ITK_H5"]

# ITK 4 spelt its entries without the s, and its files are still about.
PARAMETERS = ("TransformParameters", "TranformParameters")
FIXED = ("TransformFixedParameters", "TranformFixedParameters")


def read(data: bytes, ends: Ends) -> FloatArray:  # noqa: ARG001 - ITK's files need no image
    """Fixed -> moving points, RAS mm, of an ITK HDF5 file; see `Dialect.read`."""
    with opened(data) as file:
        parts = file.group("TransformGroup").numbered()
        kinds = [kind_of(part.text("TransformType")) for part in parts]
        _check_linear(kinds)
        return compose([_block(kind, part) for kind, part in zip(kinds, parts, strict=True)])


def write(matrix: FloatArray, ends: Ends) -> bytes:
    """An AffineTransform with its centre at zero; its direction stands in an attribute, which ITK skips. See `Dialect.write`."""
    lps = ras_to_lps(matrix)

    def fill(file: Any) -> None:  # noqa: ANN401 - h5py has no types
        part = file.create_group("TransformGroup/0")
        part.attrs["Direction"] = f"{ends.in_words()}, LPS mm"
        part.create_dataset("TransformType", data=np.array(["AffineTransform_double_3_3"], dtype=object), dtype=_text_type())
        part.create_dataset(FIXED[0], data=np.zeros(3))
        part.create_dataset(PARAMETERS[0], data=np.concatenate([lps[:3, :3].ravel(), lps[:3, 3]]))

    return stored(fill)


def recognises(data: bytes) -> bool:
    """Whether the content is HDF5 with an entry of ITK's."""
    return data.startswith(MAGIC) and b"TransformType" in data


def _block(kind: str, part: Group) -> Block:
    if kind == "CompositeTransform":
        return Block(kind, [], [])
    parameters = part.numbers(*PARAMETERS).ravel().tolist()
    # A transform without fixed parameters may come without the entry.
    fixed = part.numbers(*FIXED).ravel().tolist() if part.names() & set(FIXED) else []
    return Block(kind, parameters, fixed)


def _check_linear(kinds: list[str]) -> None:
    """Refuse warps by their place in the file, before their parameters are looked at."""
    warps = [f"{kind} (part {index} of {len(kinds) - 1})" for index, kind in enumerate(kinds) if "Field" in kind or "BSpline" in kind]
    if warps:
        raise TransformError(f"it holds a non-linear warp, {warps[0]}, which a 4 x 4 matrix cannot express; use its linear part")


def _text_type() -> Any:  # noqa: ANN401 - h5py has no types
    import h5py

    return h5py.string_dtype("ascii")


ITK_H5 = Dialect("itk-h5", "ITK HDF5", (".h5", ".hdf5"), recognises, read, write)
