import math

import msgspec
import numpy as np
import pytest

from volstudio.errors import SceneError
from volstudio.scene.checks import MAX_LAYERS, check
from volstudio.scene.model import Camera, Clip, Landmark, Layer, Look, Panel, Placement, Scene

LAYER = Layer("epi", "/data/epi.nii")


def scene(**layer):
    return Scene(layers=(msgspec.structs.replace(LAYER, **layer),))


def placed(matrix, made_by="hand"):
    return scene(placement=Placement(tuple(tuple(float(x) for x in row) for row in matrix), made_by))


def turn(angle):
    c, s = math.cos(angle), math.sin(angle)
    return [[c, -s, 0, 5], [s, c, 0, -7], [0, 0, 1, 0.5], [0, 0, 0, 1]]


def test_the_empty_scene_and_a_plain_one_pass():
    check(Scene())
    check(scene())


@pytest.mark.parametrize("angle", [0.0, 0.1, 1.0, math.pi, 5.0])
def test_rigid_placements_pass(angle):
    check(placed(turn(angle)))


def test_scaling_and_shear_are_for_loaded_transforms():
    sheared = [[1, 0.2, 0, 0], [0, 1, 0, 0], [0, 0, 2, 0], [0, 0, 0, 1]]
    check(placed(sheared, "file"))
    for made_by in ("header", "hand", "registration"):
        with pytest.raises(SceneError, match=r"layer 'epi' is not rigid .*made_by = \"file\""):
            check(placed(sheared, made_by))


@pytest.mark.parametrize(
    ("broken", "cause"),
    [
        (placed(np.diag([1, 1, -1, 1])), "mirrors"),
        (placed(np.diag([1, 1, 0, 1]), "file"), "singular"),
        (placed([[1, 0, 0, math.inf], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "NaN or infinity"),
        (placed([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 2]]), "last row"),
        (scene(placement=Placement(pivot=(0.0, math.nan, 0.0))), "pivot of layer 'epi'"),
        (scene(name=""), "cannot name"),
        (scene(name=" epi"), "cannot name"),
        (scene(name="a\nb"), "cannot name"),
        (scene(name="x" * 501), "cannot name"),
        (scene(path=""), "must name a file"),
        (scene(path="HTTPS://example.org/x.nii"), "remote"),
        (scene(time=-1), "time point"),
        (scene(digest="sha256:xyz"), "digest"),
        (scene(look=Look(opacity=-0.1)), "opacity"),
        (scene(look=Look(opacity=math.nan)), "opacity"),
        (scene(look=Look(window=(1.0, 1.0))), "window"),
        (scene(look=Look(window=(0.0, math.inf))), "window"),
        (scene(look=Look(window=(-1.0, 1.0), two_sided=True)), "magnitudes"),
        (scene(look=Look(hide_below=math.nan)), "hide_below"),
        (scene(look=Look(colourmap="nope")), "colour map"),
        (scene(look=Look(preset="nope")), "preset"),
        (Scene(layers=(LAYER, LAYER)), "Two layers are called 'epi'"),
        (Scene(layers=tuple(msgspec.structs.replace(LAYER, name=str(k)) for k in range(MAX_LAYERS + 1))), "at most 1000"),
        (Scene(crosshair=(0.0, math.inf, 0.0)), "crosshair"),
        (Scene(camera=Camera((0.0, 0.0, 0.0), (0.0, 0.0, 5.0))), "looks nowhere"),
        (Scene(camera=Camera((0.0, 0.0, 0.0), (0.0, 5.0, 0.0), view_angle=180.0)), "view_angle"),
        (Scene(camera=Camera((0.0, 0.0, 0.0), (0.0, 5.0, 0.0), parallel_scale=0.0)), "parallel_scale"),
        (Scene(axial=Panel(height=-1.0)), "axial panel"),
        (Scene(sagittal=Panel(centre=(math.nan, 0.0, 0.0))), "sagittal panel"),
        (Scene(clips=(Clip((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),)), "points nowhere"),
        (Scene(clips=(Clip((0.0, 0.0, 0.0), (1.0, 0.0, 0.0)),) * 7), "at most 6"),
        (Scene(background=(0.0, 2.0, 0.0)), "background"),
        (Scene(title="two\nlines"), "title"),
        (Scene(layers=(LAYER,), landmarks=(Landmark("a", "t1", (0.0, 0.0, 0.0)),)), "does not have"),
        (Scene(layers=(LAYER,), landmarks=(Landmark("a", "epi", (0.0, 0.0, 0.0)),) * 2), "two landmarks"),
        (Scene(layers=(LAYER,), landmarks=(Landmark("a", "epi", (0.0, math.nan, 0.0)),)), "Landmark 'a'"),
    ],
)
def test_refused_with_one_sentence(broken, cause):
    with pytest.raises(SceneError, match=cause) as caught:
        check(broken)
    assert "\n" not in str(caught.value)
    with pytest.raises(SceneError, match=cause):
        check(broken, Scene())


@pytest.mark.parametrize(
    "broken",
    [
        scene(placement=Placement(np.eye(4))),
        scene(placement=Placement([[1.0, 0.0, 0.0, 0.0]] * 4)),
        scene(placement=Placement(pivot=(np.float64(1), 0.0, 0.0))),
        scene(look=Look(opacity="half")),
        scene(look=Look(window=[0.0, 1.0])),
        scene(form="z"),
        scene(time=1.5),
        Scene(layers=[LAYER]),
        Scene(layers=("epi",)),
        Scene(view="cube"),
        Scene(convention="british"),
        Scene(crosshair=(1.0, 2.0)),
        Scene(title=3),
        Scene(clips=[Clip((0.0, 0.0, 0.0), (1.0, 0.0, 0.0))]),
        Scene(camera="front"),
        Scene(crosshair=[1.0, 2.0, 3.0]),
        Scene(background=[0.0, 0.0, 0.0]),
        Scene(letters="yes"),
        Scene(slices_in_3d=np.bool_(True)),
    ],
)
def test_what_constructors_took_unasked_is_refused(broken):
    with pytest.raises(SceneError):
        check(broken)
    with pytest.raises(SceneError):
        check(broken, Scene())


def test_what_was_checked_is_not_looked_at_again():
    bad = scene(look=Look(opacity=2.0))
    grown = msgspec.structs.replace(bad, layers=(*bad.layers, Layer("t1", "/t1.nii")))
    check(grown, bad)
    with pytest.raises(SceneError, match="opacity"):
        check(grown)


def test_a_landmark_is_checked_when_its_layer_goes():
    whole = Scene(layers=(LAYER,), landmarks=(Landmark("a", "epi", (0.0, 0.0, 0.0)),))
    check(whole)
    with pytest.raises(SceneError, match="does not have"):
        check(msgspec.structs.replace(whole, layers=()), whole)
