"""A scene's values as TOML that reads as if written by hand.

General TOML writers spread a look over a table of its own and a matrix over twenty lines. A scene has few shapes, so it gets a writer that
keeps a layer together: its look in one line, its matrix in four.
"""

from __future__ import annotations

import json
from typing import Any

__all__ = ["to_toml"]


def to_toml(plain: dict[str, Any]) -> str:
    """TOML text of nested builtins.

    Parameters
    ----------
    plain : dict
        Strings, numbers, booleans, lists and dicts with plain words as keys; None is left out.

    Returns
    -------
    str
        Reads back as the same values, floats to the last bit.

    Examples
    --------
    >>> print(to_toml({"view": "quad", "layers": [{"name": "epi", "look": {"opacity": 0.5}}]}), end="")
    view = "quad"
    <BLANKLINE>
    [[layers]]
    name = "epi"
    look = {opacity = 0.5}
    """
    given = {key: value for key, value in plain.items() if value is not None}
    simple = {key: value for key, value in given.items() if not isinstance(value, dict) and not _is_tables(value)}
    parts = ["".join(f"{key} = {_value(value)}\n" for key, value in simple.items())]
    for key, value in given.items():
        if isinstance(value, dict):
            parts.append(f"[{key}]\n{_lines(value)}")
        elif _is_tables(value):
            parts.extend(f"[[{key}]]\n{_lines(item)}" for item in value)
    return "\n".join(part for part in parts if part)


def _is_tables(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(item, dict) for item in value)


def _lines(table: dict[str, Any]) -> str:
    return "".join(f"{key} = {_value(value)}\n" for key, value in table.items() if value is not None)


def _value(value: object) -> str:
    """One value on one line, but a list of lists on a line per inner list."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # A TOML basic string is a JSON string, except that DEL must be escaped too.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_value(part)}" for key, part in value.items() if part is not None) + "}"
    if isinstance(value, list | tuple):
        if value and all(isinstance(part, list | tuple) for part in value):
            return "[\n" + "".join(f"  {_value(part)},\n" for part in value) + "]"
        return f"[{', '.join(map(_value, value))}]"
    raise TypeError(f"TOML text of a {type(value).__name__} is not defined.")
