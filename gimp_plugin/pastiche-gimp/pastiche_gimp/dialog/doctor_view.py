"""The check of the installation: `pastiche doctor`, run in the background, its report shown and copied."""

from __future__ import annotations

import subprocess
import threading
from typing import Any

from gi.repository import Gdk, GLib, Gtk

from pastiche.connection import clean_environment
from pastiche.liveness import NO_WINDOW
from pastiche_gimp.dialog.guard import Guard
from pastiche_gimp.failures import log
from pastiche_gimp.installation import Installation
from pastiche_gimp.words import _

LIMIT_SECONDS = 180.0
REPORT_WIDTH, REPORT_HEIGHT = 520, 200


class DoctorView:
    """The widget is `widget`: a button, and the report once there is one."""

    def __init__(self, installation: Installation, guard: Guard) -> None:
        self._installation, self._guard = installation, guard
        self._process: subprocess.Popen[str] | None = None
        self._check = Gtk.Button.new_with_mnemonic(_("Chec_k the Installation"))
        self._check.set_tooltip_text(
            _("Looks at the daemon, its device and models, and at every GIMP; takes some seconds")
        )
        self._check.connect("clicked", guard(lambda _button: self._start()))
        self._copy = Gtk.Button.new_with_mnemonic(_("Cop_y the Report"))
        self._copy.set_tooltip_text(_("To be pasted into a question about a problem"))
        self._copy.connect("clicked", guard(lambda _button: self._copy_report()))
        self._copy.set_sensitive(False)
        self._spinner = Gtk.Spinner()
        self._text = Gtk.TextView(editable=False, cursor_visible=False, monospace=True)
        self._text.set_wrap_mode(Gtk.WrapMode.WORD_CHAR)
        self._text.set_left_margin(6)
        self._text.get_accessible().set_name(_("Report of the check"))
        self._window = Gtk.ScrolledWindow()
        self._window.set_shadow_type(Gtk.ShadowType.IN)
        self._window.set_size_request(REPORT_WIDTH, REPORT_HEIGHT)
        self._window.add(self._text)
        self._text.show()
        self._window.set_no_show_all(True)
        buttons = Gtk.Box(spacing=6)
        for widget in (self._check, self._copy, self._spinner):
            buttons.pack_start(widget, False, False, 0)
        self.widget = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self.widget.pack_start(buttons, False, False, 0)
        self.widget.pack_start(self._window, True, True, 0)

    def close(self) -> None:
        """Ends a check that is under way."""
        process, self._process = self._process, None
        if process and process.poll() is None:
            process.kill()

    def _start(self) -> None:
        self._check.set_sensitive(False)
        self._copy.set_sensitive(False)
        self._spinner.start()
        self._show(_("Checking..."))
        environment = {**clean_environment(), "PASTICHE_HOME": str(self._installation.home)}
        try:
            self._process = subprocess.Popen(
                [self._installation.python, "-P", "-m", "pastiche.cli", "doctor", "--report"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                close_fds=True,
                env=environment,
                creationflags=NO_WINDOW,
            )
        except OSError as error:
            log(error)
            self._end(_("The check cannot be started here. In a terminal it is: pastiche doctor"))
            return
        threading.Thread(target=self._wait, args=(self._process,), name="pastiche-doctor", daemon=True).start()

    def _wait(self, process: subprocess.Popen[str]) -> None:
        try:
            text, _errors = process.communicate(timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            text = _("The check did not end in time.")
        GLib.idle_add(self._guard(self._take), process, text)

    def _take(self, process: subprocess.Popen[str], text: str) -> bool:
        if process is self._process:
            self._process = None
            self._end(text.strip())
        return False

    def _end(self, text: str) -> None:
        self._spinner.stop()
        self._check.set_sensitive(True)
        self._copy.set_sensitive(True)
        self._show(text)

    def _show(self, text: str) -> None:
        self._text.get_buffer().set_text(text)
        self._window.show()

    def _copy_report(self) -> None:
        buffer = self._text.get_buffer()
        text = buffer.get_text(buffer.get_start_iter(), buffer.get_end_iter(), False)
        clipboard: Any = Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD)
        clipboard.set_text(text, -1)
        clipboard.store()
