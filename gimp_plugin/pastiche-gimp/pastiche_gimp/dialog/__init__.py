"""The windows: the filter's dialog with gallery and live preview, and the settings."""

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("Gtk", "3.0")
gi.require_version("GimpUi", "3.0")
