"""The published schema of scene files, made from the model so that the two cannot differ.

Editors complete and check ``.toml`` and ``.json`` scenes with ``scenes/scene.schema.json``; ``volstudio schema -o scenes/scene.schema.json
--overwrite`` writes it, and a test fails when it is stale.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

import msgspec

from volstudio.scene import colourmaps
from volstudio.scene.looks import PRESETS
from volstudio.scene.model import Camera, Clip, Landmark, Layer, Look, Panel, Placement, Scene
from volstudio.scene.parse import FORMAT_VERSION, MARKER

__all__ = ["schema"]


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of scene files, with the docstrings of the model as descriptions."""
    _, definitions = msgspec.json.schema_components([Scene], ref_template="#/$defs/{name}")
    for kind in (Scene, Layer, Placement, Look, Camera, Panel, Clip, Landmark):
        summary, fields = _documented(kind)
        part = definitions[kind.__name__]
        part["description"] = summary
        for name, text in fields.items():
            part["properties"][name]["description"] = text
    look = definitions["Look"]["properties"]
    look["colourmap"]["examples"] = list(colourmaps.names())
    look["preset"]["examples"] = list(PRESETS)
    scene = definitions.pop("Scene")
    marker = {"const": FORMAT_VERSION, "description": "Version of the scene format; marks the file as a scene."}
    scene["properties"] = {MARKER: marker, **scene["properties"]}
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **scene, "$defs": dict(sorted(definitions.items()))}
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(whole))  # as it reads from the file: no tuples among the defaults
    return plain


def _documented(kind: type) -> tuple[str, dict[str, str]]:
    """First line of a numpydoc docstring, and the description of each parameter."""
    text = inspect.cleandoc(kind.__doc__ or "")
    summary = text.split("\n", 1)[0]
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-+\n|\Z)", text, re.DOTALL | re.MULTILINE)
    fields: dict[str, str] = {}
    for entry in re.finditer(r"^(\w[\w, ]*?) : ([^\n]*)\n?((?:[ \t]+[^\n]*\n?)*)", section[1] if section else "", re.MULTILINE):
        words = " ".join(f"{entry[3] or entry[2]}".split()).replace("``", "").replace("`", "")
        fields.update(dict.fromkeys(entry[1].split(", "), words))
    return summary, {name: words for name, words in fields.items() if name in getattr(kind, "__struct_fields__", ())}
