"""The one gate: what a scene must keep that types cannot say.

msgspec checks types when a file is read, not when a value is made, and no type says that names are unique or that a placement is rigid.
Files and sessions both ask here, so that every other room can trust a scene. A session asks at every mouse move: what has been checked
before is known by identity and skipped.
"""

from __future__ import annotations

import math
import os
import re
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from volstudio.errors import SceneError, WrongTypeError
from volstudio.geometry.rotation import RIGID_TOLERANCE
from volstudio.scene import colourmaps
from volstudio.scene.model import IDENTITY, Camera, Clip, Convention, Landmark, Layer, Look, Matrix, Panel, Placement, Scene, Vec3, View

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MAX_CLIPS", "MAX_LAYERS", "check", "check_kind", "check_path"]

MAX_LAYERS = 1000  # far above any study; stops a file of a million layers before it stops the window
MAX_CLIPS = 6  # as many as a volume mapper of VTK takes
MAX_TEXT = 500

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_REMOTE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+://|file:|\\\\|//)", re.IGNORECASE)


def check(scene: Scene, known: Scene | None = None) -> None:
    """Refuse a scene that breaks the rules.

    Parameters
    ----------
    scene : Scene
    known : Scene or None
        A scene that has passed; what ``scene`` shares with it is not looked at again.

    Raises
    ------
    SceneError
        With one sentence that names the layer or field and says what is allowed.
    """
    if known is None:
        _check_types(scene, Scene, "the scene")
        known = Scene()
    if scene.layers is not known.layers:
        _check_layers(scene, known)
    if scene.landmarks is not known.landmarks or (scene.landmarks and scene.layers is not known.layers):
        _check_landmarks(scene)
    for name, rule in _SCENE_RULES.items():
        value = getattr(scene, name)
        if value is not getattr(known, name):
            rule(name, value)


def check_kind(scene: object) -> None:
    """Refuse what is no scene at all.

    Raises
    ------
    WrongTypeError
        The sentence says how to make one.

    Examples
    --------
    >>> check_kind("study.toml")
    Traceback (most recent call last):
    volstudio.errors.WrongTypeError: A picture is drawn of a Scene, got str; make one with Scene.of(volume, ...) or load_scene(path).
    """
    if not isinstance(scene, Scene):
        kind = type(scene).__name__
        raise WrongTypeError(f"A picture is drawn of a Scene, got {kind}; make one with Scene.of(volume, ...) or load_scene(path).")


def check_path(path: str, who: str) -> None:
    """Refuse a layer's path that is no local file: a web address, a network share, an empty name or one that no system takes.

    A scene may come from anybody, and opening it must not reach into the network.

    Raises
    ------
    SceneError
    """
    try:
        raw = os.fsencode(path)
    except UnicodeEncodeError:
        raw = b""
    if not raw or b"\0" in raw:
        raise SceneError(f"The path of {who} is {path!r}; it must name a file.")
    if _REMOTE.match(path):
        raise SceneError(
            f"The path of {who} is remote ({path!r}); scenes open local files only, so download it and give the path of the copy."
        )


def _check_types(value: object, kind: type, who: str) -> None:
    """Refuse what a constructor took without asking: wrong types, numpy numbers, lists where tuples belong."""
    try:
        plain = msgspec.to_builtins(value)
        again: object = msgspec.convert(plain, kind)
    except (TypeError, ValueError, RecursionError) as error:
        raise SceneError(f"In {who}, a value is of a wrong type: {error}.") from error
    if again != value and _finite(plain):
        raise SceneError(f"In {who}, a list stands where a tuple belongs; scenes cannot hold what can change.")


def _finite(plain: object) -> bool:
    """Whether no number of nested builtins is NaN or infinite (NaN never equals itself)."""
    if isinstance(plain, dict):
        return all(map(_finite, plain.values()))
    if isinstance(plain, list | tuple):
        return all(map(_finite, plain))
    return not isinstance(plain, float) or math.isfinite(plain)


def _check_layers(scene: Scene, known: Scene) -> None:
    if type(scene.layers) is not tuple:
        raise SceneError("The layers of a scene must be a tuple.")
    if len(scene.layers) > MAX_LAYERS:
        raise SceneError(f"The scene has {len(scene.layers)} layers; at most {MAX_LAYERS} are shown.")
    old = {id(layer) for layer in known.layers}
    fresh = [layer for layer in scene.layers if id(layer) not in old]
    befores = {layer.name: layer for layer in known.layers} if fresh else {}
    for layer in fresh:
        _check_layer(layer, befores.get(layer.name) if isinstance(layer, Layer) else None)
    names = {layer.name for layer in scene.layers}
    if len(names) < len(scene.layers):
        taken = [layer.name for layer in scene.layers]
        twice = next(name for name in taken if taken.count(name) > 1)
        raise SceneError(f"Two layers are called {twice!r}; a layer's name must be its own, so rename one.")


def _check_layer(layer: Layer, before: Layer | None) -> None:
    _check_types(layer, Layer, f"layer {getattr(layer, 'name', layer)!r}")
    who = f"layer {layer.name!r}"
    if before is None or layer.path is not before.path:
        _check_name(layer.name)
        check_path(layer.path, who)
    if before is None or layer.placement is not before.placement:
        _check_placement(layer.placement, who)
    if before is None or layer.look is not before.look:
        _check_look(layer.look, who)
    if layer.time < 0:
        raise SceneError(f"The time point of {who} is {layer.time}; time points count from 0.")
    if layer.digest and not _DIGEST.fullmatch(layer.digest):
        raise SceneError(f"The digest of {who} is {layer.digest[:80]!r}; it must be 'sha256:' and 64 hexadecimal digits, or empty.")


def _check_name(name: str) -> None:
    if not name.strip() or name != name.strip() or not name.isprintable() or ":" in name or len(name) > MAX_TEXT:
        raise SceneError(f"{name[:80]!r} cannot name a layer; a name is printable text without ':' and without spaces at its ends.")


def _check_placement(placement: Placement, who: str) -> None:
    matrix = placement.matrix
    if matrix is not IDENTITY:
        numbers = [x for row in matrix for x in row]
        if not all(map(math.isfinite, numbers)):
            raise SceneError(f"The placement of {who} holds NaN or infinity and cannot place anything.")
        if matrix[3] != (0.0, 0.0, 0.0, 1.0):
            raise SceneError(f"The last row of the placement of {who} must be 0 0 0 1, got {list(matrix[3])}.")
        if placement.made_by == "file":
            _check_invertible(matrix, who)
        else:
            _check_rigid(matrix, who)
    if placement.pivot is not None:
        _check_point(f"The pivot of {who}", placement.pivot)


def _check_rigid(matrix: Matrix, who: str) -> None:
    (a, b, c, _), (d, e, f, _), (g, h, i, _), _ = matrix
    off = max(
        abs(a * a + d * d + g * g - 1),
        abs(b * b + e * e + h * h - 1),
        abs(c * c + f * f + i * i - 1),
        abs(a * b + d * e + g * h),
        abs(a * c + d * f + g * i),
        abs(b * c + e * f + h * i),
    )
    if off > RIGID_TOLERANCE:
        raise SceneError(
            f"The placement of {who} is not rigid (off by {off:.2g}, {RIGID_TOLERANCE:.0e} is allowed); write its numbers with at least "
            f'8 digits, or say made_by = "file" if it is meant to scale or shear.'
        )
    if _determinant(matrix) < 0:
        raise SceneError(f"The placement of {who} mirrors it; a rigid placement turns and shifts only.")


def _check_invertible(matrix: Matrix, who: str) -> None:
    longest = max(math.sqrt(sum(row[k] ** 2 for row in matrix[:3])) for k in range(3))
    if abs(_determinant(matrix)) <= 1e-9 * longest**3:
        raise SceneError(f"The placement of {who} is singular: it flattens the volume and has no inverse.")


def _determinant(matrix: Matrix) -> float:
    (a, b, c, _), (d, e, f, _), (g, h, i, _), _ = matrix
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)


def _check_look(look: Look, who: str) -> None:
    from volstudio.scene.looks import preset  # looks builds on the rules above it

    whose = f"the look of {who}"
    try:
        colourmaps.get(look.colourmap)
        preset(look.preset)
    except SceneError as error:
        raise SceneError(f"In {whose}: {error}") from error
    if not 0.0 <= look.opacity <= 1.0:
        raise SceneError(f"The opacity in {whose} is {look.opacity}; it goes from 0 to 1.")
    if look.window is not None:
        low, high = look.window
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise SceneError(f"The window in {whose} is {list(look.window)}; it needs two finite numbers, the lower one first.")
        if look.two_sided and low < 0:
            raise SceneError(f"The window in {whose} is {list(look.window)}; a two-sided map has a window of magnitudes, from 0 up.")
    if look.hide_below is not None and not math.isfinite(look.hide_below):
        raise SceneError(f"The value hide_below in {whose} is {look.hide_below}; it must be a finite number.")


def _check_landmarks(scene: Scene) -> None:
    names = set(scene.names)
    seen: set[tuple[str, str]] = set()
    for mark in scene.landmarks:
        _check_types(mark, Landmark, "a landmark")
        if mark.layer not in names:
            raise SceneError(f"Landmark {mark.name!r} lies on layer {mark.layer!r}, which the scene does not have.")
        if (mark.layer, mark.name) in seen:
            raise SceneError(f"Layer {mark.layer!r} has two landmarks called {mark.name!r}; a landmark's name must be its own.")
        seen.add((mark.layer, mark.name))
        _check_text("name of a landmark", mark.name)
        _check_point(f"Landmark {mark.name!r}", mark.point)


def _check_point(what: str, point: Vec3) -> None:
    if type(point) is not tuple or len(point) != 3 or not all(type(x) in (float, int) and math.isfinite(x) for x in point):
        raise SceneError(f"{what} needs a tuple of three finite numbers, got {point!r}.")


def _check_crosshair(_name: str, point: Vec3 | None) -> None:
    if point is not None:
        _check_point("The crosshair", point)


def _check_camera(_name: str, camera: Camera | None) -> None:
    if camera is None:
        return
    _check_types(camera, Camera, "the camera")
    for word in ("position", "focal_point", "view_up"):
        _check_point(f"The camera's {word}", getattr(camera, word))
    gaze = tuple(f - p for f, p in zip(camera.focal_point, camera.position, strict=True))
    up = camera.view_up
    across = (gaze[1] * up[2] - gaze[2] * up[1], gaze[2] * up[0] - gaze[0] * up[2], gaze[0] * up[1] - gaze[1] * up[0])
    if math.hypot(*across) <= 1e-9 * math.hypot(*gaze) * math.hypot(*up):
        raise SceneError("The camera looks nowhere: its position and focal point must differ, and view_up must not point along its gaze.")
    if not 0.0 < camera.view_angle < 180.0:
        raise SceneError(f"The camera's view_angle is {camera.view_angle}; it lies between 0 and 180 degrees.")
    scale = camera.parallel_scale
    if scale is not None and not (math.isfinite(scale) and scale > 0):
        raise SceneError(f"The camera's parallel_scale is {scale}; it must be a positive number of mm.")


def _check_panel(name: str, panel: Panel) -> None:
    _check_types(panel, Panel, f"the {name} panel")
    if panel.centre is not None:
        _check_point(f"The centre of the {name} panel", panel.centre)
    if panel.height is not None and not (math.isfinite(panel.height) and panel.height > 0):
        raise SceneError(f"The height of the {name} panel is {panel.height}; it must be a positive number of mm.")


def _check_clips(_name: str, clips: tuple[Clip, ...]) -> None:
    if type(clips) is not tuple or len(clips) > MAX_CLIPS:
        raise SceneError(f"The scene's clips must be a tuple of at most {MAX_CLIPS} planes, got {len(clips)}.")
    for clip in clips:
        _check_types(clip, Clip, "a clip")
        _check_point("A clip's origin", clip.origin)
        _check_point("A clip's normal", clip.normal)
        if not any(clip.normal):
            raise SceneError("A clip's normal is 0 0 0 and points nowhere.")


def _check_background(_name: str, colour: Vec3) -> None:
    _check_point("The background", colour)
    if not all(0.0 <= x <= 1.0 for x in colour):
        raise SceneError(f"The background is {list(colour)}; its red, green and blue go from 0 to 1.")


def _check_text(name: str, text: str) -> None:
    if not isinstance(text, str) or len(text) > MAX_TEXT or not all(c.isprintable() for c in text):
        raise SceneError(f"The {name} must be printable text of at most {MAX_TEXT} letters.")


def _check_word(name: str, word: str) -> None:
    allowed = _WORDS[name]
    if word not in allowed:
        raise SceneError(f"The {name} of the scene is {word!r}; it must be one of {', '.join(allowed)}.")


def _check_flag(name: str, flag: object) -> None:
    if type(flag) is not bool:
        raise SceneError(f"The option {name} of the scene is {flag!r}; it must be True or False.")


_WORDS: dict[str, tuple[str, ...]] = {"view": get_args(View), "convention": get_args(Convention)}

_SCENE_RULES: dict[str, Callable[[str, Any], None]] = {
    "crosshair": _check_crosshair,
    "camera": _check_camera,
    "axial": _check_panel,
    "coronal": _check_panel,
    "sagittal": _check_panel,
    "clips": _check_clips,
    "background": _check_background,
    "title": _check_text,
    "view": _check_word,
    "convention": _check_word,
    **dict.fromkeys(("letters", "colour_bars", "scale_bar", "show_crosshair", "slices_in_3d"), _check_flag),
}
