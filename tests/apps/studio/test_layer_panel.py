"""The list of layers."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

pytestmark = pytest.mark.window


def several(folder, scans, count):
    """Copies of a scan with the long names that studies have."""
    paths = [folder / f"sub-pilot01_ses-baseline_task-restingstate_acq-multiband_run-{run:02d}_bold.nii.gz" for run in range(1, count + 1)]
    for path in paths:
        path.write_bytes(scans["epi"].read_bytes())
    return paths


def test_rows_of_layers_keep_within_the_panel_and_the_end_of_their_names(open_window, hand, tmp_path, scans):
    from volstudio.apps.studio.layer_panel import LayerRow

    paths = several(tmp_path, scans, 2)
    for path in paths:  # neither form says where the scan lies, which the header doctor mentions
        data = np.asarray(nib.load(path).dataobj)
        nib.save(nib.Nifti1Image(data, None), path)
    window = open_window(*paths, view="axial")
    rows = window.layers.findChildren(LayerRow)
    assert [row.text.text()[-7:] for row in rows] == ["02_bold", "01_bold"]
    for row in rows:
        assert row.width() == window.layers.list.viewport().width()
        assert row.badge.isVisible()
        assert row.badge.geometry().right() < row.width()
        assert row.text.fontMetrics().horizontalAdvance(row.text.text()) <= row.text.width()
        assert row.name in row.text.toolTip()
    window.layers.rename_active()
    from PySide6.QtWidgets import QLineEdit

    (field,) = window.layers.findChildren(QLineEdit)
    assert field.geometry().right() < field.parentWidget().width()


def test_layers_are_hidden_renamed_reordered_and_removed_from_the_list(window, hand):
    row = window.layers._row_of("epi")
    row.eye.click()
    assert not window.desk.shown.layer("epi").look.visible
    window.desk.set_active("epi")
    window.layers.down.click()
    assert window.desk.shown.names == ("epi", "解剖")
    window.layers.bin.click()
    assert window.desk.shown.names == ("解剖",)
