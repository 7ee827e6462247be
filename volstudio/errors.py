"""Every error that volstudio raises on purpose.

One family, so that a door (command line, window, script) can catch ``VolstudioError`` and show its message as it stands: each message
says what was given, what was wrong with it and what to do. Each class also inherits the builtin that Python users expect to catch.
"""

from __future__ import annotations

import re

__all__ = [
    "Cancelled",
    "CommandError",
    "GeometryError",
    "MissingExtraError",
    "OpenGLUnavailableError",
    "OutputError",
    "RegistrationError",
    "SceneError",
    "SpaceMismatchError",
    "StrangePathError",
    "TransformError",
    "UnreadableFileError",
    "VolstudioError",
    "WrongTypeError",
    "shortened",
]

LONG_WORD = re.compile(r"[^ ]{120,}")  # in a message; no key, path or name that helps anybody is longer


class VolstudioError(Exception):
    """Base of all deliberate errors; the message is one sentence for a person."""


class WrongTypeError(VolstudioError, TypeError):
    """An argument of another kind than the one that is needed, such as a path instead of an opened volume."""


class GeometryError(VolstudioError, ValueError):
    """A matrix or grid that cannot place anything: not finite, singular, wrong shape, not rigid where it must be."""


class SpaceMismatchError(GeometryError):
    """Two maps were chained whose named ends do not meet, such as a forgotten ``.inverse()``."""


class UnreadableFileError(VolstudioError, OSError):
    """A file that is missing, not regular, damaged, of an unknown format, or that declares more than it holds."""


class OutputError(VolstudioError, OSError):
    """A result that cannot be written: folder not writable, disk full, or the target is one of the sources."""


class TransformError(VolstudioError, ValueError):
    """A transform file whose text is not the dialect it claims, or a transform the dialect cannot hold."""


class SceneError(VolstudioError, ValueError):
    """A scene or session file, or a scene value, that breaks the scene's rules."""


class StrangePathError(SceneError):
    """A scene file that names files outside its folder for which nobody vouches; the person may say that they are wanted."""


class CommandError(VolstudioError, ValueError):
    """A command that does not fit the present scene, such as moving a layer that is not there."""


class RegistrationError(VolstudioError, RuntimeError):
    """Registration could not be tried or found no answer, and why."""


class OpenGLUnavailableError(VolstudioError, RuntimeError):
    """3D was asked for where no OpenGL library can be used; the message carries the line that installs one."""


class MissingExtraError(VolstudioError, ImportError):
    """An optional part is not installed; the message carries the pip line that installs it."""


class Cancelled(VolstudioError):  # noqa: N818 - the word the field and asyncio use; it reports a wish, not a fault
    """The person stopped a long task; nothing was changed."""


def shortened(message: str) -> str:
    """A message on one line, without the middle of words that are longer than any that help a person.

    >>> len(shortened("there is no key " + "a" * 5000))
    97
    """
    return LONG_WORD.sub(lambda word: f"{word[0][:60]}…{word[0][-20:]}", " ".join(message.split("\n")))
