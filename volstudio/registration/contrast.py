"""Intensities made comparable: where the object's values begin, and a map of any scan's values to 0..1.

Rank alone would tear noise apart, amount alone would squeeze a CT's soft tissue into two bins; their mean serves MR, CT and PET alike.

Source: thresholds that part a histogram best (Otsu, IEEE Trans. SMC 9, 1979).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.errors import RegistrationError
from volstudio.registration.otsu import lower_threshold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from volstudio.geometry.affine import FloatArray

__all__ = ["Contrast"]

PERCENTILES = 0.2, 99.8  # what lies beyond them counts as they do: single hot voxels are no structure
QUANTILES = 65
# The object's darkest value; what lies below is air.
DARKEST = 0.12
STEPS = 1 << 14  # of the table that maps floats


@dataclass(frozen=True, slots=True, eq=False)
class Contrast:
    """Of one volume.

    Parameters
    ----------
    knots, heights : (n,) float array
        Raw values, rising, and what they are mapped to.
    threshold : float
        Raw value above which the object is.
    """

    knots: FloatArray
    heights: FloatArray
    threshold: float

    @classmethod
    def of(cls, values: NDArray[Any], name: str) -> Contrast:
        """Of the raw values of a volume, or of means of them.

        Raises
        ------
        RegistrationError
            They are all the same.
        """
        low, high = (float(x) for x in np.percentile(values, PERCENTILES))
        if high <= low:  # an object smaller than 0.2 % of the field of view
            low, high = float(values.min()), float(values.max())
        if high <= low:
            raise RegistrationError(f"{name} has the same value everywhere ({low:g}) and cannot be registered: it shows no structure.")
        clipped = np.clip(values, low, high).ravel(order="K").astype(np.float32, copy=False)
        threshold = lower_threshold(clipped)
        object_values = clipped[clipped > threshold]
        quantiles = np.quantile(object_values if object_values.size else clipped, np.linspace(0, 1, QUANTILES))
        knots = np.concatenate([[low], quantiles]).astype(np.float64)
        knots = np.maximum.accumulate(knots + np.arange(len(knots)) * 1e-6 * (high - low))  # np.interp needs rising knots
        rank = np.concatenate([[0.0], np.linspace(DARKEST, 1.0, QUANTILES)])
        return cls(knots, 0.5 * (rank + np.clip((knots - low) / (high - low), 0, 1)), threshold)

    def is_object(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Which raw values are the object's."""
        return np.asarray(values > self.threshold)

    def mapped(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Raw values mapped to 0..1; by a table, since `numpy.interp` takes ten times as long."""
        mapped = np.empty(values.shape, np.float32, order="F")
        if values.dtype.kind in "iu" and values.dtype.itemsize <= 2:
            kind = np.iinfo(values.dtype)
            table = np.interp(np.arange(kind.min, kind.max + 1), self.knots, self.heights).astype(np.float32)
            table = np.roll(table, kind.min)  # so that negative values, seen as unsigned, find theirs
            unsigned = values.view(f"u{values.dtype.itemsize}")
            for here, out in zip(unsigned.T, mapped.T, strict=True):
                out[:] = table.take(here)
            return mapped
        low, high = self.knots[0], self.knots[-1]
        table = np.interp(np.linspace(low, high, STEPS), self.knots, self.heights).astype(np.float32)
        scale = (STEPS - 1) / (high - low)
        for here, out in zip(values.T, mapped.T, strict=True):
            at = np.clip((here - low) * scale + 0.5, 0, STEPS - 1)
            out[:] = table.take(at.astype(np.intp))
        return mapped
