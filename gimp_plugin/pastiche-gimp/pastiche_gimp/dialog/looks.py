"""The few looks that GIMP's theme does not have."""

from __future__ import annotations

from gi.repository import Gdk, Gtk

CSS = b"""
.pastiche-tile { padding: 4px; border-radius: 4px; }
.pastiche-title { font-size: 90%; }
.pastiche-inset { border: 1px solid rgba(255, 255, 255, 0.9); margin: 3px; }
.pastiche-remove { padding: 2px 4px; min-height: 0; min-width: 0; }
.pastiche-badge { padding: 1px 7px; margin: 7px; border-radius: 3px; color: white; background-color: rgba(0, 0, 0, 0.6);
  font-size: 90%; }
.pastiche-mark { padding: 0 5px; margin: 3px; border-radius: 3px; color: white; background-color: rgba(0, 0, 0, 0.6);
  font-size: 80%; }
.pastiche-tick { margin: 3px; padding: 1px; border-radius: 3px; background-color: rgba(0, 0, 0, 0.5); }
"""


def use_looks() -> None:
    """For every window of this process."""
    provider = Gtk.CssProvider()
    provider.load_from_data(CSS)
    screen = Gdk.Screen.get_default()
    Gtk.StyleContext.add_provider_for_screen(screen, provider, Gtk.STYLE_PROVIDER_PRIORITY_APPLICATION)
