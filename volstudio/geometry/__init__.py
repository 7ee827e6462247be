"""Spaces, affine maps, rigid transforms and grids; numpy only, no files, no voxels."""
