import json
import shutil

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from volstudio.errors import OutputError, SceneError, UnreadableFileError
from volstudio.scene.files import load_scene, load_scene_script, missing_files, save_scene
from volstudio.scene.model import Camera, Clip, Landmark, Layer, Look, Panel, Placement, Scene
from volstudio.volumes.integrity import digest

TURN = ((0.0, -1.0, 0.0, 1.5), (1.0, 0.0, 0.0, -2.25), (0.0, 0.0, 1.0, 1e-7), (0.0, 0.0, 0.0, 1.0))


def full_scene(study):
    return Scene(
        layers=(
            Layer("anatomy", str(study / "raw" / "T1.nii.gz"), look=Look(window=(0.1 + 0.2, 1e6))),
            Layer(
                "功能 epi",
                str(study / "raw" / "病人 一.nii.gz"),
                Placement(TURN, "hand", (1.0, 2.0, 3.0)),
                Look("hot", opacity=0.6),
                "q",
                3,
            ),
            Layer("sample", "sample:t1", box=False),
        ),
        view="3d",
        convention="radiological",
        crosshair=(1.0, -2.5, 1 / 3),
        camera=Camera((0.0, -500.0, 10.0), (0.0, 0.0, 0.0), parallel_scale=120.0),
        axial=Panel((1.0, 2.0, 3.0), 80.0),
        clips=(Clip((0.0, 0.0, 0.0), (1.0, 0.0, 0.0)),),
        landmarks=(Landmark('tip "a"\\', "功能 epi", (1.0, 2.0, 3.0)),),
        letters=False,
        title='A "title" with \\ and 中文',
    )


@pytest.mark.parametrize("suffix", ["toml", "json"])
class TestRoundTrip:
    def test_load_save_load_is_exact(self, study, suffix):
        saved = save_scene(full_scene(study), study / "scenes" / f"one.{suffix}")
        once = load_scene(study / "scenes" / f"one.{suffix}")
        assert once == saved
        save_scene(once, study / "scenes" / f"two.{suffix}")
        assert load_scene(study / "scenes" / f"two.{suffix}") == once
        assert (study / "scenes" / f"two.{suffix}").read_bytes() == (study / "scenes" / f"one.{suffix}").read_bytes()
        assert msgspec.structs.replace(once, layers=()) == msgspec.structs.replace(full_scene(study), layers=())

    def test_paths_are_relative_and_digests_those_of_the_files(self, study, suffix):
        file = study / "scenes" / f"one.{suffix}"
        saved = save_scene(full_scene(study), file)
        text = file.read_text("utf-8")
        assert "../raw/病人 一.nii.gz" in text
        assert str(study) not in text
        assert saved.layers[0].digest == digest(study / "raw" / "T1.nii.gz")
        assert saved.layers[2].digest == ""

    def test_the_study_moves_as_a_whole(self, study, suffix, tmp_path):
        save_scene(full_scene(study), study / "scenes" / f"one.{suffix}")
        there = shutil.move(study, tmp_path / "elsewhere")
        scene = load_scene(f"{there}/scenes/one.{suffix}")
        assert scene.layers[0].path == str(tmp_path / "elsewhere" / "raw" / "T1.nii.gz")

    def test_reading_through_a_linked_folder(self, study, suffix, tmp_path):
        save_scene(full_scene(study), study / "scenes" / f"one.{suffix}")
        (tmp_path / "deep" / "er").mkdir(parents=True)
        (tmp_path / "deep" / "er" / "link").symlink_to(study / "scenes")
        assert missing_files(load_scene(tmp_path / "deep" / "er" / "link" / f"one.{suffix}")) == ()


def test_toml_by_hand_is_pleasant(study):
    (study / "scenes" / "hand.toml").write_text(
        """
view = "quad"
[[layers]]
name = "anatomy"
path = "../raw/T1.nii.gz"
[[layers]]
name = "epi"
path = "../raw/病人 一.nii.gz"
look = {colourmap = "hot", opacity = 0.6}
placement = {matrix = [[1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]], made_by = "hand"}
""",
        "utf-8",
    )
    scene = load_scene(study / "scenes" / "hand.toml", outside="follow")
    assert scene.names == ("anatomy", "epi")
    assert scene.layer("epi").look == Look("hot", opacity=0.6)
    assert scene.layer("epi").placement.matrix[0] == (1.0, 0.0, 0.0, 0.0)
    assert scene.layer("anatomy").path == str(study / "raw" / "T1.nii.gz")


def test_what_is_saved_reads_as_if_written_by_hand(study):
    save_scene(full_scene(study), study / "scenes" / "one.toml", digests=False)
    text = (study / "scenes" / "one.toml").read_text("utf-8")
    assert text.startswith('volstudio = 1\nview = "3d"\n')
    assert 'look = {colourmap = "hot", opacity = 0.6}\n' in text
    assert "placement = {matrix = [\n  [0.0, -1.0, 0.0, 1.5],\n  [1.0, 0.0, 0.0, -2.25],\n" in text


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
POINTS = st.tuples(NUMBERS, NUMBERS, NUMBERS)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Co", "Cn", "Cf", "Zs"]), min_size=1, max_size=20).filter(
    lambda name: ":" not in name and name.isprintable()
)
LAYERS = st.builds(
    Layer,
    name=TEXTS,
    path=TEXTS.map(lambda name: "sample:" + name),
    placement=st.builds(
        lambda shift, by, pivot: Placement(
            ((1.0, 0.0, 0.0, shift[0]), (0.0, 1.0, 0.0, shift[1]), (0.0, 0.0, 1.0, shift[2]), (0.0, 0.0, 0.0, 1.0)), by, pivot
        ),
        POINTS,
        st.sampled_from(["header", "hand", "registration", "file"]),
        st.none() | POINTS,
    ),
    look=st.builds(Look, colourmap=st.sampled_from(["gray", "hot"]), opacity=st.floats(0, 1), hide_below=st.none() | NUMBERS),
    form=st.sampled_from(["auto", "s", "q"]),
    time=st.integers(0, 10**6),
    box=st.booleans(),
)
SCENES = st.builds(
    Scene,
    layers=st.lists(LAYERS, max_size=4, unique_by=lambda layer: layer.name).map(tuple),
    view=st.sampled_from(["quad", "ortho", "axial", "coronal", "sagittal", "3d"]),
    crosshair=st.none() | POINTS,
    axial=st.builds(Panel, st.none() | POINTS, st.none() | st.floats(1e-3, 1e6)),
    clips=st.lists(st.builds(Clip, POINTS, POINTS.filter(any)), max_size=6).map(tuple),
    background=st.tuples(*[st.floats(0, 1)] * 3),
    title=TEXTS | st.just(""),
    letters=st.booleans(),
)


@pytest.mark.parametrize("suffix", ["toml", "json"])
@given(scene=SCENES)
@settings(max_examples=60, deadline=None)
def test_any_scene_survives_its_file(suffix, scene, tmp_path_factory):
    file = tmp_path_factory.mktemp("any") / f"scene.{suffix}"
    save_scene(scene, file)
    assert load_scene(file) == scene


class TestSaving:
    def test_never_over_another_file_unless_told(self, study):
        file = study / "scenes" / "one.toml"
        save_scene(full_scene(study), file)
        before = file.read_bytes()
        with pytest.raises(OutputError, match=r"one\.toml"):
            save_scene(Scene(title="x"), file)
        assert file.read_bytes() == before
        save_scene(Scene(title="x"), file, overwrite=True)
        assert load_scene(file).title == "x"

    def test_never_over_a_scan(self, study):
        scan = study / "raw" / "scan.json"
        scan.write_bytes(b"voxels")
        with pytest.raises(OutputError):
            save_scene(Scene(layers=(Layer("a", str(scan)),)), scan, overwrite=True)
        assert scan.read_bytes() == b"voxels"

    def test_a_volume_in_memory_cannot_be_named(self, study):
        with pytest.raises(SceneError, match="'made' lives in memory only"):
            save_scene(Scene(layers=(Layer("made", "memory:abc"),)), study / "scenes" / "one.toml")
        assert not (study / "scenes" / "one.toml").exists()

    def test_other_suffixes_are_refused(self, study):
        with pytest.raises(SceneError, match=r"\.toml or \.json"):
            save_scene(Scene(), study / "scene.yaml")

    def test_a_broken_scene_is_not_written(self, study):
        with pytest.raises(SceneError, match="opacity"):
            save_scene(Scene(layers=(Layer("a", "sample:t1", look=Look(opacity=2.0)),)), study / "one.toml")
        assert not (study / "one.toml").exists()


class TestScripts:
    def test_a_script_computes_a_scene(self, study):
        file = study / "scenes" / "computed.py"
        file.write_text(
            "import volstudio as vs\nfrom volstudio.scene.model import Layer\n"
            'def scene():\n    return vs.Scene(layers=tuple(Layer(f"t{k}", "../raw/T1.nii.gz") for k in range(3)))\n'
        )
        scene = load_scene(file)
        assert scene.names == ("t0", "t1", "t2")
        assert scene.layers[0].path == str(study / "raw" / "T1.nii.gz")
        assert load_scene_script(file) == scene
        assert sorted(path.name for path in file.parent.iterdir()) == ["computed.py"], "nothing is written beside it"

    @pytest.mark.parametrize(
        ("text", "cause"),
        [
            ("x = 1", r"no function scene\(\)"),
            ("scene = 1", r"no function scene\(\)"),
            ("def scene(): return 3", "returned a int"),
            ("def scene(): return 1 / 0", "ZeroDivisionError: division by zero"),
            ("def scene(:", "SyntaxError"),
            ("import sys\nsys.exit(0)", "ends the program"),
            ("def scene(): raise SystemExit", "ends the program"),
            ("import volstudio as vs\ndef scene(): return vs.Scene(view='cube')", "view"),
        ],
    )
    def test_a_script_that_fails_is_one_sentence(self, study, text, cause):
        (study / "bad.py").write_text(text)
        with pytest.raises(SceneError, match=cause) as caught:
            load_scene(study / "bad.py")
        assert "\n" not in str(caught.value)

    def test_a_scene_file_runs_nothing(self, study):
        (study / "evil.py").write_text("open('pwned', 'w')\ndef scene(): ...\n")
        (study / "x.toml").write_text('volstudio = 1\n[[layers]]\nname = "a"\npath = "evil.py"\n')
        load_scene(study / "x.toml")
        assert not (study / "pwned").exists()


def test_a_missing_scene_file_says_so(tmp_path):
    with pytest.raises(UnreadableFileError, match="no such file"):
        load_scene(tmp_path / "none.toml")
    with pytest.raises(UnreadableFileError, match="no such file"):
        load_scene(tmp_path / "none.py")


def test_json_is_json(study):
    save_scene(full_scene(study), study / "scenes" / "one.json")
    plain = json.loads((study / "scenes" / "one.json").read_text("utf-8"))
    assert plain["volstudio"] == 1
    assert plain["layers"][1]["placement"]["made_by"] == "hand"


def test_names_of_thousands_of_letters_are_refused_in_one_short_sentence(tmp_path):
    layer = '[[layers]]\nname = "epi"\npath = "{}"\n'
    for text in (
        layer.format("x" * 5000),
        layer.format("sample:epi") + f'[[landmarks]]\nname = "a"\nlayer = "{"x" * 5000}"\npoint = [1, 2, 3]\n',
    ):
        (tmp_path / "s.toml").write_text(text)
        with pytest.raises(SceneError) as refusal:
            load_scene(tmp_path / "s.toml")
        assert len(str(refusal.value)) < 600
