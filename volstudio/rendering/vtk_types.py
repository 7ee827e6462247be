"""Names for VTK's objects in annotations.

VTK's own type information cannot be used under strict checking, so to mypy these are anything; to a reader they say what is meant.
"""

from __future__ import annotations

from typing import Any, TypeAlias

__all__ = ["Renderer", "VtkObject", "Window"]

Renderer: TypeAlias = Any
Window: TypeAlias = Any
VtkObject: TypeAlias = Any
