"""Names are cut, values never."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.window


def several(folder, scans, count):
    """Copies of a scan with the long names that studies have."""
    paths = [folder / f"sub-pilot01_ses-baseline_task-restingstate_acq-multiband_run-{run:02d}_bold.nii.gz" for run in range(1, count + 1)]
    for path in paths:
        path.write_bytes(scans["epi"].read_bytes())
    return paths


@pytest.mark.parametrize("count", [1, 2, 7, 20])
def test_the_readout_cuts_names_and_never_a_value(open_window, hand, tmp_path, scans, count):
    from PySide6.QtGui import QFontMetrics

    window = open_window(*several(tmp_path, scans, count), view="axial")
    values = window.readout.values
    words = values.widget()
    assert values.text().count("]") == count
    assert words.width() >= words.minimumSizeHint().width() - 3 * QFontMetrics(words.font()).horizontalAdvance("0")
    assert values.height() >= words.minimumSizeHint().height() or values.verticalScrollBar().maximum() > 0
    assert values.toolTip().count("_bold [") == count
    if count > 1:
        assert "02_bold&nbsp;[" in values.text()
