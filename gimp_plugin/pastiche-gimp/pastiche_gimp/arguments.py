"""The arguments of `plug-in-pastiche`: generated from the table of options, and the few that only a plug-in has."""

from __future__ import annotations

from typing import Any

from gi.repository import Gimp, GObject

from pastiche.options import OPTIONS, Option
from pastiche_gimp.words import N_, _

FROM_IMAGE = ("depth",)
"""Options that the image decides, not the user."""
DEFAULT_STYLES = "indigo-wave"
OUTPUTS = {
    "layer": (N_("A new layer above"), N_("The pastiche becomes a layer just above the one it was made of.")),
    "image": (N_("A new image"), N_("The pastiche becomes an image of its own.")),
}
CHOICES = {
    "method": {"fast": N_("Fast"), "fine": N_("Fine"), "trained": N_("Trained")},
    "colour": {
        "style": N_("Of the style"),
        "keep": N_("Of the photograph"),
        "match": N_("Style, recoloured"),
    },
    "wrap": {"none": N_("No"), "horizontal": N_("Left and right"), "both": N_("All four edges")},
    "effort": {"draft": N_("Draft"), "normal": N_("Normal"), "best": N_("Best")},
    "features": {"auto": N_("The best one here"), "compact": N_("Compact"), "vgg19": N_("VGG-19")},
    "loss": {
        "wasserstein": N_("Wasserstein distance"),
        "gram": N_("Gram matrices"),
        "moments": N_("Means and deviations"),
    },
    "pooling": {"max": N_("Maximum"), "average": N_("Average"), "l2": N_("L2 norm")},
    "optimizer": {"auto": N_("Automatic"), "lbfgs": N_("L-BFGS"), "adam": N_("Adam")},
    "start": {"content": N_("The photograph"), "noise": N_("Noise"), "fast": N_("The Fast pastiche")},
}
"""What the choices of options are called in the dialog."""


def option_rows() -> list[Option]:
    """The options that a user of the plug-in sets, in the order of the table."""
    return [option for option in OPTIONS if option.name not in FROM_IMAGE]


def property_name(option: Option) -> str:
    return option.name.replace("_", "-")


def heeds(method: str, option: Option) -> bool:
    """Whether it means something to the method."""
    return not option.methods or method in option.methods


def option_value(config: Any, option: Option) -> Any:
    value = config.get_property(property_name(option))
    # A string argument whose value is "" arrives as None.
    return value or "" if option.kind == "text" else value


def option_values(config: Any) -> dict[str, Any]:
    """What the procedure's arguments say; an option that the method does not heed is as if it were never touched."""
    method = config.get_property("method")
    rows = option_rows()
    return {row.name: option_value(config, row) if heeds(method, row) else row.default for row in rows}


def choice_label(option: str, choice: str) -> str:
    return _(CHOICES.get(option, {}).get(choice, choice.capitalize()))


def add_arguments(procedure: Any) -> None:
    """Declares every argument and the returned layer."""
    both = GObject.ParamFlags.READWRITE
    procedure.add_string_argument(
        "styles",
        _("St_yles"),
        _("Names of styles, with their weights where there are several: rose-window=2;ink-mountains"),
        DEFAULT_STYLES,
        both,
    )
    procedure.add_file_argument(
        "style-file",
        _("Style _image"),
        _("Any picture as the style, instead of those that are named."),
        # Not OPEN: GIMP would refuse a missing file by itself, and say nothing of it.
        Gimp.FileChooserAction.ANY,
        True,
        None,
        both,
    )
    for option in option_rows():
        _add_option(procedure, option, both)
    outputs = Gimp.Choice.new()
    for number, (name, (label, help_text)) in enumerate(OUTPUTS.items()):
        outputs.add(name, number, _(label), _(help_text))
    procedure.add_choice_argument("output", _("O_utput"), _("Where the pastiche goes."), outputs, "layer", both)
    procedure.add_boolean_argument(
        "convert-to-rgb",
        _("Convert a greyscale image to RG_B"),
        _("A greyscale image has no colours to show; undo brings it back."),
        True,
        both,
    )
    procedure.add_layer_return_value("layer", _("Pastiche"), _("The layer with the pastiche."), True, both)


def _add_option(procedure: Any, option: Option, flags: Any) -> None:
    name, label, help_text = property_name(option), _(option.label), _(option.help)
    if option.kind == "choice":
        choices = Gimp.Choice.new()
        for number, choice in enumerate(option.choices):
            choices.add(choice, number, choice_label(option.name, choice), "")
        procedure.add_choice_argument(name, label, help_text, choices, option.default, flags)
    elif option.kind == "text":
        procedure.add_string_argument(name, label, help_text, option.default, flags)
    elif option.kind == "int":
        procedure.add_int_argument(
            name, label, help_text, int(option.minimum), int(option.maximum), int(option.default), flags
        )
    else:
        procedure.add_double_argument(name, label, help_text, option.minimum, option.maximum, option.default, flags)
