"""X5 (.x5): the HDF5 exchange format of BIDS' draft, as nitransforms writes it.

``/TransformGroup/0`` with ``Type = "linear"`` and a 4 x 4 matrix that maps points of the *reference* (fixed) to points of the moving image,
RAS+ mm; nothing is to be converted. The grid of the fixed image is written beside it where it is known.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.errors import TransformError
from volstudio.transforms.dialect import Dialect, Ends
from volstudio.transforms.hdf5 import MAGIC, opened, stored

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray

__all__ = ["X5"]

KINDS = ("space", "space", "space", "vector")


def read(data: bytes, ends: Ends) -> FloatArray:  # noqa: ARG001 - X5 needs no image
    """Fixed -> moving points, RAS mm, of an X5 file; see `Dialect.read`."""
    with opened(data) as file:
        if file.attribute("Format") != "X5":
            raise TransformError(f"it says that its format is {file.attribute('Format')!r}, not 'X5'")
        nodes = file.group("TransformGroup").numbered()
        if len(nodes) > 1:
            raise TransformError(f"it holds {len(nodes)} transforms; choose one and save it alone")
        kind = nodes[0].attribute("Type")
        if kind != "linear":
            raise TransformError(f"it holds a transform of the type {kind!r}, a non-linear warp or a chain; a linear transform is needed")
        matrix = nodes[0].numbers("Transform")
    if matrix.ndim == 3 and matrix.shape[0] > 1:
        raise TransformError(f"it is a list of {len(matrix)} transforms, such as one per volume of a series; choose one and save it alone")
    if matrix.shape not in ((4, 4), (1, 4, 4)):
        raise TransformError(f"it holds an array of shape {matrix.shape} where a 4 x 4 matrix should stand")
    square = np.array(matrix.reshape(4, 4))
    if np.abs(square[3] - (0, 0, 0, 1)).max() > 1e-6:
        raise TransformError(f"the last row of its matrix must be 0 0 0 1, not {square[3]}")
    square[3] = (0, 0, 0, 1)
    return square


def write(matrix: FloatArray, ends: Ends) -> bytes:
    """One linear transform, with its direction in the metadata; see `Dialect.write`."""

    def fill(file: Any) -> None:  # noqa: ANN401 - h5py has no types
        file.attrs["Format"] = "X5"
        file.attrs["Version"] = np.uint16(1)
        node = file.create_group("TransformGroup/0")
        node.attrs["Type"] = "linear"
        node.attrs["ArrayLength"] = 1
        node.attrs["Metadata"] = json.dumps({"Direction": f"{ends.in_words()}, RAS+ mm"}, ensure_ascii=False)
        node.create_dataset("Transform", data=matrix)
        node.create_dataset("DimensionKinds", data=np.asarray(KINDS, dtype="S"))
        if ends.fixed is not None:
            domain = node.create_group("Domain")
            domain.attrs["Coordinates"] = "cartesian"
            domain.create_dataset("Grid", data=np.uint8(1))
            domain.create_dataset("Size", data=np.asarray(ends.fixed.shape))
            domain.create_dataset("Mapping", data=ends.fixed.affine.matrix)

    return stored(fill)


def recognises(data: bytes) -> bool:
    """Whether the content is HDF5 with an entry of X5's and none of ITK's."""
    return data.startswith(MAGIC) and b"TransformGroup" in data and b"Format" in data and b"TransformType" not in data


X5 = Dialect("x5", "X5", (".x5",), recognises, read, write)
