import msgspec
import pytest

from volstudio.errors import CommandError
from volstudio.scene.model import Camera, Clip, Landmark, Layer, Look, Panel, Placement, Scene
from volstudio.session import commands as c

SCENE = Scene(
    layers=(Layer("t1", "/data/t1.nii"), Layer("epi", "/data/epi.nii"), Layer("mask", "/data/mask.nii")),
    landmarks=(Landmark("tip", "epi", (1.0, 2.0, 3.0)), Landmark("base", "t1", (0.0, 0.0, 0.0))),
)
SHIFT = Placement(((1.0, 0.0, 0.0, 5.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0)), "hand")
EVERY = [
    c.AddLayer(Layer("new", "/data/new.nii"), index=1),
    c.RemoveLayer("epi"),
    c.MoveLayer("epi", 2),
    c.Rename("epi", "bold"),
    c.Place("epi", SHIFT, gesture="drag-1"),
    c.SetLook("epi", Look(colourmap="hot")),
    c.SetTime("epi", 3),
    c.SetForm("epi", "q"),
    c.Relocate("epi", "/data/other.nii"),
    c.SetBox("epi", box=False),
    c.SetBoxes(box=False),
    c.SetPivot("epi", (1.0, 2.0, 3.0)),
    c.SetCrosshair((1.0, 2.0, 3.0)),
    c.SetCamera(Camera((0.0, -500.0, 0.0), (0.0, 0.0, 0.0))),
    c.SetPanel("axial", Panel(height=100.0)),
    c.SetView("axial"),
    c.SetConvention("radiological"),
    c.SetOptions(letters=False, background=(0.0, 0.0, 0.0)),
    c.SetClips((Clip((0.0, 0.0, 0.0), (1.0, 0.0, 0.0)),)),
    c.SetLandmarks(()),
    c.SetTitle("after"),
    c.ReplaceScene(Scene(title="other")),
]


def test_every_command_of_the_union_is_listed_here():
    assert {type(command) for command in EVERY} == set(c.AnyCommand.__args__)


@pytest.mark.parametrize("command", EVERY, ids=lambda command: type(command).__name__)
def test_command_changes_the_scene_says_so_and_survives_json(command):
    after = command.apply(SCENE)
    assert after != SCENE
    assert command.text
    assert "{" not in command.text
    read = msgspec.json.decode(msgspec.json.encode(command), type=c.AnyCommand)
    assert read == command
    assert type(read) is type(command)
    assert read.apply(SCENE) == after


OF_SOME_LAYERS = [command for command in EVERY if not isinstance(command, c.SetBoxes)]


@pytest.mark.parametrize("command", OF_SOME_LAYERS, ids=lambda command: type(command).__name__)
def test_untouched_layers_are_shared(command):
    after = command.apply(SCENE)
    touched = {"epi", "bold", "new"}
    for layer in after.layers:
        if layer.name not in touched:
            assert layer is SCENE.layer(layer.name)


def test_stack_order():
    assert c.MoveLayer("t1", 2).apply(SCENE).names == ("epi", "mask", "t1")
    assert c.MoveLayer("mask", 0).apply(SCENE).names == ("mask", "t1", "epi")
    assert c.AddLayer(Layer("new", "/n.nii")).apply(SCENE).names[-1] == "new"
    assert c.AddLayer(Layer("new", "/n.nii"), index=0).apply(SCENE).names[0] == "new"


def test_landmarks_follow_their_layer():
    assert [mark.layer for mark in c.Rename("epi", "bold").apply(SCENE).landmarks] == ["bold", "t1"]
    assert [mark.layer for mark in c.RemoveLayer("epi").apply(SCENE).landmarks] == ["t1"]


def test_relocate_forgets_what_was_known_of_the_old_file():
    scene = SCENE.with_layer(msgspec.structs.replace(SCENE.layer("epi"), digest="sha256:" + "0" * 64))
    assert c.Relocate("epi", "/data/other.nii").apply(scene).layer("epi").digest == ""


@pytest.mark.parametrize(
    "command",
    [
        c.RemoveLayer("ep"),
        c.MoveLayer("ep", 0),
        c.Rename("ep", "x"),
        c.Place("ep", SHIFT),
        c.SetLook("ep", Look()),
        c.SetTime("ep", 1),
    ],
    ids=lambda command: type(command).__name__,
)
def test_an_unknown_layer_is_named_with_its_near_match(command):
    with pytest.raises(CommandError, match=r"no layer 'ep'; did you mean 'epi'\?"):
        command.apply(SCENE)


def test_names_stay_unique():
    with pytest.raises(CommandError, match="already has a layer 'epi'"):
        c.AddLayer(Layer("epi", "/x.nii")).apply(SCENE)
    with pytest.raises(CommandError, match="already has a layer 't1'"):
        c.Rename("epi", "t1").apply(SCENE)


@pytest.mark.parametrize(
    ("command", "top"), [(c.MoveLayer("epi", 3), 2), (c.MoveLayer("epi", -1), 2), (c.AddLayer(Layer("n", "/n"), 4), 3)]
)
def test_positions_outside_the_stack_are_refused(command, top):
    with pytest.raises(CommandError, match=rf"from 0 \(bottom\) to {top} \(top\)"):
        command.apply(SCENE)


def test_merge_keys_are_those_of_one_drag_of_one_thing():
    assert c.Place("epi", SHIFT).merge_key is None
    keys = {c.Place("epi", SHIFT, "a").merge_key, c.Place("epi", SHIFT, "b").merge_key, c.Place("t1", SHIFT, "a").merge_key}
    keys |= {c.SetLook("epi", Look(), "a").merge_key, c.SetPivot("epi", None, "a").merge_key}
    assert len(keys) == 5
    assert c.SetTime("epi", 1).merge_key == c.SetTime("epi", 2).merge_key


def test_view_commands_are_those_of_the_view_fields():
    for command in EVERY:
        after = command.apply(SCENE)
        moved = {field for field in Scene.__struct_fields__ if getattr(after, field) != getattr(SCENE, field)}
        if not isinstance(command, c.ReplaceScene):
            assert command.undoable == moved.isdisjoint(c.VIEW_FIELDS)
