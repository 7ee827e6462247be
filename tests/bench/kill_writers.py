"""What every writer leaves behind when it is killed or may not write: ``python tests/bench/kill_writers.py [KILLS [SEED]]``.

Each writer replaces its files by the results of one of two inputs, over and over, in a child that is killed (SIGKILL) at a random moment.
Afterwards every file must hold the one result or the other, whole; a source must be as it was. What the child could not clear away is
counted as debris, and counted again after the next write that ends well. Then each writer meets a full disk, a bound on the size of files,
a read-only disk and a path below a file; the disks are small file systems in memory, which only root may mount.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import nibabel
import numpy as np

import volstudio as vs
from volstudio.errors import OutputError
from volstudio.geometry.affine import Affine
from volstudio.geometry.rigid import RigidTransform
from volstudio.registration.result import RegistrationResult
from volstudio.scene.files import save_scene
from volstudio.scene.model import Scene
from volstudio.tasks import pair
from volstudio.tasks.shots import shot
from volstudio.transforms.files import write_transform
from volstudio.transforms.sidecar import Sidecar, write_sidecar
from volstudio.volumes.readers import open_volume
from volstudio.volumes.resample import resample
from volstudio.volumes.save import save_header, save_volume

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from volstudio.volumes.volume import Volume

SHAPE = (40, 36, 24)
State = dict[str, bytes]


@dataclass(frozen=True)
class Writer:
    """One way out of the house.

    Parameters
    ----------
    name : str
    write : callable
        ``(folder, version)``: write the result of input 0 or 1 into a folder, over what is there.
    together : bool
        Whether its files belong to one result, so that a mixture of two results would be a lie.
    anew : bool
        Whether it writes into a new folder, ``new``.
    """

    name: str
    write: Callable[[Path, int], object]
    together: bool = False
    anew: bool = False

    def prepare(self, folder: Path) -> None:
        """Make room for a writer that makes its folder itself; in one step, so that a kill here is not taken for the writer's."""
        if self.anew and (folder / "new").exists():
            gone = folder.parent / "gone"
            shutil.rmtree(gone, ignore_errors=True)
            (folder / "new").rename(gone)
            shutil.rmtree(gone, ignore_errors=True)


def main(kills: int, seed: int) -> int:
    home = Path(tempfile.mkdtemp(prefix="kill-writers-"))
    try:
        sources = make_sources(home)
        writers = all_writers(sources, home)
        print(f"| writer | kills | old or new, whole | lost | mixed | debris | after the next write | {' | '.join(HINDRANCES)} |")
        print(f"|---|{'---|' * (6 + len(HINDRANCES))}")
        before = {path: path.read_bytes() for path in sources}
        chance, total, bad = random.Random(seed), Counter(), 0
        for writer in writers:
            counts = killed(writer, home / "out", -(-kills // len(writers)), chance)
            refused = [hindered(writer, home, hindrance) for hindrance in HINDRANCES.values()]
            total.update(counts)
            bad += counts["lost"] + sum(words not in ("refused", "not tried") for words in refused)
            cells = [counts[what] for what in ("kills", "whole", "lost", "mixed", "debris", "debris later")]
            print(f"| {writer.name} | {' | '.join(map(str, [*cells, *refused]))} |", flush=True)
        print(f"\n{dict(total)}; sources unchanged: {all(path.read_bytes() == data for path, data in before.items())}")
        return bad
    finally:
        shutil.rmtree(home)


def make_sources(home: Path) -> list[Path]:
    """A fixed and a moving scan, plain, packed, as a pair and as MGH."""
    values = np.random.default_rng(1).normal(500, 100, SHAPE).astype(np.int16)
    place = RigidTransform.from_six((-40, -36, -30, 0.1, 0.2, 0), (0, 0, 0)).matrix @ np.diag([2, 2, 3, 1.0])
    folder = home / "sources"
    folder.mkdir()
    nibabel.save(nibabel.Nifti1Image(values[::-1], place), folder / "t1.nii")
    nibabel.save(nibabel.Nifti1Image(values, place), folder / "epi.nii.gz")
    nibabel.save(nibabel.MGHImage(values, place), folder / "epi.mgz")
    return sorted(folder.iterdir())


def all_writers(sources: list[Path], home: Path) -> list[Writer]:
    """Every writer with two inputs for each."""
    epi_mgz, epi, t1 = (open_volume(path) for path in sources)
    moves = [RigidTransform.from_six((4 * (1 + n), -6, 9, 0.1, 0.2 * n, 0), (0, 0, 0)).matrix for n in range(2)]

    def onto(volume: Volume, version: int) -> Affine:
        return Affine(moves[version], volume.affine.target, t1.affine.target)

    def header(volume: Volume, name: str) -> Callable[[Path, int], object]:
        return lambda folder, version: save_header(volume, onto(volume, version), folder / name, overwrite=True)

    def transform(name: str) -> Callable[[Path, int], object]:
        backwards = [onto(epi, version).inverse() for version in range(2)]
        return lambda folder, version: write_transform(backwards[version], folder / name, fixed=t1, moving=epi, overwrite=True)

    def resampled(folder: Path, version: int) -> None:
        save_volume(resample(epi, onto=t1, moving_to_fixed=onto(epi, version)), folder / "r.nii.gz", overwrite=True)

    known = [Sidecar.of(onto(epi, version).inverse(), fixed=t1, moving=epi, made_by="hand") for version in range(2)]
    scenes = [Scene.of(t1, epi).place("epi", Affine(moves[version], epi.affine.target, "scene")) for version in range(2)]

    def registered(folder: Path, version: int) -> None:
        still = Affine(np.eye(4), epi.affine.target, t1.affine.target)
        pair.register = lambda *_, **__: RegistrationResult(onto(epi, version), still, 1.0, "made for this bench")
        pair.register_pair(str(sources[2]), str(sources[1]), folder, overwrite=True)

    pictures = [vs.render(scene, size=(400, 300), view="ortho") for scene in scenes]
    assert not np.array_equal(*pictures)
    return [
        Writer("edited header, .nii", header(t1, "t1_moved.nii")),
        Writer("edited header, .nii.gz", header(epi, "epi_moved.nii.gz")),
        Writer("edited header, .hdr/.img", header(t1, "pair.hdr"), together=True),
        Writer("edited header, .mgz", header(epi_mgz, "epi_moved.mgz")),
        Writer("volume, .nii", lambda folder, version: save_volume((t1, epi)[version], folder / "v.nii", overwrite=True)),
        Writer("resampled, .nii.gz", resampled),
        *(Writer(f"transform, {end}", transform(f"t{end}")) for end in (".tfm", ".mat", ".lta", ".itk.mat", ".h5", ".x5")),
        Writer("sidecar, .json", lambda folder, version: write_sidecar(known[version], folder / "t.tfm", overwrite=True)),
        *(
            Writer(f"scene, {end}", lambda f, v, end=end: save_scene(scenes[v], f / f"s{end}", overwrite=True))
            for end in (".toml", ".json")
        ),
        *(
            Writer(f"picture, {end}", lambda f, v, end=end: shot(scenes[v], f / f"p{end}", size=(400, 300), view="axial", overwrite=True))
            for end in (".png", ".jpg", ".tif")
        ),
        Writer("register -o, over results", registered, together=True),
        Writer("register -o, new folder", lambda folder, version: registered(folder / "new", version), together=True, anew=True),
    ]


def killed(writer: Writer, folder: Path, kills: int, chance: random.Random) -> Counter[str]:
    """Kill a writer again and again, and look at what it leaves each time."""
    counts: Counter[str] = Counter()
    wanted = []
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for version in (1, 0):
        writer.prepare(folder)
        began = time.monotonic()
        writer.write(folder, version)
        took = time.monotonic() - began
        wanted.insert(0, state_of(folder))
    assert wanted[0] != wanted[1], f"{writer.name}: both inputs give the same"
    for _ in range(kills):
        child = os.fork()
        if child == 0:
            version = 0
            while True:
                version = 1 - version
                writer.prepare(folder)
                writer.write(folder, version)
        time.sleep(chance.uniform(0.3 * took, 3 * took))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        counts["kills"] += 1
        found = state_of(folder)
        counts["debris"] += len(found.keys() - wanted[0].keys())
        counts[verdict(writer, found, wanted)] += 1
        writer.prepare(folder)
        writer.write(folder, 0)
        counts["debris later"] += len(state_of(folder).keys() - wanted[0].keys())
        for name in state_of(folder).keys() - wanted[0].keys():
            (folder / name).unlink()
    return counts


def verdict(writer: Writer, found: State, wanted: list[State]) -> str:
    """What a person finds: one result or the other whole, a mixture, or a loss."""
    ours = {name: data for name, data in found.items() if name in wanted[0]}
    if ours in wanted or (writer.anew and not ours):
        return "whole"
    if ours.keys() != wanted[0].keys() or any(data not in (wanted[0][name], wanted[1][name]) for name, data in ours.items()):
        return "lost"
    return "mixed" if writer.together else "whole"


def state_of(folder: Path) -> State:
    """All files below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@contextmanager
def disk(home: Path, writer: Writer, *, full: bool) -> Iterator[Path]:
    """A small disk with the old results on it, then full or read-only."""
    place = home / "disk"
    place.mkdir(exist_ok=True)
    mount = shutil.which("mount") or "mount"
    subprocess.run([mount, "-t", "tmpfs", "-o", "size=4m", "tmpfs", place], check=True, capture_output=True)
    try:
        (place / "out").mkdir()
        writer.write(place / "out", 0)
        writer.prepare(place / "out")
        if full:
            with (place / "fill").open("wb", buffering=0) as file:
                try:
                    while file.write(bytes(4096)) == 4096:
                        pass
                except OSError:
                    pass
        else:
            subprocess.run([mount, "-o", "remount,ro", place], check=True, capture_output=True)
        yield place / "out"
    finally:
        subprocess.run([shutil.which("umount") or "umount", place], check=True, capture_output=True)


@contextmanager
def full_disk(home: Path, writer: Writer) -> Iterator[Path]:
    with disk(home, writer, full=True) as folder:
        yield folder


@contextmanager
def read_only_disk(home: Path, writer: Writer) -> Iterator[Path]:
    with disk(home, writer, full=False) as folder:
        yield folder


@contextmanager
def small_files(home: Path, writer: Writer) -> Iterator[Path]:
    """Files may hold 64 bytes; a signal would end the process, so it is left to the error."""
    folder = home / "small"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    writer.write(folder, 0)
    writer.prepare(folder)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, resource.RLIM_INFINITY))
    try:
        yield folder
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        signal.signal(signal.SIGXFSZ, before)


@contextmanager
def below_a_file(home: Path, writer: Writer) -> Iterator[Path]:
    (home / "file").write_bytes(b"a file")
    yield home / "file"


HINDRANCES = {"full disk": full_disk, "64 bytes a file": small_files, "read-only": read_only_disk, "below a file": below_a_file}


def hindered(writer: Writer, home: Path, hindrance: Callable) -> str:
    """Whether a writer that may not write says so and leaves everything as it was."""
    if hindrance in (full_disk, read_only_disk) and os.geteuid() != 0:
        return "not tried"
    with hindrance(home, writer) as folder:
        before = state_of(folder)
        try:
            writer.write(folder, 1)
        except OutputError:
            said = "refused"
        except Exception as error:  # noqa: BLE001 - whatever else comes is what is reported
            said = f"{type(error).__name__}: {error}"[:60]
        else:
            said = "WRITTEN"
        return said if state_of(folder) == before else f"{said}, CHANGED"


if __name__ == "__main__":
    sys.exit(main(*(int(text) for text in (sys.argv[1:] + ["220", "1"][len(sys.argv) - 1 :]))))
