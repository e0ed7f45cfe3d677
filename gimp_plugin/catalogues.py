"""Keeps the plug-in's catalogues: `python gimp_plugin/catalogues.py` after a text or a translation has changed.

It collects what the plug-in says, and what it shows of the options, errors, gallery and trained models, into the
template; brings the translations (locale/<language>/LC_MESSAGES/pastiche-gimp.po) up to date with it; compiles them.
"""

from __future__ import annotations

import io
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from pastiche.connection import NOT_FROM_HERE, START_ELSEWHERE
from pastiche.errors import SENTENCES
from pastiche.options import OPTIONS
from pastiched.trained_library import SHIPPED
from pastiched.trained_model import read_trained_model

HERE = Path(__file__).parent
PLUG_IN = HERE / "pastiche-gimp"
LOCALE = PLUG_IN / "locale"
TEMPLATE = LOCALE / "pastiche-gimp.pot"
GALLERY = HERE.parent / "daemon" / "pastiched" / "gallery" / "gallery.json"
BEGUN = datetime(2026, 11, 22, tzinfo=UTC)
"""The date in the headers: always the same, so that only changed texts change the files."""
PEOPLE = "The Pastiche developers"
HEADER = "# Pastiche, the GIMP plug-in. Same licence as the project."
KEYWORDS: dict[str, tuple[int, ...] | None] = {"_": None, "N_": None}


def template() -> Catalog:
    """Everything that a user may read, with where it stands."""
    catalogue = Catalog(domain="pastiche-gimp", project="Pastiche", fuzzy=False, charset="utf-8", creation_date=BEGUN)
    for file, line, text, comments, _context in extract_from_dir(PLUG_IN, keywords=KEYWORDS, comment_tags=["i18n:"]):
        catalogue.add(text, locations=[(file, line)], auto_comments=comments)
    for option in OPTIONS:
        for text in (option.label, option.help):
            catalogue.add(text, locations=[("options.py", 0)])
    for sentence, hint in SENTENCES.values():
        for text in (sentence, hint):
            catalogue.add(text, locations=[("errors.py", 0)])
    for text in (NOT_FROM_HERE, START_ELSEWHERE):
        catalogue.add(text, locations=[("connection.py", 0)])
    for style in json.loads(GALLERY.read_text("utf-8")):
        for text in (style["title"], style["description"]):
            catalogue.add(text, locations=[("gallery.json", 0)])
    for file in sorted(SHIPPED.glob("*.safetensors")):
        model = read_trained_model(file)
        for text in filter(None, (model.title, " ".join(str(model.card["description"]).split()))):
            catalogue.add(text, locations=[(file.name, 0)])
    return catalogue


def translations() -> list[Path]:
    return sorted(LOCALE.glob("*/LC_MESSAGES/pastiche-gimp.po"))


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name)


def compiled(catalogue: Catalog) -> bytes:
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def write(path: Path, catalogue: Catalog) -> None:
    """Without line numbers, so that only changed texts change the file."""
    out = io.BytesIO()
    write_po(out, catalogue, width=120, omit_header=path == TEMPLATE, include_lineno=False, ignore_obsolete=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(out.getvalue())


def main() -> int:
    """Updates everything; says what is not translated, and fails where something is."""
    found = template()
    write(TEMPLATE, found)
    missing = 0
    for path in translations():
        catalogue = read(path)
        catalogue.header_comment = HEADER
        catalogue.msgid_bugs_address = catalogue.last_translator = catalogue.language_team = PEOPLE
        catalogue.update(found, no_fuzzy_matching=True)
        write(path, catalogue)
        path.with_suffix(".mo").write_bytes(compiled(catalogue))
        for message in catalogue:
            if message.id and (not message.string or message.fuzzy):
                missing += 1
                print(f"{path.parent.parent.name}: not translated: {message.id!r}")
    print(f"{len(found)} texts, {len(translations())} translations")
    return int(missing > 0)


if __name__ == "__main__":
    sys.exit(main())
