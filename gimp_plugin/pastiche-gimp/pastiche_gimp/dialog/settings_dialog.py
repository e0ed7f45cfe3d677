"""Pastiche Settings: the daemon, its folders, and the check of the installation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gi.repository import GimpUi, Gtk

from pastiche.version import VERSION
from pastiche_gimp.arguments import choice_label
from pastiche_gimp.dialog.daemon_watch import DaemonWatch, Snapshot
from pastiche_gimp.dialog.doctor_view import DoctorView
from pastiche_gimp.dialog.guard import Guard
from pastiche_gimp.dialog.guide import FOLDER, offer_guide, open_outside
from pastiche_gimp.dialog.looks import use_looks
from pastiche_gimp.dialog.notices import Notice
from pastiche_gimp.failures import sentence_of
from pastiche_gimp.installation import Installation
from pastiche_gimp.words import N_, _

WHEN_IDLE, AT_ONCE = 1, 2
ROWS = {
    "state": N_("State"),
    "version": N_("Version"),
    "device": N_("Device"),
    "methods": N_("Methods"),
    "memory": N_("Memory"),
}


def run_settings(installation: Installation) -> None:
    """Shows the settings until they are closed."""
    GimpUi.init("pastiche-gimp")
    use_looks()
    dialog = SettingsDialog(installation)
    try:
        dialog.run()
    finally:
        dialog.close()


class SettingsDialog:
    """What the daemon is doing is looked at every two seconds."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._home = installation.daemon_home()
        self._snapshot: Snapshot | None = None
        self._acting = False
        guard = self._guard = Guard(lambda sentence: self._notice.tell(sentence))
        self._notice = Notice(guard)
        self._doctor = DoctorView(installation, guard)
        self._values = {name: _value_label() for name in ROWS}
        self._start = _button(_("_Start"), _("Starts the daemon; the filter does that by itself too"))
        self._stop = _button(_("S_top"), _("Ends the daemon and frees its memory; the filter starts it again"))
        self._start.connect("clicked", guard(lambda _button: self._act(self._watch.start)))
        self._stop.connect("clicked", guard(lambda _button: self._stop_asked()))
        self._dialog = Gtk.Dialog(title=_("Pastiche Settings"))
        self._dialog.add_buttons(_("_Help"), Gtk.ResponseType.HELP, _("_Close"), Gtk.ResponseType.CLOSE)
        self._dialog.set_default_response(Gtk.ResponseType.CLOSE)
        self._build()
        offer_guide(self._dialog, installation, guard, self._tell)
        self._watch = DaemonWatch(self._home, guard(self._show))

    def run(self) -> None:
        while self._dialog.run() == Gtk.ResponseType.HELP:
            pass

    def close(self) -> None:
        self._dialog.hide()
        self._doctor.close()
        self._watch.close()
        self._dialog.destroy()

    def _build(self) -> None:
        grid = Gtk.Grid()
        grid.set_row_spacing(4)
        grid.set_column_spacing(18)
        for row, (name, title) in enumerate(ROWS.items()):
            label = Gtk.Label(label=_(title))
            label.set_xalign(0)
            label.set_valign(Gtk.Align.START)
            label.get_style_context().add_class("dim-label")
            grid.attach(label, 0, row, 1, 1)
            grid.attach(self._values[name], 1, row, 1, 1)
        self._values["state"].set_text(_("Looking..."))
        styles = _button(_("Open St_yles Folder"), _("Pictures in this folder are in the gallery"))
        styles.connect("clicked", self._guard(lambda _button: self._open(self._home.styles_folder)))
        logs = _button(_("Open _Log Folder"), _("What the daemon and the plug-in have written down about failures"))
        logs.connect("clicked", self._guard(lambda _button: self._open(self._home.log_file.parent)))
        version = Gtk.Label(label=_("Plug-in version {version}").format(version=self._installation.version or VERSION))
        version.set_xalign(0)
        area = self._dialog.get_content_area()
        area.pack_start(self._notice.widget, False, False, 0)
        page = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=18)
        page.set_border_width(18)
        page.pack_start(_section(_("Daemon"), grid, _row(self._start, self._stop)), False, False, 0)
        page.pack_start(_section(_("Folders"), _row(styles, logs)), False, False, 0)
        page.pack_start(_section(_("Installation"), version, self._doctor.widget), True, True, 0)
        area.pack_start(page, True, True, 0)
        area.show_all()

    def _tell(self, sentence: str) -> None:
        self._notice.tell(sentence, error=False)

    # The daemon

    def _show(self, snapshot: Snapshot) -> None:
        self._snapshot, self._acting = snapshot, False
        status = snapshot.status
        texts = dict.fromkeys(ROWS, "\N{EN DASH}")
        if status is None:
            texts["state"] = _("Not running; the filter starts it")
        else:
            texts["state"] = _state(len(status.jobs), status.uptime)
            texts["version"] = _("{version}, process {process}").format(version=status.daemon, process=status.pid)
            texts["device"] = "\n".join(_device(device) for device in status.devices)
            texts["methods"] = ", ".join(choice_label("method", method) for method in snapshot.methods)
            if snapshot.memory:
                texts["memory"] = _("{count} MB").format(count=round(snapshot.memory / 1e6))
        for name, text in texts.items():
            self._values[name].set_text(text)
        self._set_buttons()
        if snapshot.error:
            self._notice.tell(sentence_of(snapshot.error))

    def _set_buttons(self) -> None:
        running = self._snapshot is not None and self._snapshot.status is not None
        can_start = bool(self._installation.python)
        self._start.set_sensitive(not running and not self._acting and can_start)
        self._stop.set_sensitive(running and not self._acting)

    def _act(self, action: Any) -> None:
        self._notice.clear()
        self._acting = True
        self._set_buttons()
        self._values["state"].set_text(_("One moment..."))
        action()

    def _stop_asked(self) -> None:
        jobs = self._snapshot.status.jobs if self._snapshot and self._snapshot.status else []
        answer = self._ask_about_jobs() if jobs else AT_ONCE
        if answer in (WHEN_IDLE, AT_ONCE):
            self._act(lambda: self._watch.stop(answer == WHEN_IDLE))

    def _ask_about_jobs(self) -> int:
        """What the user wants while the daemon is painting."""
        question = Gtk.MessageDialog(
            transient_for=self._dialog,
            modal=True,
            message_type=Gtk.MessageType.QUESTION,
            text=_("The daemon is painting. Stop it all the same?"),
            secondary_text=_("Pastiches that are not ready are lost."),
        )
        question.add_buttons(
            _("_Cancel"), Gtk.ResponseType.CANCEL, _("_When They Are Ready"), WHEN_IDLE, _("_Stop Now"), AT_ONCE
        )
        try:
            return int(question.run())
        finally:
            question.destroy()

    def _open(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        open_outside(self._dialog, folder, FOLDER, self._tell)


def _state(jobs: int, uptime: float) -> str:
    minutes = round(uptime / 60)
    text = _("Running for {count} min").format(count=minutes) if minutes else _("Running")
    painting = _("painting")
    return f"{text}, {painting}" if jobs else text


def _device(device: dict[str, Any]) -> str:
    detail = str(device.get("detail") or "").rstrip(".")
    states = {"probing": _("being looked at"), "ready": "", "failed": _("cannot be used")}
    state = states.get(str(device.get("state")), "")
    name = detail or str(device.get("kind") or device.get("name") or "")
    return f"{name} ({state})" if state else name


def _value_label() -> Any:
    label = Gtk.Label()
    label.set_xalign(0)
    label.set_line_wrap(True)
    label.set_selectable(True)
    label.set_can_focus(False)
    label.set_hexpand(True)
    return label


def _button(text: str, tooltip: str) -> Any:
    button = Gtk.Button.new_with_mnemonic(text)
    button.set_tooltip_text(tooltip)
    return button


def _row(*widgets: Any) -> Any:
    row = Gtk.Box(spacing=6)
    for widget in widgets:
        row.pack_start(widget, False, False, 0)
    return row


def _section(title: str, *widgets: Any) -> Any:
    frame = GimpUi.Frame.new(title)
    box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=9)
    for widget in widgets:
        box.pack_start(widget, True, True, 0)
    frame.add(box)
    return frame
