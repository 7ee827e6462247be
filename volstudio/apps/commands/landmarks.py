"""``volstudio landmarks``: the rigid map of points that a person marked in both scans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from volstudio.apps.commands.plan_options import OUTPUT
from volstudio.apps.terminal import tell
from volstudio.apps.values import Point, as_point

if TYPE_CHECKING:
    from volstudio.transforms.points import Coordinates

__all__ = ["landmarks"]

EXAMPLES = """
\b
Examples:
  volstudio landmarks t1.fcsv ct.fcsv -o ct_to_t1.tfm
  volstudio landmarks t1.mrk.json ct.csv --coordinates lps --robust 3 --target 10,-20,35
"""


def _places(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[Point, ...]:
    """Points of the words that a person typed."""
    places = (as_point(ctx, param, value) for value in values)
    return tuple(place for place in places if place is not None)


@click.command(epilog=EXAMPLES)
@click.argument("fixed")
@click.argument("moving")
@click.option("-o", "--output", metavar="TRANSFORM", help="File for the transform; the end of its name chooses the dialect.")
@click.option("--moved", metavar="FILE", help="File for the moving landmarks in the fixed world: .csv, .tsv, .fcsv or .mrk.json.")
@click.option("--coordinates", type=click.Choice(["ras", "lps"]), help="Of tables that do not say it; default: ras.")
@click.option("--robust", type=float, metavar="MM", help="Leave out pairs that no common map brings this near.")
@click.option(
    "--target", "targets", metavar="X,Y,Z", multiple=True, callback=_places, help="Tell the expected error at this place of the fixed scan."
)
@OUTPUT
def landmarks(
    fixed: str,
    moving: str,
    *,
    output: str | None,
    moved: str | None,
    coordinates: Coordinates | None,
    robust: float | None,
    targets: tuple[Point, ...],
    as_json: bool,
    overwrite: bool,
) -> None:
    """Fit the landmarks of MOVING rigidly to those of FIXED.

    Files are those of 3D Slicer (.fcsv, .mrk.json) or tables of x, y, z in mm, with labels and weights where they are there. Points of the
    same label belong together; without labels, those of the same line.
    """
    from volstudio.tasks.landmarks import fit_files

    outcome = fit_files(
        fixed,
        moving,
        output=output,
        moved=moved,
        coordinates=coordinates,
        tolerance_mm=robust,
        targets=targets,
        overwrite=overwrite,
    )
    tell(outcome, as_json=as_json)
