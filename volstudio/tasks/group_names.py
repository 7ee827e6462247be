"""What many files are called among one another: short where that tells them apart, with their folders where it does not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from volstudio.errors import UnreadableFileError
from volstudio.transforms.names import transform_name
from volstudio.volumes.formats import name_of
from volstudio.volumes.integrity import check_regular

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["labels_of", "scans_in_list"]


def labels_of(paths: Sequence[str], *, taken: str = "") -> tuple[str, ...]:
    """Labels for names of result files, each one only once.

    Parameters
    ----------
    paths : sequence of str
        All different.
    taken : str
        A label that is in use already.

    Examples
    --------
    >>> labels_of(["/a/sub-01/T1w.nii.gz", "/a/sub-02/T1w.nii.gz", "/a/sub-02/rest.nii"])
    ('sub-01 T1w', 'sub-02 T1w', 'rest')
    """
    parts = [_parts(path) for path in paths]
    reserved = _shown(taken)
    depth = [1] * len(paths)
    while True:
        labels = [" ".join(each[-n:]) for each, n in zip(parts, depth, strict=True)]
        shown = [_shown(label) for label in labels]
        times = Counter(shown)
        longer = [n for n, name in enumerate(shown) if (times[name] > 1 or name == reserved) and depth[n] < len(parts[n])]
        if not longer:
            break
        for n in longer:
            depth[n] += 1
    seen: Counter[str] = Counter([reserved])
    told = []
    for label, name in zip(labels, shown, strict=True):
        seen[name] += 1
        told.append(label if seen[name] == 1 else f"{label} {seen[name]}")
    return tuple(told)


def scans_in_list(path: str) -> tuple[tuple[str, str | None], ...]:
    """Scans that a text file names, one a line, each with the mask that stands after a tab, or None.

    Empty lines and those that begin with # are left out.

    Parameters
    ----------
    path : str
        Relative paths in it begin in its own folder.

    Raises
    ------
    UnreadableFileError
        It cannot be read as text.
    """
    file = Path(path)
    check_regular(file)
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFileError(f"The list {path!r} cannot be read as text: {error}; write one path a line.") from error
    told = [line.partition("\t") for line in lines if line and not line.startswith("#")]
    return tuple((_beside(file, scan), _beside(file, mask) if mask.strip() else None) for scan, _, mask in told)


def _beside(file: Path, name: str) -> str:
    """A name that is told from a file's folder."""
    name = name.strip()
    return name if name.startswith("sample:") else str(file.parent / Path(name).expanduser())


def _shown(label: str) -> str:
    """What is left of a label in a file's name; some disks take capitals for small letters."""
    return transform_name("fixed", label).casefold()


def _parts(path: str) -> tuple[str, ...]:
    """Folders and the name without its suffixes, last the most telling; of a sample, its name."""
    if path.startswith("sample:"):
        return (path.removeprefix("sample:"),)
    file = Path(path)
    return (*(part for part in file.parts[:-1] if part != file.anchor), name_of(file))
