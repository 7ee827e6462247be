"""Tables of `bench_register`'s rows, as Markdown."""

from __future__ import annotations

from statistics import median

import numpy as np

OURS = "volstudio"


def tables(rows):
    """All methods side by side, then per pair, per level, and against each peer on the cases that it found."""
    return "\n\n".join((_side_by_side(rows), _by(rows, "pair"), _by(rows, "level"), _duels(rows)))


def _side_by_side(rows):
    """One line per pair: median error of the cases found, how many those are, and median CPU seconds."""
    methods = list(dict.fromkeys(row["method"] for row in rows))
    lines = ["| pair | " + " | ".join(methods) + " |", "|" + "---|" * (len(methods) + 1)]
    for pair in dict.fromkeys(row["pair"] for row in rows):
        cells = []
        for method in methods:
            mine = [row for row in rows if (row["pair"], row["method"]) == (pair, method)]
            errors = [row["error_mm"] for row in mine if row["error_mm"] < row["tolerance_mm"]]
            seconds = f"{median(row['cpu_s'] for row in mine):.2g} s" if mine else ""
            cells.append(f"{median(errors):.3f} mm ({len(errors)}/{len(mine)}), {seconds}" if errors else f"0/{len(mine)}, {seconds}")
        lines.append("| " + " | ".join((pair, *cells)) + " |")
    return "\n".join(lines)


def _by(rows, column):
    """One line per value of a column and method; ratios are sums over the cases that both did, ours being 1."""
    heads = (column, "method", "found", "median mm", "95 % mm", "largest mm", "CPU s", "wall s", "CPU / ours", "wall / ours", "peak MB")
    lines = ["| " + " | ".join((*heads, "above idle")) + " |", "|" + "---|" * 12]
    names = list(dict.fromkeys(row[column] for row in rows))
    for name in [*names, "all"]:
        here = [row for row in rows if name in (row[column], "all")]
        for method in dict.fromkeys(row["method"] for row in here):
            mine = [row for row in here if row["method"] == method]
            errors = [row["error_mm"] for row in mine if row["error_mm"] < row["tolerance_mm"]]
            figures = (
                f"{len(errors)} of {len(mine)}",
                *((f"{f:.3f}" for f in (median(errors), np.percentile(errors, 95), max(errors))) if errors else ("-",) * 3),
                *(f"{median(row[key] for row in mine):.2f}" for key in ("cpu_s", "wall_s")),
                *(_ratio(here, method, key) for key in ("cpu_s", "wall_s")),
                f"{max(row['peak_mb'] for row in mine):.0f}",
                f"{max(row['peak_mb'] - row['idle_mb'] for row in mine):.0f}",
            )
            lines.append("| " + " | ".join((name, method, *figures)) + " |")
    return "\n".join(lines)


def _case(row):
    return row["pair"], row["level"], str(row["seed"])


def _ratio(rows, method, key):
    """How many times our time a method takes, on the cases that both did."""
    ours = {_case(row): row[key] for row in rows if row["method"] == OURS}
    both = [(row[key], ours[_case(row)]) for row in rows if row["method"] == method and _case(row) in ours]
    return f"{sum(theirs for theirs, _ in both) / sum(mine for _, mine in both):.2f}" if both else "-"


def _duels(rows):
    """Median errors on the cases that a peer found as well, pair by pair."""
    lines = ["| pair | peer | cases that it found | its median mm | volstudio's on these | builtin's on these |", "|" + "---|" * 6]
    engines = [{_case(row): row["error_mm"] for row in rows if row["method"] == name} for name in (OURS, f"{OURS} builtin")]
    for pair in dict.fromkeys(row["pair"] for row in rows):
        for peer in dict.fromkeys(row["method"] for row in rows if not row["method"].startswith(OURS)):
            mine = [row for row in rows if (row["pair"], row["method"]) == (pair, peer)]
            found = {_case(row): row["error_mm"] for row in mine if row["error_mm"] < row["tolerance_mm"]}
            if not found:
                continue
            ours = [[engine[case] for case in found if case in engine] for engine in engines]
            figures = (str(len(found)), f"{median(found.values()):.3f}", *(f"{median(errors):.3f}" if errors else "-" for errors in ours))
            lines.append("| " + " | ".join((pair, peer, *figures)) + " |")
    return "\n".join(lines)
