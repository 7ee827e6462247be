"""BIDS names of transform files: ``from-<moving>_to-<fixed>_mode-image_xfm``.

BIDS (derivatives, BEP014; fMRIPrep) names a transform by what it does to *images*: ``from-epi_to-t1_mode-image`` resamples the EPI onto
the T1. Its numbers, as in every ITK file, then map points the other way, from the T1 (fixed) to the EPI (moving). Both are said here in
words so that nobody has to remember it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePath

__all__ = ["TransformName", "parse_name", "transform_name"]

PATTERN = re.compile(
    r"^(?:(?P<before>.+)_)?from-(?P<moving>[^\W_]+)_to-(?P<fixed>[^\W_]+)(?:_mode-(?P<mode>[^\W_]+))?(?:_desc-(?P<desc>[^\W_]+))?_xfm(?=\.|$)"
)


@dataclass(frozen=True, slots=True)
class TransformName:
    """What a BIDS name of a transform says.

    Parameters
    ----------
    moving, fixed : str
        Labels: images of ``moving`` are brought onto ``fixed``.
    mode : str
        ``"image"``, or ``"points"`` where the name says what happens to points.
    before : str
        Entities in front: ``"sub-01_ses-2"``.
    desc : str
    """

    moving: str
    fixed: str
    mode: str = "image"
    before: str = ""
    desc: str = ""

    def in_words(self) -> str:
        """The direction, for a person.

        >>> TransformName("epi", "t1").in_words()
        'brings images of epi onto t1; its numbers map points of t1 (fixed) to points of epi (moving)'
        """
        return (
            f"brings images of {self.moving} onto {self.fixed}; "
            f"its numbers map points of {self.fixed} (fixed) to points of {self.moving} (moving)"
        )


def transform_name(fixed: str, moving: str, *, before: str = "", desc: str = "") -> str:
    """The BIDS name, without a suffix, of the transform that brings ``moving`` onto ``fixed``.

    Parameters
    ----------
    fixed, moving : str
        Names of volumes; what BIDS does not allow in a label (all but letters and digits) is left out.
    before : str
        Entities in front, as they are: ``"sub-01"``.
    desc : str

    Examples
    --------
    >>> transform_name("someones_anatomy", "someones_epi")
    'from-someonesepi_to-someonesanatomy_mode-image_xfm'
    >>> transform_name("T1w", "bold", before="sub-01", desc="rigid")
    'sub-01_from-bold_to-T1w_mode-image_desc-rigid_xfm'
    """
    parts = [before, f"from-{_label(moving, 'moving')}", f"to-{_label(fixed, 'fixed')}", "mode-image"]
    if desc:
        parts.append(f"desc-{_label(desc, 'desc')}")
    return "_".join([part for part in parts if part] + ["xfm"])


def parse_name(path: str | PurePath) -> TransformName | None:
    """What the name of a file says; None: it is no BIDS name of a transform.

    For ``mode-points`` the labels are turned round, so that ``moving`` and ``fixed`` always mean the images.

    >>> parse_name("out/sub-01_from-bold_to-T1w_mode-image_xfm.txt").moving
    'bold'
    >>> parse_name("affine.txt") is None
    True
    """
    found = PATTERN.match(PurePath(path).name)
    if found is None:
        return None
    ends = (found["moving"], found["fixed"])
    mode = found["mode"] or "image"
    moving, fixed = ends[::-1] if mode == "points" else ends
    return TransformName(moving, fixed, mode, found["before"] or "", found["desc"] or "")


def _label(name: str, otherwise: str) -> str:
    """A name as a BIDS label: letters (of any script) and digits."""
    return "".join(letter for letter in unicodedata.normalize("NFC", name) if letter.isalnum()) or otherwise
