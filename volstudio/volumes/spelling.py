"""File names as text: what no encoding explains must still be written down, printed and found again.

POSIX names are bytes. Python gives those that are not text in the present locale as lone surrogates, which no file, JSON or terminal takes.
In files of volstudio a name is written as UTF-8 whatever the locale was, and a byte that is none as a private character, which leads back
to the very same file.
"""

from __future__ import annotations

import os

__all__ = ["readable", "spelled", "unspelled"]

# Bytes 0x80 to 0xff: as Python gives them, and as they are written. The end of the last private plane is in nobody's font.
_AS_GIVEN, _AS_WRITTEN = 0xDC00, 0x10FF00
_TO_WRITTEN = {_AS_GIVEN + byte: _AS_WRITTEN + byte for byte in range(0x80, 0x100)}
_TO_GIVEN = {written: given for given, written in _TO_WRITTEN.items()}


def spelled(path: str) -> str:
    r"""A path as it is written into a file: encodable, and the same in every locale.

    >>> spelled("扫描/T1.nii"), ascii(spelled("caf\udce9.nii"))
    ('扫描/T1.nii', "'caf\\U0010ffe9.nii'")
    """
    return os.fsencode(path).decode(errors="surrogateescape").translate(_TO_WRITTEN) if not path.isascii() else path


def unspelled(text: str) -> str:
    r"""The path that was written into a file; the inverse of `spelled`.

    >>> unspelled(spelled("caf\udce9.nii")) == "caf\udce9.nii"
    True
    """
    if text.isascii():
        return text
    try:
        return os.fsdecode(text.translate(_TO_GIVEN).encode(errors="surrogateescape"))
    except UnicodeEncodeError:  # half a letter, from a JSON file made to confuse; no file is called so
        return text


def readable(path: str) -> str:
    r"""A path for a person or a machine that cannot open it anyway: what is no text is a question mark.

    >>> readable("caf\udce9.nii")
    'caf�.nii'
    """
    return os.fsencode(path).decode(errors="replace")
