"""Values of a volume on a grid that lies in it anyhow, by SimpleITK's linear interpolation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the name everybody knows it by

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from volstudio.geometry.affine import FloatArray

__all__ = ["sampled_grid"]


def sampled_grid(
    values: NDArray[np.float32], to_index: FloatArray, *, first: float, step: float, counts: tuple[int, int, int], outside: float
) -> NDArray[np.float32]:
    """Values at points ``first + step * (0, 1, ...)`` along three axes.

    Parameters
    ----------
    values : (k, j, i) float32 array
    to_index : (4, 4) float array
        Coordinates along the three axes -> indices (i, j, k) of ``values``.
    first, step : float
        Of the coordinates, along every axis.
    counts : three int
        Points along the first, second and third axis.
    outside : float
        Value where there is none.

    Returns
    -------
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
    return np.asarray(sitk.GetArrayFromImage(filling.Execute(sitk.GetImageFromArray(values))))
