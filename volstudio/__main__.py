"""``python -m volstudio`` is the command ``volstudio``; both begin here, so that Ctrl-C is quiet from the first moment on."""

from __future__ import annotations

import signal

__all__ = ["main"]


def main() -> None:
    """Entry point of the executable: until there is somebody to say a sentence, Ctrl-C ends the process as the system does."""
    hears = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # it may be ignored, as behind a shell's &
    if hears:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from volstudio.apps import cli

    if hears:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    cli.main()


if __name__ == "__main__":
    main()
