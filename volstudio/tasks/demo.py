"""The demo: a session on the built-in sample, whose truth is known, in the window or without one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from volstudio.tasks.open import open_scene

if TYPE_CHECKING:
    from volstudio.progress import Progress
    from volstudio.scene.model import Scene
    from volstudio.tasks.pair import PairOutcome

__all__ = ["FIXED", "MOVING", "DemoOutcome", "demo_scene", "run_headless"]

FIXED, MOVING = "sample:t1", "sample:epi"


@dataclass(frozen=True, slots=True)
class DemoOutcome:
    """What the headless demo did.

    Parameters
    ----------
    pair : PairOutcome
    before_mm, after_mm : float
        Mean distance of the EPI's brain voxels from where they truly belong, by its header and after the registration.
    no_opengl : str
        Why the pictures show no 3D; empty where they do.
    """

    pair: PairOutcome
    before_mm: float
    after_mm: float
    no_opengl: str

    def story(self) -> tuple[str, ...]:
        """The outcome in a few lines for a person."""
        pictures = (f"The pictures show slices only: {self.no_opengl}",) if self.no_opengl else ()
        return (
            f"The EPI lay {self.before_mm:.2f} mm off the truth by its header; now it lies {self.after_mm:.2f} mm off (mean, brain).",
            *self.pair.story(),
            *pictures,
            f"Look at it: volstudio shot {_shown(self.pair)} -o look.png, or with a display: volstudio view {_shown(self.pair)}",
        )


def demo_scene() -> Scene:
    """The sample pair as its headers place it: the EPI is 10 mm and 10 degrees off."""
    return msgspec.structs.replace(open_scene([FIXED, MOVING]), title="volstudio demo")


def run_headless(folder: str | os.PathLike[str], *, overwrite: bool = False, progress: Progress | None = None) -> DemoOutcome:
    """Put the sample's EPI right and write what the window would save.

    Parameters
    ----------
    folder : path
    overwrite : bool
    progress : Progress or None

    Raises
    ------
    OutputError, MissingExtraError, Cancelled
        Nothing is written then.
    """
    from volstudio.rendering.offscreen import probe_opengl
    from volstudio.tasks.align import outcome
    from volstudio.tasks.pair import register_pair

    probe = probe_opengl()
    pair = register_pair(FIXED, MOVING, folder, view="quad" if probe.ok else "ortho", overwrite=overwrite, progress=progress)
    before = demo_scene()
    after = before.place(pair.moving, pair.result.moving_to_fixed, made_by="registration")
    return DemoOutcome(pair, outcome(before, pair.moving), outcome(after, pair.moving), "" if probe.ok else probe.sentence)


def _shown(pair: PairOutcome) -> str:
    return os.path.relpath(pair.session)
