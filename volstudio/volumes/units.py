"""Units of length as headers spell them, in millimetres."""

from __future__ import annotations

from volstudio.volumes.volume import Finding

__all__ = ["MILLIMETRES", "unit_scale"]

MILLIMETRES = {
    1.0: ("mm", "millimeter", "millimetre", "millimeters", "millimetres"),
    1e3: ("m", "meter", "metre", "meters", "metres"),
    10.0: ("cm", "centimeter", "centimetre", "centimeters", "centimetres"),
    1e-3: ("um", "µm", "μm", "micron", "microns", "micrometer", "micrometre", "micrometers", "micrometres"),
    1e-6: ("nm", "nanometer", "nanometre", "nanometers", "nanometres"),
    25.4: ("in", "inch", "inches"),
}
UNSTATED = ("", "???", "none", "nan", "pixel", "pixels", "voxel", "voxels")


def unit_scale(unit: str) -> tuple[float, tuple[Finding, ...]]:
    """Millimetres in one unit of a header, and what to say about it.

    >>> unit_scale("um")[0], unit_scale("mm"), unit_scale("furlong")[1][0].code
    (0.001, (1.0, ()), 'units-unknown')
    """
    word = unit.strip().lower()
    if word in UNSTATED:
        return 1.0, ()
    for scale, words in MILLIMETRES.items():
        if word in words:
            if scale == 1.0:
                return scale, ()
            text = f"The header's unit of length is {unit.strip()!r}; its lengths are converted to mm (times {scale:g})."
            return scale, (Finding("units-converted", text, "warning"),)
    text = f"The header's unit of length {unit.strip()[:40]!r} is not known; mm are taken. Check the voxel sizes."
    return 1.0, (Finding("units-unknown", text, "warning"),)
