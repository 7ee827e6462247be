import pickle
import time
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from volstudio.errors import SceneError, VolstudioError
from volstudio.scene.checks import check
from volstudio.scene.files import load_scene, scene_bytes
from volstudio.scene.parse import MAX_BYTES, parse_scene

LAYER = '[[layers]]\nname = "epi"\npath = "sample:epi"\n'
MATRIX = "[[{},0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]]"


def json_layer(inner):
    return '{"volstudio": 1, "layers": [{"name": "epi", "path": "sample:epi"' + inner + "}]}"


REFUSED = {
    "unknown_key.toml": ('volstudio = 1\nveiw = "3d"\n', r"no key 'veiw' at the top of the file; did you mean 'view'\?"),
    "unknown_layer_key.toml": (LAYER + 'colour = "hot"\n', "no key 'colour' in layer 'epi'"),
    "unknown_look_key.toml": (LAYER + 'look = {colormap = "hot"}\n', r"'colormap' in look of layer 'epi'; did you mean 'colourmap'\?"),
    "unknown_map.toml": (LAYER + 'look = {colourmap = "hut"}\n', r"look of layer 'epi': .* no colour map 'hut'; did you mean .*'hot'"),
    "unknown_preset.toml": (LAYER + 'look = {preset = "CT-Bones"}\n', r"did you mean 'CT-Bone'"),
    "wrong_word.toml": ('view = "quadd"\n' + LAYER, r"'quadd' cannot be 'view' at the top of the file; did you mean 'quad'\?"),
    "wrong_type.toml": (LAYER + 'look = {opacity = "half"}\n', "look.opacity of layer 'epi' must be a number, and text is given"),
    "text_for_point.toml": ('crosshair = "1,2,3"\n' + LAYER, "crosshair must be a list, and text is given"),
    "short_point.toml": ("crosshair = [1, 2]\n" + LAYER, "crosshair must be a list of 3, and 2 are given"),
    "number_for_switch.toml": (LAYER + "look = {visible = 1}\n", "look.visible .* must be true or false, and a whole number"),
    "table_for_layers.toml": ("[layers]\nname = 1\n", "layers must be a list, and a table of keys is given"),
    "layer.toml": (LAYER.replace("layers", "layer"), r"nor any layers; did you mean 'layers'\?"),
    "marked_layer.toml": ("volstudio = 1\n" + LAYER.replace("layers", "layer"), r"no key 'layer' .*did you mean 'layers'\?"),
    "missing_path.toml": ('[[layers]]\nname = "epi"\n', "'path' is missing in layer 'epi'"),
    "missing_name.toml": ('[[layers]]\npath = "x.nii"\n', "'name' is missing in layer number 1"),
    "short_matrix.toml": (LAYER + "placement = {matrix = [[1,0,0,0]]}\n", "placement.matrix of layer 'epi' must be a list of 4, and 1"),
    "nan.toml": (LAYER + f"placement = {{matrix = {MATRIX.format('nan')}}}\n", r"layers\[0\]\.placement\.matrix\[0\]\[0\] is nan"),
    "inf.toml": ("crosshair = [0, inf, 0]\n" + LAYER, r"crosshair\[1\] is inf"),
    "not_rigid.toml": (LAYER + f"placement = {{matrix = {MATRIX.format(2)}}}\n", "placement of layer 'epi' is not rigid"),
    "mirrored.toml": (LAYER + f"placement = {{matrix = {MATRIX.format(-1)}}}\n", "mirrors it"),
    "singular.toml": (LAYER + f'placement = {{matrix = {MATRIX.format(0)}, made_by = "file"}}\n', "singular"),
    "last_row.toml": (LAYER + "placement = {matrix = [[1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,1,1]]}\n", "last row"),
    "two_alike.toml": (LAYER + LAYER, "Two layers are called 'epi'"),
    "colon.toml": (LAYER.replace('"epi"', '"a:b"'), "cannot name a layer"),
    "window.toml": (LAYER + "look = {window = [2, 1]}\n", "window"),
    "opacity.toml": (LAYER + "look = {opacity = 1.5}\n", "opacity"),
    "time.toml": (LAYER + "time = -1\n", "time point"),
    "digest.toml": (LAYER + 'digest = "md5:1"\n', "digest"),
    "landmark.toml": (LAYER + '[[landmarks]]\nname = "a"\nlayer = "epl"\npoint = [0,0,0]\n', "layer 'epl', which the scene does not have"),
    "camera.toml": ("camera = {position = [0,0,0], focal_point = [0,0,0]}\n" + LAYER, "looks nowhere"),
    "date.toml": ("title = 1979-05-27\n" + LAYER, "title must be text"),
    "duplicate.toml": ("volstudio = 1\nvolstudio = 1\n", "readable as TOML.*line 2"),
    "truncated.toml": ('volstudio = 1\n[[layers]]\nname = "ep', "truncated"),
    "future.toml": ("volstudio = 999\n", "version 999.*update"),
    "version_word.toml": ('volstudio = "one"\n', "whole number"),
    "no_scene.toml": ("[tool.ruff]\nline-length = 140\n", "is not a scene"),
    "empty_table.toml": ("# nothing\n", "is not a scene"),
    "url.toml": (LAYER.replace("sample:epi", "http://127.0.0.1:9/x.nii.gz"), "remote"),
    "s3.toml": (LAYER.replace("sample:epi", "s3://bucket/x.nii.gz"), "remote"),
    "file_url.toml": (LAYER.replace("sample:epi", "file:///etc/passwd"), "remote"),
    "unc.toml": (LAYER.replace('"sample:epi"', r"'\\server\share\x.nii'"), "remote"),
    "unc_slash.toml": (LAYER.replace("sample:epi", "//server/share/x.nii"), "remote"),
    "nul.toml": (LAYER.replace("sample:epi", "a\\u0000b"), "must name a file"),
    "deep.json": ("[" * 100_000 + "]" * 100_000, "nested too deep"),
    "deep.toml": ("a = " + "[" * 100_000 + "]" * 100_000, "nested too deep"),
    "dotted.toml": (".".join("a" * 100_000) + " = 1", "nested too deep"),
    "nan.json": (json_layer(f', "placement": {{"matrix": {MATRIX.format("NaN")}}}'), "NaN"),
    "infinity.json": (json_layer(', "look": {"opacity": -Infinity}'), "Infinity"),
    "overflow.json": (json_layer(', "look": {"opacity": 1e999}'), "inf"),
    "huge_number.json": (json_layer(', "look": {"opacity": ' + "9" * 400 + "}"), "opacity"),
    "endless_number.json": (json_layer(', "time": ' + "9" * 6000), "readable as JSON"),
    "duplicate.json": ('{"volstudio": 1, "layers": [], "layers": []}', "'layers' twice"),
    "future.json": ('{"volstudio": 999, "layers": []}', "version 999"),
    "other_format.json": ('{"format": "volstudio-session", "version": 999, "layers": []}', "is not a scene"),
    "truncated.json": ('{"volstudio": 1, "layers": [{"path": "x.n', "truncated"),
    "list.json": ("[]", "not a list"),
    "url.json": (json_layer("").replace("sample:epi", "http://127.0.0.1:9/x.nii.gz"), "remote"),
    "exec.yaml": ('!!python/object/apply:os.system ["touch volstudio_pwned"]\n', "session"),
    "pickle.volstudio": (pickle.dumps({"a": 1}), "session"),
    "pickle.toml": (pickle.dumps({"a": "ÿ"}, 4), "UTF-8"),
    "exec.json": ('!!python/object/apply:os.system ["touch volstudio_pwned"]\n', "JSON"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_one_sentence_that_names_the_place(name, tmp_path):
    content, cause = REFUSED[name]
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SceneError, match=cause) as caught:
        load_scene(file)
    message = str(caught.value)
    assert name in message
    assert "\n" not in message
    assert len(message) < 500
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_archives_are_no_scenes(tmp_path):
    with zipfile.ZipFile(tmp_path / "scene.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../volstudio_pwned", b"x")
        archive.writestr("a.nii", bytes(1 << 24))
    with pytest.raises(SceneError, match=r"packed archive, whatever its size.*nothing is unpacked"):
        load_scene(tmp_path / "scene.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["scene.zip"]


def test_too_large_is_refused_unread(tmp_path):
    file = tmp_path / "large.toml"
    with file.open("wb") as stream:
        stream.truncate(MAX_BYTES + 1)
    with pytest.raises(SceneError, match="too large"):
        load_scene(file)


@pytest.mark.parametrize(
    "text",
    ['"' * 200_000, "'" * 200_000, '\\"' * 100_000, '"""' * 70_000, "#" * 200_000, "a" * 200_000, "a=" * 100_000, '"a"=1\n' * 5],
    ids=["quotes", "ticks", "escapes", "triples", "hashes", "word", "pairs", "same key"],
)
@pytest.mark.parametrize("syntax", ["toml", "json"])
def test_no_text_makes_reading_slow(text, syntax):
    # A quadratic scan of these takes minutes; the limit only tells that apart from a busy machine.
    start = time.process_time()
    with pytest.raises(SceneError):
        parse_scene(text, syntax=syntax, where="x")
    assert time.process_time() - start < 10


WHOLE = (
    'volstudio = 1\nview = "3d"\ncrosshair = [1.0, 2.0, 3.0]\n\n[camera]\nposition = [0, -500, 0]\nfocal_point = [0, 0, 0]\n\n'
    + LAYER
    + 'look = {colourmap = "hot", window = [1, 2]}\nplacement = {matrix = [[1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]], made_by = "hand"}\n'
    + '[[landmarks]]\nname = "tip"\nlayer = "epi"\npoint = [1, 2, 3]\n'
)


@given(data=st.data(), syntax=st.sampled_from(["toml", "json"]))
@settings(max_examples=100, deadline=None)
def test_no_text_gives_anything_but_a_scene_or_a_sentence(data, syntax):
    text = WHOLE if syntax == "toml" else scene_bytes(parse_scene(WHOLE, syntax="toml", where="x"), syntax="json").decode()
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(text)))
        piece = data.draw(
            st.text(max_size=3) | st.sampled_from(["[", "]", "{", "}", '"', "'", '"""', "=", ".", "9" * 500, "nan", "null", "[[layers]]\n"])
        )
        text = text[:at] + piece + text[at + data.draw(st.integers(0, 4)) :]
    try:
        check(parse_scene(text, syntax=syntax, where="x"))
    except SceneError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is right, and only then is there a sentence to look at


def test_a_bom_and_windows_line_ends_are_fine(tmp_path):
    (tmp_path / "bom.toml").write_bytes(b"\xef\xbb\xbf" + ("volstudio = 1\n" + LAYER).replace("\n", "\r\n").encode())
    assert load_scene(tmp_path / "bom.toml").names == ("epi",)


def test_whole_numbers_stand_for_decimals():
    scene = parse_scene("crosshair = [1, 2, 3]\n" + LAYER, syntax="toml", where="x")
    assert scene.crosshair == (1.0, 2.0, 3.0)
    assert all(type(x) is float for x in scene.crosshair)


@pytest.mark.filterwarnings("ignore:Duplicate name")  # one of the cases is such an archive
def test_the_conformance_sessions_are_refused(shared_conformance, tmp_path, monkeypatch):
    import importlib
    import os
    import sys

    monkeypatch.setattr(sys, "path", [str(shared_conformance), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    writers = importlib.import_module("make_cases")
    cases = writers.Cases(str(tmp_path), False)
    writers.session_cases(cases)
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert len(files) >= 12
    before = sorted(os.walk(tmp_path))
    monkeypatch.chdir(tmp_path)
    for file in files:
        with pytest.raises(VolstudioError) as caught:
            load_scene(file)
        assert "\n" not in str(caught.value)
    assert sorted(os.walk(tmp_path)) == before


def test_a_key_of_5000_letters_is_not_repeated_whole():
    with pytest.raises(SceneError, match="there is no key 'aaa") as caught:
        parse_scene("volstudio = 1\n" + "a" * 5000 + " = 1\n" + LAYER, syntax="toml", where="x")
    assert len(str(caught.value)) < 500
