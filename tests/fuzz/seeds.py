"""Small valid files of everything volstudio reads, as bytes, to be damaged."""

from __future__ import annotations

import bz2
import gzip
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np

from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.geometry.rigid import RigidTransform
from volstudio.registration.plan import RegistrationPlan, save_plan
from volstudio.scene.files import scene_bytes
from volstudio.scene.parse import parse_scene
from volstudio.session import commands
from volstudio.session.journal import Journal
from volstudio.session.session import Session
from volstudio.transforms.files import DIALECTS, write_transform

__all__ = ["FIXED", "MOVING", "Seed", "seeds"]

SHAPE = (3, 4, 5)
RAMP = np.arange(1, 61, dtype=np.int16).reshape(SHAPE, order="F")
PLACE = RigidTransform.from_six((4, -6, 9, 0.3, -0.2, 0.1), (0, 0, 0)).matrix @ np.diag([2, 2.5, 3, 1.0])
SAMPLES = Path(nibabel.__file__).parent / "tests" / "data"  # nibabel's wheel brings small files of other programs
FIXED = Grid((16, 18, 15), Affine(PLACE, "t1:voxel", "t1:scanner"))
MOVING = Grid((6, 6, 3), Affine(np.diag([-3, 3, 3.5, 1.0]), "epi:voxel", "epi:scanner"))
FIXED_TO_MOVING = Affine(RigidTransform.from_six((3, -4, 5, 0.05, 0.1, -0.07), (1, 2, 3)).matrix, "t1:scanner", "epi:scanner")

SCENE = """volstudio = 1
title = "before"
view = "3d"
crosshair = [1.0, 2.0, 3.0]

[camera]
position = [0, -500, 0]
focal_point = [0, 0, 0]

[axial]
height = 200.0

[[layers]]
name = "t1"
path = "sample:t1"

[[layers]]
name = "epi"
path = "epi.nii.gz"
look = {colourmap = "hot", window = [1, 2], opacity = 0.5}
placement = {matrix = [[1,0,0,4],[0,1,0,0],[0,0,1,0],[0,0,0,1]], made_by = "hand", pivot = [1, 2, 3]}

[[landmarks]]
name = "tip"
layer = "epi"
point = [1, 2, 3]
"""


@dataclass(frozen=True, slots=True)
class Seed:
    """A valid file and what lies beside it.

    Parameters
    ----------
    room : "volume", "transform", "scene", "journal", "plan"
        What reads it.
    name : str
        For the report.
    target : str
        Name of the file to damage.
    files : dict of str to bytes
        All files of the folder, the target as it is before packing.
    opens : str
        What is opened; ``"."`` is the folder.
    header : int
        Bytes in front that most damage goes to.
    text : bool
        Whether the header is text.
    packed : "", "gzip", "bzip2"
        How the target is packed after the damage.
    """

    room: str
    name: str
    target: str
    files: dict[str, bytes]
    opens: str
    header: int
    text: bool = False
    packed: str = ""

    def pack(self, data: bytes) -> bytes:
        """The damaged content as it lies on disk."""
        return {"": bytes, "gzip": lambda raw: gzip.compress(raw, 1, mtime=0), "bzip2": bz2.compress}[self.packed](data)


def seeds() -> list[Seed]:
    """Every seed that can be made here; DICOM needs pydicom, MINC2 h5py."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        images = [*_nifti(home), *_nrrd(), *_metaimage(), *_of_other_programs(), *_dicom(home)]
        return [*images, *_transforms(home), *_scenes(), *_journals(home), *_plans(home)]


def _one(room: str, name: str, data: bytes, header: int, *, text: bool = False, packed: str = "") -> Seed:
    return Seed(room, name, name, {name: data}, name, header, text, packed)


def _written(image: object, path: Path) -> bytes:
    nibabel.save(image, path)
    data = path.read_bytes()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def _as_x87(double: bytes) -> bytes:
    """A little-endian file of float64 as one of float128 in x87's layout, which nibabel does not write."""
    header = np.frombuffer(double[:352], np.uint8).copy()
    header[70:74] = 1536 & 255, 1536 >> 8, 128, 0  # datatype, bitpix
    mantissa, exponent = np.frexp(np.frombuffer(double[352:], "<f8"))
    words = np.zeros((len(mantissa), 2), "<u8")
    words[:, 0] = np.ldexp(abs(mantissa), 53).astype(np.uint64) << np.uint64(11)
    words[:, 1] = np.where(mantissa < 0, 0x8000, 0) | np.where(mantissa != 0, exponent + 16382, 0)
    return header.tobytes() + words.tobytes()


def _nifti(folder: Path) -> list[Seed]:
    """NIfTI-1/2, pairs, Analyze and MGH."""
    image = nibabel.Nifti1Image(RAMP, PLACE)
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension(6, b"a comment of some length"))
    image.set_qform(PLACE, 1)
    plain = _written(image, folder / "a.nii")
    series = nibabel.Nifti1Image(np.repeat(RAMP[..., None], 3, 3), PLACE)
    series.header.set_xyzt_units("micron", "msec")
    series.header.set_slope_inter(0.5, 3)
    scaled = _written(series, folder / "s.nii.gz")
    rgb = np.zeros(SHAPE, [("R", "u1"), ("G", "u1"), ("B", "u1")])
    kinds = {"rgb.nii": rgb, "complex.nii": RAMP.astype(np.complex64), "double.nii": RAMP.astype(">f8"), "long.nii": RAMP.astype(np.int64)}
    typed = {name: _written(nibabel.Nifti1Image(data, PLACE, dtype=data.dtype), folder / name) for name, data in kinds.items()}
    typed["x87.nii"] = _as_x87(typed["double.nii"])
    second = _written(nibabel.Nifti2Image(RAMP, PLACE), folder / "b.nii")
    nibabel.save(nibabel.Nifti1Pair(RAMP, PLACE), folder / "p.img")
    pair = {name: (folder / name).read_bytes() for name in ("p.hdr", "p.img")}
    nibabel.save(nibabel.Spm99AnalyzeImage(RAMP, np.diag([-2, 2, 2, 1.0])), folder / "q.img")
    analyze = {name: (folder / name).read_bytes() for name in ("q.hdr", "q.img")}
    mgh = _written(nibabel.MGHImage(RAMP.astype(np.float32), PLACE), folder / "m.mgh") + b"\x00\x00\x00\x02" + bytes(40)
    return [
        _one("volume", "nifti1.nii", plain, 400),
        _one("volume", "nifti1_packed.nii.gz", scaled, 360, packed="gzip"),
        _one("volume", "nifti1_bz.nii.bz2", plain, 400, packed="bzip2"),
        _one("volume", "stream.nii.gz", gzip.compress(plain, 1, mtime=0), 400),  # the damage is to the packed stream
        _one("volume", "nifti2.nii", second, 548),
        *(_one("volume", name, data, 352) for name, data in typed.items()),
        Seed("volume", "pair.hdr", "p.hdr", pair, "p.img", 348),
        Seed("volume", "pair.img", "p.img", pair, "p.hdr", 200),
        Seed("volume", "analyze.hdr", "q.hdr", analyze, "q.hdr", 348),
        _one("volume", "plain.mgh", mgh, 100),
        _one("volume", "packed.mgz", mgh, 100, packed="gzip"),
    ]


def _row(values: object, between: str = " ") -> str:
    return between.join(f"{value:g}" for value in np.ravel(values))


def _nrrd() -> list[Seed]:
    directions = " ".join(f"({_row(PLACE[:3, axis], ',')})" for axis in range(3))
    head = (
        "NRRD0005\n# by hand\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 3 4 5\n"
        f"space directions: {directions}\nkinds: domain domain domain\nendian: little\nencoding: {{}}\n"
        'space units: "mm" "mm" "mm"\nspace origin: (1,2,3)\n'
    )
    raw = RAMP.tobytes(order="F")
    seeds = []
    bodies = {"raw": raw, "gzip": gzip.compress(raw, 1, mtime=0), "hex": raw.hex().encode(), "ascii": _row(RAMP.T).encode()}
    for encoding, body in bodies.items():
        text = head.format(encoding).encode() + b"note:=a value\n\n"
        seeds.append(_one("volume", f"{encoding}.nrrd", text + body, len(text), text=True))
    nhdr = (head.format("raw") + "byte skip: 0\ndata file: voxels.raw\n").encode()
    seeds.append(Seed("volume", "detached.nhdr", "d.nhdr", {"d.nhdr": nhdr, "voxels.raw": raw}, "d.nhdr", len(nhdr), text=True))
    listed = (head.format("raw").replace("sizes: 3 4 5", "sizes: 3 4 2") + "data file: v%d.raw 1 2 1 2\n").encode()
    parts = {"v1.raw": raw[:24], "v2.raw": raw[:24]}
    seeds.append(Seed("volume", "listed.nhdr", "l.nhdr", {"l.nhdr": listed, **parts}, "l.nhdr", len(listed), text=True))
    return seeds


def _metaimage() -> list[Seed]:
    head = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = False\n"
        f"TransformMatrix = {_row(PLACE[:3, :3] / np.linalg.norm(PLACE[:3, :3], axis=0))}\nOffset = 1 2 3\nCenterOfRotation = 0 0 0\n"
        "AnatomicalOrientation = RAI\nElementSpacing = 2 2.5 3\nDimSize = 3 4 5\nElementType = MET_SHORT\nElementDataFile = "
    )
    raw = RAMP.tobytes(order="F")
    local = (head + "LOCAL\n").encode()
    beside = (head + "voxels.raw\n").encode()
    packed = gzip.compress(raw, 1, mtime=0)
    squeezed = (head.replace("CompressedData = False", f"CompressedData = True\nCompressedDataSize = {len(packed)}") + "LOCAL\n").encode()
    return [
        _one("volume", "local.mha", local + raw, len(local), text=True),
        _one("volume", "packed.mha", squeezed + packed, len(squeezed), text=True),
        Seed("volume", "beside.mhd", "b.mhd", {"b.mhd": beside, "voxels.raw": raw}, "b.mhd", len(beside), text=True),
    ]


def _of_other_programs() -> list[Seed]:
    """MINC, AFNI and PAR/REC, from the files that nibabel brings."""
    if not (SAMPLES / "minc1_1_scale.mnc").is_file():
        return []
    found = [_one("volume", name, (SAMPLES / name).read_bytes(), 6000) for name in ("minc1_1_scale.mnc", "minc1_4d.mnc")]
    try:
        import h5py  # noqa: F401 - MINC2 is only read where it is installed
    except ImportError:
        pass
    else:
        found.append(_one("volume", "minc2_1_scale.mnc", (SAMPLES / "minc2_1_scale.mnc").read_bytes(), 12000))
    head = re.sub(rb"33 41 25", b"3 4 5", (SAMPLES / "example4d+orig.HEAD").read_bytes())
    afni = {"a+orig.HEAD": head, "a+orig.BRIK": RAMP.tobytes(order="F") * 3}
    found.append(Seed("volume", "afni.HEAD", "a+orig.HEAD", afni, "a+orig.HEAD", len(head), text=True))
    par, rec = ((SAMPLES / f"phantom_EPI_asc_CLEAR_2_1.{end}").read_bytes() for end in ("PAR", "REC"))
    par = re.sub(rb" 64 +64 ", b" 4 4 ", par)
    found.append(Seed("volume", "philips.PAR", "p.PAR", {"p.PAR": par, "p.REC": rec[: 27 * 32]}, "p.PAR", len(par), text=True))
    return found


def _dicom(folder: Path) -> list[Seed]:
    try:
        import pydicom
    except ImportError:
        return []

    def saved(data: pydicom.Dataset, name: str) -> bytes:
        pydicom.dcmwrite(folder / name, data, enforce_file_format=True)
        return (folder / name).read_bytes()

    images = {f"IM{k}": saved(_image(k), f"IM{k}") for k in range(4)}
    enhanced = saved(_enhanced(), "e.dcm")
    return [
        Seed("volume", "dicom folder", "IM1", images, ".", 1400),
        _one("volume", "one.dcm", images["IM0"], 1400),
        _one("volume", "enhanced.dcm", enhanced, len(enhanced)),
    ]


def _image(k: int):
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID, data.SOPInstanceUID, data.SeriesInstanceUID = "1.2.840.10008.5.1.4.1.1.4", f"1.2.3.{k}", "1.2.3"
    data.Modality, data.SeriesDescription, data.InstanceNumber = "MR", "t1", k + 1
    data.Rows, data.Columns, data.SamplesPerPixel, data.PhotometricInterpretation = 4, 3, 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.ImagePositionPatient, data.ImageOrientationPatient = [0, 0, 3.0 * k], [1, 0, 0, 0, 1, 0]
    data.PixelSpacing, data.SliceThickness, data.RescaleSlope, data.RescaleIntercept = [2.5, 2], 3, 2, -5
    data.PixelData = RAMP[..., k].tobytes(order="F")
    data["PixelData"].VR = "OW"
    return data


def _enhanced():
    from pydicom.dataset import Dataset

    def item(**fields: object) -> Dataset:
        made = Dataset()
        for name, value in fields.items():
            setattr(made, name, value)
        return made

    data = _image(0)
    data.SOPClassUID, data.NumberOfFrames, data.PixelData = "1.2.840.10008.5.1.4.1.1.4.1", 4, RAMP[..., :4].tobytes(order="F")
    for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"):
        delattr(data, name)
    measures = item(PixelSpacing=[2.5, 2], SliceThickness=3)
    data.SharedFunctionalGroupsSequence = [
        item(PixelMeasuresSequence=[measures], PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])])
    ]
    data.PerFrameFunctionalGroupsSequence = [
        item(
            PlanePositionSequence=[item(ImagePositionPatient=[0, 0, 3.0 * k])],
            FrameContentSequence=[item(TemporalPositionIndex=1)],
            PixelValueTransformationSequence=[item(RescaleSlope=1.0, RescaleIntercept=float(k))],
        )
        for k in range(4)
    ]
    return data


def _transforms(folder: Path) -> list[Seed]:
    """Every dialect under every end of its name, and a sidecar, which says the direction of a bare array."""
    made = []
    for dialect in DIALECTS:
        for suffix in dialect.suffixes:
            path = folder / f"t{suffix}"
            write_transform(FIXED_TO_MOVING, path, fixed=FIXED, moving=MOVING, dialect=dialect.name)
            data = path.read_bytes()
            made.append(_one("transform", path.name, data, len(data), text=b"\x00" not in data))
    array = (folder / "t.npy").read_bytes()
    sidecar = (
        b'{"format": "volstudio-transform-1", "direction": "fixed-to-moving", "in_words": "", '
        b'"fixed": {"name": "t1"}, "moving": {"name": "epi"}, "fixed_to_moving": [[1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]], '
        b'"parameters": {"levels": [4, 2], "seed": 1}}'
    )
    return [*made, Seed("transform", "sidecar", "s.json", {"s.npy": array, "s.json": sidecar}, "s.npy", len(sidecar), text=True)]


def _scenes() -> list[Seed]:
    made = scene_bytes(parse_scene(SCENE, syntax="toml", where="seed"), syntax="json")
    return [_one("scene", "s.toml", SCENE.encode(), len(SCENE), text=True), _one("scene", "s.json", made, len(made), text=True)]


def _journals(folder: Path) -> list[Seed]:
    """A session with drags, undone and taken-back steps and a save: every kind of line that a journal knows."""
    scene = parse_scene(SCENE, syntax="toml", where="seed")
    journal = Journal.start(folder)
    session = Session(scene, journal=journal)
    place = scene.layers[1].placement
    for gesture in ("one", "one", "two", "three"):
        session.apply(commands.Place("epi", place, gesture=gesture))
    session.cancel("three")
    session.apply(commands.Rename("epi", "bold"))
    session.apply(commands.SetCrosshair((1.0, 2.0, 3.0)))
    session.undo()
    session.redo()
    session.apply(commands.RemoveLayer("bold"))
    session.undo()
    session.mark_saved(folder / "s.toml")
    data = journal.path.read_bytes()
    session.close()
    return [_one("journal", "a.journal", data, len(data), text=True), _one("journal", "head.journal", data, 400, text=True)]


def _plans(folder: Path) -> list[Seed]:
    """A plan with every kind of value, as TOML and as JSON."""
    plan = RegistrationPlan(start="search", refine="builtin", levels_mm=(8.0, 4.0, 2.5), bins=24, tolerance=0.01, seed=3)
    made = []
    for name in ("p.toml", "p.json"):
        save_plan(plan, folder / name)
        data = (folder / name).read_bytes()
        made.append(_one("plan", name, data, len(data), text=True))
    return made
