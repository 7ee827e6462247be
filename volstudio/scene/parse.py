"""Text of a scene file to a `Scene`, trusting nothing: the file may come from anybody.

Only data are read: no tags, no code, no includes. What is too large, too deep, said twice or not finite is refused before it costs memory,
and every refusal names the place, so that a person who writes by hand finds it.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from typing import Any, Literal, NoReturn, get_args, get_type_hints

import msgspec

from volstudio.errors import SceneError, shortened
from volstudio.scene.model import Camera, Clip, Landmark, Layer, Look, Panel, Placement, Scene
from volstudio.scene.names import nearest

__all__ = ["FORMAT_VERSION", "MARKER", "MAX_BYTES", "MAX_DEPTH", "parse_scene"]

MARKER = "volstudio"
FORMAT_VERSION = 1
MAX_BYTES = 4 << 20  # a scene of 20 layers takes 12 kB
MAX_DEPTH = 16  # a matrix in a placement in a layer is 5 deep

Syntax = Literal["toml", "json"]

# Strings and comments are stepped over whole, so that what they hold is no structure. A string that never ends is stepped over to the end,
# where the parser refuses it; so no pattern ever fails and starts again, and no text makes this slow.
_ESCAPE = r"\\(?:.|\Z)"
_TOKENS = {
    "json": re.compile(rf'"(?:[^"\\]|{_ESCAPE})*+(?:"|\Z)|[\[\]{{}}.,\n]', re.DOTALL),
    "toml": re.compile(
        rf'"""(?:[^"\\]|{_ESCAPE}|"(?!""))*+(?:"""|\Z)'
        r"|'''(?:[^']|'(?!''))*+(?:'''|\Z)"
        rf'|"(?:[^"\\\n]|{_ESCAPE})*+(?:"|\n|\Z)'
        r"|'[^'\n]*+(?:'|\n|\Z)"
        r"|#[^\n]*+|[\[\]{}.,\n=]",
        re.DOTALL,
    ),
}
_KINDS = {
    "array": "a list", "object": "a table of keys", "str": "text", "int": "a whole number", "float": "a number", "bool": "true or false",
    "null": "nothing",
}  # fmt: skip
_STRUCTS: dict[str, type[msgspec.Struct]] = {
    "": Scene, "layers": Layer, "look": Look, "placement": Placement, "camera": Camera, "clips": Clip, "landmarks": Landmark,
    "axial": Panel, "coronal": Panel, "sagittal": Panel,
}  # fmt: skip


def parse_scene(text: str, *, syntax: Syntax, where: str) -> Scene:
    """The scene that a text describes, with paths as they are written.

    Parameters
    ----------
    text : str
    syntax : "toml", "json"
    where : str
        Name of the file, for messages.

    Raises
    ------
    SceneError
        The text is no scene; one sentence with the place.
    """
    _check_depth(text, syntax, where)
    plain = _read_toml(text, where) if syntax == "toml" else _read_json(text, where)
    if not isinstance(plain, dict):
        raise SceneError(f"{where} is not a scene: it must hold keys and values such as 'layers', not a {type(plain).__name__}.")
    _check_version(plain, where)
    _check_finite(plain, "", where)
    try:
        return msgspec.convert(plain, Scene)
    except (msgspec.ValidationError, OverflowError) as error:
        raise SceneError(f"{where}: {shortened(_explained(str(error), plain))}") from error


def _check_depth(text: str, syntax: Syntax, where: str) -> None:
    """Refuse nesting that a parser would follow into its own end."""
    depth = deepest = dots = 0
    for token in _TOKENS[syntax].finditer(text):
        sign = token.group()
        if sign in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif sign in "]}":
            depth -= 1
        dots = dots + 1 if sign == "." else (dots if sign[0] in "\"'" else 0)
        if deepest > MAX_DEPTH or dots > 4 * MAX_DEPTH:
            line = text.count("\n", 0, token.start()) + 1
            raise SceneError(f"{where} is nested too deep (line {line}); a scene needs no more than {MAX_DEPTH} levels.")


def _read_toml(text: str, where: str) -> object:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise SceneError(shortened(f"{where} is not readable as TOML: {_place(str(error))}.")) from error


def _read_json(text: str, where: str) -> object:
    def refuse_constant(name: str) -> NoReturn:
        raise SceneError(f"{where} holds {name}; a scene holds finite numbers only.")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise SceneError(shortened(f"{where} says {twice!r} twice in one object; keep one of them."))
        return found

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=refuse_constant)
    except json.JSONDecodeError as error:
        cut = "; the file seems to be truncated" if not text[error.pos :].strip() or error.msg.startswith("Unterminated") else ""
        raise SceneError(f"{where} is not readable as JSON: {error.msg} (line {error.lineno}, column {error.colno}){cut}.") from error
    except SceneError:
        raise
    except (ValueError, RecursionError) as error:
        raise SceneError(f"{where} is not readable as JSON: {error}.") from error


def _place(message: str) -> str:
    """The TOML reader's message with its place, and what an end before the end means."""
    message = message.rstrip(".")
    return f"{message}; the file seems to be truncated" if "at end of document" in message else message


def _check_version(plain: dict[str, Any], where: str) -> None:
    """Take the marker out; refuse what a newer volstudio wrote and what is no scene at all."""
    version = plain.pop(MARKER, None)
    if version is None:
        if not plain.get("layers"):
            meant = next((nearest(key, ["layers"]) for key in plain if key.startswith("layer")), ".")
            raise SceneError(f"{where} is not a scene: it has neither '{MARKER} = {FORMAT_VERSION}' nor any layers{meant}")
        return
    if type(version) is not int or version < 1:
        raise SceneError(f"{where} says {MARKER} = {version!r}; the version of the scene format is a whole number from 1.")
    if version > FORMAT_VERSION:
        raise SceneError(
            f"{where} is written in version {version} of the scene format, and this volstudio reads up to {FORMAT_VERSION}; update it."
        )


def _check_finite(value: object, place: str, where: str) -> None:
    if isinstance(value, dict):
        for key, part in value.items():
            _check_finite(part, f"{place}.{key}" if place else str(key), where)
    elif isinstance(value, list):
        for k, part in enumerate(value):
            _check_finite(part, f"{place}[{k}]", where)
    elif isinstance(value, float) and not math.isfinite(value):
        raise SceneError(f"{where}: {place} is {value}; a scene holds finite numbers only (no NaN, no infinity).")


def _explained(message: str, plain: dict[str, Any]) -> str:
    """A message of msgspec in the words of a scene, with near matches."""
    what, _, place = message.partition(" - at ")
    keys = re.findall(r"[A-Za-z_]\w*|\d+", place)
    spot = _spot(keys, plain)
    names = [key for key in keys if not key.isdigit()]
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", what, re.DOTALL):
        kind = _STRUCTS.get(names[-1] if names else "", Scene)
        return f"there is no key {unknown[1]!r} {spot}{nearest(unknown[1], kind.__struct_fields__)}"
    if absent := re.fullmatch(r"Object missing required field `(.*)`", what):
        return f"the key {absent[1]!r} is missing {spot}; write it."
    if wrong := re.fullmatch(r"Invalid enum value '?(.*?)'?", what):
        kind = _STRUCTS.get(names[-2] if len(names) > 1 else "", Scene)
        return f"{wrong[1]!r} cannot be {names[-1]!r} {_spot(keys[:-1], plain)}{nearest(wrong[1], _choices(kind, names[-1]))}"
    subject = spot.removeprefix("in ")
    if short := re.fullmatch(r"Expected `array` of length (\d+), got (\d+)", what):
        return f"{subject} must be a list of {short[1]}, and {short[2]} are given."
    if wrong := re.fullmatch(r"Expected `(.*)`, got `(.*)`", what):
        allowed = [_KINDS.get(kind, kind) for kind in wrong[1].split(" | ") if kind != "null"]
        return f"{subject} must be {' or '.join(allowed)}, and {_KINDS.get(wrong[2], wrong[2])} is given."
    return f"{what[:1].lower()}{what[1:].replace('`', '')} {spot}."


def _spot(keys: list[str], plain: dict[str, Any]) -> str:
    """Where in the scene, in words: ``"in look of layer 'epi'"``."""
    if len(keys) > 1 and keys[0] == "layers" and keys[1].isdigit():
        layer = plain["layers"][int(keys[1])]
        name = layer.get("name") if isinstance(layer, dict) else None
        which = f"layer {name!r}" if isinstance(name, str) else f"layer number {int(keys[1]) + 1}"
        inner = ".".join(keys[2:])
        return f"in {inner} of {which}" if inner else f"in {which}"
    return f"in {'.'.join(keys)}" if keys else "at the top of the file"


def _choices(kind: type[msgspec.Struct], field: str) -> tuple[str, ...]:
    return tuple(map(str, get_args(get_type_hints(kind).get(field))))
