import os
import re
from pathlib import Path

import pytest

from volstudio.errors import SceneError, StrangePathError
from volstudio.scene.files import changed_files, load_scene, missing_files, save_scene, strange_files
from volstudio.scene.model import Layer, Scene


@pytest.fixture
def saved(study):
    scene = Scene(layers=(Layer("t1", str(study / "raw" / "T1.nii.gz")), Layer("epi", str(study / "raw" / "病人 一.nii.gz"))))
    save_scene(scene, study / "scenes" / "one.toml")
    return study / "scenes" / "one.toml"


def paths(scene):
    return [layer.path for layer in scene.layers]


def test_all_is_there_and_unchanged(saved):
    scene = load_scene(saved)
    assert missing_files(scene) == ()
    assert changed_files(scene) == ()


def test_a_changed_file_is_a_finding(saved, study):
    (study / "raw" / "T1.nii.gz").write_bytes(b"another anatomy")
    (finding,) = changed_files(load_scene(saved, outside="follow"))
    assert finding.code == "file-changed"
    assert finding.severity == "warning"
    assert "'t1'" in finding.text


@pytest.mark.parametrize("told", ["absolute", "..", "~", "link", "wrong digest"])
def test_files_outside_the_folder_are_asked_about_and_not_followed(study, monkeypatch, told):
    monkeypatch.setenv("HOME", str(study))
    secret, scene = study / "raw" / "T1.nii.gz", study / "scenes" / "sent.toml"
    if told == "link":
        (study / "scenes" / "link").symlink_to(study / "raw", target_is_directory=True)
    path = {"absolute": str(secret), "~": "~/raw/T1.nii.gz", "link": "link/T1.nii.gz"}.get(told, "../raw/T1.nii.gz")
    digest = f'digest = "sha256:{"0" * 64}"\n' if told == "wrong digest" else ""
    scene.write_text(f'[[layers]]\nname = "t1"\npath = "{path}"\n{digest}', "utf-8")
    for missing in ("error", "keep"):
        with pytest.raises(StrangePathError, match=r"sent.toml: .* outside its folder, .*--follow-paths") as caught:
            load_scene(scene, missing=missing)
        assert "\n" not in str(caught.value)
    (layer,) = load_scene(scene, outside="follow").layers
    assert Path(layer.path).samefile(secret)
    assert paths(load_scene(scene, relocate={"t1": secret})) == [str(secret)], "what the person says is the person's word"


def test_a_scene_vouches_for_files_outside_its_folder_by_their_digest(saved, study):
    assert strange_files(load_scene(saved), saved.parent) == ()
    (study / "raw" / "T1.nii.gz").write_bytes(b"another anatomy")
    with pytest.raises(StrangePathError, match="layer 't1'") as caught:
        load_scene(saved)
    assert "'epi'" not in str(caught.value)


def test_missing_files_are_all_listed_or_kept(saved, study):
    for file in (study / "raw").iterdir():
        file.unlink()
    with pytest.raises(
        SceneError, match=r"one.toml: The scene's files are missing: .*T1.nii.gz' \(layer 't1'\), .*病人 一.nii.gz' \(layer 'epi'\)"
    ):
        load_scene(saved)
    scene = load_scene(saved, missing="keep")
    assert [layer.name for layer in missing_files(scene)] == ["t1", "epi"]
    assert changed_files(scene) == ()


def test_a_moved_file_is_found_by_its_bytes_under_any_name(saved, study):
    (study / "scenes" / "moved").mkdir()
    (study / "raw" / "T1.nii.gz").rename(study / "scenes" / "moved" / "anatomy of yesterday.nii.gz")
    assert paths(load_scene(saved))[0] == str(study / "scenes" / "moved" / "anatomy of yesterday.nii.gz")


def test_a_namesake_with_other_bytes_is_not_taken(saved, study):
    (study / "raw" / "T1.nii.gz").unlink()
    (study / "scenes" / "T1.nii.gz").write_bytes(b"another patient")
    with pytest.raises(SceneError, match="missing"):
        load_scene(saved)


@pytest.mark.parametrize(
    "path",
    [
        "/gone/T1.nii.gz",
        "sub-01/T1.nii.gz",
        "$HOME/T1.nii.gz",
        "~/nowhere/T1.nii.gz",
        "~nobody-of-this-name/T1.nii.gz",
        "D:\\scans\\T1.nii.gz",
    ],
)
def test_without_a_digest_a_namesake_is_proposed_and_never_taken(study, path):
    hand = study / "scenes" / "hand.toml"
    hand.write_text(f"[[layers]]\nname = 't1'\npath = '{path}'\n")
    other = study / "scenes" / "sub-02" / "T1.nii.gz"
    other.parent.mkdir()
    other.write_bytes(b"the wrong subject")
    with pytest.raises(SceneError, match=rf"missing: .*\(layer 't1'; did you mean '{re.escape(str(other))}'\?\)"):
        load_scene(hand)
    assert not Path(*paths(load_scene(hand, missing="keep"))).exists()


def test_a_slip_of_the_pen_is_proposed(study):
    (study / "scenes" / "T1.nii.gz").write_bytes(b"x")
    (study / "scenes" / "hand.toml").write_text('[[layers]]\nname = "t1"\npath = "T1.nii"\n')
    with pytest.raises(SceneError, match=r"did you mean '[^']*T1.nii.gz'\?"):
        load_scene(study / "scenes" / "hand.toml")


def test_the_home_folder_is_understood(study, monkeypatch):
    monkeypatch.setenv("HOME", str(study))
    (study / "scenes" / "hand.toml").write_text('[[layers]]\nname = "t1"\npath = "~/raw/T1.nii.gz"\n')
    assert paths(load_scene(study / "scenes" / "hand.toml", outside="follow")) == [str(study / "raw" / "T1.nii.gz")]


@pytest.mark.parametrize("name", ["~", "~root", "sample:t1", "memory:1"])
def test_a_file_of_a_name_with_a_meaning_is_a_file(study, name):
    (study / "scenes" / name).write_bytes(b"x")
    save_scene(Scene(layers=(Layer("odd", str(study / "scenes" / name)),)), study / "scenes" / "odd.toml")
    assert paths(load_scene(study / "scenes" / "odd.toml")) == [str(study / "scenes" / name)]


@pytest.mark.parametrize("suffix", [".toml", ".json"])
@pytest.mark.parametrize("raw", [b"\xff\xfe \xe9.nii", b"a\nb\x1b\t\x7f.nii", b"back\\slash \"quote'.nii"])
def test_whatever_the_system_takes_as_a_name_is_one(study, raw, suffix):
    file = str(study / os.fsdecode(raw))
    Path(file).write_bytes(b"x")
    save_scene(Scene(layers=(Layer("odd", file),)), study / "scenes" / f"odd{suffix}")
    assert paths(load_scene(study / "scenes" / f"odd{suffix}")) == [file]
    (study / "scenes" / f"odd{suffix}").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", ["", "a\\u0000b.nii", "half \\ud800.nii"])
def test_what_no_system_takes_is_refused(study, path):
    (study / "scenes" / "hand.json").write_text(f'{{"volstudio": 1, "layers": [{{"name": "t1", "path": "{path}"}}]}}')
    with pytest.raises(SceneError, match="must name a file"):
        load_scene(study / "scenes" / "hand.json")


def test_in_a_folder_that_the_person_gives_the_only_namesake_is_taken(study):
    hand = study / "scenes" / "hand.toml"
    hand.write_text('[[layers]]\nname = "t1"\npath = "/gone/T1.nii.gz"\n')
    assert paths(load_scene(hand, relocate=study / "raw")) == [str(study / "raw" / "T1.nii.gz")]
    (study / "raw" / "b").mkdir()
    (study / "raw" / "b" / "T1.nii.gz").write_bytes(b"y")
    with pytest.raises(SceneError, match="missing"):
        load_scene(hand, relocate=study / "raw")


def test_a_folder_to_search(saved, study, tmp_path):
    there = tmp_path / "archive"
    (study / "raw").rename(there)
    with pytest.raises(SceneError, match="missing"):
        load_scene(saved)
    assert paths(load_scene(saved, relocate=there)) == [str(there / "T1.nii.gz"), str(there / "病人 一.nii.gz")]


def test_what_the_person_says_is_taken_as_said(saved, study):
    other = study / "raw" / "other.nii.gz"
    other.write_bytes(b"other")
    (study / "raw" / "T1.nii.gz").unlink()
    scene = load_scene(saved, relocate={"t1": other})
    assert paths(scene)[0] == str(other)
    assert [finding.code for finding in changed_files(scene)] == ["file-changed"]


def test_a_pipe_or_folder_is_no_scan(study, saved):
    (study / "raw" / "T1.nii.gz").unlink()
    (study / "raw" / "T1.nii.gz").mkdir()
    with pytest.raises(SceneError, match="missing"):
        load_scene(saved)
