"""How near `register` comes to a known truth, and what it costs, beside other programs on the same files.

    python tests/bench/bench_register.py                                        # the built-in sample, volstudio's two engines
    python tests/bench/bench_register.py --peers /tmp/peers --install           # makes an environment for each peer there, then runs all
    python tests/bench/bench_register.py --cases FOLDER --peers /tmp/peers --levels easy,hard --seeds 2 --out rows.csv
    python tests/bench/bench_register.py --hard all --peers /tmp/peers --levels easy --seeds 0-0 --limit 180 --out hard.csv
    python tests/bench/bench_register.py --table rows.csv

From file to matrix, each program in a process and an environment of its own, two threads, imports not counted. Errors are mean mm from the
truth over the object; found means below the case's tolerance, 2 mm for a head. Only ratios of one run mean something. `registered` is the
adapter for judges that hand over two paths.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import threading
import venv
from pathlib import Path

from hard_cases import KINDS
from peer_methods import PACKAGES, volstudio
from register_tables import tables
from truth_cases import LEVELS, from_folder, from_hard, from_sample, tiny

FIGURES = ("error_mm", "tolerance_mm", "voxel_mm", "wall_s", "cpu_s", "peak_mb", "idle_mb")
COLUMNS = ("method", "pair", "level", "seed", *FIGURES, "failed")
THREAD_VARIABLES = ("ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
HERE = Path(__file__).resolve().parent


def registered(fixed_path, moving_path):
    """(4, 4) fixed -> moving map of two files, RAS+ mm."""
    return volstudio(fixed_path, moving_path)


class Program:
    """A method of `peer_methods` in a process of its own, started when it is first asked."""

    def __init__(self, method, python, threads, limit_s):
        self.method, self.limit_s = method, limit_s
        names = dict.fromkeys(THREAD_VARIABLES, str(threads))
        command = [str(python), str(HERE / "peer_methods.py"), method]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ | names
        )

    def answer(self, fixed, moving):
        """What it says to two files; a process that ends over them, or is ended since it takes too long, has failed."""
        clock = threading.Timer(self.limit_s, self.process.kill)
        clock.start()
        try:
            print(json.dumps([str(fixed), str(moving)]), file=self.process.stdin, flush=True)
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            clock.cancel()
        return json.loads(line or json.dumps({"failed": f"the process ended, or took more than {self.limit_s:g} s"}))

    def row(self, case):
        """Figures of one case."""
        answer = self.answer(case.fixed, case.moving)
        matrix = answer.pop("matrix", None)
        row = {"method": self.method, "pair": case.pair, "level": case.level, "seed": case.seed, "failed": "", **answer}
        error = float("inf") if matrix is None else case.error_mm(matrix)
        return row | {"error_mm": error, "tolerance_mm": case.tolerance_mm, "voxel_mm": case.voxel_mm}

    @property
    def ended(self):
        return self.process.poll() is not None

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def python_of(folder, method):
    """The Python of a method's environment."""
    return Path(sys.executable) if PACKAGES[method][0] == "volstudio" else folder / PACKAGES[method][0] / "bin" / "python"


def missing(folder, methods):
    """The environments that are not there or do not hold their package, by name."""
    wanted = {PACKAGES[m] for m in methods if PACKAGES[m][0] != "volstudio"}
    tries = ((package, [str(folder / package / "bin" / "python"), "-c", f"import numpy, {module}"]) for package, module in sorted(wanted))
    return [package for package, command in tries if not Path(command[0]).exists() or subprocess.run(command, check=False).returncode]


def install(folder, packages):
    """Make an environment for each package."""
    for package in packages:
        print(f"making {folder / package} ...", flush=True)
        venv.create(folder / package, with_pip=True)
        subprocess.run([str(folder / package / "bin" / "python"), "-m", "pip", "install", "--quiet", "numpy", package], check=True)


def arguments(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path, help="folder with cases.json (default: cases of the built-in sample)")
    parser.add_argument("--hard", help="kinds of hard_cases.py instead, separated by semicolons: 'thick slices;tumour, bright', or all")
    parser.add_argument("--data", type=Path, default=HERE.parents[2] / "shared" / "data", help="folder of real scans for these")
    parser.add_argument("--peers", type=Path, help="folder of the peers' environments")
    parser.add_argument("--install", action="store_true", help="make those that are missing there")
    parser.add_argument("--methods", help="some of: " + ", ".join(PACKAGES))
    parser.add_argument("--pairs", help="names of pairs in cases.json")
    parser.add_argument("--levels", default="easy,hard", help="of " + ", ".join(LEVELS))
    parser.add_argument("--seeds", type=_counted, default="2", help="how many cases of each pair and level, or the first and last: 1-1")
    parser.add_argument("--exchange", action="store_true", help="fixed for moving: some programs need the part to be the fixed one")
    parser.add_argument("--limit", type=float, default=600, help="most seconds of a program on a case")
    parser.add_argument("--save", type=Path, help="folder that keeps each case: fixed.nii, moving.nii, truth.npy, points.npy")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, help="CSV file; rows that it holds already are kept and not run again")
    parser.add_argument("--table", type=Path, nargs="+", help="only print the tables of such files")
    return parser.parse_args(argv)


def _counted(text):
    """Numbers of the cases that "2" or "0-1" stand for."""
    first, last = text.split("-") if "-" in text else (0, int(text) - 1)
    return range(int(first), int(last) + 1)


def read(paths):
    """Rows of CSV files, their figures as numbers."""
    rows = [row for path in paths if path.exists() for row in csv.DictReader(path.open())]
    return [row | {name: float(row.get(name) or "nan") for name in FIGURES} for row in rows]


def main(argv=None):
    given = arguments(argv)
    if given.table:
        print(tables(read(given.table)))
        return
    methods = given.methods.split(",") if given.methods else [m for m in PACKAGES if given.peers or PACKAGES[m][0] == "volstudio"]
    if given.install:
        install(given.peers, missing(given.peers, methods))
    if given.peers and (absent := missing(given.peers, methods)):
        sys.exit(f"{given.peers} holds no working environment for {', '.join(absent)}; --install makes them.")
    rows = read([given.out]) if given.out else []
    done = {(row["method"], row["pair"], row["level"], str(row["seed"])) for row in rows}
    with tempfile.TemporaryDirectory() as scratch:
        rows += run(_cases(given, methods, done, Path(scratch)), methods, given, done, tiny(Path(scratch)))
    print("\n" + tables(rows))


def _cases(given, methods, done, scratch):
    """The cases that are asked for and that some method has not done, one after the other."""

    def skip(pair, *case):
        name = f"{pair}, exchanged" if given.exchange else pair
        return all((method, name, *map(str, case)) in done for method in methods)

    options = {"levels": given.levels.split(","), "seeds": given.seeds, "skip": skip}
    if given.hard:
        return from_hard(list(KINDS) if given.hard == "all" else given.hard.split(";"), scratch, data=given.data, **options)
    if given.cases:
        return from_folder(given.cases, scratch, pairs=given.pairs and given.pairs.split(","), **options)
    return from_sample(scratch, **options)


def run(cases, methods, given, done, first):
    """Rows of the cases that are not done yet: case by case, so that all programs meet the same load; ``first``: two files to begin on."""
    programs: dict[str, Program] = {}
    rows = []
    for one in cases:
        case = one.exchanged() if given.exchange else one
        if given.save:
            case.save(given.save / f"{case.pair} {case.level} {case.seed}".replace(",", "").replace(" ", "_"))
        for method in methods:
            if (method, case.pair, case.level, str(case.seed)) in done:
                continue
            if method not in programs or programs[method].ended:
                programs[method] = Program(method, python_of(given.peers, method), given.threads, given.limit)
                programs[method].answer(*first)
            rows.append(programs[method].row(case))
            _tell(rows[-1], given.out)
    for program in programs.values():
        program.end()
    return rows


def _tell(row, out):
    """Print a row, and add it to the file."""
    share = row["error_mm"] / row["voxel_mm"]
    print(
        f"{row['method']:20}{row['pair']:34} {row['level']:8}{row['seed']:5}{row['error_mm']:10.4g} mm = {share:7.3f} voxels"
        f"{row.get('wall_s', 0):8.2f} s  cpu {row.get('cpu_s', 0):7.2f} s {row.get('peak_mb', 0):6.0f} MB  {row['failed']}",
        flush=True,
    )
    if out:
        new = not out.exists()
        with out.open("a", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS)
            if new:
                writer.writeheader()
            writer.writerow(row)


if __name__ == "__main__":
    main()
