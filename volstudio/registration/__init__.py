"""Rigid registration estimates; no scene, no window."""
