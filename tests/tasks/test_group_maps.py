"""A chain and a mean space, from files to files."""

from __future__ import annotations

import json

import nibabel
import numpy as np
import pytest

from volstudio.apps import cli
from volstudio.errors import OutputError, RegistrationError
from volstudio.geometry.barycentre import barycentre
from volstudio.geometry.rigid import RigidTransform
from volstudio.registration.plan import RegistrationPlan
from volstudio.tasks.group_maps import chain_files, mean_files
from volstudio.transforms.files import read_transform
from volstudio.transforms.sidecar import read_sidecar

PLAN = RegistrationPlan(samples=3000, refine="builtin", start="header")
MOVES = {"a": (2, -1, 3, 0.05, 0, 0.03), "b": (-3, 2, 0, 0, 0.06, 0.02), "c": (1, 4, -2, -0.04, 0.03, 0)}
AT = np.array([20, -20, 20, 1])


def blob(points):
    x, y, z = points
    head = (x / 34) ** 2 + (y / 42) ** 2 + (z / 36) ** 2 < 1
    inner = ((x - 8) / 12) ** 2 + ((y - 12) / 16) ** 2 + ((z + 5) / 10) ** 2 < 1
    ball = ((x + 14) / 9) ** 2 + ((y + 18) / 8) ** 2 + ((z - 12) / 11) ** 2 < 1
    return head * 500.0 + inner * 300.0 - ball * 250.0


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("visits")
    shape = (24, 28, 24)
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = (-46, -54, -46)
    index = np.indices(shape).reshape(3, -1)
    clean = blob(affine[:3, :3] @ index + affine[:3, 3:]).reshape(shape)
    for seed, (name, move) in enumerate(MOVES.items()):
        data = clean + np.random.default_rng(seed).normal(0, 8, shape)
        header = RigidTransform.from_six(move).matrix @ affine
        nibabel.Nifti1Image(np.clip(data, 0, 2000).astype(np.int16), header).to_filename(folder / f"{name}.nii")
    return folder


def test_a_chain_writes_every_link_and_the_way_to_the_end(desk, tmp_path):
    done = chain_files([str(desk / f"{name}.nii") for name in "abc"], tmp_path / "maps", plan=PLAN)
    assert done.good == ("fail" not in [link["verdict"] for link in done.told["links"]])
    maps = {
        stem: read_transform(tmp_path / "maps" / f"from-{stem[0]}_to-{stem[1]}_mode-image_xfm.tfm").matrix for stem in ("ab", "bc", "ac")
    }
    move = {name: RigidTransform.from_six(six).matrix for name, six in MOVES.items()}
    for fixed, moving in ("ba", "cb", "ca"):
        truth = move[moving] @ np.linalg.inv(move[fixed])  # fixed -> moving points
        assert np.abs((maps[moving + fixed] - truth) @ AT).max() < 1.0
    np.testing.assert_allclose(maps["ac"], maps["ab"] @ maps["bc"], atol=1e-9)
    sidecar = read_sidecar(tmp_path / "maps" / "from-a_to-c_mode-image_xfm.tfm")
    assert sidecar.parameters["chain"] == ["from-a_to-b_mode-image_xfm.tfm", "from-b_to-c_mode-image_xfm.tfm"]


def test_a_mean_space_writes_every_map_and_the_average(desk, tmp_path):
    done = mean_files([str(desk / f"{name}.nii") for name in "cab"], tmp_path / "middle", plan=PLAN)
    move = {name: RigidTransform.from_six(six) for name, six in MOVES.items()}
    middle = barycentre(list(move.values())).matrix
    for name in "abc":
        found = read_transform(tmp_path / "middle" / f"from-{name}_to-mean_mode-image_xfm.tfm").matrix
        np.testing.assert_allclose(np.linalg.inv(found), done.told["to_mean"][name], atol=1e-9)
        assert np.abs((found - move[name].matrix @ np.linalg.inv(middle)) @ AT).max() < 0.6
    average = nibabel.load(tmp_path / "middle" / "mean.nii.gz")
    at = np.linalg.inv(average.affine) @ middle @ [8, 12, -5, 1]  # the middle of the bright part within
    inside = average.get_fdata()[tuple(np.rint(at[:3]).astype(int))]
    at = np.linalg.inv(average.affine) @ middle @ [-14, -18, 12, 1]  # and of the dark one
    assert inside > 2 * average.get_fdata()[tuple(np.rint(at[:3]).astype(int))]


@pytest.mark.parametrize("task", [chain_files, mean_files])
def test_all_or_nothing(desk, tmp_path, task):
    with pytest.raises(RegistrationError, match="at least two"):
        task([str(desk / "a.nii")], tmp_path / "out", plan=PLAN)
    assert list(tmp_path.iterdir()) == []
    done = task([str(desk / "a.nii"), str(desk / "b.nii")], tmp_path / "out", plan=PLAN)
    assert done.story[-1].startswith(("Written to", "  from-"))
    with pytest.raises(OutputError, match="exists already"):
        task([str(desk / "a.nii"), str(desk / "b.nii")], tmp_path / "out", plan=PLAN)
    task([str(desk / "a.nii"), str(desk / "b.nii")], tmp_path / "out", plan=PLAN, overwrite=True)


def test_as_a_person_types_it(desk, tmp_path, capsys):
    scans = [str(desk / f"{name}.nii") for name in "abc"]
    (tmp_path / "plan.toml").write_text('samples = 3000\nrefine = "builtin"\nstart = "header"\n')
    plan = ("--plan", str(tmp_path / "plan.toml"))
    code = cli.run(["group", "mean", *scans, "-o", str(tmp_path / "middle"), "--json", *plan])
    told = json.loads(capsys.readouterr().out)
    assert set(told["weights"]) == set("abc")
    assert code == (3 if min(told["weights"].values()) < 1 else 0)
    code = cli.run(["group", "chain", *scans, "-o", str(tmp_path / "maps"), *plan])
    assert "from-a_to-c_mode-image_xfm.tfm" in capsys.readouterr().out
    (tmp_path / "bad.nii").write_bytes(b"")
    code = cli.run(["group", "many", *scans, str(tmp_path / "bad.nii"), "-o", str(tmp_path / "many"), *plan])
    said = capsys.readouterr()
    assert code == 3
    assert "2 of 3 registered to a; 1 failed." in said.out
    assert "Traceback" not in said.err


@pytest.fixture
def copies(desk, tmp_path, monkeypatch):
    for name in "ab":
        (tmp_path / f"{name}.nii").write_bytes((desk / f"{name}.nii").read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["many", "a.nii", "-o", "out"], "no scan to register"),
        (["many", "a.nii", "b.nii"], "Missing option '-o'"),
        (["mean", "-o", "out"], "Missing argument"),
        (["chain", "a.nii", "b.nii", "-o", "out", "--preset", "x", "--plan", "y"], "leave --preset out"),
        (["many", "a.nii", "b.nii", "-o", "out", "--jobs", "0"], "0 is not in the range"),
        (["chain", "a.nii", "none.nii", "-o", "out"], "none.nii"),
    ],
)
def test_slips_of_the_keyboard_are_one_sentence(copies, capsys, words, said):
    assert cli.run(["group", *words]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) == 1
    assert sorted(path.name for path in copies.iterdir()) == ["a.nii", "b.nii"]
