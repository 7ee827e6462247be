"""Open every file of a list, each in a child of its own with bounded time and memory, and write what came out as JSON lines.

    python conformance_child.py MANIFEST CATEGORY...

A file that crashes, hangs or eats memory takes its own child with it and nothing else.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from pathlib import Path

import numpy as np

import volstudio as vs
from volstudio.volumes import mgh, nifti  # noqa: F401 - loaded before forking, so that each child is quick

SECONDS = 15
ADDRESS_SPACE = 3 << 30


def observe(path: Path, case: dict) -> dict:
    """What `open_volume` makes of a file."""
    try:
        volume = vs.open_volume(path)
        data = np.asarray(volume.data)
    except vs.VolstudioError as error:
        return {"refused": str(error), "kind": type(error).__name__}
    values = []
    for ijk, _ in case["probes"] or ():
        # The file's own index: axes of length 1 behind the third are dropped by volstudio.
        index = [i for axis, i in enumerate(ijk) if axis < 3 or case["shape"][axis] > 1]
        index += [0] * (data.ndim - len(index))
        values.append(data[tuple(index)].item())
    return {
        "shape": list(data.shape),
        "affine": volume.affine.matrix.tolist(),
        "values": values,
        "findings": [[finding.code, finding.severity, finding.text] for finding in volume.findings],
        "known": volume.orientation_known,
    }


def main() -> None:
    """One line for each case."""
    manifest, categories = Path(sys.argv[1]), sys.argv[2:]
    for case in json.loads(manifest.read_text(encoding="utf-8"))["cases"]:
        if case["category"] not in categories or case["reader"] not in ("image", "dicom"):
            continue
        read_end, write_end = os.pipe()
        started = time.monotonic()
        child = os.fork()
        if child == 0:
            # Seconds of the processor, so that a busy machine proves nothing; a wait without work (a pipe) ends by the clock.
            resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
            signal.alarm(8 * SECONDS)
            resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
            outcome = observe(manifest.parent / case["path"], case)
            outcome["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            os.write(write_end, json.dumps(outcome).encode())
            os._exit(0)
        os.close(write_end)
        with os.fdopen(read_end, "rb") as pipe:
            said = pipe.read()
        status = os.waitpid(child, 0)[1]
        record = json.loads(said) if said else {"died": status}
        print(json.dumps({"name": case["name"], "seconds": time.monotonic() - started, **record}))


if __name__ == "__main__":
    main()
