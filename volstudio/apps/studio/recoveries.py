"""Sessions of programs that died: offered at the start, and from the menu for as long as nobody has decided about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from volstudio.errors import OutputError
from volstudio.session.recovery import recoverable

if TYPE_CHECKING:
    from collections.abc import Callable

    from volstudio.apps.studio.desk import Desk
    from volstudio.apps.studio.messages import MessageArea
    from volstudio.session.recovery import Recovery
    from volstudio.session.session import Session

__all__ = ["Recoveries"]


class Recoveries:
    """Offers sessions back.

    Parameters
    ----------
    desk : Desk
    messages : MessageArea
    may_go : callable
        Whether the present session may be left.
    take : callable
        Goes on with another session.
    """

    def __init__(self, desk: Desk, messages: MessageArea, may_go: Callable[[], bool], take: Callable[[Session], None]) -> None:
        self._desk, self._messages, self._may_go, self._take = desk, messages, may_go, take
        self._offered: list[Recovery] = []

    def look(self) -> None:
        """Look for sessions that were not closed, and offer them; those in which nothing was done are forgotten."""
        with self._desk.telling():
            for recovery in recoverable(complain=self._note):
                if recovery.changes or recovery.notes:
                    self._offered.append(recovery)
                else:
                    recovery.discard()  # it was only looked at
        self._offer()

    def ask(self) -> None:
        """Offer them again, and what has died since; say so where there are none."""
        self.look()
        if not self._offered:
            self._messages.say("No session is waiting to be brought back: all were closed.", "good")

    def close(self) -> None:
        """What was not decided about waits for the next start."""
        for recovery in self._offered:
            recovery.leave()
        self._offered.clear()

    def _note(self, text: str) -> None:
        self._messages.say(text)

    def _offer(self) -> None:
        """One message for all of them, so that each stays within reach however many there are; the latest first."""
        if not self._offered:
            return
        recovery, number = self._offered[0], len(self._offered)
        names = ", ".join(recovery.scene.names) or "no volumes"
        steps = f"{recovery.changes} change{'' if recovery.changes == 1 else 's'}"
        several = f"{number} sessions were not closed. " if number > 1 else ""
        begun = f"{several}One from {recovery.started}" if several else f"A session from {recovery.started} was not closed"
        choices = [("Restore", lambda: self._restore(recovery)), ("Discard", lambda: self._discard(recovery))]
        if several:
            choices.append(("Next", self._offer_another))
        self._messages.say(f"{begun}: {names}; {steps}.", actions=choices, details="\n".join(recovery.notes))

    def _offer_another(self) -> None:
        self._offered.append(self._offered.pop(0))
        self._offer()

    def _restore(self, recovery: Recovery) -> None:
        if not self._may_go():
            self._offer()
            return
        self._offered.remove(recovery)
        with self._desk.telling():
            try:
                restored = recovery.session()
            except OutputError as error:
                self._desk.complained.emit(error)
                restored = recovery.session(record=False)
            self._take(restored)
        self._offer()

    def _discard(self, recovery: Recovery) -> None:
        self._offered.remove(recovery)
        recovery.discard()
        self._offer()
