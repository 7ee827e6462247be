"""Words for several scans or links: one for all, one for each, one by its number (``2=FILE``), or a pattern with each scan's name in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from volstudio.errors import RegistrationError
from volstudio.tasks.open import absolute
from volstudio.volumes.formats import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["masks_of", "one_each"]

NUMBERED = re.compile(r"([0-9]+)=(.+)", re.DOTALL)
NAME, FOLDER = "{name}", "{folder}"
PATTERN = f"{FOLDER}/{NAME}_mask.nii.gz"


def one_each(words: Sequence[str], count: int, *, what: str, noun: str, also: str = "", for_all: bool = True) -> tuple[str | None, ...]:
    """The word of each of ``count`` things, None for one of which nothing was said.

    Parameters
    ----------
    words : sequence of str
        As many as things, in their order; one for all of them, where that is meant; and ``N=WORD`` for thing N alone, from 1, which
        overrules the others.
    count : int
    what : str
        What the words are, such as ``"--preset"``, for messages.
    noun : str
        What a thing is: ``"link"``, ``"scan"``.
    also : str
        Another way to say it, for messages.
    for_all : bool
        Whether a single word may be meant for all.

    Raises
    ------
    RegistrationError
        The words do not fit the things.

    Examples
    --------
    >>> one_each(["same-modality", "1=epi-to-anatomy"], 3, what="--preset", noun="link")
    ('epi-to-anatomy', 'same-modality', 'same-modality')
    >>> one_each(["2=brain.nii"], 3, what="--mask", noun="scan", for_all=False)
    (None, 'brain.nii', None)
    """
    plain = [word for word in words if not NUMBERED.fullmatch(word)]
    if len(plain) not in ((0, 1, count) if for_all else (0, count)):
        ways = f"give {'one for all, ' if for_all else ''}one for each in their order, or N=... for {noun} N alone{also}"
        raise RegistrationError(f"There {_are(count, noun)} and {len(plain)} of {what}; {ways}.")
    told: list[str | None] = [*(plain * count if len(plain) == 1 else plain)] or [None] * count
    seen: set[int] = set()
    for match in filter(None, map(NUMBERED.fullmatch, words)):
        number = int(match[1])
        if not 1 <= number <= count:
            raise RegistrationError(f"{what} {match[0]!r} is about {noun} {number}, and there {_are(count, noun)}.")
        if number in seen:
            raise RegistrationError(f"{what} says {number}=... twice; give it once.")
        seen.add(number)
        told[number - 1] = match[2]
    return tuple(told)


def masks_of(words: Sequence[str], scans: Sequence[str], *, what: str) -> tuple[str | None, ...]:
    """Path of each scan's mask, None for a scan that has none.

    Parameters
    ----------
    words : sequence of str
        As `one_each` takes them, a file each; or a single pattern for all, in which ``{name}`` is the name of a scan's file without its
        suffixes and ``{folder}`` the folder it lies in. A single file is not taken for all: a mask belongs to one scan.
    scans : sequence of str
        Paths.
    what : str
        The option, for messages.

    Raises
    ------
    RegistrationError
        The words do not fit the scans.

    Examples
    --------
    >>> masks_of(["{folder}/masks/{name}.nii"], ["/a/one.nii.gz", "/b/two.nii"], what="--mask")
    ('/a/masks/one.nii', '/b/masks/two.nii')
    """
    pattern = len(words) == 1 and not NUMBERED.fullmatch(words[0]) and (NAME in words[0] or FOLDER in words[0])
    if pattern:
        words = [words[0]] * len(scans)
    also = f", or a pattern such as {PATTERN}"
    told = one_each(words, len(scans), what=what, noun="scan", also=also, for_all=False)
    return tuple(None if word is None else absolute(_filled(word, scan)) for word, scan in zip(told, scans, strict=True))


def _filled(pattern: str, scan: str) -> str:
    """A pattern with a scan's folder and name in it."""
    file = Path(scan)
    suffix = next((suffix for suffix in SUFFIXES if file.name.lower().endswith(suffix) and len(file.name) > len(suffix)), "")
    return pattern.replace(FOLDER, str(file.parent)).replace(NAME, file.name[: len(file.name) - len(suffix)])


def _are(count: int, noun: str) -> str:
    return f"is 1 {noun}" if count == 1 else f"are {count} {noun}s"
