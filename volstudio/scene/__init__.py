"""What is shown: scenes as values, their files and their rules; no voxels."""
