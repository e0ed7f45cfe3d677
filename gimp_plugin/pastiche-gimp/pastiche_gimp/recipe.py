"""A recipe: the styles and settings of a pastiche; and what a pastiche layer remembers of its own."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gi.repository import Gimp, GLib

from pastiche.errors import ErrorCode, PasticheError
from pastiche.options import BY_NAME, MAX_STYLES, check_options
from pastiche.version import VERSION
from pastiche_gimp.arguments import OUTPUTS, option_rows, option_values, property_name
from pastiche_gimp.content import Box, Content, depth_of, read_layer_mask
from pastiche_gimp.methods import TRAINED
from pastiche_gimp.words import _

PARASITE = "pastiche"
MARK = "pastiche-source"
UNDOABLE = Gimp.PARASITE_PERSISTENT | Gimp.PARASITE_UNDOABLE
"""For a layer that is in the image already; else undo complains and redo fails."""
FORMAT = 1


@dataclass(frozen=True)
class StyleChoice:
    """A style by its name in the daemon's library, or a kept picture ("kept:...")."""

    name: str
    weight: float = 1.0


def parse_styles(text: str) -> tuple[StyleChoice, ...]:
    """`rose-window=2;ink-mountains` as two choices. Raises PasticheError(BAD_OPTION)."""
    choices = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, sign, weight = part.rpartition("=")
        try:
            choices.append(StyleChoice(name.strip(), float(weight)) if sign else StyleChoice(part))
        except ValueError:
            choices.append(StyleChoice(part))  # a name with a sign in it
    if not choices:
        raise PasticheError(ErrorCode.BAD_OPTION, _("No style is chosen."), _("Choose a style and try again."))
    if len(choices) > MAX_STYLES:
        sentence = _("A pastiche takes at most {count} styles.").format(count=MAX_STYLES)
        raise PasticheError(ErrorCode.BAD_OPTION, sentence, _("Remove some."))
    if not all(0 < choice.weight < float("inf") for choice in choices):
        raise PasticheError(ErrorCode.BAD_OPTION, _("The weight of a style must be above 0."))
    return tuple(choices)


def format_styles(choices: Sequence[StyleChoice]) -> str:
    """The other way; a name with a sign in it keeps its weight, so that it is not taken for one."""
    return ";".join(c.name if c.weight == 1 and "=" not in c.name else f"{c.name}={c.weight:g}" for c in choices)


@dataclass(frozen=True)
class Recipe:
    """What a run of the filter is asked for; `options` are those of the table, without the ones the image decides.

    With the method Trained there are no styles, but a model.
    """

    styles: tuple[StyleChoice, ...]
    options: dict[str, Any]
    output: str = "layer"
    convert_to_rgb: bool = True

    @property
    def model(self) -> str:
        """The trained model that paints, "" with another method."""
        return str(self.options["model"]) if self.options["method"] == TRAINED else ""

    @classmethod
    def from_config(cls, config: Any, named_styles: bool = True) -> Recipe:
        """Of a procedure's arguments; without `named_styles` for a run whose style is a file. Raises PasticheError."""
        options = option_values(config)
        if options["method"] == TRAINED:
            _check_model(options["model"], named_styles)
            named_styles = False
        # A string argument whose value is "" arrives as None.
        styles = parse_styles(config.get_property("styles") or "") if named_styles else ()
        return cls(styles, options, config.get_property("output"), config.get_property("convert-to-rgb"))

    def to_config(self, config: Any) -> None:
        """Sets the arguments, so that a dialog shows them."""
        if self.styles:
            config.set_property("styles", format_styles(self.styles))
        config.set_property("output", self.output)
        config.set_property("convert-to-rgb", self.convert_to_rgb)
        for option in option_rows():
            if option.name in self.options:
                config.set_property(property_name(option), self.options[option.name])

    def job_options(self, content: Content) -> dict[str, Any]:
        """All options for the daemon."""
        return {**self.options, "depth": content.depth}


def _check_model(model: str, named_styles: bool) -> None:
    if not named_styles:
        sentence = _("A trained model takes no style picture.")
        raise PasticheError(ErrorCode.BAD_OPTION, sentence, _("Leave the picture out, or choose another method."))
    if not model:
        sentence = _("No trained model is chosen.")
        raise PasticheError(ErrorCode.UNKNOWN_MODEL, sentence, _("Choose one and try again."))


@dataclass(frozen=True)
class Remembered:
    """What a pastiche layer remembers: its recipe, and of which layer and what part of it was made.

    `mark` is on the source as well. Tattoos, GIMP's own numbers of layers, mean another layer in a copy of the image.
    """

    recipe: Recipe
    mark: str
    source_size: tuple[int, int]
    region: Box

    @classmethod
    def of_layer(cls, layer: Any) -> Remembered | None:
        """None for a layer that is no pastiche, or one whose memory cannot be understood."""
        parasite = layer.get_parasite(PARASITE)
        if parasite is None:
            return None
        try:
            data = json.loads(_text(parasite))
            known = {name: value for name, value in data["options"].items() if name in BY_NAME}
            checked = check_options(known)
            styles = tuple(StyleChoice(str(style["name"]), float(style["weight"])) for style in data["styles"])
            options = {option.name: checked[option.name] for option in option_rows()}
            output = data["output"] if data["output"] in OUTPUTS else "layer"
            width, height = (int(number) for number in data["source_size"])
            region = Box(*(int(number) for number in data["region"]))
            if not region.within(width, height):
                return None
            recipe = Recipe(styles, options, output)
            return cls(recipe, str(data["source"]), (width, height), region)
        except (ValueError, KeyError, TypeError, AttributeError, PasticheError, GLib.Error):
            return None

    def source(self, image: Any) -> Any | None:
        """The layer that the pastiche was made of, where the image has it."""
        return next((layer for layer in _layers(image.get_layers()) if self.mark and mark_of(layer) == self.mark), None)

    def content(self, image: Any, pastiche: Any) -> Content | None:
        """What the pastiche was made of, in the same part and with the same mask; None where that is gone, or where
        the part cannot be told because the original has changed its size."""
        source = self.source(image)
        if source is None or source == pastiche:
            return None
        size = source.get_width(), source.get_height()
        depth = depth_of(image)
        if self.region == Box(0, 0, *self.source_size):
            whole = Box(0, 0, *size)
            masked = pastiche if (pastiche.get_width(), pastiche.get_height()) == size else source
            return Content.of(image, source, whole, read_layer_mask(masked, whole, depth))
        same = size == self.source_size
        same &= (pastiche.get_width(), pastiche.get_height()) == (self.region.width, self.region.height)
        if not same:
            return None
        mask = read_layer_mask(pastiche, Box(0, 0, self.region.width, self.region.height), depth)
        return Content.of(image, source, self.region, mask)


def _text(parasite: Any) -> str:
    return bytes(parasite.get_data()).rstrip(b"\0").decode("utf-8")


def _layers(items: Iterable[Any]) -> Iterator[Any]:
    """All layers, those in groups too, from the top."""
    for item in items:
        yield item
        if item.is_group():
            yield from _layers(item.get_children())


def mark_of(layer: Any) -> str:
    """The mark of a layer of which pastiches were made; "" for any other."""
    parasite = layer.get_parasite(MARK)
    return "" if parasite is None else _text(parasite)


def _marked(layer: Any) -> str:
    """The layer's mark, given to it now if it has none."""
    mark = mark_of(layer)
    if not mark:
        mark = uuid.uuid4().hex
        layer.attach_parasite(Gimp.Parasite.new(MARK, UNDOABLE, mark.encode("ascii")))
    return mark


def remember(
    layer: Any, image: Any, recipe: Recipe, content: Content, titles: Mapping[str, str], report: dict[str, Any]
) -> None:
    """Writes on a layer, which is about to be in `image`, how it was made. It travels in the user's file: no paths, no
    endpoints, nothing of the machine."""
    region, source = content.inner, content.drawable
    at_home = image == content.image and source.is_valid()
    data = {
        "format": FORMAT,
        "pastiche": VERSION,
        "styles": [{"name": s.name, "weight": s.weight, "title": titles.get(s.name, s.name)} for s in recipe.styles],
        "options": {**recipe.options, "depth": content.depth},
        "output": recipe.output,
        "models": report.get("models", []),
        "source": _marked(source) if at_home else "",
        "source_size": [content.whole.width, content.whole.height],
        "region": [region.x, region.y, region.width, region.height],
    }
    text = json.dumps(data).encode("ascii")
    layer.attach_parasite(Gimp.Parasite.new(PARASITE, Gimp.PARASITE_PERSISTENT, text))
