"""The only writable object: a scene, the commands that change it, and its history."""
