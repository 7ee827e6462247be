"""How long a command takes from Enter to the answer, beside what the field offers: ``python tests/bench/bench_cli.py [ROUNDS]``.

Every figure is the wall time of a fresh process, best and median of some rounds after one that warms the disk. The neighbours get the same
files and the same size of picture; they draw what their defaults are, so ratios tell an order, not a race.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from volstudio.volumes.samples import sample_path

PYVISTA = """
import nibabel, numpy as np, pyvista as pv
plotter = pv.Plotter(off_screen=True, window_size=(800, 800))
for path in {paths!r}:
    image = nibabel.load(path)
    grid = pv.ImageData(dimensions=image.shape, spacing=tuple(float(x) for x in image.header.get_zooms()))
    grid.point_data["values"] = np.asanyarray(image.dataobj).ravel(order="F")
    plotter.add_volume(grid, cmap="gray", user_matrix=image.affine @ np.diag([*(1 / np.array(grid.spacing)), 1]))
plotter.screenshot({out!r})
"""
NILEARN = """
import matplotlib; matplotlib.use("Agg")
from nilearn import plotting
display = plotting.plot_anat({paths!r}[0], cut_coords=(-20, -22, 12), output_file={out!r})
"""
NILEARN_TWO = """
import matplotlib; matplotlib.use("Agg")
from nilearn import plotting
display = plotting.plot_anat({paths!r}[0], cut_coords=(-20, -22, 12))
display.add_overlay({paths!r}[1], threshold=150, cmap="hot")
display.savefig({out!r}); display.close()
"""


def measure(command: list[str], rounds: int) -> tuple[float, float]:
    """(best, median) seconds of a command."""
    times = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return min(times[1:]), statistics.median(times[1:])


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "out.png")
        paths = [str(sample_path("t1")), str(sample_path("epi"))]
        volstudio = str(Path(sys.executable).parent / "volstudio")
        shot = [volstudio, "shot", *paths, "-o", out, "--overwrite", "--at", "-20,-22,12"]
        python = [sys.executable, "-c"]
        rows = [
            ("python -c pass", [*python, "pass"], None),
            ("import volstudio", [*python, "import volstudio"], 0.15),
            ("volstudio --help", [volstudio, "--help"], 0.3),
            ("volstudio info, two files", [volstudio, "info", *paths], None),
            ("volstudio shot, three planes, two volumes", [*shot, "--view", "ortho"], 2.0),
            ("  nilearn plot_anat, one volume", [*python, NILEARN.format(paths=paths, out=out)], None),
            ("  nilearn plot_anat + overlay", [*python, NILEARN_TWO.format(paths=paths, out=out)], None),
            ("volstudio shot, 3D 800 px, two volumes", [*shot, "--view", "3d", "--size", "800x800"], 5.0),
            ("  bare PyVista, 3D 800 px, two volumes", [*python, PYVISTA.format(paths=paths, out=out)], None),
            ("volstudio shot, quad 1200 x 900", [*shot, "--view", "quad"], None),
        ]
        print(f"{'':46}{'best s':>8}{'median s':>10}{'target s':>10}")
        figures = {}
        for name, command, target in rows:
            best, median = measure(command, rounds)
            figures[name.strip()] = median
            print(f"{name:46}{best:8.2f}{median:10.2f}{'' if target is None else format(target, '10.2f'):>10}", flush=True)
        planes, three = figures["volstudio shot, three planes, two volumes"], figures["volstudio shot, 3D 800 px, two volumes"]
        print(f"three planes / nilearn with overlay: {planes / figures['nilearn plot_anat + overlay']:.2f}")
        print(f"3D / bare PyVista: {three / figures['bare PyVista, 3D 800 px, two volumes']:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
