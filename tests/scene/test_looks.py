from itertools import permutations

import numpy as np
import pytest

from volstudio.errors import SceneError
from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.scene import colourmaps
from volstudio.scene.checks import check
from volstudio.scene.first_sight import kind_of
from volstudio.scene.looks import PRESETS, arrange, preset
from volstudio.scene.model import Scene
from volstudio.volumes.volume import Volume


def volume(name, data, mm=1.0):
    affine = Affine(np.diag([mm, mm, mm, 1.0]), f"{name}:voxel", f"{name}:scanner")
    return Volume(data, Grid(data.shape[:3], affine), name)


def ball(n, seed=0):
    """A head of sorts: air of 0 to 5 around noise of 100 to 200."""
    rng = np.random.default_rng(seed)
    axis = np.linspace(-1, 1, n)
    inside = np.add.outer(np.add.outer(axis**2, axis**2), axis**2) < 0.6
    return np.where(inside, rng.uniform(100, 200, inside.shape), rng.uniform(0, 5, inside.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def anatomy():
    return volume("t1", ball(40))


@pytest.fixture(scope="module")
def coarse():
    return volume("scan", ball(14, 1), mm=3.0)


@pytest.fixture(scope="module")
def stat():
    rng = np.random.default_rng(2)
    data = rng.normal(0, 2.5, (20, 20, 20)).astype(np.float32)
    data[:6] = 0
    return volume("zmap", data, mm=2.0)


@pytest.fixture(scope="module")
def labels():
    data = np.zeros((20, 20, 20), np.uint8)
    data[4:10, 4:16, 4:16] = 3
    data[10:16, 4:16, 4:16] = 7
    return volume("aseg", data, mm=2.0)


@pytest.fixture(scope="module")
def ct():
    head = ball(20)
    data = np.where(head > 50, 40, -1000).astype(np.int16)
    data[9:11, 5:15, 5:15] = 900
    return volume("neck", data, mm=2.0)


class TestArrange:
    def test_anatomy_is_gray_below_and_the_coarse_scan_warm_above(self, anatomy, coarse):
        base, overlay = arrange([coarse, anatomy])
        assert (base.name, base.look.colourmap, base.look.opacity) == ("t1", "gray", 1.0)
        assert (overlay.name, overlay.look.colourmap) == ("scan", "warm")
        assert 0.3 < overlay.look.opacity < 0.8
        assert 5 < overlay.look.hide_below < 130, "air is hidden, the head is not"

    def test_the_order_of_files_changes_nothing(self, anatomy, coarse, stat, labels):
        arranged = {arrange(list(order)) for order in permutations([anatomy, coarse, stat, labels])}
        assert len(arranged) == 1
        assert [layer.name for layer in arranged.pop()] == ["t1", "scan", "zmap", "aseg"]

    def test_twins_that_differ_in_their_voxels_alone(self):
        twins = [volume("t1", ball(20, seed)) for seed in (1, 2)]
        there, back = arrange(twins), arrange(twins[::-1])
        assert there == back
        assert {layer.name for layer in there} == {"t1", "t1-2"}

    def test_stat_map_is_two_sided_above_its_threshold(self, anatomy, stat):
        look = arrange([stat, anatomy])[1].look
        assert look.two_sided
        assert colourmaps.get(look.colourmap).kind == "two-sided"
        assert look.hide_below == look.window[0] == 2.3
        assert look.window[1] > 4

    def test_labels_are_blocks_of_colour(self, anatomy, labels):
        look = arrange([labels, anatomy])[1].look
        assert (look.colourmap, look.interpolation, look.preset) == ("labels", "nearest", "labels")
        assert 0 < look.hide_below < 1
        assert look.opacity < 1

    def test_ct_has_its_own_window(self, ct):
        (layer,) = arrange([ct])
        assert kind_of(ct) == "ct"
        assert layer.look.window == (-200.0, 1000.0)
        assert layer.look.preset.startswith("CT")

    def test_two_anatomies_stay_apart_in_colour(self, anatomy):
        other = volume("t2", ball(30, 5), mm=1.3)
        base, overlay = arrange([other, anatomy])
        assert base.name == "t1"
        assert overlay.look.colourmap not in ("gray", "green", "red")

    def test_a_series_is_functional(self):
        series = volume("run", np.stack([ball(12)] * 3, axis=3), mm=3.0)
        assert kind_of(series) == "functional"
        assert arrange([series])[0].look.colourmap == "gray", "alone it is the ground"

    def test_a_name_with_a_colon_can_name_a_layer(self):
        layers = arrange([volume("a:b", ball(12)), volume("a-b", ball(13)), volume("a\nb", ball(14))])
        check(Scene(layers=layers))
        assert {layer.name for layer in layers} == {"a-b", "a-b-2", "a-b-3"}

    def test_the_same_volume_twice_is_refused(self, anatomy):
        with pytest.raises(SceneError, match="given twice"):
            arrange([anatomy, anatomy])

    @pytest.mark.parametrize("fill", [0.0, 7.0, np.nan, np.inf])
    def test_volumes_without_content_are_arranged(self, anatomy, fill):
        check(Scene(layers=arrange([anatomy, volume("flat", np.full((6, 6, 6), fill, np.float32), mm=3.0)])))

    def test_nothing_is_nothing(self):
        assert arrange([]) == ()

    def test_every_arrangement_keeps_the_rules(self, anatomy, coarse, stat, labels, ct):
        check(Scene.of(anatomy, coarse, stat, labels, ct))

    def test_real_scans(self, shared_data):
        from volstudio.volumes.readers import open_volume

        epi = open_volume(shared_data / "pair" / "someones_epi.nii.gz")
        t1 = open_volume(shared_data / "pair" / "someones_anatomy.nii.gz")
        assert [layer.look.colourmap for layer in arrange([epi, t1])] == ["gray", "warm"]
        assert arrange([epi, t1]) == arrange([t1, epi])


class TestPresets:
    @pytest.mark.parametrize("name", list(PRESETS))
    def test_curves_are_sound(self, name):
        curve = preset(name)
        assert curve.name == name
        assert curve.what
        positions, opacities = np.array(curve.points).T
        assert positions[0] == 0.0
        assert positions[-1] == 1.0
        assert (np.diff(positions) > 0).all()
        assert opacities.min() >= 0
        assert opacities.max() <= 1
        assert opacities[0] == 0, "what lies below the window is air"
        assert curve.unit_mm > 0

    def test_the_names_the_field_knows(self):
        assert {"MR-Default", "MR-MIP", "MR-Angio", "MR-T2-Brain", "CT-Bone", "CT-Soft-Tissue", "CT-X-ray"} <= set(PRESETS)
        assert {"soft", "bone", "mip-like", "glass", "solid"} <= set(PRESETS)

    def test_an_unknown_preset_gets_its_near_match(self):
        with pytest.raises(SceneError, match="did you mean 'CT-Bone'"):
            preset("ct-bones")


def test_as_many_overlays_as_the_3d_view_draws_have_colours_of_their_own():
    layers = arrange([volume(f"scan{n}", ball(20, seed=n)) for n in range(8)])
    assert len({layer.look.colourmap for layer in layers}) == 8
