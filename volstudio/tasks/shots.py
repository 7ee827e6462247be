"""Pictures of a scene: the one way from a scene to pixels in a file, for the command line, scripts and tests.

Slices are composed on the CPU, so that they come out the same on a laptop and on a bare server. 3D asks the machine for OpenGL; a quad view
without it still shows its three slices, and the sentence that says what is missing where the fourth would be.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from volstudio.errors import OpenGLUnavailableError, SceneError, WrongTypeError
from volstudio.rendering.picture_size import check_size
from volstudio.scene.checks import check, check_kind
from volstudio.scene.model import View, vec3
from volstudio.scene.names import nearest
from volstudio.tasks.open import open_layer, source_files
from volstudio.volumes.spelling import readable

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from volstudio.rendering.planes import Volumes
    from volstudio.scene.model import Convention, Scene, Vec3

__all__ = ["render", "shot", "suitable_size"]

Rgb = NDArray[np.uint8]

QUAD_SIZE = (1200, 900)
ORTHO_SIZE = (1500, 580)
SINGLE_SIZE = (900, 900)


def render(
    scene: Scene,
    *,
    size: tuple[int, int] = QUAD_SIZE,
    view: View | None = None,
    at: Vec3 | None = None,
    convention: Convention | None = None,
    beside: Scene | None = None,
    volumes: Volumes | None = None,
) -> Rgb:
    """Picture of a scene.

    Parameters
    ----------
    scene : Scene
    size : (width, height), pixels
    view : "quad", "ortho", "axial", "coronal", "sagittal", "3d" or None
        None: the scene's own.
    at : (x, y, z) or None, scene mm
        Where the slices cut; None: the scene's crosshair.
    convention : "neurological", "radiological" or None
        None: the scene's own.
    beside : Scene or None
        Beside whose picture this one will be looked at, such as before and after: with it both have one frame, which holds both.
    volumes : callable or None
        Gives the `Volume` of a `Layer`; None: files are opened as the layers say.

    Returns
    -------
    (h, w, 3) uint8 array
        First row on top.

    Raises
    ------
    SceneError
        The scene has no layer or breaks a rule, the size is out of range, or ``at`` lies outside every layer.
    WrongTypeError
        An argument is of another kind: a volume instead of a scene, a number instead of a size.
    OpenGLUnavailableError
        ``view`` is ``"3d"`` and the machine has no OpenGL. A quad view shows its slices and says so in the picture.
    """
    wanted = _with(scene, view=view, at=at, convention=convention)
    other = None if beside is None else _with(beside, view=view, at=at, convention=convention)
    size = check_size(size)
    find = volumes or open_layer
    if not wanted.layers:
        raise SceneError("The scene has no layer, so there is nothing to draw; give at least one volume.")
    if at is not None:
        _check_inside(wanted, at, find)
    if wanted.view == "3d":
        from volstudio.rendering.layout import hole_3d, volume_picture
        from volstudio.rendering.offscreen import render_3d

        return volume_picture(wanted, find, size, render_3d(wanted, find, hole_3d(wanted, find, size), beside=other))
    if wanted.view == "quad":
        return _quad(wanted, find, size, other)
    from volstudio.rendering.layout import slices_picture

    return slices_picture(wanted, find, size, wanted.view, beside=other)


def shot(
    scene: Scene,
    path: str | os.PathLike[str],
    *,
    size: tuple[int, int | None] | None = None,
    view: View | None = None,
    at: Vec3 | None = None,
    convention: Convention | None = None,
    beside: Scene | None = None,
    overwrite: bool = False,
    protect: Iterable[str | os.PathLike[str]] = (),
    volumes: Volumes | None = None,
) -> Path:
    """Write a picture of a scene to a file; see `render`.

    Parameters
    ----------
    path : path
        Ends in .png, .jpg or .tif.
    size : (width, height or None) or None
        None: what suits the view, as `suitable_size` gives it.
    overwrite : bool
    protect : iterable of path
        Files that may not be written to, besides those of the scene's volumes.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OutputError
        The suffix is no picture's, the file exists, is one of the sources, or cannot be written. Nothing is drawn then.
    """
    from volstudio.rendering.picture_files import encode, picture_suffix
    from volstudio.volumes.atomic import atomic_bytes, check_target

    wanted = _with(scene, view=view, at=at, convention=convention)
    target = Path(path)
    suffix = picture_suffix(target)
    guarded = (*source_files(scene), *(Path(each) for each in protect))
    check_target(target, protect=guarded, overwrite=overwrite)
    width, height = size or (None, None)
    pixels = (width, height) if width and height else suitable_size(wanted.view, width)
    picture = render(scene, size=pixels, view=view, at=at, convention=convention, beside=beside, volumes=volumes)
    atomic_bytes(target, encode(picture, suffix, _words(wanted, volumes or open_layer)), protect=guarded, overwrite=overwrite)
    return target


def suitable_size(view: View, width: int | None = None) -> tuple[int, int]:
    """Pixels in which a view looks well.

    Parameters
    ----------
    view : str
    width : int or None
        None: a size that fits a page.

    Examples
    --------
    >>> suitable_size("quad"), suitable_size("axial", 400)
    ((1200, 900), (400, 400))
    """
    usual = {"quad": QUAD_SIZE, "ortho": ORTHO_SIZE}.get(view, SINGLE_SIZE)
    return usual if width is None else (width, max(round(width * usual[1] / usual[0]), 1))


def _with(scene: Scene, *, view: View | None, at: Vec3 | None, convention: Convention | None) -> Scene:
    """The scene with what the caller wants instead, checked."""
    check_kind(scene)
    if view is not None and view not in get_args(View):
        raise SceneError(f"There is no view {view!r}{nearest(str(view), get_args(View))}")
    if at is not None and np.shape(at) != (3,):
        raise WrongTypeError(f"The point that slices go through is (x, y, z) in mm, such as (0, -20, 5); {at!r} was given.")
    changes = {"view": view, "crosshair": None if at is None else vec3(at), "convention": convention}
    wanted = msgspec.structs.replace(scene, **{name: value for name, value in changes.items() if value is not None})
    check(wanted)
    return wanted


def _check_inside(scene: Scene, at: Vec3, volumes: Volumes) -> None:
    """A picture through a point outside everything would be black, and nobody would know why."""
    from volstudio.rendering.planes import content_box

    corners = content_box(scene, volumes)
    low, high = corners.min(axis=0), corners.max(axis=0)
    if ((np.array(at) < low) | (np.array(at) > high)).any():
        reach = ", ".join(f"{axis} {a:.0f} to {b:.0f}" for axis, a, b in zip("xyz", low, high, strict=True))
        point = ", ".join(f"{number:g}" for number in at)
        raise SceneError(f"The point ({point}) mm lies outside every layer, so no slice through it shows anything; they reach {reach} mm.")


def _quad(scene: Scene, volumes: Volumes, size: tuple[int, int], beside: Scene | None) -> Rgb:
    from volstudio.rendering.layout import quad, quad_hole
    from volstudio.rendering.offscreen import render_3d

    try:
        picture = render_3d(scene, volumes, quad_hole(scene, volumes, size), beside=beside)
    except OpenGLUnavailableError as error:
        return quad(scene, volumes, size, None, sentence=str(error), beside=beside)
    return quad(scene, volumes, size, picture, beside=beside)


def _words(scene: Scene, volumes: Volumes) -> dict[str, str]:
    """What the file says of itself: the program, what is seen, and which scene it was, without a date or a folder's name."""
    from volstudio import __version__
    from volstudio.rendering.annotations import convention_text

    bare = [msgspec.structs.replace(layer, path=readable(Path(layer.path).name)) for layer in scene.layers]
    digest = hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(scene, layers=tuple(bare)))).hexdigest()
    words = {"Software": f"volstudio {__version__}", "Scene": f"sha256:{digest}"}
    words["Description"] = f"{scene.view} view of {', '.join(scene.names)}; {convention_text(scene, volumes)[0]}; mm, RAS+"
    return {"Title": scene.title, **words} if scene.title else words
