"""Words of the command line turned into values once, here at the border."""

from __future__ import annotations

import math

import click

from volstudio.rendering.picture_size import LARGEST, MOST_PIXELS, SMALLEST

__all__ = ["CONVENTION", "FORM", "VIEW", "Point", "Size", "as_point", "as_size"]

Size = tuple[int, int | None]
Point = tuple[float, float, float]

CONVENTION = click.Choice(["neurological", "radiological"])
VIEW = click.Choice(["axial", "coronal", "sagittal", "ortho", "3d", "quad"])
FORM = click.Choice(["auto", "s", "q"])


def as_size(ctx: click.Context, param: click.Parameter, value: str | None) -> Size | None:
    """(width, height or None) in pixels of ``1200x900``, or of ``1200`` alone.

    Raises
    ------
    BadParameter
        It is no size, or out of range.
    """
    if value is None:
        return None
    parts = value.lower().replace("×", "x").split("x")
    if len(parts) > 2 or not all(part.strip().isdecimal() for part in parts):
        wrong = f"{value!r} is no size; write WIDTHxHEIGHT in pixels such as 1200x900, or one number for the width"
        raise click.BadParameter(wrong, ctx, param)
    numbers = [int(part) for part in parts]
    if not all(SMALLEST <= number <= LARGEST for number in numbers):
        raise click.BadParameter(f"{value!r} is out of range; each side must have {SMALLEST} to {LARGEST} pixels", ctx, param)
    if numbers[0] * numbers[-1] > MOST_PIXELS:
        raise click.BadParameter(f"{value!r} has too many pixels; at most {MOST_PIXELS // 1_000_000} million are drawn", ctx, param)
    return numbers[0], numbers[1] if len(numbers) == 2 else None


def as_point(ctx: click.Context, param: click.Parameter, value: str | None) -> Point | None:
    """(x, y, z) in scene millimetres of ``-12,30.5,8``.

    Raises
    ------
    BadParameter
        It is not three finite numbers.
    """
    if value is None:
        return None
    try:
        numbers = [float(part) for part in value.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 3 or not all(map(math.isfinite, numbers)):
        raise click.BadParameter(f"{value!r} is no point; write three numbers in mm, x,y,z, such as -12,30.5,8", ctx, param)
    return numbers[0], numbers[1], numbers[2]
