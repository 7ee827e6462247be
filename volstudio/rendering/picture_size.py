"""How large a picture may be: one rule for scripts, the command line and the window."""

from __future__ import annotations

from numbers import Integral

from volstudio.errors import SceneError, WrongTypeError

__all__ = ["LARGEST", "MOST_PIXELS", "SMALLEST", "check_size"]

SMALLEST, LARGEST = 64, 16384
MOST_PIXELS = 100_000_000  # a poster of a metre at 250 dpi; a slip of the finger beyond it would take all memory


def check_size(size: object) -> tuple[int, int]:
    """(width, height) in pixels.

    Raises
    ------
    WrongTypeError
        It is not two whole numbers.
    SceneError
        It is out of range.

    Examples
    --------
    >>> check_size((1200, 900))
    (1200, 900)
    """
    parts = tuple(size) if hasattr(size, "__iter__") and not isinstance(size, str) else ()
    if len(parts) != 2 or not all(isinstance(part, Integral) for part in parts):
        raise WrongTypeError(f"The size of a picture is (width, height) in pixels, such as (1200, 900); {size!r} was given.")
    width, height = (int(part) for part in parts)
    if not SMALLEST <= min(width, height) <= max(width, height) <= LARGEST:
        raise SceneError(f"A picture of {width} x {height} pixels is out of range; each side must have {SMALLEST} to {LARGEST} pixels.")
    if width * height > MOST_PIXELS:
        raise SceneError(f"A picture of {width} x {height} pixels has too many; at most {MOST_PIXELS // 1_000_000} million are drawn.")
    return width, height
