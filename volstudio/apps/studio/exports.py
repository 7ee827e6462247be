"""What leaves the window as files: edited header, resampled volume, transform, picture. Never over a source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from volstudio.tasks.save import save_edited_header, save_resampled, save_transform
from volstudio.tasks.shots import shot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from volstudio.apps.studio.ask import Ask
    from volstudio.apps.studio.desk import Desk
    from volstudio.apps.studio.messages import MessageArea
    from volstudio.scene.model import Scene
    from volstudio.volumes.volume import Finding

__all__ = ["Exports"]

VOLUMES = "NIfTI (*.nii.gz *.nii);;All files (*)"
# Only the header of a FreeSurfer file can be edited into a FreeSurfer file; anything else is refused in a sentence.
HEADERS = "NIfTI (*.nii.gz *.nii);;FreeSurfer (*.mgz *.mgh);;All files (*)"
TRANSFORMS = (
    "ITK transform (*.tfm *.txt *.h5 *.hdf5 *.itk.mat);;FSL FLIRT (*.mat *.fsl *.flirt);;FreeSurfer (*.lta *.dat);;"
    "AFNI (*.aff12.1D *.1D *.afni);;MRtrix (*.mrtrix.txt *.mrtrix);;Convert3D (*.c3d.mat *.c3d.txt *.c3d);;"
    "Plain 4 x 4 (*.xfm.txt *.mat4 *.npy);;X5 (*.x5);;All files (*)"
)
PICTURES = "Pictures (*.png *.jpg *.jpeg *.tif *.tiff)"
PICTURE_SIZE = (1800, 1350)


class Exports:
    """Asks for a target and writes the layer at hand.

    Parameters
    ----------
    desk : Desk
    ask : Ask
    messages : MessageArea
    """

    def __init__(self, desk: Desk, ask: Ask, messages: MessageArea) -> None:
        self._desk, self._ask, self._messages = desk, ask, messages

    def edited_header(self) -> None:
        """The voxels as they are, with the placement in the header."""
        self._export(
            "Edited header of {}", "_aligned", HEADERS, lambda scene, name, path: save_edited_header(scene, name, path, overwrite=True)
        )

    def resampled(self) -> None:
        """New voxels on the grid of another layer."""
        name = self._desk.active
        scene = self._desk.session.scene
        others = [other for other in scene.names if other != name]
        if not others:
            self._messages.say("Resampling needs a second volume whose grid is used; open it first.")
            return
        onto = self._ask.one_of("Resampled volume", f"Resample {name} on the grid of", others)
        if onto is None:
            return
        self._export(
            "Resampled {}", f"_on_{onto}", VOLUMES, lambda scene, name, path: save_resampled(scene, name, path, onto=onto, overwrite=True)
        )

    def transform(self) -> None:
        """Where the layer lies on another one, as a transform file; which other one is asked where there are several."""
        name = self._desk.active
        others = [other for other in self._desk.session.scene.names if other != name]
        if name is not None and not others:
            self._messages.say("A transform joins two volumes; open the fixed one first.")
            return
        onto = others[0] if len(others) == 1 else self._ask.one_of("Transform", f"Transform that brings {name} onto", others)
        if onto is None:
            return

        def write(scene: Scene, name: str, path: Path) -> None:
            save_transform(scene, name, path, onto=onto, overwrite=True)

        self._export("Transform of {}", f"_onto_{onto}".replace("/", "_"), TRANSFORMS, write, suffix=".tfm")

    def picture(self) -> None:
        """The scene as a picture, as the script would draw it."""
        target = self._ask.file_to_save("Picture", "picture.png", PICTURES)
        if target is None:
            return
        scene = self._desk.session.scene
        size = PICTURE_SIZE if scene.view == "quad" else None
        self._desk.worker.start(
            f"drawing {target.name}",
            lambda _: shot(scene, target, size=size, overwrite=True),
            lambda written: self._messages.say(f"Saved {written.name}.", "good"),
            failed=lambda error: self._messages.tell(error, what=f"{target.name} was not written"),
        )

    def _export(self, title: str, ending: str, kinds: str, write: Callable[..., object], *, suffix: str = ".nii.gz") -> None:
        name = self._desk.active
        if name is None:
            self._messages.say("There is nothing to export yet; open a volume first.")
            return
        target = self._ask.file_to_save(title.format(name), f"{name.replace('/', '_')}{ending}{suffix}", kinds)
        if target is None:
            return
        scene = self._desk.session.scene

        def done(findings: object) -> None:
            self._messages.say(f"Saved {target.name}.", "good")
            for finding in findings if isinstance(findings, tuple) else ():
                self._say(finding)

        def failed(error: BaseException) -> None:
            self._messages.tell(error, what=f"{target.name} was not written")

        self._desk.worker.start(f"writing {target.name}", lambda _: write(scene, name, target), done, failed=failed)

    def _say(self, finding: Finding) -> None:
        self._messages.say(finding.text, "error" if finding.severity == "error" else "info")
