"""Questions about a placement as it is, however it was made: whether to believe it, and how alike the two layers are there.

Everything here works on values that cannot change, so that it can run beside a window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from volstudio.errors import RegistrationError
from volstudio.registration.similarity import Similarity
from volstudio.registration.trust import trust
from volstudio.tasks.align import shown_pair

if TYPE_CHECKING:
    from collections.abc import Callable

    from volstudio.progress import Progress
    from volstudio.registration.trust import Trust
    from volstudio.scene.model import Layer, Scene
    from volstudio.volumes.volume import Volume

__all__ = ["judge", "likeness"]


def judge(scene: Scene, fixed: str, moving: str, *, volumes: Callable[[Layer], Volume], progress: Progress | None = None) -> Trust:
    """Whether one layer truly belongs where it lies on another.

    Parameters
    ----------
    scene : Scene
    fixed, moving : str
        Names of the layers; of a series, the time point that is shown is used.
    volumes : callable
        Gives the volume of a layer.
    progress : Progress, optional

    Raises
    ------
    SceneError
        There is no such layer.
    RegistrationError
        The layers are one, a volume holds no structure, or one is not laid rigidly on the other.
    Cancelled
    """
    still, mover = _pair(scene, fixed, moving, volumes)
    return trust(still, mover, scene.placement(moving, onto=fixed), progress=progress)


def likeness(scene: Scene, fixed: str, moving: str, *, volumes: Callable[[Layer], Volume], progress: Progress | None = None) -> Similarity:
    """What tells the mutual information of two layers for any placement of one on the other, in milliseconds; making it takes a second.

    Parameters, errors
    ------------------
    As `judge`.
    """
    return Similarity(*_pair(scene, fixed, moving, volumes), metric="mi", progress=progress)


def _pair(scene: Scene, fixed: str, moving: str, volumes: Callable[[Layer], Volume]) -> tuple[Volume, Volume]:
    if fixed == moving:
        raise RegistrationError(f"{fixed} cannot be compared with itself; choose two layers.")
    return shown_pair(scene, fixed, moving, volumes=volumes)
