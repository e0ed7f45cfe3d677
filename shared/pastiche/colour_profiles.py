"""ICC profiles: any source to sRGB, and the sRGB profile that goes into every output.

Relative colorimetric with black-point compensation, as image editors do it. Eight bits go through Pillow's ImageCms,
16 bits and floating point through imagecodecs (both are Little CMS).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

DAMAGED = "The colour profile cannot be used; the colours are taken as sRGB."
CHANNELS = {"RGB": 3, "GRAY": 1, "CMYK": 4}
BLACK_POINT_COMPENSATION = 0x2000
RELATIVE_COLORIMETRIC = 1
FIXED_DATE = bytes((7, 208, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0))
"""1 January 2000 as in an ICC header: the same picture always makes the same file."""


@lru_cache(maxsize=1)
def srgb_profile() -> bytes:
    """The sRGB profile (about 600 bytes)."""
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile[:24] + FIXED_DATE + profile[36:]


def colour_space(profile: bytes) -> str:
    """ "RGB", "GRAY", "CMYK" or another signature of the profile's header; "" for something too short."""
    return profile[16:20].decode("latin-1").strip() if len(profile) >= 128 else ""


def image_to_srgb(image: Image.Image, profile: bytes) -> tuple[Image.Image, str]:
    """An 8-bit picture of mode L, RGB, RGBA or CMYK as RGB or RGBA in sRGB, and a note ("" = all well).

    The profile must be of the mode's colour space; otherwise the picture is converted without it. Alpha is kept.
    """
    wanted = "RGBA" if image.mode == "RGBA" else "RGB"
    space = {"L": "GRAY", "CMYK": "CMYK"}.get(image.mode, "RGB")
    if not profile:
        return image.convert(wanted), "CMYK without a profile is converted roughly." if space == "CMYK" else ""
    if colour_space(profile) != space:
        # Grey pictures with an RGB profile are common; their grey axis is RGB's.
        if image.mode == "L" and colour_space(profile) == "RGB":
            return image_to_srgb(image.convert("RGB"), profile)
        return image.convert(wanted), DAMAGED
    import io

    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
        transform = ImageCms.buildTransform(
            source,
            target,
            image.mode,
            wanted,
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        if image.mode == wanted and _changes_nothing(transform, wanted):
            return image, ""
        return ImageCms.applyTransform(image, transform) or image, ""
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image.convert(wanted), DAMAGED


def _changes_nothing(transform: Any, mode: str) -> bool:
    """Whether a transform between profiles is the identity up to rounding: most files carry some writing of sRGB."""
    from PIL import Image, ImageCms

    steps = [0, 16, 48, 80, 128, 176, 224, 255]
    cube = bytes(value for r in steps for g in steps for b in steps for value in (r, g, b))
    probe = Image.frombytes("RGB", (len(cube) // 3, 1), cube).convert(mode)
    changed = ImageCms.applyTransform(probe, transform)
    return changed is not None and max(abs(a - b) for a, b in zip(probe.tobytes(), changed.tobytes(), strict=True)) <= 1


def array_to_srgb(array: np.ndarray[Any, Any], profile: bytes) -> tuple[np.ndarray[Any, Any], str]:
    """Colours [height, width, 1 | 3 | 4 = CMYK] of u16 or f32 (0..1) as [height, width, 3] in sRGB, and a note."""
    import numpy as np

    channels = array.shape[2]
    space = colour_space(profile)
    note = DAMAGED if profile else ""
    if channels == 1 and space == "RGB":
        array, channels = np.repeat(array, 3, axis=2), 3
    if profile and CHANNELS.get(space) == channels:
        import imagecodecs

        try:
            out = imagecodecs.cms_transform(
                np.ascontiguousarray(array[:, :, 0] if channels == 1 else array),
                profile,
                srgb_profile(),
                colorspace={1: "gray", 3: "rgb", 4: "cmyk"}[channels],
                outcolorspace="rgb",
                intent=RELATIVE_COLORIMETRIC,
                flags=BLACK_POINT_COMPENSATION,
            )
            return np.asarray(out), ""
        except (RuntimeError, ValueError, TypeError):
            note = DAMAGED
    if channels == 1:
        return np.repeat(array, 3, axis=2), note
    if channels == 4:
        full = 65535 if array.dtype == np.uint16 else 1.0
        ink = array.astype(np.float32) / full
        rgb = (1 - ink[:, :, :3]) * (1 - ink[:, :, 3:]) * full
        return rgb.astype(array.dtype), note or "CMYK without a profile is converted roughly."
    return array, note
