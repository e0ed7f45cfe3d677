"""Names and shapes of a generator's tensors, for those who look at model files without torch."""

from __future__ import annotations

BROAD, WIDE, MIDDLE, NARROW, FINE = 128, 120, 48, 32, 8
"""Channels at 1/16, 1/8, 1/4, 1/2 and 1/1 of the picture's size."""
BLOCKS = 2
NOISES = 8
_CONVOLUTIONS = {
    "level2": (NARROW, 12), "level4": (MIDDLE, NARROW), "level8": (WIDE, MIDDLE), "level16": (BROAD, WIDE),
    "up8": (WIDE, BROAD), "up4": (MIDDLE, WIDE), "up2": (NARROW, MIDDLE), "up1": (FINE, NARROW), "out": (3, FINE),
}  # fmt: skip
_SKIPS = {"skip4": MIDDLE, "skip2": NARROW}


def tensor_shapes() -> dict[str, tuple[int, ...]]:
    """Every tensor of `networks.generator.Generator` by name."""
    shapes: dict[str, tuple[int, ...]] = {}
    kernels = [(name, (*sides, 3, 3)) for name, sides in _CONVOLUTIONS.items()]
    kernels += [(name, (side, side, 1, 1)) for name, side in _SKIPS.items()]
    for block, side in (("broad", BROAD), *((f"trunk.{k}", WIDE) for k in range(BLOCKS))):
        shapes |= {f"{block}.noise.mixture": (side, NOISES, 1, 1), f"{block}.gain": (1, side)}
        kernels += [(f"{block}.{part}", (side, side, 3, 3)) for part in ("a", "b")]
    for name, shape in kernels:
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return shapes
