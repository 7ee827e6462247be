"""How much memory opening a file takes, as a multiple of the voxels that it declares, as the table of docs/formats.md.

    python tests/bench/bench_memory.py [--megabytes 128]

Every kind of file is made here, of noise that hardly packs, and opened in a child of its own, which then looks at all voxels of the first
time point. Counted is the child's greatest resident memory beyond what it had after reading a small file of the same kind.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import json
import math
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import nibabel
import numpy as np

SAMPLES = Path(nibabel.__file__).parent / "tests" / "data"
PLACE = np.diag([2.0, 2.0, 2.0, 1.0])
CHILD = """
import gc, json, resource, sys
import numpy as np
from volstudio.volumes.readers import open_volume

def look(path):
    frame = open_volume(path).frame(0)
    return frame.dtype.name, frame.shape, float(sum(int(plane[0, 0]) for plane in frame.T))

look(sys.argv[1])
gc.collect()
# The peak so far is forgotten: what the small file took is no part of the large one's.
open("/proc/self/clear_refs", "w").write("5")
def status(key):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(key))
before = status("VmRSS")
kind, shape, mean = look(sys.argv[2])
print(json.dumps({"kb": status("VmHWM") - before, "dtype": kind, "shape": shape, "mean": mean}))
"""


def main() -> None:
    """Make, open, tell."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--megabytes", type=float, default=128, help="voxels of the large file")
    given.add_argument("--only", default="", help="kinds whose name holds this")
    asked = given.parse_args()
    print("| file | voxels stored, MB | as held | voxels held, MB | memory taken, MB | times stored | times held |")
    print("|---|---|---|---|---|---|---|")
    for name, make in KINDS.items():
        if asked.only in name:
            with tempfile.TemporaryDirectory() as folder:
                print(measured(name, make, Path(folder), asked.megabytes), flush=True)


def measured(name, make, folder: Path, megabytes: float) -> str:
    """A line of the table."""
    small, large = folder / "small", folder / "large"
    small.mkdir()
    large.mkdir()
    few, _ = make(small, noise(0.1))
    voxels = noise(megabytes)
    path, declared = make(large, voxels)
    run = subprocess.run([sys.executable, "-c", CHILD, few, path], capture_output=True, text=True, check=False)
    if run.returncode:
        return f"| {name} | {run.stderr.strip().splitlines()[-1]} | | | | | |"
    seen = json.loads(run.stdout)
    taken, size = seen["kb"] / 1024, declared / 2**20
    held = voxels.size * np.dtype(seen["dtype"]).itemsize / 2**20
    return f"| {name} | {size:.0f} | {seen['dtype']} | {held:.0f} | {taken:.0f} | {taken / size:.2f} | {taken / held:.2f} |"


def noise(megabytes: float) -> np.ndarray:
    """(i, j, k) int16 that hardly packs, in Fortran order."""
    edge = math.ceil((megabytes * 2**20 / 2) ** (1 / 3))
    return np.asfortranarray(np.random.default_rng(1).integers(0, 4000, (edge, edge, edge), np.int16))


def nifti(suffix: str, *, scaled: bool = False):
    """A NIfTI file; with a factor where asked for."""

    def make(folder: Path, voxels: np.ndarray) -> tuple[Path, int]:
        image = nibabel.Nifti1Image(voxels, PLACE)
        raw = image.to_bytes()
        if scaled:
            raw = raw[:112] + np.array([0.5, 3.0], "<f4").tobytes() + raw[120:]
        path = folder / f"v{suffix}"
        path.write_bytes(packed(raw, suffix))
        return path, voxels.nbytes

    return make


def packed(raw: bytes, suffix: str) -> bytes:
    """Bytes as a suffix says."""
    if suffix.endswith((".gz", ".mgz")):
        return gzip.compress(raw, 1)
    return bz2.compress(raw, 1) if suffix.endswith(".bz2") else raw


def mgh(suffix: str):
    """An MGH file of short integers."""

    def make(folder: Path, voxels: np.ndarray) -> tuple[Path, int]:
        path = folder / f"v{suffix}"
        path.write_bytes(packed(nibabel.MGHImage(voxels, PLACE).to_bytes(), suffix))
        return path, voxels.nbytes

    return make


def nrrd(encoding: str):
    """An attached NRRD file."""

    def make(folder: Path, voxels: np.ndarray) -> tuple[Path, int]:
        raw = voxels.tobytes(order="F")
        head = (
            f"NRRD0005\ntype: short\ndimension: 3\nspace: right-anterior-superior\nsizes: {' '.join(map(str, voxels.shape))}\n"
            f"space directions: (2,0,0) (0,2,0) (0,0,2)\nendian: little\nencoding: {encoding}\nspace origin: (0,0,0)\n\n"
        )
        path = folder / "v.nrrd"
        path.write_bytes(head.encode() + (gzip.compress(raw, 1) if encoding == "gzip" else raw))
        return path, voxels.nbytes

    return make


def metaimage(folder: Path, voxels: np.ndarray, *, squeeze: bool = False) -> tuple[Path, int]:
    """A MetaImage file, its voxels in it."""
    import zlib

    raw = voxels.tobytes(order="F")
    raw = zlib.compress(raw, 1) if squeeze else raw
    head = (
        f"ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = {squeeze}\n"
        + (f"CompressedDataSize = {len(raw)}\n" if squeeze else "")
        + f"ElementSpacing = 2 2 2\nDimSize = {' '.join(map(str, voxels.shape))}\nElementType = MET_SHORT\nElementDataFile = LOCAL\n"
    )
    (folder / "v.mha").write_bytes(head.encode() + raw)
    return folder / "v.mha", voxels.nbytes


def afni(folder: Path, voxels: np.ndarray, *, squeeze: bool = False) -> tuple[Path, int]:
    """An AFNI pair of three bricks, from the header of nibabel's sample."""
    head = re.sub(rb"33 41 25", " ".join(map(str, voxels.shape)).encode(), (SAMPLES / "example4d+orig.HEAD").read_bytes())
    raw = voxels.tobytes(order="F")
    (folder / "v+orig.HEAD").write_bytes(head)
    with gzip.open(folder / "v+orig.BRIK.gz", "wb", 1) if squeeze else (folder / "v+orig.BRIK").open("wb") as stream:
        for _ in range(3):
            stream.write(raw)
    return folder / "v+orig.HEAD", 3 * voxels.nbytes


def minc(folder: Path, voxels: np.ndarray) -> tuple[Path, int]:
    """A MINC2 file, packed in pieces as its tools write it."""
    import h5py

    path = folder / "v.mnc"
    with h5py.File(path, "w") as file:
        root = file.create_group("minc-2.0")
        data = root.create_dataset("image/0/image", data=voxels.T, chunks=True, compression="gzip", compression_opts=1)
        data.attrs.update(dimorder=np.bytes_("zspace,yspace,xspace"), valid_range=[0.0, 4000.0], signtype=np.bytes_("signed__"))
        for name, value in (("image-min", 0.0), ("image-max", 4000.0)):
            root.create_dataset(f"image/0/{name}", data=value).attrs["dimorder"] = np.bytes_("")
        for axis, length in zip("xyz", voxels.shape, strict=True):
            line = root.create_dataset(f"dimensions/{axis}space", data=0)
            line.attrs.update(start=0.0, step=2.0, length=length, units=np.bytes_("mm"))
            line.attrs["direction_cosines"] = [float(axis == other) for other in "xyz"]
    return path, voxels.nbytes


def dicom(folder: Path, voxels: np.ndarray) -> tuple[Path, int]:
    """A folder with one image per slice."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    scan = generate_uid()
    for k in range(voxels.shape[2]):
        data = Dataset()
        data.file_meta = FileMetaDataset()
        data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data.SOPClassUID, data.SOPInstanceUID, data.SeriesInstanceUID = "1.2.840.10008.5.1.4.1.1.4", generate_uid(), scan
        data.Modality, data.SeriesDescription, data.InstanceNumber = "MR", "noise", k + 1
        data.Rows, data.Columns, data.SamplesPerPixel, data.PhotometricInterpretation = *voxels.shape[1::-1], 1, "MONOCHROME2"
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 1
        data.ImagePositionPatient, data.ImageOrientationPatient = [0, 0, 2.0 * k], [1, 0, 0, 0, 1, 0]
        data.PixelSpacing, data.SliceThickness = [2, 2], 2
        data.PixelData = voxels[:, :, k].tobytes(order="F")
        data["PixelData"].VR = "OW"
        data.save_as(folder / f"{k:04}.dcm", enforce_file_format=True)
    return folder, voxels.nbytes


KINDS = {
    ".nii": nifti(".nii"),
    ".nii with a factor": nifti(".nii", scaled=True),
    ".nii.gz": nifti(".nii.gz"),
    ".nii.gz with a factor": nifti(".nii.gz", scaled=True),
    ".nii.bz2": nifti(".nii.bz2"),
    ".mgh": mgh(".mgh"),
    ".mgz": mgh(".mgz"),
    ".nrrd raw": nrrd("raw"),
    ".nrrd gzip": nrrd("gzip"),
    ".mha": metaimage,
    ".mha packed": lambda folder, voxels: metaimage(folder, voxels, squeeze=True),
    "AFNI": afni,
    "AFNI gzip": lambda folder, voxels: afni(folder, voxels, squeeze=True),
    "MINC2": minc,
    "DICOM folder": dicom,
}

if __name__ == "__main__":
    main()
