"""The filter's dialog: gallery, live preview and options; it stays open while the full picture is painted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gi.repository import Gimp, GimpUi, GLib, Gtk

from pastiche.errors import ErrorCode, PasticheError
from pastiche_gimp.arguments import option_rows, option_value
from pastiche_gimp.content import Content, layer_of
from pastiche_gimp.dialog.comparison import Comparison
from pastiche_gimp.dialog.estimates import about, estimated_seconds
from pastiche_gimp.dialog.full_run import FullRun
from pastiche_gimp.dialog.guard import Guard
from pastiche_gimp.dialog.guide import offer_guide
from pastiche_gimp.dialog.live_preview import LONGEST_SIDE, LivePreview, draft_options
from pastiche_gimp.dialog.looks import use_looks
from pastiche_gimp.dialog.notices import Notice, RemakeBar
from pastiche_gimp.dialog.option_rows import OptionRows
from pastiche_gimp.dialog.preview_styles import PreviewStyles
from pastiche_gimp.dialog.session import Order, Phase, Session
from pastiche_gimp.dialog.style_panel import StylePanel
from pastiche_gimp.dialog.tile_painter import TilePainter
from pastiche_gimp.dialog.work_line import WorkLine, elapsed
from pastiche_gimp.dialog.work_mode import WorkMode
from pastiche_gimp.failures import log, sentence_of
from pastiche_gimp.installation import Installation
from pastiche_gimp.methods import FINE
from pastiche_gimp.painting import stage_text
from pastiche_gimp.placement import place
from pastiche_gimp.recipe import Recipe, Remembered
from pastiche_gimp.report_notes import tell_notes
from pastiche_gimp.style_pictures import style_refs
from pastiche_gimp.words import _

LOOK_MS = 500
LEFT_WIDTH = 410
SMALL_SIZE, LARGE_SIZE = (940, 600), (1080, 780)
COMPLAIN_MS = 800
"""A text that is being typed is wrong most of the time."""


def run_dialog(procedure: Any, config: Any, image: Any, drawable: Any, installation: Installation) -> Any | None:
    """The new layer; None if the user has cancelled. Raises PasticheError where there is nothing to paint."""
    GimpUi.init("pastiche-gimp")
    use_looks()
    dialog = MainDialog(procedure, config, image, drawable, installation)
    try:
        return dialog.run()
    finally:
        dialog.close()


class MainDialog:
    """Puts the parts together. Everything that a preset can hold goes through `config`; the parts follow it."""

    def __init__(self, procedure: Any, config: Any, image: Any, drawable: Any, installation: Installation) -> None:
        self._config, self._image, self._drawable = config, image, drawable
        self._home = installation.daemon_home()
        self._layer = layer_of(drawable)
        self._remembered = self._find_remembered()
        self._remake = self._remembered is not None
        self._content, _replaces = self._subject()
        self._full: FullRun | None = None
        self._over = False
        self._reading = 0
        self._complaint, self._complaining = "", 0
        guard = self._guard = Guard(lambda sentence: self._notice.tell(sentence))
        self._notice = Notice(guard)
        self._session = Session(self._home, guard, self._session_changed)
        if self._remembered:
            self._remembered.recipe.to_config(config)
        self._dialog = GimpUi.ProcedureDialog.new(procedure, config, _("Neural Style (Pastiche)"))
        # A Help button of one's own takes the place of the one that opens GIMP's manual.
        self._dialog.add_button(_("_Help"), Gtk.ResponseType.HELP)
        self._dialog.set_ok_label(_("_Paint"))
        self._line = WorkLine()
        self._comparison = Comparison(guard)
        self._panel = StylePanel(self._dialog, config, self._home, guard, self._tell, self._new_tile)
        self._options = OptionRows(self._dialog, config, guard, self._content.grey)
        self._styles = PreviewStyles(self._home)
        self._live = LivePreview(
            self._session, guard, self._comparison, self._say, self._preview_done, self._preview_failed
        )
        self._painter = TilePainter(self._session, self._panel.gallery, self._styles, self._may_paint_tiles)
        self._build()
        offer_guide(self._dialog, installation, guard, self._tell)
        config.connect("notify", guard(lambda *_notify: self._changed()))
        self._dialog.connect("map", guard(lambda _dialog: self._read_soon()))
        self._dialog.connect("focus-in-event", guard(lambda *_event: self._read_soon()))
        self._look = GLib.timeout_add(LOOK_MS, guard(self._look_at_image))
        guard(self._panel.adopt_file)()
        self._session.connect()
        self._session_changed()

    def run(self) -> Any | None:
        """The new layer, None if the user has cancelled."""
        while not self._over and self._dialog.run():
            layer = self._paint()
            if layer is not None:
                return layer
        return None

    def close(self) -> None:
        """Takes the window away and lets go of the daemon."""
        self._dialog.hide()
        GLib.source_remove(self._look)
        for source in filter(None, (self._reading, self._complaining)):
            GLib.source_remove(source)
        self._live.stop()
        self._painter.pause()
        self._panel.close()
        self._comparison.close()
        self._session.close()
        self._dialog.destroy()

    # The window

    def _build(self) -> None:
        left = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=9)
        left.set_size_request(LEFT_WIDTH, -1)
        left.set_hexpand(False)
        left.pack_start(self._panel.widget, True, True, 0)
        left.pack_start(self._options.widget, False, False, 0)
        right = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        right.pack_start(self._comparison.widget, True, True, 0)
        right.pack_start(self._line.widget, False, False, 0)
        columns = Gtk.Box(spacing=12)
        columns.pack_start(left, False, False, 0)
        columns.pack_start(right, True, True, 0)
        area = self._dialog.get_content_area()
        # GIMP's own row of buttons for presets.
        presets = next((child for child in area.get_children() if isinstance(child, Gtk.Container)), None)
        settings = [left]
        area.pack_start(self._notice.widget, False, False, 0)
        if self._remembered:
            bar = RemakeBar(self._guard, self._content.drawable.get_name(), self._set_remake)
            area.pack_start(bar.widget, False, False, 0)
            settings.append(bar.widget)
        self._work_mode = WorkMode(self._dialog, settings, presets)
        area.pack_start(columns, True, True, 0)
        area.show_all()
        self._dialog.set_default_size(*_comfortable_size(self._dialog))

    def _tell(self, sentence: str) -> None:
        self._notice.tell(sentence, error=False)

    def _say(self, text: str) -> None:
        """What goes on with the preview, else how long the full picture will take."""
        if not text and self._session.phase is Phase.READY:
            time = self._time_of({})
            if self._config.get_property("method") == FINE:
                text = _("Fast draft; with Fine the full picture takes {time}.") if time else _("Fast draft.")
            elif time:
                text = _("The full picture takes {time}.")
            text = text.format(time=time)
        self._line.say(text)

    # What is painted

    def _find_remembered(self) -> Remembered | None:
        """What the layer remembers, if what it was made of is still there."""
        remembered = Remembered.of_layer(self._layer)
        return remembered if remembered and remembered.content(self._image, self._layer) else None

    def _subject(self) -> tuple[Content, Any | None]:
        """What is painted, and the pastiche that is replaced. Raises PasticheError."""
        if not self._layer.is_valid():
            raise PasticheError(ErrorCode.BAD_PICTURE, _("The layer is not there any more."), _("Select another one."))
        if self._remembered and self._remake:
            content = self._remembered.content(self._image, self._layer)
            if content:
                return content, self._layer
        return Content.of(self._image, self._drawable), None

    def _set_remake(self, remake: bool) -> None:
        self._remake = remake
        self._read_content()

    def _read_soon(self) -> bool:
        """After the window is there, and when the user comes back from working on the layer."""
        if not self._reading and not self._full:
            self._reading = GLib.idle_add(self._guard(self._read_later))
        return False

    def _read_later(self) -> bool:
        self._reading = 0
        if self._session.refresh_styles() and self._session.greeting:
            self._notice.clear()
            self._complaint = ""
            self._panel.fill(self._session.greeting)
            # The chosen model may be another one under the same name.
            self._live.stop()
        self._read_content()
        return False

    def _read_content(self) -> None:
        if self._over or not self._image.is_valid():
            return
        self._content, _replaces = self._subject()
        reduced = self._content.reduced(LONGEST_SIDE)
        if reduced != self._live.content:
            self._live.set_content(reduced)
            self._painter.set_content(reduced)
        self._changed()

    def _look_at_image(self) -> bool:
        if self._image.is_valid() or self._over:
            return True
        self._over = True
        Gimp.message(_("The image was closed, so there is nothing left to paint."))
        self._dialog.response(Gtk.ResponseType.CANCEL)
        return True

    # Changes

    def _changed(self) -> None:
        """An argument has another value: everything follows."""
        self._panel.follow()
        self._options.follow()
        self._show_times()
        complaint = self._panel.complaint() or self._options.complaint()
        self._complain_soon(complaint)
        can = self._panel.has_choice and not complaint and not self._full
        self._dialog.set_response_sensitive(Gtk.ResponseType.OK, can)
        if self._full:
            return
        if not self._panel.has_choice:
            self._live.stop()
            self._line.say("")
            self._painter.go_on()
            return
        try:
            recipe = Recipe.from_config(self._config)
            styles = self._styles.refs(recipe.styles)
        except PasticheError as error:
            self._notice.tell(sentence_of(error))
            return
        self._painter.pause()
        badge = _("Fast draft") if recipe.options["method"] == FINE else ""
        self._live.show(styles, draft_options(recipe.options), self._stays_grey(recipe), badge)
        if not self._live.busy:
            self._say("")
            self._painter.go_on()

    def _complain_soon(self, complaint: str) -> None:
        if complaint == self._complaint:
            return
        if self._complaint and not complaint:
            self._notice.clear()
        if not self._complaining:
            self._complaining = GLib.timeout_add(COMPLAIN_MS, self._guard(self._complain))
        self._complaint = complaint

    def _complain(self) -> bool:
        self._complaining = 0
        if self._complaint:
            self._notice.tell(self._complaint)
        return False

    def _new_tile(self) -> None:
        self._painter.go_on()

    def _may_paint_tiles(self) -> bool:
        """While a Fine picture grows, tiles are painted between its steps."""
        return not self._live.busy and (self._full is None or self._config.get_property("method") == FINE)

    def _stays_grey(self, recipe: Recipe) -> bool:
        return self._content.grey and recipe.output == "layer" and not recipe.convert_to_rgb

    def _preview_done(self) -> None:
        self._session.refresh_status()
        self._show_times()
        self._say("")
        self._painter.go_on()

    def _preview_failed(self, error: PasticheError) -> None:
        if self._session.phase is not Phase.LOST:
            self._notice.tell(sentence_of(error))

    # The daemon

    def _session_changed(self) -> None:
        session = self._session
        if self._full:
            self._full.tell_connecting()
        match session.phase:
            case Phase.CONNECTING:
                text = elapsed(stage_text(session.stage), session.seconds_connecting)
                self._panel.gallery.say(text)
                self._say(text)
            case Phase.READY if session.greeting:
                self._notice.clear()
                self._panel.fill(session.greeting)
                self._show_times()
                self._changed()
            case Phase.LOST if session.failure:
                log(session.failure)
                self._panel.gallery.say(_("There are no styles without the daemon."))
                self._say("")
                self._notice.tell(self._what_to_do(session.failure), session.connect)

    def _what_to_do(self, error: PasticheError) -> str:
        """What went wrong; where there is no daemon, its log says more."""
        sentence = sentence_of(error)
        if error.code is not ErrorCode.NO_DAEMON:
            return sentence
        log_place = _("Its log is here: {folder}").format(folder=self._home.log_file.parent)
        return f"{sentence} {log_place}"

    def _show_times(self) -> None:
        greeting = self._session.greeting
        welcome = greeting.client.welcome if greeting else None
        self._options.show_times(welcome.methods if welcome else (), self._time_of)

    def _time_of(self, changes: Mapping[str, str]) -> str:
        """How long it will take with these options, the others as they are."""
        greeting = self._session.greeting
        if greeting is None:
            return ""
        options = {row.name: option_value(self._config, row) for row in option_rows()} | dict(changes)
        seconds = estimated_seconds(greeting.status.estimates, options, self._content.megapixels)
        return "" if seconds is None else about(seconds)

    # The full picture

    def _paint(self) -> Any | None:
        """The new layer; None where the dialog goes on."""
        self._notice.clear()
        self._live.stop()
        self._painter.pause()
        layer = None
        try:
            layer = self._paint_full()
        except PasticheError as error:
            log(error)
            retry = self._session.connect if self._session.phase is Phase.LOST else self._press_paint
            self._notice.tell(self._what_to_do(error), retry)
        except Exception as error:
            log(error)
            self._notice.tell(sentence_of(error))
        if layer is None and not self._over:
            self._changed()
        return layer

    def _press_paint(self) -> None:
        self._dialog.response(Gtk.ResponseType.OK)

    def _paint_full(self) -> Any | None:
        content, replaces = self._subject()
        self._content = content
        if self._session.phase is Phase.LOST:
            self._session.connect()
        recipe = Recipe.from_config(self._config)
        styles = tuple(style_refs(recipe.styles, self._home))
        grey = self._stays_grey(recipe)
        self._full = FullRun(self._dialog, self._session, self._guard, self._line, self._comparison, content, grey)
        self._work_mode.begin(keepable=recipe.options["method"] == FINE)
        try:
            self._config.set_property("style-file", None)
            self._line.begin(_("Reading the layer"))
            _let_draw()
            order = Order(content.pixels(), styles, recipe.job_options(content))
            self._painter.go_on()
            outcome = self._full.wait(order)
            if outcome is None:
                return None
            _let_draw()
            titles = self._panel.titles_of(recipe)
            layer = place(content, recipe, outcome.pixels, outcome.report, titles, replaces)
            if layer.get_image() != self._image:
                Gimp.Display.new(layer.get_image())
            tell_notes(outcome.report)
            return layer
        finally:
            self._full = None
            self._painter.pause()
            self._line.end()
            self._work_mode.end()


def _comfortable_size(dialog: Any) -> tuple[int, int]:
    """Roomy, but within the screen, with its panels and the window's title bar."""
    monitor = dialog.get_display().get_primary_monitor() or dialog.get_display().get_monitor(0)
    if monitor is None:
        return SMALL_SIZE
    area = monitor.get_workarea()
    return (
        max(SMALL_SIZE[0], min(LARGE_SIZE[0], area.width - 80)),
        max(SMALL_SIZE[1], min(LARGE_SIZE[1], area.height - 80)),
    )


def _let_draw() -> None:
    """Shows what was just said before a step that takes its time."""
    context = GLib.MainContext.default()
    for _step in range(20):
        if not context.iteration(False):
            return
