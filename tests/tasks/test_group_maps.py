"""A chain and a mean space, from files to files."""

from __future__ import annotations

from functools import partial

import nibabel
import numpy as np
import pytest

from volstudio.errors import OutputError, RegistrationError
from volstudio.geometry.barycentre import barycentre
from volstudio.geometry.rigid import RigidTransform
from volstudio.progress import Progress
from volstudio.registration.plan import RegistrationPlan
from volstudio.registration.rigid import register
from volstudio.tasks.group_maps import chain_files, mean_files
from volstudio.transforms.files import read_transform
from volstudio.transforms.sidecar import read_sidecar
from volstudio.volumes.readers import open_volume

PLAN = RegistrationPlan(samples=3000, refine="builtin", start="header")
MOVES = {"a": (2, -1, 3, 0.05, 0, 0.03), "b": (-3, 2, 0, 0, 0.06, 0.02), "c": (1, 4, -2, -0.04, 0.03, 0)}
AT = np.array([20, -20, 20, 1])


@pytest.fixture(scope="module")
def desk(tmp_path_factory, blobs):
    folder = tmp_path_factory.mktemp("visits")
    for seed, (name, move) in enumerate(MOVES.items()):
        blobs.write(folder / f"{name}.nii", RigidTransform.from_six(move).matrix, seed)
    return folder


def test_a_chain_writes_every_link_and_the_way_to_the_end(desk, tmp_path):
    done = chain_files([str(desk / f"{name}.nii") for name in "abc"], tmp_path / "maps", plans=[PLAN])
    assert done.good == ("fail" not in [link["trust"]["verdict"] for link in done.told["links"]])
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


@pytest.mark.parametrize("task", [partial(chain_files, plans=[PLAN]), partial(mean_files, plan=PLAN)], ids=["chain", "mean"])
def test_all_or_nothing(desk, blobs, tmp_path, task):
    with pytest.raises(RegistrationError, match="at least two"):
        task([str(desk / "a.nii")], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    done = task([str(desk / "a.nii"), str(desk / "b.nii")], tmp_path / "out")
    assert done.story()[-1].startswith(("Written to", "  from-"))
    with pytest.raises(OutputError, match="exists already"):
        task([str(desk / "a.nii"), str(desk / "b.nii")], tmp_path / "out")
    task([str(desk / "a.nii"), str(desk / "b.nii")], tmp_path / "out", overwrite=True)
    with pytest.raises(RegistrationError, match="2 scans need as many masks"):
        task([str(desk / "a.nii"), str(desk / "b.nii")], tmp_path / "new", masks=["mask.nii"])
    everything = blobs.write_mask(tmp_path / "all.nii", desk / "a.nii", np.s_[:])
    steps = []
    with pytest.raises(RegistrationError, match="leaves nothing out"):
        task(
            [str(desk / f"{name}.nii") for name in "abc"], tmp_path / "new", masks=[None, None, everything], progress=Progress(steps.append)
        )
    assert steps == []  # said before the work
    assert not (tmp_path / "new").exists()


def test_a_chain_takes_a_plan_for_each_link_and_a_mask_for_each_scan(desk, blobs, tmp_path):
    (tmp_path / "second.toml").write_text("samples = 2000\n")
    plans, mask = [PLAN, PLAN.with_(metric="ncc")], blobs.write_mask(tmp_path / "b_mask.nii", desk / "b.nii")
    scans = [str(desk / f"{name}.nii") for name in "abc"]
    files = [None, str(tmp_path / "second.toml")]
    chain_files(scans, tmp_path / "maps", plans=plans, plan_files=files, masks=[None, mask, None], judge=False)
    first, second = (
        read_sidecar(tmp_path / "maps" / f"from-{ends[0]}_to-{ends[1]}_mode-image_xfm.tfm").parameters for ends in ("ab", "bc")
    )
    assert (first["plan"]["metric"], second["plan"]["metric"]) == ("mi", "ncc")
    assert (first["trust"], second["trust"]) == (None, None)
    assert "plan_file" not in first
    assert second["plan_file"]["path"] == "second.toml"
    assert (first["fixed_mask_file"]["path"], second["moving_mask_file"]["path"]) == ("b_mask.nii", "b_mask.nii")
    alone = register(open_volume(scans[1]), open_volume(scans[0]), plan=PLAN, fixed_mask=open_volume(mask), judge=False)
    there = read_transform(tmp_path / "maps" / "from-a_to-b_mode-image_xfm.tfm").matrix
    np.testing.assert_allclose(there, alone.fixed_to_moving.matrix, atol=1e-9)


def test_of_a_series_the_mean_is_averaged_where_the_mean_was_asked_for(desk, tmp_path):
    """The first time point is dark; an average of it would be dark, too."""
    scan = nibabel.load(desk / "a.nii")
    data = scan.get_fdata()
    nibabel.Nifti1Image(np.stack([data * 0, data, data], -1).astype(np.float32), scan.affine).to_filename(tmp_path / "s.nii")
    done = mean_files([str(tmp_path / "s.nii"), str(desk / "b.nii")], tmp_path / "out", plan=PLAN.with_(time="mean"))
    average = nibabel.load(tmp_path / "out" / "mean.nii.gz").get_fdata()
    other = mean_files([str(desk / "a.nii"), str(desk / "b.nii")], tmp_path / "other", plan=PLAN)
    likewise = nibabel.load(tmp_path / "other" / "mean.nii.gz").get_fdata()
    assert average.mean() == pytest.approx(likewise.mean(), rel=0.05)
    assert done.told["weights"] == {"s": 1.0, "b": 1.0}
    assert set(other.told["weights"]) == {"a", "b"}


def test_two_scans_that_are_not_of_one_subject_are_told_of(desk, tmp_path):
    scan = nibabel.load(desk / "a.nii")
    mirrored = np.ascontiguousarray(scan.get_fdata()[::-1])
    nibabel.Nifti1Image(mirrored.astype(np.int16), scan.affine).to_filename(tmp_path / "mirrored.nii")
    done = mean_files([str(desk / "a.nii"), str(tmp_path / "mirrored.nii")], tmp_path / "out", plan=PLAN)
    assert (done.good, done.told["verdict"]) == (False, "fail")
    assert any(line.startswith("Do not use it as it is: ") for line in done.story())
    assert read_sidecar(tmp_path / "out" / "from-a_to-mean_mode-image_xfm.tfm").parameters["verdict"] == "fail"
