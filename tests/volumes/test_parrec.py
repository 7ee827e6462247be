"""PAR/REC pairs written here as the scanner writes them: displayed values, order of images, and where it says that each slice lies."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.errors import UnreadableFileError
from volstudio.volumes.readers import open_volume

SIDE, SLICES, TIMES = 4, 3, 2
SPACING, APART = 3.75, 8.0  # mm: in the plane, and from slice to slice (6 thick, 2 between)
MIDDLE = (2.5, 30.25, -16.0)  # of the middle slice: mm to the back (ap), up (fh) and to the left (rl)
GENERAL = """\
# === DATA DESCRIPTION FILE ===
# CLINICAL TRYOUT             Research image export tool     V4.2
# === GENERAL INFORMATION ===
.    Patient name                       :   phantom
.    Series Type                        :   Image   MRSERIES
.    Max. number of slices/locations    :   {slices}
.    Max. number of echoes              :   1
.    Max. number of dynamics            :   {times}
.    Max. number of mixes               :   1
.    Max. number of cardiac phases      :   1
.    Max. number of diffusion values    :   1
.    Max. number of gradient orients    :   1
.    Number of label types   <0=no ASL> :   0
.    Repetition time [ms]               :   2000.000
.    Dynamic scan      <0=no 1=yes> ?   :   1
.    Diffusion         <0=no 1=yes> ?   :   0
.    FOV (ap,fh,rl) [mm]                :   15.000  24.000  15.000
.    Angulation midslice(ap,fh,rl)[degr]:   0.000  0.000  0.000
.    Off Centre midslice(ap,fh,rl) [mm] :   {middle[0]}  {middle[1]}  {middle[2]}
# === IMAGE INFORMATION ===
"""


def line(number, slice_, time, slope, intercept):
    """What the file says of one image."""
    centre = f"{MIDDLE[0]} {MIDDLE[1] + (slice_ - (SLICES - 1) / 2) * APART} {MIDDLE[2]}"
    return (
        f"{slice_ + 1} 1 {time + 1} 1 0 2 {number} 16 100 {SIDE} {SIDE} {intercept} {slope} 0.004 1070 1860 0 0 0 {centre} 6.0 2.0 0 1 0 2 "
        f"{SPACING} {SPACING} 30 {2.0 * time} 0 0 0 90 0 0 0 39 0 1 1 8 0 0 0 0 1"
    )


ORDER = [(slice_, time) for time in range(TIMES) for slice_ in range(SLICES)]
MIXED = [(slice_, time) for slice_ in (2, 0, 1) for time in (1, 0)]


def scale(slice_, time):
    """Slope and intercept of an image; the scanner may choose others for each time point."""
    return 1.5 + time, -20.0 + 5 * time


@pytest.fixture
def written(tmp_path):
    """Writes a pair and gives the path of its header; ``order``: the images as they lie in the file."""

    def write(order=ORDER, *, ends=(".PAR", ".REC"), scaled=scale):
        times = 1 + max(time for _, time in order)
        rows = [line(number, *image, *scaled(*image)) for number, image in enumerate(order)]
        par = tmp_path / f"scan{ends[0]}"
        par.write_text(GENERAL.format(slices=SLICES, times=times, middle=MIDDLE) + "\n" + "\n".join(rows) + "\n")
        pixels = np.stack([stored()[time, slice_] for slice_, time in order])
        (tmp_path / f"scan{ends[1]}").write_bytes(pixels.astype("<u2").tobytes())
        return par

    return write


def stored():
    """Pixels (time, slice, row, column)."""
    return np.random.default_rng(5).integers(0, 4000, (TIMES, SLICES, SIDE, SIDE))


def displayed(slice_, time):
    """What the console shows, (column, row): DV = PV * RS + RI."""
    slope, intercept = scale(slice_, time)
    return stored()[time, slice_].T * slope + intercept


def codes(volume):
    return {finding.code for finding in volume.findings}


@pytest.mark.parametrize("order", [ORDER, MIXED], ids=["as scanned", "mixed"])
def test_values_are_those_displayed_wherever_they_lie_in_the_file(written, order):
    volume = open_volume(written(order))
    assert (volume.data.shape, volume.source.format) == ((SIDE, SIDE, SLICES, TIMES), "PAR/REC")
    for slice_, time in ORDER:
        np.testing.assert_allclose(volume.data[:, :, slice_, time], displayed(slice_, time), rtol=1e-6)
    assert {"scaled", "series"} <= codes(volume)


def test_one_time_point_is_no_series(written):
    volume = open_volume(written(ORDER[:SLICES]))
    assert volume.data.shape == (SIDE, SIDE, SLICES)
    assert "series" not in codes(volume)


def test_each_slice_lies_where_the_scanner_says(written):
    """Offcentre is in mm to the back, up and to the left, of the middle of each slice's image."""
    volume = open_volume(written())
    middle = (SIDE - 1) / 2
    for slice_ in range(SLICES):
        up = MIDDLE[1] + (slice_ - (SLICES - 1) / 2) * APART
        np.testing.assert_allclose(volume.affine.apply((middle, middle, slice_)), [-MIDDLE[2], -MIDDLE[0], up], atol=1e-9)
    # Columns go to the person's left, rows to the back.
    np.testing.assert_allclose(volume.affine.linear, np.diag([-SPACING, -SPACING, APART]), atol=1e-9)


def test_a_real_tilted_scan_lies_where_its_scanner_says_of_each_slice(shared_data):
    """The header states the middle of the stack and its angles; the lines state every slice's own middle, to 0.005 mm."""
    path = shared_data / "odd" / "phantom_EPI_asc_CLEAR_2_1.PAR"
    volume = open_volume(path)
    rows = [row.split() for row in path.read_text(encoding="latin-1").splitlines() if row.strip() and row[0] not in "#."]
    for row in rows[:9]:
        back, up, left = map(float, row[19:22])
        np.testing.assert_allclose(volume.affine.apply((31.5, 31.5, int(row[0]) - 1)), [-left, -back, up], atol=0.0075)


@pytest.mark.parametrize("ends", [(".PAR", ".REC"), (".par", ".rec")])
def test_either_half_opens_it_and_neither_alone(written, tmp_path, ends):
    written(ends=ends)
    by_pixels = open_volume(tmp_path / f"scan{ends[1]}")
    assert by_pixels.source.path.name == f"scan{ends[0]}"
    np.testing.assert_allclose(by_pixels.data[..., 0, 0], displayed(0, 0), rtol=1e-6)
    for half, other in (ends, ends[::-1]):
        kept = (tmp_path / f"scan{other}").read_bytes()
        (tmp_path / f"scan{other}").unlink()
        with pytest.raises(UnreadableFileError, match=f"its other half 'scan{other}' is missing"):
            open_volume(tmp_path / f"scan{half}")
        (tmp_path / f"scan{other}").write_bytes(kept)


def test_what_is_cut_short_is_said_to_be(written):
    par = written()
    text, rec = par.read_text(), par.with_suffix(".REC")
    par.write_text(text[: text.index("Angulation")])
    with pytest.raises(UnreadableFileError, match="no whole PAR/REC file"):
        open_volume(par)
    par.write_text(text)
    rec.write_bytes(rec.read_bytes()[:-1])
    with pytest.raises(UnreadableFileError, match=r"'scan.REC' holds .* truncated"):
        open_volume(par)


def test_a_form_and_too_little_memory_are_refused(written):
    par = written()
    with pytest.raises(UnreadableFileError, match="neither sform nor qform"):
        open_volume(par, form="s")
    with pytest.raises(UnreadableFileError, match="memory"):
        open_volume(par, memory_limit=100)
