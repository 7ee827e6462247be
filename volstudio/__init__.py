"""volstudio: place, look at and rigidly register 3D volumes in world space.

Every public name is loaded when it is first used, so that ``import volstudio`` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from volstudio.errors import VolstudioError as VolstudioError
    from volstudio.geometry.affine import Affine as Affine
    from volstudio.geometry.grid import Grid as Grid
    from volstudio.geometry.rigid import RigidTransform as RigidTransform
    from volstudio.progress import Progress as Progress
    from volstudio.registration.group import register_chain as register_chain
    from volstudio.registration.group import register_many as register_many
    from volstudio.registration.mean_space import mean_space as mean_space
    from volstudio.registration.plan import Mask as Mask
    from volstudio.registration.plan import RegistrationPlan as RegistrationPlan
    from volstudio.registration.plan import load_plan as load_plan
    from volstudio.registration.plan import save_plan as save_plan
    from volstudio.registration.rigid import register as register
    from volstudio.registration.similarity import Similarity as Similarity
    from volstudio.registration.trust import trust as trust
    from volstudio.rendering.plotter import add_to as add_to
    from volstudio.scene.files import load_scene as load_scene
    from volstudio.scene.files import save_scene as save_scene
    from volstudio.scene.model import Scene as Scene
    from volstudio.session.session import Session as Session
    from volstudio.tasks.shots import render as render
    from volstudio.transforms.files import read_transform as read_transform
    from volstudio.transforms.files import write_transform as write_transform
    from volstudio.volumes.readers import open_volume as open_volume
    from volstudio.volumes.resample import resample as resample
    from volstudio.volumes.save import save_header as save_header
    from volstudio.volumes.save import save_volume as save_volume
    from volstudio.volumes.volume import Volume as Volume

_HOMES = {
    "Affine": "geometry.affine",
    "Grid": "geometry.grid",
    "Mask": "registration.plan",
    "Progress": "progress",
    "RegistrationPlan": "registration.plan",
    "RigidTransform": "geometry.rigid",
    "Scene": "scene.model",
    "Session": "session.session",
    "Similarity": "registration.similarity",
    "VolstudioError": "errors",
    "Volume": "volumes.volume",
    "add_to": "rendering.plotter",
    "load_plan": "registration.plan",
    "load_scene": "scene.files",
    "mean_space": "registration.mean_space",
    "open_volume": "volumes.readers",
    "read_transform": "transforms.files",
    "register": "registration.rigid",
    "register_chain": "registration.group",
    "register_many": "registration.group",
    "render": "tasks.shots",
    "resample": "volumes.resample",
    "save_header": "volumes.save",
    "save_plan": "registration.plan",
    "save_scene": "scene.files",
    "save_volume": "volumes.save",
    "trust": "registration.trust",
    "write_transform": "transforms.files",
}

__all__ = ["__version__", *sorted(_HOMES)]  # noqa: PLE0604 - every entry is a string


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'volstudio' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"volstudio.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
