import errno
import os
import subprocess
import sys
import textwrap
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from volstudio.errors import OutputError
from volstudio.scene.model import Layer, Look, Placement, Scene
from volstudio.session import commands as c
from volstudio.session import journal as journal_module
from volstudio.session.journal import Journal, journal_folder
from volstudio.session.locks import LifeLock
from volstudio.session.recovery import recoverable
from volstudio.session.session import Session

SCENE = Scene(layers=tuple(Layer(name, f"/data/{name}.nii") for name in ("t1", "扫描")))


def shift(x):
    return Placement(((1.0, 0.0, 0.0, float(x)), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0)), "hand")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "状态" / "journals"


@pytest.fixture
def crashed(folder):
    """Make a session that dies without a word; the system would give its lock back."""

    def crash(*commands, scene=SCENE):
        session = Session(scene, journal=Journal.start(folder))
        for command in commands:
            command(session) if callable(command) else session.apply(command)
        session.journal._lock.release(remove=False)
        return session

    return crash


def same(recovered, session):
    """Scene and whole history are equal, apart from the names of drags that are over."""

    def steps(these):
        return [(step.scene, step.command.text) for step in these]

    assert recovered.scene == session.scene
    assert steps(recovered.history.past) == steps(session.history.past)
    assert steps(recovered.history.future) == steps(session.history.future)
    return True


STORY = (
    *(c.Place("t1", shift(x), gesture="g") for x in range(1, 30)),
    c.SetLook("扫描", Look(colourmap="hot")),
    c.SetCrosshair((1.0, 2.0, 3.0)),
    lambda session: session.undo(),
    lambda session: session.redo(),
    *(c.Place("t1", shift(x), gesture="h") for x in (50, 51)),
    lambda session: session.cancel("h"),
    c.SetTime("t1", 1),
    c.SetTime("t1", 2),
    c.ReplaceScene(Scene(layers=(Layer("only", "/o.nii"),), title="other")),
    c.SetView("3d"),
    lambda session: session.undo(),
)


class TestRecovery:
    def test_a_story_comes_back_with_its_whole_history(self, crashed, folder):
        session = crashed(*STORY)
        (recovery,) = recoverable(folder)
        recovered = recovery.session()
        assert same(recovered, session)
        assert recovery.changes == 3
        assert recovery.notes == ()
        assert recovery.scene == session.scene
        while session.undo() | recovered.undo():
            assert same(recovered, session)
        while session.redo() | recovered.redo():
            assert same(recovered, session)
        recovered.close()

    def test_what_was_saved_is_known_again(self, crashed, folder, tmp_path):
        crashed(c.SetTitle("a"), lambda session: session.mark_saved(tmp_path / "a.toml"), c.SetTitle("b"))
        recovered = recoverable(folder)[0].session()
        assert recovered.saved_path == tmp_path / "a.toml"
        assert recovered.dirty
        recovered.undo()
        assert not recovered.dirty
        recovered.close()

    def test_a_recovered_session_that_dies_again_is_offered_again(self, crashed, folder):
        crashed(c.SetTitle("a"))
        recovered = recoverable(folder)[0].session()
        recovered.apply(c.SetTitle("b"))
        recovered.journal._lock.release(remove=False)
        (again,) = recoverable(folder)
        assert again.scene.title == "b"
        assert again.changes == 2
        again.discard()

    def test_drags_of_dead_views_are_over(self, crashed, folder):
        crashed(c.Place("t1", shift(1), gesture="g"))
        recovered = recoverable(folder)[0].session()
        assert not recovered.cancel("g")
        recovered.apply(c.Place("t1", shift(2), gesture="g"))
        assert len(recovered.history.past) == 2
        recovered.close()

    def test_discarded_and_left(self, crashed, folder):
        crashed(c.SetTitle("a"))
        crashed(c.SetTitle("b"))
        first, second = recoverable(folder)
        assert recoverable(folder) == [], "held: no other window offers them"
        first.leave()
        second.discard()
        (left,) = recoverable(folder)
        assert left.path == first.path
        left.discard()
        assert list(folder.iterdir()) == []

    def test_volumes_in_memory_are_noted(self, crashed, folder):
        crashed(scene=Scene(layers=(Layer("made", "memory:abc"),)))
        (recovery,) = recoverable(folder)
        assert "'made' lived in memory only" in recovery.notes[0]
        recovery.discard()

    def test_an_empty_session_is_nothing_to_offer(self, crashed, folder):
        crashed(c.SetCrosshair((1.0, 2.0, 3.0)), scene=Scene())
        assert recoverable(folder) == []
        assert list(folder.iterdir()) == []

    def test_no_folder_is_no_session(self, folder):
        assert recoverable(folder) == []


class TestLiving:
    def test_a_living_session_is_not_offered_to_another_window(self, folder):
        session = Session(SCENE, journal=Journal.start(folder))
        session.apply(c.SetTitle("a"))
        assert recoverable(folder) == []
        session.close()

    def test_a_clean_end_leaves_nothing(self, folder):
        session = Session(SCENE, journal=Journal.start(folder))
        session.apply(c.SetTitle("a"))
        session.close()
        session.close()
        assert list(folder.iterdir()) == []
        assert recoverable(folder) == []

    def test_kept_for_the_next_start(self, folder):
        session = Session(SCENE, journal=Journal.start(folder))
        session.apply(c.SetTitle("a"))
        session.close(keep_journal=True)
        (recovery,) = recoverable(folder)
        assert recovery.scene.title == "a"
        recovery.discard()

    def test_journals_are_private(self, folder):
        session = Session(SCENE, journal=Journal.start(folder))
        assert session.journal.path.stat().st_mode & 0o077 == 0
        assert folder.stat().st_mode & 0o077 == 0
        session.close()

    def test_the_folder_is_the_state_folder(self, monkeypatch, tmp_path):
        monkeypatch.setenv("VOLSTUDIO_STATE_DIR", str(tmp_path))
        assert journal_folder() == tmp_path / "journals"
        monkeypatch.delenv("VOLSTUDIO_STATE_DIR")
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
        assert "volstudio" in journal_folder().parts

    def test_a_lock_without_a_journal_is_tidied_away(self, folder):
        folder.mkdir(parents=True)
        (folder / "20200101-000000-aa.lock").touch()
        held = LifeLock.take(folder / "20200101-000000-bb.lock")
        assert recoverable(folder) == []
        assert [path.name for path in folder.iterdir()] == ["20200101-000000-bb.lock"]
        held.release(remove=True)
        held.release(remove=True)


class TestDamage:
    @pytest.mark.parametrize("cut", [1, 2, 20])
    def test_a_torn_last_line_costs_the_last_change(self, crashed, folder, cut):
        session = crashed(c.SetTitle("a"), c.SetTitle("b"))
        path = session.journal.path
        path.write_bytes(path.read_bytes()[:-cut])
        (recovery,) = recoverable(folder)
        whole = cut == 1  # only the line's end is gone
        assert recovery.scene.title == ("b" if whole else "a")
        assert recovery.notes == (() if whole else ("The very last change was not written whole and is missing.",))
        recovery.discard()

    @pytest.mark.parametrize(
        "bad", [b"\xff\xfe garbage", b"{}", b'{"do":"Nothing"}', b'{"do":"RemoveLayer","name":"nobody"}', b"[" * 5000, b""]
    )
    def test_a_bad_line_in_the_middle_keeps_what_was_before(self, crashed, folder, bad):
        session = crashed(c.SetTitle("a"), c.SetTitle("b"), c.SetTitle("c"))
        lines = session.journal.path.read_bytes().split(b"\n")
        lines[3] = bad
        session.journal.path.write_bytes(b"\n".join(lines))
        (recovery,) = recoverable(folder)
        assert recovery.scene.title == "a"
        assert "last 2 changes" in recovery.notes[0]
        recovery.discard()

    @pytest.mark.parametrize(
        "garbage",
        [
            b"",
            b"\n",
            b"\x00" * 5000,
            b"not json\n",
            b"[" * 100_000,
            b'{"volstudio_journal":1}\n',
            b'{"volstudio_journal":1}\n{"do":"Undo"}\n',
            b'{"volstudio_journal":1}\n{"do":"Begin","table":[],"now":[{},[7]]}\n',
            b'{"volstudio_journal":1}\n{"do":"Begin","table":[{"name":"a:b","path":"/x"}],"now":[{},[0]]}\n',
            b'{"volstudio_journal":"one"}\n',
        ],
    )
    def test_garbage_is_set_aside_with_a_sentence(self, folder, garbage):
        folder.mkdir(parents=True)
        (folder / "20200101-000000-aa.journal").write_bytes(garbage)
        told = []
        assert recoverable(folder, complain=told.append) == []
        assert len(told) == 1
        assert "set aside" in told[0]
        assert "\n" not in told[0]
        assert [path.name for path in folder.iterdir()] == ["20200101-000000-aa.broken"]
        assert (folder / "20200101-000000-aa.broken").read_bytes() == garbage

    def test_a_folder_in_place_of_a_journal_stops_nothing(self, crashed, folder):
        crashed(c.SetTitle("a"))
        (folder / "20990101-000000-aa.journal").mkdir()
        told = []
        (recovery,) = recoverable(folder, complain=told.append)
        assert "cannot be read" in told[0]
        recovery.discard()

    def test_a_newer_journal_is_left_alone(self, folder):
        folder.mkdir(parents=True)
        file = folder / "20200101-000000-aa.journal"
        file.write_bytes(b'{"volstudio_journal":2,"program":"9.0","mood":"good"}\n\x00\x01')
        told = []
        assert recoverable(folder, complain=told.append) == []
        assert "newer volstudio (9.0)" in told[0]
        assert file.exists()

    def test_few_broken_journals_are_kept(self, folder):
        folder.mkdir(parents=True)
        for k in range(9):
            (folder / f"2020010{k}-000000-aa.broken").touch()
        recoverable(folder)
        assert sorted(path.name[:8] for path in folder.iterdir()) == [f"2020010{k}" for k in range(4, 9)]


class TestMutations:
    @given(data=st.data())
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_no_bytes_stop_a_start(self, tmp_path_factory, data):
        folder = tmp_path_factory.mktemp("journals")
        session = Session(SCENE, journal=Journal.start(folder))
        for command in (c.SetTitle("a"), c.Place("t1", shift(1), gesture="g"), c.SetLook("t1", Look(colourmap="hot")), c.RemoveLayer("t1")):
            session.apply(command)
        session.undo()
        path = session.journal.path
        session.close(keep_journal=True)
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 5))):
            at = data.draw(st.integers(0, len(content) - 1))
            piece = data.draw(st.binary(max_size=3) | st.sampled_from([b"\n", b"[", b"{", b'"', b"9", b"-", b"e999", b"null", b"NaN"]))
            content[at : at + data.draw(st.integers(0, 3))] = piece
        path.write_bytes(content)
        told = []
        for recovery in recoverable(folder, complain=told.append):
            recovered = recovery.session()
            while recovered.undo():
                pass
            while recovered.redo():
                pass
            recovered.close()
        assert not list(folder.glob("*.journal")) or "newer" in told[0]


class TestSize:
    def test_a_long_session_is_written_anew_and_stays_exact(self, crashed, folder, monkeypatch):
        monkeypatch.setattr(journal_module, "MAX_BYTES", 2000)
        begun = []
        begin = Journal.begin
        monkeypatch.setattr(Journal, "begin", lambda journal, session: (begun.append(1), begin(journal, session)))
        session = crashed(*STORY, *(c.Place("扫描", shift(x), gesture="long") for x in range(100)))
        assert len(begun) > 5
        (recovery,) = recoverable(folder)
        assert same(recovery.session(record=False), session)
        recovery.discard()

    def test_layers_that_scenes_share_are_written_once(self, crashed, folder, monkeypatch):
        layers = tuple(Layer(f"layer {k}", f"/data/{'long' * 20}/{k}.nii", shift(k)) for k in range(20))
        session = Session(Scene(layers=layers), journal=Journal.start(folder))
        for k in range(400):
            session.apply(c.Place("layer 3", shift(k + 100)))
        session.journal.begin(session)
        assert session.journal.path.stat().st_size < 400_000
        session.close()


class TestFailingDisk:
    def test_the_person_is_told_once_and_work_goes_on(self, folder, monkeypatch):
        session = Session(SCENE, journal=Journal.start(folder))
        told = []
        session.on_change(lambda before, after: told.append(after.title))

        def full(descriptor, data):
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(journal_module.os, "write", full)
            with pytest.raises(OutputError, match=r"not recorded any longer.*No space left"):
                session.apply(c.SetTitle("a"))
        assert session.journal is None
        session.apply(c.SetTitle("b"))
        assert told == ["a", "b"]

    def test_a_folder_that_cannot_be_written(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(OutputError, match="not recorded"):
            Journal.start(tmp_path / "file" / "journals")


CHILD = """
import sys
from pathlib import Path
from volstudio.scene.model import Layer, Placement, Scene
from volstudio.session import commands as c
from volstudio.session.journal import Journal
from volstudio.session.session import Session

session = Session(Scene(layers=(Layer("epi", "/data/epi.nii"),)), journal=Journal.start(Path(sys.argv[1])))
x = 0
while True:
    x += 1
    rows = ((1.0, 0.0, 0.0, float(x)), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))
    session.apply(c.Place("epi", Placement(rows, "hand"), gesture=f"{x // 50}"))
    if x % 100 == 0:
        print(x, flush=True)
"""


def test_kill_9_loses_nothing_that_was_told(folder, tmp_path):
    script = tmp_path / "child.py"
    script.write_text(textwrap.dedent(CHILD))
    child = subprocess.Popen([sys.executable, str(script), str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        told = 0
        while told < 700:
            told = int(child.stdout.readline())
            assert recoverable(folder) == [], "its program lives"
    finally:
        child.kill()
        rest = child.stdout.read().split()
        child.wait()
        child.stdout.close()
    told = max([told, *map(int, rest)])
    # The system gives the lock back when it has buried the process.
    for _ in range(100):
        found = recoverable(folder)
        if found:
            break
        time.sleep(0.05)
    (recovery,) = found
    x = recovery.scene.layer("epi").placement.matrix[0][3]
    assert x >= told
    assert recovery.changes == x // 50 + 1
    session = recovery.session()
    while session.undo():
        pass
    assert session.scene.layer("epi").placement == Placement()
    session.close()
    assert list(folder.iterdir()) == []


def test_processes_that_start_together_get_one_each(folder, crashed):
    for k in range(3):
        crashed(c.SetTitle(str(k)))
    code = (
        "import sys, time; from pathlib import Path; from volstudio.session.recovery import recoverable\n"
        "found = recoverable(Path(sys.argv[1])); print(len(found), flush=True); sys.stdin.read()"
    )
    children = [
        subprocess.Popen([sys.executable, "-c", code, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    counts = [int(child.stdout.readline()) for child in children]
    for child in children:
        child.communicate()
    assert sum(counts) == 3
    assert len([recovery.discard() for recovery in recoverable(folder)]) == 3


def test_the_descriptor_is_not_inherited(folder):
    session = Session(SCENE, journal=Journal.start(folder))
    assert not os.get_inheritable(session.journal._descriptor)
    session.close()


@pytest.mark.parametrize("name", [b"/data/caf\xe9 \xff.nii", b"/data/a\nb\x1b.nii"])
def test_files_whose_names_are_no_text_are_remembered(crashed, folder, name):
    path = os.fsdecode(name)
    session = crashed(
        c.AddLayer(Layer("odd", path)),
        c.Relocate("t1", path),
        lambda session: session.undo(),
        scene=Scene(layers=(Layer("t1", path + "2"), SCENE.layers[1])),
    )
    (left,) = recoverable(folder)
    again = left.session(record=False)
    assert same(again, session)
    assert again.scene.layer("odd").path == path
