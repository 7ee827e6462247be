"""The studio's window: four panes, the side panel, the readout, menus and messages, all on one desk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace
from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFrame, QMainWindow, QMenu, QScrollArea, QSplitter, QStackedWidget, QToolBar, QVBoxLayout, QWidget

from volstudio.apps.studio.actions import build_actions, fill_menus
from volstudio.apps.studio.ask import Ask
from volstudio.apps.studio.commands_of_window import OPTIONS, entries_of
from volstudio.apps.studio.desk import Desk
from volstudio.apps.studio.documents import Documents
from volstudio.apps.studio.exports import Exports
from volstudio.apps.studio.judge import Judge
from volstudio.apps.studio.landmark_panel import LandmarkPanel
from volstudio.apps.studio.layer_panel import LayerPanel
from volstudio.apps.studio.likeness import Likeness
from volstudio.apps.studio.look_panel import LookPanel
from volstudio.apps.studio.messages import MessageArea
from volstudio.apps.studio.numbers import NumberField
from volstudio.apps.studio.pane_frame import PaneFrame
from volstudio.apps.studio.placement_panel import PlacementPanel
from volstudio.apps.studio.readout_bar import ReadoutBar
from volstudio.apps.studio.recent import recent_files
from volstudio.apps.studio.refine import Refiner
from volstudio.apps.studio.refine_panel import RefinePanel
from volstudio.apps.studio.scene_pane import ScenePane
from volstudio.apps.studio.sheets import about_sheet, doctor_sheet, keys_sheet
from volstudio.apps.studio.slice_pane import SlicePane
from volstudio.apps.studio.welcome import Welcome
from volstudio.rendering.planes import PLANES, crosshair_of
from volstudio.scene.model import Clip
from volstudio.session.commands import SetBoxes, SetClips, SetConvention, SetForm, SetLook, SetOptions, SetView

if TYPE_CHECKING:
    from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent

    from volstudio.apps.studio.actions import Slot
    from volstudio.apps.studio.pointing import Pointing
    from volstudio.scene.model import Scene
    from volstudio.session.session import Session

__all__ = ["StudioWindow"]

SIDE_WIDTH = 336
FIRST_SIZE = (1480, 1000)  # the side panel whole, with a result
TOOLS = (
    ("open", "save"),
    ("undo", "redo"),
    ("move_tool", "refine"),
    ("view_quad", "view_ortho", "view_axial", "view_coronal", "view_sagittal", "view_3d"),
    ("show_crosshair", "fit"),
    ("export_picture", "doctor"),
)


class StudioWindow(QMainWindow):
    """One window on one session.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.setObjectName("studio")
        self.setAcceptDrops(True)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, on=False)
        self.desk = Desk(session)
        self.messages = MessageArea()
        self.desk.complained.connect(self.messages.tell)
        self.ask = Ask(self)
        self.documents = Documents(self.desk, self.ask, self.messages)
        self.exports = Exports(self.desk, self.ask, self.messages)
        self.refiner, self.judge, self.likeness = Refiner(self.desk), Judge(self.desk), Likeness(self.desk)
        for part in (self.desk, self.documents, self.refiner, self.judge, self.likeness):
            part.setParent(self)  # what they are connected to goes with the window, and so do all that those connections hold
        self._make_panes()
        self._make_side()
        self.readout = ReadoutBar(self.desk)
        self._lay_out()
        self.entries = entries_of(self)
        self.actions_by_name = build_actions(self, self.entries, self._command)
        fill_menus(self.menuBar(), self.entries, self.actions_by_name)
        self._make_recent_menu()
        self._make_toolbar()
        self.desk.changed.connect(self._on_change)
        self.desk.history_changed.connect(self._show_history)
        self.desk.active_changed.connect(self._show_state)
        self.desk.tool_changed.connect(self._show_state)
        for told in (self.refiner.started, self.refiner.finished, self.refiner.stopped, self.judge.changed):
            told.connect(lambda *_: self._show_state())
        self.landmarks.readied.connect(self._show_state)
        self.documents.recent_changed.connect(self._fill_recent)
        for field in self.findChildren(NumberField):
            field.entered.connect(self.focus_pane)
        self._on_change(self.desk.shown, self.desk.shown)
        self._show_history()
        self.resize(QSize(*FIRST_SIZE).boundedTo(self.screen().availableSize()))

    def set_view(self, view: str) -> None:
        """Choose the layout of the panes."""
        self.desk.apply(SetView(view))  # type: ignore[arg-type]  # one of the table's views
        self._show_state()

    def set_convention(self, word: str) -> None:
        """Neurological or radiological."""
        self.desk.apply(SetConvention(word))  # type: ignore[arg-type]  # one of the two words

    def set_option(self, name: str, *, on: bool) -> None:
        """Show or hide what is drawn around the layers."""
        self.desk.apply(SetOptions(**{name: on}))  # type: ignore[arg-type]  # a flag of the scene

    def toggle_boxes(self, on: bool) -> None:  # noqa: FBT001 - a slot of a toggling action
        """Show or hide the boxes of all layers in 3D."""
        self.desk.apply(SetBoxes(on))

    def toggle_clip(self, on: bool) -> None:  # noqa: FBT001 - a slot of a toggling action
        """Cut the volumes away on the eye's side of the crosshair, or show them whole."""
        if not on:
            self.desk.apply(SetClips(()))
            return
        with self.desk.telling():
            at = crosshair_of(self.desk.shown, self.desk.volumes)
            self.desk.apply(SetClips((Clip(at, self.scene_pane.towards_scene),)))

    def look_from(self, side: str) -> None:
        """Look at the 3D view from a side."""
        self.scene_pane.look_from(side)

    def step_slice(self, by: int) -> None:
        """Next slice in the pane under the mouse, else in the axial one."""
        under = [pane for pane in self.slice_panes.values() if pane.underMouse()]
        (under[0] if under else self.slice_panes["axial"]).step(by)

    def toggle_layer(self) -> None:
        """Show or hide the layer at hand."""
        if self.desk.active is not None:
            self.layers.toggle_visible(self.desk.active)

    def choose_layer(self, by: int) -> None:
        """Take the layer above or below at hand."""
        names = self.desk.shown.names
        if names:
            index = names.index(self.desk.active) if self.desk.active in names else 0
            self.desk.set_active(names[(index + by) % len(names)])

    def change_opacity(self, by: float) -> None:
        """Make the layer at hand more or less opaque."""
        layer = self.desk.active_layer
        if layer is not None:
            opacity = min(max(layer.look.opacity + by, 0.0), 1.0)
            self.desk.apply(SetLook(layer.name, replace(layer.look, opacity=opacity)))

    def set_form(self, form: str) -> None:
        """Choose which placement of the file the layer at hand uses."""
        if self.desk.active is not None:
            self.desk.apply(SetForm(self.desk.active, form))  # type: ignore[arg-type]  # one of the three words
        self._show_state()

    def escape(self) -> None:
        """Take back the running drag; otherwise leave a pane that is alone, or put the Move tool away."""
        if any([pane.cancel_drag() for pane in (*self.slice_panes.values(), self.scene_pane)]):  # noqa: C419 - each is asked
            return
        if self.focusWidget() is not None:
            self.focusWidget().clearFocus()

    def focus_pane(self) -> None:
        """Give the keyboard to the panes, so that no field has it; to the one under the mouse where there is one."""
        seen = [pane for pane in self.panes.values() if pane.isVisible()]
        under = [pane for pane in seen if pane.underMouse()]
        for pane in (under or seen)[:1]:
            pane.setFocus()

    def show_keys(self) -> None:
        """The sheet of keys."""
        keys_sheet(self, self.entries).show()

    def show_about(self) -> None:
        """What this program is."""
        about_sheet(self).show()

    def show_doctor(self, name: str | None = None) -> None:
        """What the header doctor says of one layer, or of all."""
        with self.desk.telling():
            wanted = [layer for layer in reversed(self.desk.shown.layers) if name in (None, layer.name)]
            doctor_sheet(self, [(layer.name, self.desk.volumes(layer)) for layer in wanted]).show()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 - Qt's name
        """Files may be dropped anywhere."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802 - Qt's name
        """Open what was dropped."""
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        event.acceptProposedAction()
        self.documents.open_paths(paths)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Ask about unsaved work, stop what runs, give the graphics memory back."""
        self._commit_typed()
        if not self.documents.may_go():
            event.ignore()
            return
        self.shut()
        event.accept()

    def shut(self) -> None:
        """End everything, without a question."""
        self.desk.close()
        for pane in self.panes.values():
            pane.shut()
        self.documents.close()

    def _command(self, slot: Slot) -> Slot:
        """What a command does, after the number that is still being typed was taken, and with its errors told."""
        run = self.desk.guarded(slot)

        def call(*arguments: object) -> None:
            self._commit_typed()
            run(*arguments)

        return call

    def _commit_typed(self) -> None:
        field = self.focusWidget()
        if isinstance(field, NumberField):
            field.commit()

    def _make_panes(self) -> None:
        self.slice_panes = {plane: SlicePane(self.desk, plane) for plane in PLANES}
        self.scene_pane = ScenePane(self.desk)
        self.panes: dict[str, Pointing] = {**{str(plane): pane for plane, pane in self.slice_panes.items()}, "3d": self.scene_pane}
        self.frame = PaneFrame(self.desk, self.panes)

    def _make_side(self) -> None:
        self.layers = LayerPanel(self.desk, self.documents.ask_volumes, self.show_doctor)
        self.look = LookPanel(self.desk)
        self.placement = PlacementPanel(self.desk)
        self.refine = RefinePanel(self.desk, self.refiner, self.judge, self.likeness)
        self.landmarks = LandmarkPanel(self.desk, self.refiner, self.refine)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for section in (self.layers, self.look, self.placement, self.refine, self.landmarks):
            column.addWidget(section)
        column.addStretch(1)
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidgetResizable(True)
        area.setWidget(inside)
        self.refine.told.connect(lambda: area.ensureWidgetVisible(self.refine, 0, 0))
        self.landmarks.told.connect(lambda: area.ensureWidgetVisible(self.landmarks, 0, 0))
        self.side = QFrame()
        self.side.setObjectName("side")
        whole = QVBoxLayout(self.side)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(area)
        # What the words need in this typeface, and room for a scroll bar.
        self.side.setMinimumWidth(max(SIDE_WIDTH, inside.minimumSizeHint().width() + 10))

    def _lay_out(self) -> None:
        self.welcome = Welcome(self.documents)
        self.stage = QStackedWidget()
        self.stage.addWidget(self.welcome)
        self.stage.addWidget(self.frame)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setHandleWidth(1)
        split.setChildrenCollapsible(False)
        split.addWidget(self.stage)
        split.addWidget(self.side)
        split.setStretchFactor(0, 1)
        split.setStretchFactor(1, 0)
        split.setSizes([FIRST_SIZE[0] - SIDE_WIDTH, SIDE_WIDTH])
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.messages)
        column.addWidget(split, 1)
        column.addWidget(self.readout)
        self.setCentralWidget(centre)

    def _make_toolbar(self) -> None:
        bar = QToolBar("Tools")
        bar.setObjectName("tools")
        bar.setMovable(False)
        bar.setIconSize(QSize(16, 16))
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        for number, names in enumerate(TOOLS):
            if number:
                bar.addSeparator()
            for name in names:
                bar.addAction(self.actions_by_name[name])
        self.addToolBar(bar)

    def _make_recent_menu(self) -> None:
        self.recent_menu = QMenu("Open recent", self)
        files = self.menuBar().actions()[0].menu()
        if isinstance(files, QMenu):
            files.insertMenu(self.actions_by_name["save"], self.recent_menu)
        self._fill_recent()

    def _fill_recent(self) -> None:
        self.recent_menu.clear()
        for path in recent_files():
            action = self.recent_menu.addAction(path.name.replace("&", "&&"))
            action.setToolTip(str(path))
            action.triggered.connect(lambda _=False, path=path: self.documents.open_paths([path]))
        self.recent_menu.setEnabled(not self.recent_menu.isEmpty())

    def _on_change(self, before: Scene, after: Scene) -> None:
        del before
        self.stage.setCurrentWidget(self.frame if after.layers else self.welcome)
        self._show_state()

    def _show_state(self) -> None:
        scene, actions = self.desk.shown, self.actions_by_name
        actions[f"view_{scene.view}"].setChecked(True)
        actions[scene.convention].setChecked(True)
        for name, *_ in OPTIONS:
            actions[name].setChecked(getattr(scene, name))
        actions["boxes"].setChecked(any(layer.box for layer in scene.layers))
        actions["clip"].setChecked(bool(scene.clips))
        actions["move_tool"].setChecked(self.desk.move_tool)
        layer = self.desk.active_layer
        actions[f"form_{layer.form if layer else 'auto'}"].setChecked(True)
        for name in ("export_header", "export_resampled", "export_transform", "export_picture", "reset_placement", "copy_matrix", "doctor"):
            actions[name].setEnabled(bool(scene.layers))
        for name in ("toggle_layer", "rename", "remove", "more_opaque", "less_opaque", "move_tool", "save", "save_as"):
            actions[name].setEnabled(bool(scene.layers))
        for name in ("refine", "search_anywhere", "judge"):
            actions[name].setEnabled(len(scene.layers) > 1 and not self.refiner.running)
        actions["cancel_refine"].setEnabled(self.refiner.running or self.judge.running)
        actions["mark_landmark"].setEnabled(bool(scene.layers))
        actions["fit_landmarks"].setEnabled(self.landmarks.ready)

    def _show_history(self) -> None:
        session = self.desk.session
        for name, can, text in (("undo", session.can_undo, session.undo_text), ("redo", session.can_redo, session.redo_text)):
            action = self.actions_by_name[name]
            action.setEnabled(can)
            plain = f"{name.capitalize()} {text[:1].lower()}{text[1:]}" if can else name.capitalize()
            action.setText(plain.replace("&", "&&"))
            action.setToolTip(f"{plain} ({'Ctrl+Z' if name == 'undo' else 'Ctrl+Shift+Z'})")
        path = session.saved_path
        what = path.name if path else session.scene.title or "Untitled session"
        self.setWindowTitle(f"{what}{' •' if session.dirty and session.scene.layers else ''} — volstudio")

    def report(self, error: BaseException) -> None:
        """Last resort for what nobody caught."""
        if not isinstance(error, KeyboardInterrupt):
            self.messages.tell(error)
