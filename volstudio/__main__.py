"""``python -m volstudio`` is the command ``volstudio``."""

from volstudio.apps.cli import main

if __name__ == "__main__":
    main()
