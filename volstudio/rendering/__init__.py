"""A scene into pixels: slices on the CPU, volumes through VTK."""
