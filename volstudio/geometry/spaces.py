"""Names of the spaces that points live in.

A point is only a point once its space is known. Spaces are plain strings, so that they can be printed, stored and compared:

- ``"<volume>:voxel"``: indices (i, j, k) into the volume's array; an integer index is the centre of a voxel.
- ``"<volume>:scanner"``: what the volume's own affine maps to; millimetres, RAS+.
- ``"scene"``: the common world of a scene; millimetres, RAS+. A layer's placement maps its scanner space here.
"""

from __future__ import annotations

__all__ = ["SCENE", "scanner", "volume_of", "voxel"]

SCENE = "scene"


def voxel(volume: str) -> str:
    """Name of a volume's voxel space.

    >>> voxel("epi")
    'epi:voxel'
    """
    return f"{volume}:voxel"


def scanner(volume: str) -> str:
    """Name of a volume's scanner space.

    >>> scanner("epi")
    'epi:scanner'
    """
    return f"{volume}:scanner"


def volume_of(space: str) -> str | None:
    """Name of the volume that a space belongs to, or None for the scene.

    >>> volume_of("epi:scanner"), volume_of("scene")
    ('epi', None)
    """
    name, _, kind = space.rpartition(":")
    return name if kind in ("voxel", "scanner") else None
