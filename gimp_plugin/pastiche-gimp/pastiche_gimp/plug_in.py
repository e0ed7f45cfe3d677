"""The procedures that GIMP sees, and what each does when it is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import Gegl, Gimp, Gio, GLib, GObject

from pastiche_gimp.installation import FOLDER, Installation, NotInstalled
from pastiche_gimp.words import _

PAINT, AGAIN, SETTINGS = "plug-in-pastiche", "plug-in-pastiche-again", "plug-in-pastiche-settings"
DOMAIN = "pastiche-gimp"
MENU = "<Image>/Filters/Artistic"
IMAGE_TYPES = "RGB*, GRAY*"

Run = Callable[[Any, Any, Any, list[Any], Any, Installation], Any]


class PastichePlugIn(Gimp.PlugIn):
    """GIMP makes one of these in a fresh process for every call."""

    def do_set_i18n(self, procedure_name: str) -> Any:
        if (FOLDER / "locale").is_dir():
            return True, DOMAIN, "locale"
        return False

    def do_query_procedures(self) -> list[str]:
        return [PAINT, AGAIN, SETTINGS]

    def do_create_procedure(self, name: str) -> Any:
        """Never fails: what is wrong with an installation is said when the user calls the filter."""
        run: dict[str, Run] = {PAINT: paint, AGAIN: paint_again, SETTINGS: show_settings}

        def called(procedure: Any, mode: Any, image: Any, drawables: list[Any], config: Any, data: Any) -> Any:
            return guarded(run[name], procedure, mode, image, drawables, config)

        procedure = Gimp.ImageProcedure.new(self, name, Gimp.PDBProcType.PLUGIN, called, None)
        procedure.set_attribution("The Pastiche developers", "The Pastiche developers, MIT", "2026")
        if (icon := FOLDER / "icon.png").exists():
            procedure.set_icon_file(Gio.File.new_for_path(str(icon)))
        if name == SETTINGS:
            procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.ALWAYS)
        else:
            procedure.set_image_types(IMAGE_TYPES)
            procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE)
        label, blurb = {
            PAINT: (_("_Neural Style (Pastiche)..."), _("Paint the layer in the style of any picture")),
            AGAIN: (_("Pastiche A_gain"), _("Paint the layer with the styles and settings of the last pastiche")),
            SETTINGS: (_("Pasti_che Settings..."), _("The daemon that paints, its folders and its health")),
        }[name]
        procedure.set_documentation(blurb, _("Everything is computed on this computer."), name)
        procedure.set_menu_label(label)
        procedure.add_menu_path(MENU)
        if name == PAINT:
            _declare(procedure)
        return procedure


def _declare(procedure: Any) -> None:
    try:
        Installation.read().use_libraries()
        from pastiche_gimp.arguments import add_arguments
    except (NotInstalled, ImportError):
        return
    add_arguments(procedure)


def guarded(run: Run, procedure: Any, mode: Any, image: Any, drawables: list[Any], config: Any) -> Any:
    """Calls `run`; whatever goes wrong becomes a status and a sentence."""
    try:
        Gegl.init(None)
        installation = Installation.read()
        installation.use_libraries()
        from pastiche.job import JobCancelled
        from pastiche_gimp.failures import log, open_log, sentence_of
    except (NotInstalled, ImportError) as error:
        sentence = _("Pastiche's files are not complete. Run its installer again: python3 install.py install")
        return failure(procedure, f"{sentence} ({error})")
    try:
        open_log(installation.daemon_home())
        return run(procedure, mode, image, drawables, config, installation)
    except JobCancelled:
        return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, None)
    except Exception as error:
        log(error)
        return failure(procedure, sentence_of(error))


def failure(procedure: Any, sentence: str, status: Any = Gimp.PDBStatusType.EXECUTION_ERROR) -> Any:
    error = GLib.Error.new_literal(Gimp.PlugIn.error_quark(), sentence, 0)
    return procedure.new_return_values(status, error)


def paint(procedure: Any, mode: Any, image: Any, drawables: list[Any], config: Any, installation: Installation) -> Any:
    """`plug-in-pastiche`."""
    if len(drawables) != 1:
        return failure(procedure, _("Pastiche works on one layer at a time."), Gimp.PDBStatusType.CALLING_ERROR)
    from pastiche_gimp.content import Content
    from pastiche_gimp.painting import paint_now, subject
    from pastiche_gimp.recipe import Recipe

    if mode == Gimp.RunMode.INTERACTIVE:
        from pastiche_gimp.dialog.main_dialog import run_dialog

        layer = run_dialog(procedure, config, image, drawables[0], installation)
        if layer is None:
            return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, None)
    elif mode == Gimp.RunMode.WITH_LAST_VALS:
        content, replaces = subject(image, drawables[0])
        layer = paint_now(content, Recipe.from_config(config), installation, replaces=replaces)
        _show_new_image(layer, image)
    else:
        style_file = config.get_property("style-file")
        recipe = Recipe.from_config(config, named_styles=style_file is None)
        layer = paint_now(Content.of(image, drawables[0]), recipe, installation, style_file)
    values = procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)
    values.remove(1)
    values.insert(1, GObject.Value(Gimp.Layer, layer))
    return values


def _show_new_image(layer: Any, image: Any) -> None:
    if layer.get_image() != image:
        Gimp.Display.new(layer.get_image())


def paint_again(
    procedure: Any, mode: Any, image: Any, drawables: list[Any], config: Any, installation: Installation
) -> Any:
    """`plug-in-pastiche-again`: the other procedure, with the values that GIMP keeps of its last run."""
    other = Gimp.get_pdb().lookup_procedure(PAINT)
    arguments = other.create_config()
    arguments.set_property("run-mode", Gimp.RunMode.WITH_LAST_VALS)
    arguments.set_property("image", image)
    arguments.set_core_object_array("drawables", drawables)
    result = other.run(arguments)
    status = result.index(0)
    if status == Gimp.PDBStatusType.SUCCESS:
        return procedure.new_return_values(status, None)
    return failure(procedure, Gimp.get_pdb().get_last_error() or _("The pastiche could not be made."), status)


def show_settings(
    procedure: Any, mode: Any, image: Any, drawables: list[Any], config: Any, installation: Installation
) -> Any:
    """`plug-in-pastiche-settings`."""
    if mode != Gimp.RunMode.NONINTERACTIVE:
        from pastiche_gimp.dialog.settings_dialog import run_settings

        run_settings(installation)
    return procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)
