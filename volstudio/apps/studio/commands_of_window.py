"""The table of the window's commands; what each does is the window's business."""

from __future__ import annotations

from typing import TYPE_CHECKING

from volstudio.apps.studio.actions import LINE, Entry

if TYPE_CHECKING:
    from volstudio.apps.studio.window import StudioWindow

__all__ = ["STANDARD_VIEWS", "entries_of"]

STANDARD_VIEWS = (
    ("anterior", "The front (anterior)"),
    ("posterior", "The back (posterior)"),
    ("left", "The left"),
    ("right", "The right"),
    ("superior", "Above (superior)"),
    ("inferior", "Below (inferior)"),
)
LAYOUTS = (("quad", "Four panes", "quad"), ("ortho", "Three slices", "ortho"), ("axial", "Axial", "axial"),
           ("coronal", "Coronal", "coronal"), ("sagittal", "Sagittal", "sagittal"), ("3d", "3D", "cube"))  # fmt: skip
OPTIONS = (
    ("show_crosshair", "Crosshair", ("C",), "crosshair"),
    ("letters", "Orientation letters", (), ""),
    ("scale_bar", "Scale bar", (), ""),
    ("colour_bars", "Colour bars in pictures", (), ""),
    ("slices_in_3d", "Slices in 3D", (), ""),
)


def entries_of(window: StudioWindow) -> tuple[Entry, ...]:
    """All commands, in the order of the menus."""
    return (*_file(window), *_edit(window), *_view(window), *_layer(window), *_align(window), *_help(window))


def _line(menu: str) -> Entry:
    return Entry("", menu, LINE)


def _file(window: StudioWindow) -> tuple[Entry, ...]:
    files, exports = window.documents, window.exports
    return (
        Entry("open", "File", "&Open volumes…", ("Ctrl+O",), files.ask_volumes, "open"),
        Entry("open_session", "File", "Open &session…", ("Ctrl+Shift+O",), files.ask_session),
        Entry("recover", "File", "Reco&ver session…", (), files.recoveries.ask),
        _line("File"),
        Entry("save", "File", "&Save session", ("Ctrl+S",), files.save, "save"),
        Entry("save_as", "File", "Save session &as…", ("Ctrl+Shift+S",), files.save_as),
        _line("File"),
        Entry("export_header", "File/Export", "&Edited header…", ("Ctrl+E",), exports.edited_header),
        Entry("export_resampled", "File/Export", "&Resampled volume…", (), exports.resampled),
        Entry("export_transform", "File/Export", "&Transform…", (), exports.transform),
        Entry("export_picture", "File/Export", "&Picture…", ("Ctrl+P",), exports.picture, "camera"),
        _line("File"),
        Entry("close_session", "File", "&New session", ("Ctrl+N",), files.new),
        Entry("quit", "File", "&Quit", ("Ctrl+Q",), window.close),
    )


def _edit(window: StudioWindow) -> tuple[Entry, ...]:
    return (
        Entry("undo", "Edit", "Undo", ("Ctrl+Z",), window.desk.undo, "undo"),
        Entry("redo", "Edit", "Redo", ("Ctrl+Shift+Z", "Ctrl+Y"), window.desk.redo, "redo"),
        _line("Edit"),
        Entry("reset_placement", "Edit", "Reset &placement", ("Ctrl+Backspace",), window.placement.reset_placement),
        Entry("copy_matrix", "Edit", "&Copy placement matrix", ("Ctrl+Shift+C",), window.placement.copy_matrix),
    )


def _view(window: StudioWindow) -> tuple[Entry, ...]:
    layouts = tuple(
        Entry(
            f"view_{view}",
            "View",
            text,
            (f"Ctrl+{number}",),
            lambda _on, view=view: window.set_view(view),
            picture,
            checkable=True,
            group="layout",
        )
        for number, (view, text, picture) in enumerate(LAYOUTS, start=1)
    )
    conventions = tuple(
        Entry(word, "View", text, (), lambda _on, word=word: window.set_convention(word), checkable=True, group="convention")
        for word, text in (("neurological", "Neurological: left is left"), ("radiological", "Radiological: left is right"))
    )
    options = tuple(
        Entry(name, "View", text, keys, lambda on, name=name: window.set_option(name, on=on), picture, checkable=True)
        for name, text, keys, picture in OPTIONS
    )
    standard = tuple(
        Entry(f"look_{side}", "View/3D from", words, (str(number),), lambda side=side: window.look_from(side))
        for number, (side, words) in enumerate(STANDARD_VIEWS, start=1)
    )
    return (
        *layouts,
        _line("View"),
        *conventions,
        Entry("switch_convention", "", "Switch convention", ("X",), window.readout.switch_convention),
        _line("View"),
        *options,
        Entry("boxes", "View", "Boxes in 3D", ("B",), window.toggle_boxes, checkable=True),
        Entry("clip", "View", "Cut 3D at the crosshair", ("K",), window.toggle_clip, checkable=True),
        _line("View"),
        *standard,
        Entry("look_free", "View/3D from", "A corner", ("0",), lambda: window.look_from("corner")),
        Entry("fit", "View", "Fit all views", ("R",), window.desk.fit_views, "fit"),
        Entry("slice_up", "", "Next slice", ("PgUp",), lambda: window.step_slice(1)),
        Entry("slice_down", "", "Previous slice", ("PgDown",), lambda: window.step_slice(-1)),
    )


def _layer(window: StudioWindow) -> tuple[Entry, ...]:
    return (
        Entry("toggle_layer", "Layer", "&Show or hide", ("S",), window.toggle_layer),
        Entry("rename", "Layer", "&Rename", ("F2",), window.layers.rename_active),
        Entry("remove", "Layer", "Re&move", ("Del",), window.layers.remove_active),
        _line("Layer"),
        Entry("layer_up", "Layer", "Move &up", ("Ctrl+]",), lambda: window.layers.move_active(1)),
        Entry("layer_down", "Layer", "Move &down", ("Ctrl+[",), lambda: window.layers.move_active(-1)),
        Entry("next_layer", "Layer", "&Next layer", ("]",), lambda: window.choose_layer(1)),
        Entry("previous_layer", "Layer", "&Previous layer", ("[",), lambda: window.choose_layer(-1)),
        _line("Layer"),
        Entry("more_opaque", "Layer", "More opaque", ("A",), lambda: window.change_opacity(0.1)),
        Entry("less_opaque", "Layer", "Less opaque", ("D",), lambda: window.change_opacity(-0.1)),
        _line("Layer"),
        Entry("form_auto", "Layer/Header form", "As NIfTI says", (), lambda _on: window.set_form("auto"), checkable=True, group="form"),
        Entry("form_s", "Layer/Header form", "sform", (), lambda _on: window.set_form("s"), checkable=True, group="form"),
        Entry("form_q", "Layer/Header form", "qform", (), lambda _on: window.set_form("q"), checkable=True, group="form"),
        Entry("doctor", "Layer", "Header d&octor…", ("F1",), window.show_doctor, "info"),
    )


def _align(window: StudioWindow) -> tuple[Entry, ...]:
    return (
        Entry("move_tool", "Align", "&Move tool", ("M",), window.desk.set_move_tool, "move", checkable=True),
        Entry("refine", "Align", "&Refine from here", ("Ctrl+R",), window.refine.refine, "refine"),
        Entry("search_anywhere", "Align", "&Search anywhere", ("Ctrl+Shift+R",), window.refine.search_anywhere, "search"),
        Entry("judge", "Align", "&Judge the placement", ("J",), window.refine.judge),
        Entry("cancel_refine", "Align", "&Cancel", (), window.refine.cancel),
        _line("Align"),
        Entry("mark_landmark", "Align", "Mark &landmark", ("L",), window.landmarks.mark_crosshair),
        Entry("fit_landmarks", "Align", "&Fit landmarks", ("Ctrl+L",), window.landmarks.fit_landmarks),
        _line("Align"),
        Entry("load_transform", "Align", "&Load transform…", (), window.documents.ask_transform),
    )


def _help(window: StudioWindow) -> tuple[Entry, ...]:
    return (
        Entry("keys", "Help", "&Keyboard and mouse", ("?",), window.show_keys),
        Entry("about", "Help", "&About volstudio", (), window.show_about),
        Entry("escape", "", "Take back the running drag", ("Esc",), window.escape),
    )
