"""Damage small valid files of every kind and see that each ends in a value or a refusal: ``python tests/fuzz/fuzz.py --inputs N --seed S``.

A child reads one input after the other under bounds of time and memory; when it dies or hangs, the input is noted and a new child goes on
after it. Faults of one kind are told once, with the smallest set of changes that still shows them. Every input can be made again from the
seed and its number: ``--seed S --only NUMBER --keep FOLDER`` (and the same ``--kind``) writes it down and shows the traceback.
"""

from __future__ import annotations

import argparse
import itertools
import json
import mmap
import os
import re
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TextIO

from mutations import Change, changes, damaged
from rooms import attempt
from seeds import Seed, seeds

CPU_SECONDS = 2.0  # of a small file; the processor's time, since other work may share the machine
WALL_SECONDS = 30.0  # then it counts as hanging
MORE_MEMORY = 1 << 30  # what one child may take beyond its libraries
GROWTH_KB = 256 << 10  # what one small file may make the process grow by
STATE = struct.Struct("<qd")  # number of the input at work, when it began
OURS = re.compile(r"volstudio|fuzz.rooms")
LOUD = (RuntimeWarning, UserWarning, DeprecationWarning, FutureWarning)


@dataclass(frozen=True, slots=True)
class Run:
    """What is asked for."""

    seeds: list[Seed]
    number: int
    inputs: int
    folder: Path
    ends: float = float("inf")


@dataclass(slots=True)
class Findings:
    """What came of it: how many inputs ended how, and the first fault of each kind."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: dict[str, dict] = field(default_factory=dict)

    def note(self, record: dict) -> None:
        """Keep the first fault of a kind and count the rest."""
        self.faults.setdefault(record["what"], record | {"times": 0})["times"] += 1

    def take(self, line: str) -> None:
        """One line of a child."""
        with suppress(json.JSONDecodeError):  # the last line of a child that was killed
            record = json.loads(line)
            if "counts" in record:
                self.counts.update(record["counts"])
            else:
                self.note(record)


def main() -> int:
    given = argparse.ArgumentParser(description="Damage small files and see that each is read or refused.")
    given.add_argument("--inputs", type=int, default=2000)
    given.add_argument("--seed", type=int, default=1)
    given.add_argument("--seconds", type=float, default=float("inf"), help="stop after this time")
    given.add_argument("--only", type=int, help="make this one input and show what comes of it")
    given.add_argument("--kind", default="", help="only files whose name or room holds this word")
    given.add_argument("--keep", type=Path, help="folder for the inputs that show faults")
    asked = given.parse_args()
    chosen = [seed for seed in seeds() if asked.kind in f"{seed.room} {seed.name}"]
    home = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # a folder in memory is quick
    folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir=home))
    try:
        task = Run(chosen, asked.seed, asked.inputs, folder, time.monotonic() + asked.seconds)
        if asked.only is not None:
            return show(task, asked.only, asked.keep or folder)
        return report(task, asked.keep)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def report(task: Run, keep: Path | None) -> int:
    """Run and tell; the number of kinds of faults."""
    for seed in task.seeds:
        outcome, trace = tried(seed, [], task.folder, 4)
        if outcome != "read":
            print(f"{seed.name}: the undamaged file is not read: {outcome} {trace}")
            return 1
    began = time.monotonic()
    done, found = run(task)
    took = time.monotonic() - began
    print(f"{done} inputs of {len(task.seeds)} files in {took:.0f} s, seed {task.number}: {dict(sorted(found.counts.items()))}")
    for fault in found.faults.values():
        print(f"\n{fault['times']} x {fault['what']}\n  first: input {fault['number']} ({fault['seed']})\n{fault['trace']}")
        if keep:
            write(task, fault["number"], keep / f"{task.number}-{fault['number']}")
    return len(found.faults)


def run(task: Run) -> tuple[int, Findings]:
    """All inputs, in as many children as it takes; how many there were, and what came of them."""
    found, first = Findings(), 0
    while first < task.inputs and time.monotonic() < task.ends:
        first, ending = child(task, first, found)
        if ending:
            found.note({"number": first - 1, "what": ending, "seed": task.seeds[(first - 1) % len(task.seeds)].name, "trace": ""})
            found.counts["fault"] += 1
    return first, found


def child(task: Run, first: int, found: Findings) -> tuple[int, str]:
    """Read inputs from ``first`` on in a process of its own; where to go on, and how it ended where it should not have."""
    state = mmap.mmap(-1, STATE.size)
    state[:] = STATE.pack(first, time.monotonic())
    read_end, write_end = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(read_end)
        with os.fdopen(write_end, "w") as said:
            work(task, first, state, said)
        os._exit(0)
    os.close(write_end)
    os.set_blocking(read_end, False)
    hung, lines, ended = False, bytearray(), (0, 0)
    while not ended[0]:
        time.sleep(0.05)
        hung = hung or time.monotonic() - STATE.unpack(state[:])[1] > WALL_SECONDS
        if hung:
            os.kill(process, signal.SIGKILL)
        ended = os.waitpid(process, os.WNOHANG)
        with suppress(BlockingIOError):
            while more := os.read(read_end, 1 << 20):
                lines += more
    os.close(read_end)
    for line in lines.decode().splitlines():
        found.take(line)
    number = STATE.unpack(state[:])[0]
    if not ended[1]:
        return number, ""
    return number + 1, "it hangs" if hung else f"the process died of signal {ended[1] & 127}"


def work(task: Run, first: int, state: mmap.mmap, said: TextIO) -> None:
    """In the child: one input after the other."""
    limit_memory()
    counts: Counter[str] = Counter()
    number = first
    while number < task.inputs and time.monotonic() < task.ends:
        state[:] = STATE.pack(number, time.monotonic())
        seed, planned = made(task, number)
        outcome, trace = tried(seed, planned, task.folder, number)
        counts["fault" if trace else outcome] += 1
        if trace:
            fewest = smallest(seed, planned, task.folder, number, outcome)
            record = {"number": number, "what": outcome, "seed": seed.name, "trace": trace + f"  smallest: {fewest!r}"[:1500]}
            print(json.dumps(record), file=said, flush=True)
        number += 1
        if number % 200 == 0:
            print(json.dumps({"counts": counts}), file=said, flush=True)
            counts.clear()
    print(json.dumps({"counts": counts}), file=said, flush=True)
    state[:] = STATE.pack(number, time.monotonic())


def limit_memory() -> None:
    """Room for small files beside what the libraries have taken."""
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * mmap.PAGESIZE if sys.platform == "linux" else 1 << 33
    resource.setrlimit(resource.RLIMIT_AS, (taken + MORE_MEMORY, taken + MORE_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def made(task: Run, number: int) -> tuple[Seed, list[Change]]:
    """The file and the changes of an input."""
    seed = task.seeds[number % len(task.seeds)]
    return seed, changes(Random(f"{task.number}:{number}"), seed.files[seed.target], header=seed.header, text=seed.text)


def tried(seed: Seed, planned: list[Change], folder: Path, number: int) -> tuple[str, str]:
    """Outcome of one input, and the last lines of the traceback where it is a fault."""
    path = put(seed, damaged(seed.files[seed.target], planned), folder / str(number))
    peak, cpu = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    try:
        with warnings.catch_warnings():
            for kind in LOUD:
                warnings.simplefilter("error", kind)
            outcome = attempt(seed.room, path, number)
    except BaseException as error:  # noqa: BLE001 - whatever escapes is the fault that is looked for
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if OURS.search(frame.filename)]
        where = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames[-3:]))
        return f"{type(error).__name__} at {where}", "".join(traceback.format_exception_only(error))[:500]
    finally:
        shutil.rmtree(folder / str(number), ignore_errors=True)
    spent = time.process_time() - cpu
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
    if spent > CPU_SECONDS:
        return f"{seed.name} is slow", f"  {spent:.1f} s\n"
    if grown > GROWTH_KB:
        return f"{seed.name} takes memory", f"  {grown} kB\n"
    return outcome, ""


def smallest(seed: Seed, planned: list[Change], folder: Path, number: int, outcome: str) -> list[Change]:
    """The smallest part of the changes that ends the same way."""
    for count in range(1, len(planned)):
        for part in itertools.combinations(planned, count):
            if tried(seed, list(part), folder, number)[0] == outcome:
                return list(part)
    return planned


def put(seed: Seed, data: bytes, folder: Path) -> Path:
    """The files of an input; the path to open."""
    folder.mkdir(parents=True)
    for name, content in seed.files.items():
        (folder / name).write_bytes(seed.pack(data) if name == seed.target else content)
    return folder if seed.opens == "." else folder / seed.opens


def write(task: Run, number: int, folder: Path) -> Path:
    """An input as files."""
    seed, planned = made(task, number)
    shutil.rmtree(folder, ignore_errors=True)
    return put(seed, damaged(seed.files[seed.target], planned), folder)


def show(task: Run, number: int, folder: Path) -> int:
    """One input again, with its traceback."""
    path = write(task, number, folder / f"{task.number}-{number}")
    print(path)
    print(attempt(made(task, number)[0].room, path, number))
    return 0


if __name__ == "__main__":
    sys.exit(main())
