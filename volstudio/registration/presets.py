"""Named plans for kinds of pairs.

A preset changes what was measured to help its kind of pair, and nothing else; one that changes nothing says that the default was not
beaten there. ``tests/bench/bench_presets.py`` measures them, ``docs/registration.md`` tells the figures.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from volstudio.errors import RegistrationError
from volstudio.registration.plan import RegistrationPlan

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PRESETS", "Preset", "preset_plan"]


@dataclass(frozen=True, slots=True)
class Preset:
    """A plan with a name.

    Parameters
    ----------
    words : str
        What it is for, in a line.
    changes : mapping
        Fields of the plan that differ from the default.
    """

    words: str
    changes: Mapping[str, Any] = field(default_factory=dict)


PRESETS: dict[str, Preset] = {
    # Correlation loses to information as soon as one scan has noise or a bias field.
    "same-modality": Preset("two scans of one contrast, such as two T1"),
    "cross-modality": Preset("two contrasts, the default under its own name"),
    "epi-to-anatomy": Preset("a functional scan and an anatomy of the same head", {"settle": "signal"}),
    "ct-to-mr": Preset("computed tomography and magnetic resonance"),
    "pet-to-mr": Preset("a coarse and noisy emission scan and an anatomy"),
    "partial-fov": Preset("a slab, a corner or a few slices in a whole"),
    "small-animal": Preset("a mouse, a rat, a specimen"),
}


def preset_plan(name: str) -> RegistrationPlan:
    """Plan of a preset.

    Raises
    ------
    RegistrationError
        There is no such preset; the sentence names the nearest.
    """
    if name not in PRESETS:
        from difflib import get_close_matches  # only errors pay for it

        near = get_close_matches(name.casefold(), PRESETS, n=1, cutoff=0.5)
        known = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(PRESETS)}."
        raise RegistrationError(f"There is no preset {name!r}; {known}")
    return RegistrationPlan(preset=name).with_(**PRESETS[name].changes)
