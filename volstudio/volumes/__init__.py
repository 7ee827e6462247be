"""Voxels and where they came from."""
