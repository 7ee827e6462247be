"""How near `register` comes to a known truth, and what it costs, beside other programs on the same files.

    python tests/bench/bench_register.py                                        # the built-in sample, volstudio's two engines
    python tests/bench/bench_register.py --peers /tmp/peers --install           # makes an environment for each peer there, then runs all
    python tests/bench/bench_register.py --cases FOLDER --peers /tmp/peers --levels easy,hard --seeds 2 --out rows.csv
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
import venv
from pathlib import Path

from peer_methods import PACKAGES, volstudio
from register_tables import tables
from truth_cases import LEVELS, from_folder, from_hard, from_sample, tiny

COLUMNS = ("method", "pair", "level", "seed", "error_mm", "tolerance_mm", "wall_s", "cpu_s", "peak_mb", "idle_mb", "failed")
THREAD_VARIABLES = ("ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
HERE = Path(__file__).resolve().parent


def registered(fixed_path, moving_path):
    """(4, 4) fixed -> moving map of two files, RAS+ mm."""
    return volstudio(fixed_path, moving_path)


class Program:
    """A method of `peer_methods` in a process of its own, started when it is first asked."""

    def __init__(self, method, python, threads):
        self.method = method
        names = dict.fromkeys(THREAD_VARIABLES, str(threads))
        command = [str(python), str(HERE / "peer_methods.py"), method]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ | names
        )

    def answer(self, fixed, moving):
        """What it says to two files; a process that has ended fails in these and all after it."""
        failed = {"failed": "the process ended"}
        if self.process.poll() is not None:
            return failed
        print(json.dumps([str(fixed), str(moving)]), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline() or json.dumps(failed))

    def row(self, case):
        """Figures of one case."""
        answer = self.answer(case.fixed, case.moving)
        matrix = answer.pop("matrix", None)
        row = {"method": self.method, "pair": case.pair, "level": case.level, "seed": case.seed, "failed": "", **answer}
        return row | {"error_mm": float("inf") if matrix is None else case.error_mm(matrix), "tolerance_mm": case.tolerance_mm}

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
    parser.add_argument("--hard", help="kinds of hard_cases.py instead, separated by semicolons: 'thick slices;tumour, bright'")
    parser.add_argument("--data", type=Path, default=HERE.parents[2] / "shared" / "data", help="folder of real scans for these")
    parser.add_argument("--peers", type=Path, help="folder of the peers' environments")
    parser.add_argument("--install", action="store_true", help="make those that are missing there")
    parser.add_argument("--methods", help="some of: " + ", ".join(PACKAGES))
    parser.add_argument("--pairs", help="names of pairs in cases.json")
    parser.add_argument("--levels", default="easy,hard", help="of " + ", ".join(LEVELS))
    parser.add_argument("--seeds", type=int, default=2, help="cases of each pair and level")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, help="CSV file; rows that it holds already are kept and not run again")
    parser.add_argument("--table", type=Path, nargs="+", help="only print the tables of such files")
    return parser.parse_args(argv)


def read(paths):
    """Rows of CSV files, their figures as numbers."""
    rows = [row for path in paths if path.exists() for row in csv.DictReader(path.open())]
    return [
        row | {name: float(row[name] or "nan") for name in ("error_mm", "tolerance_mm", "wall_s", "cpu_s", "peak_mb", "idle_mb")}
        for row in rows
    ]


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
        options = {"levels": given.levels.split(","), "seeds": given.seeds}
        if given.hard:
            cases = from_hard(given.hard.split(";"), Path(scratch), data=given.data, **options)
        elif given.cases:
            cases = from_folder(given.cases, Path(scratch), pairs=given.pairs and given.pairs.split(","), **options)
        else:
            cases = from_sample(Path(scratch), **options)
        rows += run(list(cases), methods, given, done, tiny(Path(scratch)))
    print("\n" + tables(rows))


def run(cases, methods, given, done, first):
    """Rows of the cases that are not done yet: case by case, so that all programs meet the same load; ``first``: two files to begin on."""
    programs: dict[str, Program] = {}
    rows = []
    for case in cases:
        for method in methods:
            if (method, case.pair, case.level, str(case.seed)) in done:
                continue
            if method not in programs:
                programs[method] = Program(method, python_of(given.peers, method), given.threads)
                programs[method].answer(*first)
            row = programs[method].row(case)
            rows.append(row)
            print(
                f"{method:20}{case.pair:10}{case.level:8}{case.seed:5}{row['error_mm']:10.3f} mm"
                f"{row.get('wall_s', 0):8.2f} s  cpu {row.get('cpu_s', 0):7.2f} s {row.get('peak_mb', 0):6.0f} MB  {row['failed']}",
                flush=True,
            )
            if given.out:
                new = not given.out.exists()
                with given.out.open("a", newline="") as stream:
                    writer = csv.DictWriter(stream, COLUMNS)
                    if new:
                        writer.writeheader()
                    writer.writerow(row)
    for program in programs.values():
        program.end()
    return rows


if __name__ == "__main__":
    main()
