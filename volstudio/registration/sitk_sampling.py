"""Values of a volume on a grid that lies in it anyhow, by SimpleITK's linear interpolation."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the name everybody knows it by

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from volstudio.geometry.affine import FloatArray

__all__ = ["image_of", "sampled_grid"]


def image_of(values: NDArray[Any]) -> sitk.Image:
    """ITK's copy of a volume on whole indices, for any number of `sampled_grid`.

    Parameters
    ----------
    values : (k, j, i) array
        Integers or floats of this machine's byte order.
    """
    return sitk.GetImageFromArray(values)


@contextmanager
def sampled_grid(
    image: sitk.Image, to_index: FloatArray, *, first: float, step: float, counts: tuple[int, int, int], outside: float
) -> Iterator[NDArray[np.float32]]:
    """Values at points ``first + step * (0, 1, ...)`` along three axes; lent, not copied: they are gone after the ``with``.

    Parameters
    ----------
    image : sitk.Image
        Of `image_of`.
    to_index : (4, 4) float array
        Coordinates along the three axes -> indices (i, j, k) of the image.
    first, step : float
        Of the coordinates, along every axis.
    counts : three int
        Points along the first, second and third axis.
    outside : float
        Value where there is none.

    Yields
    ------
    (third, second, first) float32 array
    """
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(to_index[:3, :3].ravel().tolist())
    transform.SetTranslation(to_index[:3, 3].tolist())
    filling = sitk.ResampleImageFilter()
    filling.SetTransform(transform)
    filling.SetSize([int(count) for count in counts])
    filling.SetOutputOrigin([first] * 3)
    filling.SetOutputSpacing([step] * 3)
    filling.SetDefaultPixelValue(outside)
    filling.SetOutputPixelType(sitk.sitkFloat32)  # a scan of small integers need not be copied as floats
    filled = filling.Execute(image)
    yield np.asarray(sitk.GetArrayViewFromImage(filled))
    del filled  # not before here: numpy does not hold it
