"""From a layer's look to the colour and opacity of each value in the 3D view.

Colours are those of the slices: the same table, window and two-sidedness; of labels, the same colour for each number. Opacity is the look's
preset, a curve over the window, cut off at ``hide_below``. The layer's own opacity is not in here: the ray march applies it to the layer as
a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from volstudio.rendering.labels import TABLE, label_colour_points, label_opacity_points

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from volstudio.rendering.rays import FloatArray
    from volstudio.rendering.vtk_types import VtkObject
    from volstudio.scene.looks import OpacityCurve
    from volstudio.scene.model import Look

__all__ = ["MATERIAL", "UNLIT", "colour_points", "dress", "fade", "opacity_points", "size_factor", "unit_distance"]

# Ambient, diffuse, specular, shininess: matt with a soft gloss, so that relief is seen and colours stay readable.
MATERIAL = (0.22, 0.86, 0.16, 22.0)
UNLIT = (1.0, 0.0, 0.0, 1.0)
# The width of a jump in opacity or colour, in windows: too small to see. VTK makes its tables as fine as the finest step, so less costs
# memory.
JUMP = 1e-3
# Presets are made for objects of the size of a head, in mm from corner to corner of the box. What is of another order of size (a
# microscope's cube, a whole animal in metres) would be all fog or all wall, so there lengths count in parts of the object.
HEAD_LIKE_MM = (100.0, 1000.0)


def colour_points(look: Look, window: tuple[float, float]) -> FloatArray:
    """Colours of a layer's values.

    Parameters
    ----------
    look : Look
    window : (low, high)

    Returns
    -------
    (n, 4) float array
        Value, then red, green, blue 0 to 1; values rise.
    """
    from volstudio.scene import colourmaps

    low, high = window
    table = colourmaps.get(look.colourmap).table(256) / 255.0
    if not look.two_sided:
        return np.column_stack([np.linspace(low, high, 256), table])
    size = np.linspace(low, high, 128)
    jump = JUMP * (high - low)
    negative = np.column_stack([-size[::-1], table[:128]])
    positive = np.column_stack([np.maximum(size, -size[0] + jump), table[128:]])
    return np.concatenate([negative, positive])


def opacity_points(look: Look, window: tuple[float, float], curve: OpacityCurve, *, least_jump: float = 0.0) -> FloatArray:
    """Opacity of a layer's values.

    Parameters
    ----------
    look : Look
    window : (low, high)
    curve : OpacityCurve
    least_jump : float
        The width, in values, that the edge at ``hide_below`` has at least.

    Returns
    -------
    (n, 2) float array
        Value and opacity 0 to 1 over the curve's unit of length; values rise.
    """
    low, high = window
    points = np.array(curve.points, dtype=float)
    values, opacity = low + points[:, 0] * (high - low), points[:, 1]
    jump = max(JUMP * (high - low), least_jump)
    if look.hide_below is not None:
        edge = float(look.hide_below)
        at_edge = float(np.interp(edge, values, opacity))
        kept = values > edge + jump
        values = np.concatenate([[edge - jump, edge], values[kept]])
        opacity = np.concatenate([[0.0, at_edge], opacity[kept]])
    if look.two_sided:
        above = values > 0
        values, opacity = values[above], opacity[above]
        if values.size == 0:
            return np.array([[-1.0, 0.0], [1.0, 0.0]])
        start = [] if opacity[0] == 0 else [max(values[0] - jump, values[0] / 2)]
        values = np.concatenate([-values[::-1], [-s for s in start], start, values])
        opacity = np.concatenate([opacity[::-1], [0.0] * 2 * len(start), opacity])
    return np.column_stack([values, opacity])


def unit_distance(curve: OpacityCurve, diagonal_mm: float) -> float:
    """Millimetres over which the curve's opacities are reached, for an object of a size.

    Parameters
    ----------
    curve : OpacityCurve
    diagonal_mm : float
        From corner to corner of the volume's box.
    """
    return curve.unit_mm * size_factor(diagonal_mm)


def fade(look: Look) -> float:
    """How much of what is behind it a layer may hide as a whole, 0 to 1: its own opacity and its preset's."""
    from volstudio.scene.looks import preset

    return min(max(look.opacity, 0.0), 1.0) * preset(look.preset).fade


def size_factor(diagonal_mm: float) -> float:
    """How long a millimetre of the presets is in an object of a size: 1 where it is about as large as a head.

    >>> size_factor(300.0), size_factor(10.0)
    (1.0, 0.1)
    """
    low, high = HEAD_LIKE_MM
    return diagonal_mm / min(max(diagonal_mm, low), high)


def dress(
    prop: VtkObject, look: Look, window: tuple[float, float], *, diagonal_mm: float, span: float, labels: NDArray[np.intp] | None = None
) -> None:
    """Give a vtkVolumeProperty the colours, opacities and interpolation of a look.

    Parameters
    ----------
    prop : vtkVolumeProperty
    look : Look
    window : (low, high)
    diagonal_mm : float
        Of the volume's box.
    span : float
        From the least to the greatest value of the volume: the length of VTK's tables.
    labels : (n,) int array or None
        Rows of the label table, for the numbers of an image of labels; None: the image holds values.
    """
    from vtkmodules.vtkCommonDataModel import vtkPiecewiseFunction
    from vtkmodules.vtkRenderingCore import vtkColorTransferFunction

    from volstudio.scene.looks import preset

    curve = preset(look.preset)
    colours, opacities = vtkColorTransferFunction(), vtkPiecewiseFunction()
    for point in colour_points(look, window) if labels is None else label_colour_points(look, labels):
        colours.AddRGBPoint(*point)
    for point in opacity_points(look, window, curve, least_jump=span / TABLE) if labels is None else label_opacity_points(curve):
        opacities.AddPoint(*point)
    prop.SetColor(colours)
    prop.SetScalarOpacity(opacities)
    prop.SetScalarOpacityUnitDistance(unit_distance(curve, diagonal_mm))
    if labels is not None or look.interpolation == "nearest":
        prop.SetInterpolationTypeToNearest()
    else:
        prop.SetInterpolationTypeToLinear()
    # The light is the ray march's own.
    prop.ShadeOff()
