"""From files of landmarks to a transform, in Python and as a person types it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from volstudio.apps import cli
from volstudio.errors import RegistrationError
from volstudio.geometry.rigid import RigidTransform
from volstudio.tasks.landmarks import fit_files
from volstudio.transforms.files import read_transform
from volstudio.transforms.points import Points, read_points, write_points
from volstudio.transforms.sidecar import read_sidecar

MOVE = RigidTransform.from_six((12, -7, 4, 0.2, -0.1, 0.4), (5, 5, 5))  # moving -> fixed
MOVING = np.random.default_rng(4).normal(0, 50, (8, 3))
LABELS = tuple("ABCDEFGH")


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    order = np.random.default_rng(1).permutation(8)
    write_points(Points(MOVE.apply(MOVING), LABELS), tmp_path / "t1.fcsv")
    write_points(Points(MOVING[order], tuple(LABELS[n] for n in order)), tmp_path / "ct.mrk.json")
    return tmp_path


def test_points_of_one_label_belong_together(desk):
    done = fit_files("t1.fcsv", "ct.mrk.json", output="ct_to_t1.tfm", moved="moved.fcsv", targets=[(0, 0, 0)])
    np.testing.assert_allclose(done.moving_to_fixed.matrix, MOVE.matrix, atol=1e-11)
    assert (done.moving_to_fixed.source, done.moving_to_fixed.target) == ("ct:scanner", "t1:scanner")
    assert done.target_errors_mm[0] < 1e-9
    np.testing.assert_allclose(read_transform("ct_to_t1.tfm").matrix, MOVE.inverse().matrix, atol=1e-11)
    sidecar = read_sidecar("ct_to_t1.tfm")
    assert sidecar.made_by == "landmarks"
    np.testing.assert_allclose(sidecar.fixed_to_moving, MOVE.inverse().matrix, atol=1e-11)
    moved, meant = read_points("moved.fcsv"), read_points("t1.fcsv")
    for label, point in zip(moved.labels, moved.points, strict=True):
        np.testing.assert_allclose(point, meant.points[meant.labels.index(label)], atol=1e-9)


def test_without_labels_points_of_one_line_belong_together(desk):
    np.savetxt("a.csv", MOVE.apply(MOVING), delimiter=",", fmt="%.17g")
    np.savetxt("b.csv", MOVING, delimiter=",", fmt="%.17g")
    done = fit_files("a.csv", "b.csv")
    np.testing.assert_allclose(done.moving_to_fixed.matrix, MOVE.matrix, atol=1e-11)
    assert len([note for note in done.notes if "taken as RAS" in note]) == 2
    np.savetxt("b.csv", MOVING * [-1, -1, 1], delimiter=",", fmt="%.17g")
    np.savetxt("a.csv", MOVE.apply(MOVING) * [-1, -1, 1], delimiter=",", fmt="%.17g")
    lps = fit_files("a.csv", "b.csv", coordinates="lps")
    np.testing.assert_allclose(lps.moving_to_fixed.matrix, MOVE.matrix, atol=1e-11)
    assert lps.notes == ()


def test_partners_that_are_missing_are_told(desk):
    write_points(Points(MOVING[:6], (*LABELS[:5], "X")), desk / "few.csv")
    done = fit_files("t1.fcsv", "few.csv")
    assert done.labels == LABELS[:5]
    assert "without a partner: F, G, H, X" in done.notes
    np.testing.assert_allclose(done.moving_to_fixed.matrix, MOVE.matrix, atol=1e-11)
    write_points(Points(MOVING[:6], tuple("uvwxyz")), desk / "other.csv")
    with pytest.raises(RegistrationError, match="8 fixed and 6 moving landmarks, and their labels do not say"):
        fit_files("t1.fcsv", "other.csv")
    write_points(Points(MOVING, tuple("stuvwxyz")), desk / "renamed.csv")
    assert "paired in their order" in fit_files("t1.fcsv", "renamed.csv").notes[0]


def test_weights_of_both_files_are_multiplied(desk):
    rng = np.random.default_rng(2)
    fixed = MOVE.apply(MOVING) + rng.normal(0, 2, MOVING.shape)
    one, two = rng.uniform(0.5, 2, 8), rng.uniform(0.5, 2, 8)
    write_points(Points(fixed, LABELS, one), desk / "a.csv")
    write_points(Points(MOVING, LABELS, two), desk / "b.csv")
    from volstudio.registration.landmarks import fit

    truth = fit(MOVING, fixed, weights=one * two).moving_to_fixed.matrix
    np.testing.assert_allclose(fit_files("a.csv", "b.csv").moving_to_fixed.matrix, truth, atol=1e-12)


def run(capsys, *words):
    code = cli.run(["landmarks", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_as_a_person_types_it(desk, capsys):
    fixed = MOVE.apply(MOVING)
    fixed[2] += (0, 30, 0)
    write_points(Points(fixed, LABELS), desk / "wrong.csv")
    code, out, err = run(capsys, "wrong.csv", "ct.mrk.json", "--robust", "2", "--target", "-5,0,10", "-o", "out.x5")
    assert (code, err) == (0, "")
    (line,) = (line for line in out.splitlines() if line.startswith("C "))
    assert line.split() == ["C", "30.000", "30.000", "left", "out"]
    assert "7 of 8 pairs fitted, residual 0.000 mm" in out
    assert "Expected error at -5, 0, 10: 0.000 mm." in out
    np.testing.assert_allclose(read_transform("out.x5").matrix, MOVE.inverse().matrix, atol=1e-9)
    code, out, _ = run(capsys, "wrong.csv", "ct.mrk.json", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["left_out_mm"][2] == pytest.approx(30, abs=1e-9)
    assert told["scale"] == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("t1.fcsv", "none.csv"), "no such file"),
        (("t1.fcsv", "ct.mrk.json", "--robust", "-1"), "a distance in mm above 0"),
        (("t1.fcsv", "ct.mrk.json", "--target", "1,2"), "is no point"),
        (("t1.fcsv", "ct.mrk.json", "-o", "ct.mrk.json", "--overwrite"), "it is the source"),
        (("t1.fcsv", "ct.mrk.json", "-o", "a.tfm", "--moved", "a.tfm"), "give two names"),
        (("t1.fcsv", "ct.mrk.json", "-o", "t.tfm"), "exists already"),
        (("t1.fcsv", "line.csv"), "on a line or in one place"),
        (("t1.fcsv", "ct.mrk.json", "-o", "out.nii"), "out.nii"),
    ],
)
def test_slips_are_one_sentence(desk, capsys, words, said):
    (desk / "t.tfm").write_text("mine")
    write_points(Points(np.outer(np.arange(8.0), (1, 2, 3)), LABELS), desk / "line.csv")
    code, out, err = run(capsys, *words)
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1
    assert (desk / "t.tfm").read_text() == "mine"
    assert not (desk / "a.tfm").exists()
