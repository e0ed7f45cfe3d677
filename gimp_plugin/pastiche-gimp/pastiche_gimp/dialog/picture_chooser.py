"""Choosing a style: a picture file, with a preview beside the list, or an open image or layer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gi.repository import GdkPixbuf, Gimp, GLib, Gtk, Pango

from pastiche_gimp.dialog.guard import Guard
from pastiche_gimp.words import _

PREVIEW_SIDE = 192
THUMBNAIL_SIDE = 48


def choose_files(parent: Any, guard: Guard) -> list[Path]:
    """The picture files that the user has chosen; none if the user has changed their mind."""
    chooser = Gtk.FileChooserDialog(
        title=_("Add Pictures as Styles"), transient_for=parent, modal=True, action=Gtk.FileChooserAction.OPEN
    )
    chooser.add_buttons(_("_Cancel"), Gtk.ResponseType.CANCEL, _("_Add"), Gtk.ResponseType.OK)
    chooser.set_default_response(Gtk.ResponseType.OK)
    chooser.set_select_multiple(True)
    chooser.set_local_only(True)
    pictures, everything = Gtk.FileFilter(), Gtk.FileFilter()
    pictures.set_name(_("Pictures"))
    pictures.add_pixbuf_formats()
    everything.set_name(_("All files that GIMP can open"))
    everything.add_pattern("*")
    chooser.add_filter(pictures)
    chooser.add_filter(everything)
    preview = Gtk.Image()
    preview.set_size_request(PREVIEW_SIDE, -1)
    chooser.set_preview_widget(preview)
    chooser.set_use_preview_label(False)
    chooser.connect("update-preview", guard(_show_preview), preview)
    folder = GLib.get_user_special_dir(GLib.UserDirectory.DIRECTORY_PICTURES)
    chooser.set_current_folder(folder if folder and Path(folder).is_dir() else str(Path.home()))
    chooser.set_default_size(900, 560)
    try:
        if chooser.run() != Gtk.ResponseType.OK:
            return []
        return [Path(name) for name in chooser.get_filenames()]
    finally:
        chooser.destroy()


def _show_preview(chooser: Any, preview: Any) -> None:
    name = chooser.get_preview_filename()
    try:
        picture = GdkPixbuf.Pixbuf.new_from_file_at_scale(name, PREVIEW_SIDE, PREVIEW_SIDE, True) if name else None
    except GLib.Error:
        picture = None
    if picture:
        preview.set_from_pixbuf(picture.apply_embedded_orientation())
    chooser.set_preview_widget_active(picture is not None)


def choose_open_item(parent: Any, guard: Guard) -> tuple[Any, str] | None:
    """An open image or one of its layers, and its name; None if the user has changed their mind."""
    dialog = Gtk.Dialog(title=_("Open Image or Layer as a Style"), transient_for=parent, modal=True)
    dialog.add_buttons(_("_Cancel"), Gtk.ResponseType.CANCEL, _("_Use"), Gtk.ResponseType.OK)
    dialog.set_default_response(Gtk.ResponseType.OK)
    dialog.set_default_size(420, 380)
    store = Gtk.TreeStore(GdkPixbuf.Pixbuf, str, object)
    for image in Gimp.get_images():
        row = store.append(None, (_thumbnail_of_image(image), image.get_name(), image))
        _add_layers(store, row, image.get_layers())
    view = Gtk.TreeView(model=store)
    view.set_headers_visible(False)
    view.set_search_column(1)
    view.get_accessible().set_name(_("Open images and their layers"))
    view.append_column(Gtk.TreeViewColumn("", Gtk.CellRendererPixbuf(xpad=4, ypad=3), pixbuf=0))
    view.append_column(Gtk.TreeViewColumn("", Gtk.CellRendererText(ellipsize=Pango.EllipsizeMode.END), text=1))
    view.expand_all()
    view.get_selection().select_path(Gtk.TreePath.new_first())
    use = dialog.get_widget_for_response(Gtk.ResponseType.OK)
    use.set_sensitive(len(store) > 0)
    activated: Callable[..., Any] = guard(lambda *_row: dialog.response(Gtk.ResponseType.OK))
    view.connect("row-activated", activated)
    window = Gtk.ScrolledWindow()
    window.set_shadow_type(Gtk.ShadowType.IN)
    window.add(view)
    area = dialog.get_content_area()
    area.set_border_width(12)
    area.pack_start(window, True, True, 0)
    area.show_all()
    try:
        if dialog.run() != Gtk.ResponseType.OK:
            return None
        model, chosen = view.get_selection().get_selected()
        return (model[chosen][2], model[chosen][1]) if chosen else None
    finally:
        dialog.destroy()


def _add_layers(store: Any, parent: Any, layers: list[Any]) -> None:
    for layer in layers:
        picture = layer.get_thumbnail(THUMBNAIL_SIDE, THUMBNAIL_SIDE, Gimp.PixbufTransparency.SMALL_CHECKS)
        row = store.append(parent, (picture, layer.get_name(), layer))
        if layer.is_group():
            _add_layers(store, row, layer.get_children())


def _thumbnail_of_image(image: Any) -> Any:
    return image.get_thumbnail(THUMBNAIL_SIDE, THUMBNAIL_SIDE, Gimp.PixbufTransparency.SMALL_CHECKS)
