"""Runs in GIMP: makes pictures, calls the plug-in on them and writes down what can be seen before and after.

A script defines cases, functions with the decorator `case` that return facts, and ends with `run_cases()`. Facts go to
`$FACTS/facts.json`, pixels to files beside it.
"""

from __future__ import annotations

import hashlib
import json
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gi.repository import Gegl, Gimp, Gio, GLib

Gegl.init(None)
FOLDER = Path(os.environ.get("FACTS", "."))
STYLE = "rose-window"
Facts = dict[str, Any]
CASES: dict[str, Callable[..., Facts]] = {}


def case(function: Callable[..., Facts]) -> Callable[..., Facts]:
    CASES[function.__name__] = function
    return function


def also_plain(function: Callable[..., Facts]) -> Callable[..., Facts]:
    """A second case, `..._plain`, at strength 0: then a pastiche is its photograph, and any shift, wrong colour or
    lost pixel shows."""
    CASES[f"{function.__name__}_plain"] = lambda: function(strength=0.0)
    return function


def run_cases() -> None:
    """All of them, or those of $CASES; one that raises leaves its traceback as its only fact."""
    wanted = os.environ.get("CASES", "").split() or list(CASES)
    facts: Facts = {}
    for name in wanted:
        try:
            facts[name] = CASES[name]()
        except Exception:
            facts[name] = {"trouble": traceback.format_exc()}
        for image in Gimp.get_images():
            image.delete()
        (FOLDER / "facts.json").write_text(json.dumps(facts), "utf-8")


# ------------------------------------------------------------------------------------------------- making pictures

RGB, GRAY = Gimp.ImageBaseType.RGB, Gimp.ImageBaseType.GRAY
U8, U16_LINEAR, FLOAT = Gimp.Precision.U8_NON_LINEAR, Gimp.Precision.U16_LINEAR, Gimp.Precision.FLOAT_LINEAR
DEPTHS = {U8: "u8", U16_LINEAR: "u16", FLOAT: "float"}
KINDS = {
    (RGB, False): Gimp.ImageType.RGB_IMAGE,
    (RGB, True): Gimp.ImageType.RGBA_IMAGE,
    (GRAY, False): Gimp.ImageType.GRAY_IMAGE,
    (GRAY, True): Gimp.ImageType.GRAYA_IMAGE,
}


def new_image(width: int = 160, height: int = 120, base: Any = RGB, precision: Any = U8) -> Any:
    return Gimp.Image.new_with_precision(width, height, base, precision)


def add_layer(
    image: Any,
    width: int = 0,
    height: int = 0,
    alpha: bool = False,
    offsets: tuple[int, int] = (0, 0),
    parent: Any = None,
    name: str = "Photograph",
) -> Any:
    """A layer with a picture of hills, the same every time; with alpha it fades out to the right."""
    width, height = width or image.get_width(), height or image.get_height()
    kind = KINDS[image.get_base_type(), alpha]
    layer = Gimp.Layer.new(image, name, width, height, kind, 100.0, Gimp.LayerMode.NORMAL)
    paint(layer, alpha)
    layer.set_offsets(*offsets)
    image.insert_layer(layer, parent, 0)
    return layer


def paint(layer: Any, alpha: bool = False) -> None:
    width, height = layer.get_width(), layer.get_height()
    rows = []
    for y in range(height):
        row = bytearray()
        for x in range(width):
            hill = y > height // 2 + (x % 40) - 20
            colour = (40 + x % 97, 120 - y % 60, 30) if hill else (140, 160 + y % 50, 255 - x % 120)
            row += bytes(colour)
            if alpha:
                row.append(255 - x * 255 // width)
        rows.append(bytes(row))
    buffer = layer.get_buffer()
    kind = "R'G'B'A u8" if alpha else "R'G'B' u8"
    buffer.set(Gegl.Rectangle.new(0, 0, width, height), kind, b"".join(rows))
    buffer.flush()
    layer.update(0, 0, width, height)


# ------------------------------------------------------------------------------------------------ looking at them


def raw(drawable: Any, kind: str | None = None) -> bytes:
    """All its pixels; without a kind exactly as they are stored."""
    area = Gegl.Rectangle.new(0, 0, drawable.get_width(), drawable.get_height())
    return bytes(drawable.get_buffer().get(area, 1.0, kind, Gegl.AbyssPolicy.NONE))


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def save(name: str, drawable: Any, kind: str | None) -> Facts:
    """Writes pixels to a file, without a kind as they are stored; what the test needs to read them."""
    file = f"{name}-{len(list(FOLDER.iterdir()))}.raw"
    (FOLDER / file).write_bytes(raw(drawable, kind))
    width, height = drawable.get_width(), drawable.get_height()
    depth = kind.split()[1] if kind else DEPTHS[drawable.get_image().get_precision()]
    size = {"u8": 1, "u16": 2, "float": 4}[depth]
    channels = (FOLDER / file).stat().st_size // (width * height * size)
    return {"file": file, "width": width, "height": height, "depth": depth, "channels": channels}


def pixel_kind(image: Any, alpha: bool) -> str:
    return f"R'G'B'{'A' if alpha else ''} {'u8' if image.get_precision() == U8 else 'u16'}"


def state(image: Any, layer: Any) -> Facts:
    """What a run must leave as it was: the source, and the rest of the image."""
    mask = layer.get_mask()
    return {
        "pixels": digest(raw(layer)),
        "type": int(layer.type()),
        "mask": digest(raw(mask)) if mask else None,
        "edit_mask": layer.get_edit_mask() if mask else None,
        "filters": [(f.get_operation_name(), f.get_visible()) for f in layer.get_filters()],
        "name": layer.get_name(),
        "offsets": list(layer.get_offsets())[1:],
        "visible": layer.get_visible(),
        "opacity": layer.get_opacity(),
        "parasites": list(layer.get_parasite_list()),
        "selection": digest(raw(image.get_selection())),
        "size": [image.get_width(), image.get_height()],
        "precision": int(image.get_precision()),
        "base": int(image.get_base_type()),
        "others": [item.get_id() for item in every_layer(image)],
    }


def every_layer(image: Any) -> list[Any]:
    found: list[Any] = []
    waiting = list(image.get_layers())
    while waiting:
        item = waiting.pop(0)
        found.append(item)
        if item.is_group():
            waiting[:0] = item.get_children()
    return found


# --------------------------------------------------------------------------------------------- calling the plug-in


def call(image: Any, drawables: list[Any], procedure: str = "plug-in-pastiche", **arguments: Any) -> Facts:
    """Status, message, and the layer that came back."""
    found = Gimp.get_pdb().lookup_procedure(procedure)
    config = found.create_config()
    config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    config.set_property("image", image)
    config.set_core_object_array("drawables", drawables)
    for name, value in arguments.items():
        config.set_property(name.replace("_", "-"), value)
    result = found.run(config)
    status = result.index(0)
    layer = result.index(1) if status == Gimp.PDBStatusType.SUCCESS and result.length() > 1 else None
    return {"status": status.value_nick, "message": message_of(result), "layer": layer}


def message_of(result: Any) -> str:
    """What the plug-in said, or libgimp, which refuses some arguments by itself."""
    if result.index(0) == Gimp.PDBStatusType.SUCCESS:
        return ""
    said = result.index(1) if result.length() > 1 else None
    return str(said.message if isinstance(said, GLib.Error) else Gimp.get_pdb().get_last_error())


def pastiche_of(image: Any, layer: Any, drawable: Any = None, **arguments: Any) -> Facts:
    """Calls the plug-in on a layer and returns all that the tests ask about."""
    arguments.setdefault("styles", STYLE)
    before = state(image, layer)
    parent = layer.get_parent()
    content = seen(image, layer)
    own = save("own", layer, None)
    said = call(image, [drawable or layer], **arguments)
    new = said.pop("layer")
    facts = said | {"before": before, "after": state(image, layer), "content": content, "own": own}
    facts["mark"] = parasite_of(layer, "pastiche-source")
    facts["original"] = layer.get_id()
    if new is None:
        return facts
    mask = new.get_mask()
    home = new.get_image()
    return facts | {
        "same_image": home.get_id() == image.get_id(),
        "result": save("result", new, pixel_kind(home, new.has_alpha())),
        "stored": save("stored", new, None),
        "mask": save("mask", mask, "Y u8") if mask else None,
        "edits_mask": bool(mask and new.get_edit_mask()),
        "selected": save("selection", image.get_selection(), "Y u8"),
        "name": new.get_name(),
        "type": new.type().value_nick,
        "grey": home.get_base_type() == GRAY,
        "precision": int(home.get_precision()),
        "offsets": list(new.get_offsets())[1:],
        "mode": new.get_mode().value_nick,
        "opacity": new.get_opacity(),
        "new_is_in_image": new.get_id() in [item.get_id() for item in every_layer(home)],
        "added": [item.get_id() for item in every_layer(home) if item.get_id() not in before["others"]],
        "new": new.get_id(),
        "just_above": home == image and image.get_item_position(new) + 1 == image.get_item_position(layer),
        "same_parent": (new.get_parent() and new.get_parent().get_id()) == (parent and parent.get_id()),
        "parasite": parasite_of(new),
        "parasites": list(new.get_parasite_list()),
        "image_parasites": list(home.get_parasite_list()),
    }


def parasite_of(layer: Any, name: str = "pastiche") -> str:
    parasite = layer.get_parasite(name)
    return bytes(parasite.get_data()).rstrip(b"\0").decode() if parasite else ""


def seen(image: Any, layer: Any) -> Facts:
    """What the user sees of a layer, alone, got by other ways than the plug-in's: filters merged in a copy of the
    whole image, its colours converted to sRGB by GIMP's colour management."""
    copy = image.duplicate()
    twin = every_layer(copy)[[item.get_id() for item in every_layer(image)].index(layer.get_id())]
    if twin.get_filters():
        twin.merge_filters()
    straight = save("content", twin, pixel_kind(image, twin.has_alpha()))
    if image.get_base_type() == RGB:
        copy.convert_color_profile(
            Gimp.ColorProfile.new_rgb_srgb(), Gimp.ColorRenderingIntent.RELATIVE_COLORIMETRIC, True
        )
    managed = save("managed", twin, pixel_kind(image, twin.has_alpha()))
    copy.delete()
    return {"straight": straight, "managed": managed}


def file_of(path: str | Path) -> Any:
    return Gio.File.new_for_path(str(path))
