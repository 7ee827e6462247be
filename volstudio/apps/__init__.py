"""The doors: command line and window; thin."""
