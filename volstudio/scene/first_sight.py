"""What kind of scan a volume is and how it is drawn at first sight.

Kinds are told from the voxels and the grid (labels, statistical map, CT), from the time axis, and only then from the file's name. A wrong
guess costs a click; it never changes where a volume lies.
"""

from __future__ import annotations

import math
import re
import zlib
from itertools import count, cycle
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from msgspec import structs

from volstudio.errors import SceneError
from volstudio.scene.model import Layer, Look
from volstudio.volumes.intensity import is_labels, is_stat_map, robust_window, sample_values
from volstudio.volumes.store import path_of
from volstudio.volumes.volume import Volume, distinct_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Kind", "kind_of", "layers_of", "look_of"]

Kind = Literal["ct", "anatomy", "functional", "stat", "labels"]

# Bottom to top.
_ORDER: tuple[Kind, ...] = ("ct", "anatomy", "functional", "stat", "labels")
_FUNCTIONAL_NAME = re.compile(r"(^|[^a-z])(epi|bold|func|functional|fmri|asl|pcasl|pasl|dwi|dti|pet|sbref|boldref)([^a-z]|$)")
_COARSE = 2.5  # times the finest voxel's edge: an overlay of other contrast, in all likelihood an EPI
# Overlays in turn: apart from gray and from each other, for colour-blind eyes too.
_HUES = ("warm", "cold", "violet", "yellow", "cyan", "magenta", "green")


def layers_of(volumes: Sequence[Volume]) -> tuple[Layer, ...]:
    """See `volstudio.scene.looks.arrange`."""
    kinds = {id(volume): kind_of(volume) for volume in volumes}
    if len(kinds) < len(volumes):
        raise SceneError("A volume was given twice; a scene shows it once.")
    finest = min((_edge(volume) for volume in volumes if kinds[id(volume)] in ("ct", "anatomy")), default=0.0)
    for volume in volumes:
        if kinds[id(volume)] == "anatomy" and finest and _edge(volume) >= _COARSE * finest:
            kinds[id(volume)] = "functional"
    ordered = sorted(volumes, key=lambda volume: (_ORDER.index(kinds[id(volume)]), *_rank(volume)))
    hues = cycle(_HUES)
    layers: list[Layer] = []
    for name, volume in zip(_layer_names(ordered), ordered, strict=True):
        kind = kinds[id(volume)]
        overlay = bool(layers)
        hue = next(hues) if overlay and kind in ("anatomy", "ct", "functional") else _ground(volume)
        layers.append(Layer(name, path_of(volume), look=look_of(volume, kind, overlay=overlay, hue=hue)))
    if len(layers) > 1 and layers[0].look.preset == "soft":
        # Opaque, the ground would hide in 3D whatever lies inside it.
        layers[0] = structs.replace(layers[0], look=structs.replace(layers[0].look, preset="glass"))
    return tuple(layers)


def kind_of(volume: Volume) -> Kind:
    """What kind of scan a volume is, as far as its voxels, grid and name tell."""
    if volume.n_times > 1:
        return "functional"
    if is_labels(volume):
        return "labels"
    if is_stat_map(volume):
        return "stat"
    if _is_ct(volume):
        return "ct"
    return "functional" if _FUNCTIONAL_NAME.search(volume.name.casefold()) else "anatomy"


def look_of(volume: Volume, kind: Kind, *, overlay: bool = False, hue: str = "gray") -> Look:
    """Look that suits a volume.

    Parameters
    ----------
    volume : Volume
    kind : Kind
    overlay : bool
        Whether other layers lie below it.
    hue : str
        Colour map where the kind has none of its own.
    """
    if kind == "labels":
        return Look(colourmap="labels", interpolation="nearest", opacity=0.5 if overlay else 1.0, hide_below=0.5, preset="labels")
    if kind == "stat":
        return _stat_look(volume)
    if kind == "ct":
        # Hounsfield units: from fat to dense bone, so that soft tissue keeps contrast in slices and CT presets find their tissue.
        low, high = -200.0, 1000.0
        opacity, hide_below = (0.5, low) if overlay else (1.0, None)
        return Look(colourmap=hue, window=(low, high), preset="CT-Bone", opacity=opacity, hide_below=hide_below)
    if not overlay:
        return Look(colourmap=hue)
    low, high = robust_window(volume.data)
    return Look(colourmap=hue, opacity=0.55, hide_below=_rounded(low + 0.15 * (high - low)), preset="overlay")


def _ground(volume: Volume) -> str:
    """Grey as the file means it: in some radiographs the low values are the bright ones."""
    return "gray-inverted" if volume.facts.get("photometric") == "MONOCHROME1" else "gray"


def _stat_look(volume: Volume) -> Look:
    """Threshold where a map of z or t becomes interesting, or its upper quarter where its values are not of that kind."""
    values = _sample(volume)
    magnitudes = np.abs(values[np.isfinite(values) & (values != 0)])
    if magnitudes.size == 0:
        return Look(colourmap="cold-hot", two_sided=True, window=(0.0, 1.0), preset="overlay")
    top = float(np.percentile(magnitudes, 99.5))
    threshold = 2.3 if 3.0 <= top <= 100.0 else float(np.percentile(magnitudes, 75))  # 2.3: the field's custom for z
    threshold = min(threshold, 0.9 * top)
    two_sided = bool((values < 0).any())
    window = (_rounded(threshold), _rounded(max(top, threshold * 1.01)))
    return Look(
        colourmap="cold-hot" if two_sided else "red-yellow",
        two_sided=two_sided,
        window=window if window[0] < window[1] else None,
        hide_below=window[0],
        opacity=0.9,
        preset="overlay",
    )


def _is_ct(volume: Volume) -> bool:
    """Hounsfield units: air near -1000 and bone far above water."""
    values = _sample(volume)
    air = np.count_nonzero(values < -700) > 0.05 * values.size
    return bool(air and values.min(initial=0) >= -3100 and values.max(initial=0) >= 300)


def _sample(volume: Volume) -> NDArray[Any]:
    """Finite values of the first frame, evenly spread and not all of them."""
    values = sample_values(volume.data)
    return np.asarray(values[np.isfinite(values)], dtype=np.float64)


def _edge(volume: Volume) -> float:
    """Edge of the cube with a voxel's volume, mm."""
    return float(abs(np.linalg.det(volume.affine.linear)) ** (1 / 3))


def _rank(volume: Volume) -> tuple[int, str, str, int]:
    """Most voxels first: fine and large, where a fine slab alone is no ground to lay others on. Then names, and at last the voxels."""
    path = str(volume.source.path) if volume.source else ""
    return (-math.prod(volume.shape), volume.name, path, zlib.crc32(_sample(volume).tobytes()))


def _layer_names(volumes: Sequence[Volume]) -> list[str]:
    """The volumes' distinct names, as layers may have them; distinct still."""
    names: list[str] = []
    for name in distinct_names(volumes):
        allowed = "".join(c if c.isprintable() and c != ":" else "-" for c in name).strip()[:480] or "volume"
        numbered = (allowed if k == 1 else f"{allowed}-{k}" for k in count(1))
        names.append(next(each for each in numbered if each not in names))
    return names


def _rounded(value: float) -> float:
    """Three digits: these numbers stand in scene files and number fields."""
    return float(f"{value:.3g}")
