"""Small pictures of styles and models from the daemon: which there are, and which are those of before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pastiche.errors import ErrorCode, PasticheError
from pastiche_gimp.methods import TRAINED

if TYPE_CHECKING:
    from pastiche.client import Client

Edition = tuple[str, str]
"""A name and a revision: a model that was replaced has the name of before and another picture."""


def edition_of(style: Mapping[str, Any]) -> Edition:
    """Of an entry of the daemon's library."""
    return str(style.get("name") or ""), str(style.get("revision") or "")


def missing_thumbnails(styles: Iterable[Mapping[str, Any]], known: Collection[Edition]) -> list[Edition]:
    """The styles and models whose small pictures the daemon has and the dialog has not."""
    kept = [style for style in styles if style.get("source") == "gallery" or style.get("method") == TRAINED]
    return [edition for edition in map(edition_of, kept) if edition[0] and edition not in known]


def thumbnail_of(client: Client, name: str) -> bytes:
    """Empty where there is none, or where the model was removed just now. Raises PasticheError."""
    try:
        return client.thumbnail(name)
    except PasticheError as error:
        if error.code is not ErrorCode.UNKNOWN_STYLE:
            raise
        return b""
