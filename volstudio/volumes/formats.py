"""What kind of file this is, from its first bytes, so that a wrong file is named and not merely refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from volstudio.volumes.nifti_header import NIFTI1, NIFTI2
from volstudio.volumes.spelling import readable

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SUFFIXES", "name_of", "recognise"]

SUFFIXES = (
    *(".nii.gz", ".nii.bz2", ".nii", ".hdr.gz", ".img.gz", ".hdr", ".img", ".mgh.gz", ".mgh", ".mgz"),
    *(".nrrd", ".nhdr", ".mha", ".mhd", ".dcm", ".dicom", ".ima", ".mnc", ".head", ".brik.gz", ".brik", ".par", ".rec"),
)
# Formats by their first bytes or, where those leave a doubt, by their suffix; the first that fits is taken.
OWN = (
    ("mgh", (), (".mgh", ".mgz", ".mgh.gz")),
    ("nrrd", (b"NRRD000",), (".nrrd", ".nhdr")),
    ("metaimage", (b"ObjectType", b"NDims"), (".mha", ".mhd")),
    ("minc", (b"CDF\x01", b"CDF\x02"), (".mnc",)),
    ("afni", (), (".head", ".brik", ".brik.gz", ".brik.bz2")),
    ("parrec", (), (".par", ".rec")),
    ("dicom", (), (".dcm", ".dicom", ".ima")),
)
DICOM = b"DICM"  # at byte 128

# First bytes and where they stand, for formats of the field that volstudio knows by sight.
FOREIGN = (
    (0, b"\x89HDF\r\n", "it is an HDF5 file; a MINC2 file should be named .mnc"),
    (0, b"mrtrix image", "it is an MRtrix image"),
    (0, b"II*\x00", "it is a TIFF picture"),
    (0, b"MM\x00*", "it is a TIFF picture"),
    (0, b"\x89PNG", "it is a PNG picture"),
    (0, b"%PDF", "it is a PDF document"),
    (0, b"PK\x03\x04", "it is a zip archive: unpack it first"),
    (0, b"(dp", "it is a pickle, which volstudio never opens"),
    (0, b"\x1f\x8b", "it is packed with gzip twice: unpack it once"),
)
LFS = b"version https://git-lfs"


def recognise(name: str, head: bytes) -> str:
    """``"nifti"``, ``"mgh"``, ``"nrrd"``, the name of another format of `OWN`, or a half sentence that says what the file is instead.

    Parameters
    ----------
    name : str
        The file's name in lower case; asked only where the content leaves a doubt.
    head : bytes
        First bytes of the unpacked file.
    """
    if head.startswith(LFS):
        return "it is a git-lfs pointer, not the file itself: run 'git lfs pull' first"
    # An .img holds voxels alone, and voxels can look like anything: its .hdr decides.
    if name.removesuffix(".gz").removesuffix(".bz2").endswith((".hdr", ".img")) or _is_nifti(head):
        return "nifti"
    if head[128:132] == DICOM:
        return "dicom"
    for kind, magics, suffixes in OWN:
        if head.startswith(magics) or name.endswith(suffixes):
            return kind
    for at, magic, words in FOREIGN:
        if head[at : at + len(magic)] == magic:
            return words
    return "it is a text file, not NIfTI or another image format" if _is_text(head) else _unknown(name, head)


def _unknown(name: str, head: bytes) -> str:
    """What to say of bytes that no format claims."""
    if not name.endswith((".nii", ".nii.gz", ".nii.bz2")):
        return "its format is not recognised"
    if len(head) < NIFTI1.itemsize:
        return f"it is truncated within its NIfTI header ({len(head)} of {NIFTI1.itemsize} bytes)"
    sizeof = int.from_bytes(head[:4], "little", signed=True)
    return f"it has no NIfTI header (its sizeof_hdr is {sizeof}, not 348 or 540): damaged, or another format"


def name_of(path: Path) -> str:
    """Short name of a volume: the file's name without its suffixes, fit to be part of a space's name.

    >>> from pathlib import Path
    >>> name_of(Path("/data/扫描/sub-01_T1w.nii.gz")), name_of(Path("a:b.img"))
    ('sub-01_T1w', 'a-b')
    """
    name = readable(path.name)
    for suffix in SUFFIXES:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            name = name[: -len(suffix)]
            break
    clean = "".join(" " if character.isspace() or not character.isprintable() else character for character in name)
    return clean.replace(":", "-").strip() or "volume"


def _is_nifti(head: bytes) -> bool:
    sizes = {int.from_bytes(head[:4], "little"), int.from_bytes(head[:4], "big")}
    return len(head) >= 4 and bool(sizes & {NIFTI1.itemsize, NIFTI2.itemsize})


def _is_text(head: bytes) -> bool:
    try:
        text = head[:1024].decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < min(len(head), 1024) - 4:
            return False
        text = head[: error.start].decode("utf-8")
    return all(character.isprintable() or character in "\r\n\t\f" for character in text)
