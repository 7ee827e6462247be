"""One file per command of ``volstudio``; each imports what it needs when it runs, so that the others start at once."""
