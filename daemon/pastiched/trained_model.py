"""A trained model: one safetensors file with a generator (see networks/generator.py) and, in its header, its card.

Files come from strangers. Nothing of one is believed before the header was read and found to describe exactly the
tensors of a generator, in a file of exactly that length.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pastiched.models import ModelError
from pastiched.networks.generator_layout import tensor_shapes
from pastiched.storage import write_atomically

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = "pastiche-trained-1"
METADATA = "pastiche"
SUFFIX = ".safetensors"
WEIGHTS = "weights_sha256"
"""The key of a card that is written with the file."""
MAX_HEADER, MAX_FILE = 1_000_000, 8_000_000
MAX_THUMBNAIL = 32_768
THUMBNAIL_SIDE = 256
NAME = r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?"
"""What models may be called: in commands, in files, in GIMP's arguments."""
TYPES = {"F16": 2, "F32": 4}
NUMBERS = {"steps": (0, 10**12), "seed": (0, 2**63), "size": (32, 4096), "native_pixels": (10_000, 400_000_000)}
TEXTS = {
    "name": 40, "title": 80, "description": 400, "licence": 2000, "recipe": 40, "date": 40, "command": 1000,
    "started_from": 200, "device": 80, WEIGHTS: 64,
}  # fmt: skip
"""Texts of a card and their most characters."""
MAPS = {"data": 10_000, "figures": 10_000}
"""What else a card holds, and the most characters of it as JSON."""
DEEPEST = 8
"""So deep may lists and maps lie within each other there."""


@dataclass(frozen=True)
class TrainedModel:
    """A model file that was found whole. `card` has the keys of TEXTS, `steps`, `size` (side of the crops in training,
    pixels), `native_pixels` (area of a picture whose strokes have the size of training), `seed`, `data`, `figures`.
    `thumbnail` is a JPEG file, empty where the model has none."""

    path: Path
    sha256: str
    card: dict[str, Any]
    thumbnail: bytes

    @property
    def name(self) -> str:
        return str(self.card["name"])

    @property
    def title(self) -> str:
        return str(self.card["title"]) or self.name

    @property
    def native_pixels(self) -> int:
        return int(self.card["native_pixels"])

    def reference(self) -> dict[str, Any]:
        """What a report says of it."""
        return {"id": self.name, "file": self.path.name, "sha256": self.sha256}

    def load(self) -> dict[str, Tensor]:
        """The tensors, float32. Raises ModelError where the file is another one by now, or holds values that are no
        numbers."""
        from safetensors import SafetensorError
        from safetensors.torch import load

        data = _read(self.path)
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise ModelError(f"The trained model {self.path.name} has changed meanwhile; try again.")
        try:
            tensors = {name: tensor.float() for name, tensor in load(data).items()}
        except SafetensorError:
            raise ModelError(f"The trained model {self.path.name} is damaged.") from None
        if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
            raise ModelError(f"The trained model {self.path.name} is damaged: some of its weights are no numbers.")
        return tensors


def read_trained_model(path: Path) -> TrainedModel:
    """Raises ModelError with a sentence where the file is not a whole trained model."""
    data = _read(path)
    header = _read_header(path.name, data)
    metadata = header.pop("__metadata__", None)
    text = metadata.get(METADATA) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise ModelError(f"{path.name} is not a trained model of Pastiche: it has no card.")
    _check_tensors(path.name, header, _body_length(data))
    card, thumbnail = _read_card(path.name, text)
    if hashlib.sha256(data[len(data) - _body_length(data) :]).hexdigest() != card.pop(WEIGHTS):
        raise ModelError(f"{path.name} is damaged: its weights are not those that were trained.")
    return TrainedModel(path, hashlib.sha256(data).hexdigest(), card, thumbnail)


def write_trained_model(path: Path, tensors: dict[str, Tensor], card: dict[str, Any], thumbnail: bytes = b"") -> None:
    """`tensors` of a generator as fp16. Raises ModelError where they or the card are not as they should be, OSError."""
    from safetensors.torch import save

    check_card(card)
    halves = {name: tensor.detach().half().cpu().contiguous() for name, tensor in tensors.items()}
    bare = save(halves)
    facts = {
        "format": FORMAT, "thumbnail": base64.b64encode(thumbnail).decode(),
        WEIGHTS: hashlib.sha256(bare[len(bare) - _body_length(bare) :]).hexdigest(),
    }  # fmt: skip
    text = json.dumps(card | facts, ensure_ascii=False)
    data = save(halves, {METADATA: text})
    _check_tensors(path.name, _read_header(path.name, data), _body_length(data))
    _read_card(path.name, text)
    write_atomically(path, lambda part: part.write_bytes(data))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise ModelError(f"{path.name} cannot be read: {error.strerror or type(error).__name__}.") from None
    if len(data) > MAX_FILE:
        raise ModelError(f"{path.name} is not a trained model of Pastiche: it is too large.")
    return data


def _body_length(data: bytes) -> int:
    return len(data) - 8 - int(struct.unpack("<Q", data[:8])[0])


def _read_header(name: str, data: bytes) -> dict[str, Any]:
    length = struct.unpack("<Q", data[:8])[0] if len(data) >= 8 else 0
    if not 2 <= length <= min(MAX_HEADER, len(data) - 8):
        raise ModelError(f"{name} is not a trained model of Pastiche, or only a part of one.")
    try:
        header = json.loads(data[8 : 8 + length].decode("utf-8"))
    except (ValueError, RecursionError):
        raise ModelError(f"{name} is not a trained model of Pastiche: its header cannot be read.") from None
    if not isinstance(header, dict):
        raise ModelError(f"{name} is not a trained model of Pastiche: its header cannot be read.")
    return header


def _check_tensors(name: str, header: dict[str, Any], length: int) -> None:
    """The tensors of a generator and no others, one after the other without gaps, `length` bytes in all."""
    shapes = tensor_shapes()
    tensors = {key: entry for key, entry in header.items() if key != "__metadata__"}
    if tensors.keys() != shapes.keys():
        raise ModelError(f"{name} is not a trained model of Pastiche: it holds another network.")
    spans = []
    for key, entry in tensors.items():
        kind, shape, span = _parts(entry)
        if kind not in TYPES or shape != shapes[key]:
            raise ModelError(f"{name} is damaged: it holds another network than a generator.")
        if len(span) != 2 or span[1] - span[0] != TYPES[kind] * math.prod(shape):
            raise ModelError(f"{name} is damaged: the sizes in it are not those of its tensors.")
        spans.append(span)
    end = 0
    for first, last in sorted(spans):
        if first != end:
            raise ModelError(f"{name} is damaged: its tensors overlap or leave gaps.")
        end = last
    if end != length:
        raise ModelError(f"{name} is damaged: it is shorter or longer than it says.")


def _parts(entry: object) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
    """Type, shape and place of a tensor; what is not of the right kind is empty."""
    told = entry if isinstance(entry, dict) else {}
    kind = told.get("dtype")
    return kind if isinstance(kind, str) else "", _integers(told.get("shape")), _integers(told.get("data_offsets"))


def _integers(value: object) -> tuple[int, ...]:
    whole = isinstance(value, list) and all(isinstance(v, int) and not isinstance(v, bool) for v in value)
    return tuple(value) if whole and isinstance(value, list) else ()


def _read_card(name: str, text: str) -> tuple[dict[str, Any], bytes]:
    """The card without its thumbnail, and that."""
    try:
        card = json.loads(text)
        if not isinstance(card, dict):
            raise ValueError
        if card.pop("format") != FORMAT:
            raise ModelError(f"{name} was made by a newer Pastiche; update yours to use it.")
        thumbnail = base64.b64decode(card.pop("thumbnail"), validate=True)
        fault = _fault(card) or ("" if WEIGHTS in card else f"its {WEIGHTS} is missing")
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        raise ModelError(f"The card in {name} is damaged.") from None
    if fault:
        raise ModelError(f"The card in {name} is damaged: {fault}.")
    if len(thumbnail) > MAX_THUMBNAIL or (thumbnail and not thumbnail.startswith(b"\xff\xd8\xff")):
        raise ModelError(f"The thumbnail in {name} is damaged.")
    return card, thumbnail


def check_card(card: dict[str, Any]) -> None:
    """A card as `write_trained_model` takes it. Raises ModelError, whose sentence names the key that is wrong."""
    if fault := _fault(card):
        raise ModelError(f"This card of a trained model cannot be: {fault}.")


def default_title(name: str) -> str:
    """The title of a model that was given none."""
    return name.replace("-", " ").capitalize()


def _fault(card: dict[str, Any]) -> str:
    """What is wrong with a card, in a few words; "" where nothing is."""
    if stray := card.keys() - TEXTS.keys() - NUMBERS.keys() - MAPS.keys():
        return f"nothing in it may be called {min(ascii(key)[:60] for key in stray)}"
    if missing := {*TEXTS, *NUMBERS, *MAPS} - {WEIGHTS} - card.keys():
        return f"its {min(missing)} is missing"
    faults = (*_faults_of_texts(card), *_faults_of_numbers(card), *_faults_of_maps(card))
    return next(iter(faults), "")


def _faults_of_texts(card: dict[str, Any]) -> Iterator[str]:
    for key, most in TEXTS.items():
        text = card.get(key, "")
        if not isinstance(text, str):
            yield f"its {key} is no text"
        elif len(text) > most:
            yield f"its {key} has {len(text)} characters, and {most} are the most"
        elif has_controls(text):
            yield f"its {key} holds characters that no text has"
        elif key == "name" and not re.fullmatch(NAME, text):
            yield "its name is not 1 to 40 lower-case letters, digits and hyphens, no hyphen first or last"


def _faults_of_numbers(card: dict[str, Any]) -> Iterator[str]:
    for key, (least, most) in NUMBERS.items():
        if isinstance(card[key], bool) or not isinstance(card[key], int) or not least <= card[key] <= most:
            yield f"its {key} is no whole number from {least} to {most}"


def _faults_of_maps(card: dict[str, Any]) -> Iterator[str]:
    for key, most in MAPS.items():
        if not isinstance(card[key], dict):
            yield f"its {key} is no map"
        elif not _is_plain(card[key], DEEPEST):
            yield f"its {key} holds control characters, or what is neither text nor number, or it is too deep"
        elif len(json.dumps(card[key])) > most:
            yield f"its {key} is too long"


def _is_plain(value: object, deepest: int) -> bool:
    """Whether it is text, a number, a truth or nothing, or lists and maps of such, not too deep."""
    if isinstance(value, str):
        return not has_controls(value)
    if isinstance(value, dict):
        named = all(isinstance(key, str) and "\n" not in key and not has_controls(key) for key in value)
        return named and deepest > 0 and all(_is_plain(inner, deepest - 1) for inner in value.values())
    if isinstance(value, list | tuple):
        return deepest > 0 and all(_is_plain(inner, deepest - 1) for inner in value)
    return value is None or isinstance(value, int | float)


def has_controls(text: str) -> bool:
    """Terminals obey them; line ends are harmless. Halves of characters, which JSON can hold, are no text at all."""
    return any((ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160 or 0xD800 <= ord(c) < 0xE000 for c in text)
