"""Keeps a fault of PySide6 6.12.0 from ending the process on Python 3.11.

That release was compiled as if ``None``, ``True`` and ``False`` were immortal, as they are from Python 3.12 on: every call that returns
one of them gives back a reference that was never taken. After some ten thousand calls of ``update()`` or ``setText()`` the count reaches
zero and Python ends with "deallocating None". Here the counts are put so high that no session uses them up. Nothing is done where
Python makes them immortal itself.
"""

from __future__ import annotations

import ctypes
import sys

__all__ = ["protect_singletons"]

# Far beyond what a session can use up, far below what the counter's 64 bits hold.
SPARE = 1 << 40
FIRST_IMMORTAL = (3, 12)


def protect_singletons() -> bool:
    """Make None, True, False and NotImplemented outlive the process; whether that was needed and done."""
    if sys.version_info >= FIRST_IMMORTAL or sys.implementation.name != "cpython":
        return False
    done = False
    for singleton in (None, True, False, NotImplemented):
        count = ctypes.c_ssize_t.from_address(id(singleton))
        # The count is the object's first word in ordinary builds of CPython; where it is not, nothing is touched.
        if abs(count.value - sys.getrefcount(singleton)) <= 8 and count.value < SPARE:
            count.value += SPARE
            done = True
    return done
