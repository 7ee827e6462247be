"""``volstudio landmarks`` as a person and a script use it: every option reaches the fit, and slips are one sentence."""

from __future__ import annotations

import json

import numpy as np
import pytest

from volstudio.apps import cli
from volstudio.geometry.rigid import RigidTransform
from volstudio.transforms.files import read_transform
from volstudio.transforms.points import Points, read_points, write_points

MOVE = RigidTransform.from_six((12, -7, 4, 0.2, -0.1, 0.4), (5, 5, 5))  # moving -> fixed
MOVING = np.random.default_rng(4).normal(0, 50, (9, 3))
LABELS = tuple("ABCDEFGHI")


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_points(Points(MOVE.apply(MOVING), LABELS), tmp_path / "t1.fcsv")
    write_points(Points(MOVING, LABELS), tmp_path / "ct.mrk.json")
    return tmp_path


@pytest.fixture
def run(desk, capsys):
    def call(*words, code=0):
        ended = cli.run(["landmarks", *map(str, words)])
        said = capsys.readouterr()
        assert ended == code, said.err
        return said

    return call


def test_a_machine_gets_one_document_and_the_files(run, desk):
    words = ("-o", "ct_to_t1.tfm", "--moved", "moved.csv", "--target", "0,0,0", "--target", "10,-20,30.5")
    told = json.loads(run("t1.fcsv", "ct.mrk.json", *words, "--json").out)
    np.testing.assert_allclose(told["moving_to_fixed"], MOVE.matrix, atol=1e-11)
    assert told["labels"] == list(LABELS)
    assert told["targets"] == [[0, 0, 0], [10, -20, 30.5]]
    assert max(told["target_errors_mm"]) < 1e-9
    assert told["files"] == ["ct_to_t1.tfm", "moved.csv"]
    np.testing.assert_allclose(read_transform(desk / "ct_to_t1.tfm").matrix, MOVE.inverse().matrix, atol=1e-11)
    np.testing.assert_allclose(read_points(desk / "moved.csv").points, MOVE.apply(MOVING), atol=1e-9)


def test_a_person_gets_each_pair_and_the_error_at_a_place(run):
    said = run("t1.fcsv", "ct.mrk.json", "--target", "1,2,3")
    lines = said.out.splitlines()
    assert [line.split()[0] for line in lines[1:10]] == list(LABELS)
    assert "9 of 9 pairs fitted" in said.out
    assert "Expected error at 1, 2, 3: 0.000 mm." in lines
    printed = np.array([line.split() for line in lines[-4:]], float)
    np.testing.assert_allclose(printed, MOVE.matrix, atol=1e-8)
    assert said.err == ""


def test_robust_leaves_out_what_no_map_brings_near(run, desk):
    wrong = MOVE.apply(MOVING)
    wrong[[2, 5]] += (30, -20, 10)
    write_points(Points(wrong, LABELS), desk / "wrong.fcsv")
    told = json.loads(run("wrong.fcsv", "ct.mrk.json", "--robust", 3, "--json").out)
    assert [label for label, used in zip(told["labels"], told["used"], strict=True) if not used] == ["C", "F"]
    np.testing.assert_allclose(told["moving_to_fixed"], MOVE.matrix, atol=1e-9)
    without = json.loads(run("wrong.fcsv", "ct.mrk.json", "--json").out)
    assert np.abs(np.array(without["moving_to_fixed"]) - MOVE.matrix).max() > 0.01


def test_coordinates_are_those_of_tables_that_do_not_say_it(run, desk):
    for name, points in (("a.csv", MOVE.apply(MOVING)), ("b.csv", MOVING)):
        np.savetxt(desk / name, points * [-1, -1, 1], delimiter=",", fmt="%.17g")
    told = json.loads(run("a.csv", "b.csv", "--coordinates", "lps", "--json").out)
    np.testing.assert_allclose(told["moving_to_fixed"], MOVE.matrix, atol=1e-11)
    as_ras = json.loads(run("a.csv", "b.csv", "--json").out)
    assert np.abs(np.array(as_ras["moving_to_fixed"]) - MOVE.matrix).max() > 1
    assert any("taken as RAS" in note for note in as_ras["notes"])


def test_nothing_is_replaced_unless_told_to(run, desk):
    run("t1.fcsv", "ct.mrk.json", "-o", "out.tfm")
    before = (desk / "out.tfm").read_bytes()
    assert "exists already" in run("t1.fcsv", "ct.mrk.json", "-o", "out.tfm", code=2).err
    assert (desk / "out.tfm").read_bytes() == before
    run("t1.fcsv", "ct.mrk.json", "-o", "out.tfm", "--overwrite")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["t1.fcsv"], "Missing argument 'MOVING'"),
        (["t1.fcsv", "none.csv"], "none.csv"),
        (["t1.fcsv", "ct.mrk.json", "--target", "1,2"], "'1,2' is no point"),
        (["t1.fcsv", "ct.mrk.json", "--target", "1,2,nan"], "is no point"),
        (["t1.fcsv", "ct.mrk.json", "--robust", "-3"], "above 0, got -3"),
        (["t1.fcsv", "ct.mrk.json", "--coordinates", "mni"], "'mni' is not one of"),
        (["t1.fcsv", "ct.mrk.json", "-o", "same.tfm", "--moved", "same.tfm"], "give two names"),
        (["t1.fcsv", "ct.mrk.json", "-o", "t1.fcsv", "--overwrite"], "t1.fcsv"),
        (["two.csv", "two.csv"], "at least 3 pairs"),
    ],
)
def test_slips_are_one_sentence_and_write_nothing(run, desk, words, said):
    (desk / "two.csv").write_text("1,2,3\n4,5,6\n")
    before = {path.name: path.read_bytes() for path in desk.iterdir()}
    err = run(*words, code=2).err
    assert said in err
    assert len(err.splitlines()) == 1
    assert {path.name: path.read_bytes() for path in desk.iterdir()} == before
