"""Near matches for a name that is not there: a sentence that names the remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["nearest"]


def nearest(name: str, known: Iterable[str]) -> str:
    """End of a sentence about an unknown name.

    Parameters
    ----------
    name : str
        What was given.
    known : iterable of str
        What there is.

    Returns
    -------
    str
        ``"; did you mean 'epi'?"`` where something is near, else what there is.

    Examples
    --------
    >>> nearest("colormap", ["colourmap", "window"])
    "; did you mean 'colourmap'?"
    >>> nearest("x", ["t1", "epi"])
    "; there are 't1', 'epi'."
    >>> nearest("x", [])
    '; there is none.'
    """
    from difflib import get_close_matches  # only errors pay for it

    names = list(known)
    folded = {each.casefold(): each for each in reversed(names)}
    near = [folded[each] for each in get_close_matches(name.casefold(), folded, n=3, cutoff=0.6)]
    if near:
        return f"; did you mean {' or '.join(map(repr, near))}?"
    if not names:
        return "; there is none."
    shown = ", ".join(map(repr, names[:12]))
    return f"; there are {shown}{' and more' if len(names) > 12 else ''}."
