"""Words of the command line turned into values once, here at the border."""

from __future__ import annotations

import math

import click

__all__ = ["AT", "CONVENTION", "FORM", "SIZE", "VIEW", "Point", "Size"]

Size = tuple[int, int | None]
Point = tuple[float, float, float]

SMALLEST, LARGEST = 64, 16384


class _SizeType(click.ParamType):
    """``1200x900``, or ``1200`` alone: the height then suits the view."""

    name = "WxH"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Size:
        """(width, height or None) in pixels."""
        if isinstance(value, tuple):
            return value
        parts = str(value).lower().replace("×", "x").split("x")
        if len(parts) > 2 or not all(part.strip().isdecimal() for part in parts):
            self.fail(f"{value!r} is no size; write WIDTHxHEIGHT in pixels such as 1200x900, or one number for the width.", param, ctx)
        numbers = [int(part) for part in parts]
        if not all(SMALLEST <= number <= LARGEST for number in numbers):
            self.fail(f"{value!r} is out of range; each side must have {SMALLEST} to {LARGEST} pixels.", param, ctx)
        return numbers[0], numbers[1] if len(numbers) == 2 else None


class _PointType(click.ParamType):
    """``x,y,z`` in scene millimetres."""

    name = "x,y,z"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Point:
        """(x, y, z), finite."""
        if isinstance(value, tuple):
            return value
        try:
            numbers = [float(part) for part in str(value).replace(";", ",").split(",")]
        except ValueError:
            numbers = []
        if len(numbers) != 3 or not all(map(math.isfinite, numbers)):
            self.fail(f"{value!r} is no point; write three numbers in mm, x,y,z, such as -12,30.5,8.", param, ctx)
        return numbers[0], numbers[1], numbers[2]


SIZE = _SizeType()
AT = _PointType()
CONVENTION = click.Choice(["neurological", "radiological"])
VIEW = click.Choice(["axial", "coronal", "sagittal", "ortho", "3d", "quad"])
FORM = click.Choice(["auto", "s", "q"])
