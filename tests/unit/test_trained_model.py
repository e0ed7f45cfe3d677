"""Promises about the files of trained models, which come from strangers: whole and ours, or refused with a sentence."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import struct
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from pastiched.models import ModelError
from pastiched.networks.generator import Generator
from pastiched.networks.generator_layout import tensor_shapes
from pastiched.trained_model import (
    MAX_FILE,
    MAX_THUMBNAIL,
    TEXTS,
    check_card,
    read_trained_model,
    write_trained_model,
)
from tests.unit.trained_files import CARD, THUMBNAIL, random_generator, write_model

MUTATIONS = 2000
SLOWEST, LARGEST = 1.0, 50_000_000
"""Seconds and bytes that a file may take to be refused."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_model(tmp_path_factory.mktemp("whole")).read_bytes()


def parts(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and body."""
    length = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def joined(header: object, body: bytes) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def with_card(data: bytes, /, **changes: Any) -> bytes:
    """The file with another card; None takes a key away."""
    header, body = parts(data)
    card = json.loads(header["__metadata__"]["pastiche"]) | changes
    header["__metadata__"]["pastiche"] = json.dumps({k: v for k, v in card.items() if v is not None})
    return joined(header, body)


def with_tensor(data: bytes, name: str, **changes: Any) -> bytes:
    header, body = parts(data)
    header[name] |= changes
    return joined(header, body)


def refusal(folder: Path, data: bytes) -> str:
    path = folder / "odd.safetensors"
    path.write_bytes(data)
    with pytest.raises(ModelError) as raised:
        read_trained_model(path)
    said = str(raised.value)
    assert "\n" not in said and "odd.safetensors" in said and said.endswith(".")
    return said


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    generator = random_generator(3)
    path = tmp_path / "ink.safetensors"
    write_trained_model(path, generator.state_dict(), CARD | {"name": "ink", "title": "Encre – 墨"}, THUMBNAIL)
    model = read_trained_model(path)
    assert (model.name, model.title, model.native_pixels) == ("ink", "Encre – 墨", CARD["native_pixels"])
    assert {key: model.card[key] for key in CARD if key != "title"} == {k: v for k, v in CARD.items() if k != "title"}
    assert not {"format", "thumbnail", "weights_sha256"} & model.card.keys()
    assert model.thumbnail == THUMBNAIL and model.path == path
    assert model.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert model.reference() == {"id": "ink", "file": "ink.safetensors", "sha256": model.sha256}
    loaded = model.load()
    Generator().load_state_dict(loaded)
    for name, tensor in generator.state_dict().items():
        assert loaded[name].dtype == torch.float32
        assert torch.equal(loaded[name], tensor.half().float()), name


def test_weights_are_halves_in_the_file_which_is_small_enough_to_ship(tmp_path: Path) -> None:
    path = write_model(tmp_path)
    with safe_open(str(path), "pt") as file:
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.float16}  # noqa: SIM118
    assert path.stat().st_size <= 3_500_000


def test_a_model_without_a_title_or_a_thumbnail_is_one_too(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_trained_model(path, random_generator().state_dict(), CARD | {"name": "plain-ink", "title": ""})
    model = read_trained_model(path)
    assert (model.title, model.thumbnail) == ("plain-ink", b"")


def test_reading_needs_no_torch(whole: bytes, tmp_path: Path) -> None:
    (tmp_path / "ink.safetensors").write_bytes(whole)
    code = (
        "import sys; from pathlib import Path; from pastiched.trained_model import read_trained_model\n"
        "print(read_trained_model(Path(sys.argv[1])).name, 'torch' in sys.modules, 'numpy' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "ink.safetensors"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["ink", "False", "False"]


def test_a_model_that_fails_to_be_written_leaves_the_one_of_before(tmp_path: Path) -> None:
    path = write_model(tmp_path)
    before = path.read_bytes()
    with pytest.raises(ModelError):
        write_model(path, size=5)
    weights = random_generator().state_dict()
    weights.pop("out.bias")
    with pytest.raises(ModelError):
        write_trained_model(path, weights, CARD | {"name": "ink"})
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("ink.safetensors", before)]


@pytest.mark.parametrize(
    "changes",
    [
        *({"name": name} for name in ("", "Ink", "a b", "-ink", "ink-", "a/b", "..", "ink\n", "é", "a" * 41)),
        *({key: 5} for key in TEXTS),
        *({key: "x" * (most + 1)} for key, most in TEXTS.items()),
        *({key: None} for key in (*TEXTS, "steps", "seed", "size", "native_pixels", "data", "figures", "thumbnail")),
        *({key: wrong} for key in ("steps", "seed", "size", "native_pixels") for wrong in (-1, 2**64, 1.5, "7", True)),
        *({key: wrong} for key in ("data", "figures") for wrong in ([], "x", None, 3, {"long": "x" * 10_000})),
        {"size": 31}, {"size": 4097}, {"native_pixels": 9_999}, {"native_pixels": 400_000_001},
        {"title": "\x1b[2J"}, {"licence": "a\x00b"}, {"description": "\x9b31m"}, {"title": "\ud800"}, {"title": "a\rb"},
        {"thumbnail": "not base64!"}, {"thumbnail": 3}, {"thumbnail": ["a"]}, {"format": None},
    ],
    ids=lambda changes: "-".join(f"{k} {str(v)[:12]!a}" for k, v in changes.items()),
)  # fmt: skip
def test_a_card_that_is_not_as_it_should_be_is_refused(tmp_path: Path, whole: bytes, changes: dict[str, Any]) -> None:
    assert "card in odd.safetensors is damaged" in refusal(tmp_path, with_card(whole, **changes))


@pytest.mark.parametrize("key", ["title", "licence", "description"])
def test_line_ends_and_any_script_are_welcome_in_texts(tmp_path: Path, whole: bytes, key: str) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(with_card(whole, **{key: "two\nlines, 墨, émoi 🖌"}))
    assert read_trained_model(path).card[key] == "two\nlines, 墨, émoi 🖌"


def test_a_thumbnail_is_a_small_jpeg_or_nothing(tmp_path: Path, whole: bytes) -> None:
    for picture in (b"\x89PNG\r\n\x1a\n", b"<svg/>", b"\xff\xd8\xff" + bytes(MAX_THUMBNAIL)):
        text = base64.b64encode(picture).decode()
        assert "thumbnail" in refusal(tmp_path, with_card(whole, thumbnail=text))


def test_a_file_of_a_newer_pastiche_says_so(tmp_path: Path, whole: bytes) -> None:
    assert "newer" in refusal(tmp_path, with_card(whole, format="pastiche-trained-2"))


def altered(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    def apply(data: bytes) -> bytes:
        header, body = parts(data)
        change(header)
        return joined(header, body)

    return apply


ODD: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda data: b"", "or only a part of one"),
    "seven bytes": (lambda data: data[:7], "or only a part of one"),
    "half": (lambda data: data[: len(data) // 2], "shorter or longer"),
    "half of the header": (lambda data: data[:500], "or only a part of one"),
    "a byte too few": (lambda data: data[:-1], "shorter or longer"),
    "a byte too many": (lambda data: data + b"\0", "shorter or longer"),
    "too large": (lambda data: data + bytes(MAX_FILE), "too large"),
    "junk": (lambda data: b"\xff\xd8\xff\xe0 JFIF" * 1000, "not a trained model"),
    "zeros": (lambda data: bytes(5000), "not a trained model"),
    "header says 2^64": (lambda data: b"\xff" * 8 + data[8:], "or only a part of one"),
    "header says 0": (lambda data: bytes(8) + data[8:], "or only a part of one"),
    "header shorter": (lambda data: struct.pack("<Q", parts_length(data) - 50) + data[8:], "header cannot be read"),
    "a list": (lambda data: joined([1], b""), "header cannot be read"),
    "no UTF-8": (lambda data: joined(b'{"\xff": 1}', b""), "header cannot be read"),
    "deep": (lambda data: joined(b"[" * 400_000, b""), "header cannot be read"),
    "no card": (altered(lambda h: h.pop("__metadata__")), "has no card"),
    "a card of another kind": (altered(lambda h: h.update(__metadata__={"pastiche": 3})), "has no card"),
    "a card that is a list": (altered(lambda h: h.update(__metadata__={"pastiche": "[]"})), "card"),
    "a deep card": (altered(lambda h: h.update(__metadata__={"pastiche": "[" * 400_000})), "card"),
    "a tensor too few": (altered(lambda h: h.pop("out.bias")), "another network"),
    "a tensor too many": (altered(lambda h: h.update(more=h["out.bias"])), "another network"),
    "of another type": (lambda data: with_tensor(data, "out.bias", dtype="I16"), "another network"),
    "of a type that is no text": (lambda data: with_tensor(data, "out.bias", dtype=["F16"]), "another network"),
    "turned": (lambda data: with_tensor(data, "level2.weight", shape=[12, 32, 3, 3]), "another network"),
    "a shape of truths": (lambda data: with_tensor(data, "out.bias", shape=[True]), "another network"),
    "another width": (lambda data: with_tensor(data, "out.bias", dtype="F32"), "sizes"),
    "huge offsets": (lambda data: with_tensor(data, "out.bias", data_offsets=[0, 2**70]), "sizes"),
    "turned offsets": (lambda data: with_tensor(data, "out.bias", data_offsets=[6, 0]), "sizes"),
    "before the file": (lambda data: with_tensor(data, "out.bias", data_offsets=[-6, 0]), "overlap"),
    "one on the other": (
        altered(lambda h: h["level4.bias"].update(data_offsets=h["skip4.bias"]["data_offsets"])), "overlap",
    ),
    "flipped weights": (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "not those that were trained"),
}  # fmt: skip


def parts_length(data: bytes) -> int:
    return int(struct.unpack("<Q", data[:8])[0])


@pytest.mark.parametrize("kind", ODD)
def test_a_file_that_is_not_ours_or_not_whole_is_refused(tmp_path: Path, whole: bytes, kind: str) -> None:
    change, said = ODD[kind]
    assert said in refusal(tmp_path, change(whole))


def test_what_cannot_be_opened_is_one_sentence_too(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing.safetensors"):
        with pytest.raises(ModelError, match=r"cannot be read: .+\.$"):
            read_trained_model(path)


def test_a_file_that_changed_after_it_was_looked_at_is_not_loaded(tmp_path: Path) -> None:
    path = write_model(tmp_path)
    model = read_trained_model(path)
    write_model(path, seed=1)
    with pytest.raises(ModelError, match="changed meanwhile"):
        model.load()
    path.unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        model.load()


def test_weights_that_are_no_numbers_are_not_loaded(tmp_path: Path) -> None:
    weights = random_generator().state_dict()
    weights["out.bias"][0] = float("nan")
    path = tmp_path / "a.safetensors"
    write_trained_model(path, weights, CARD | {"name": "a"})
    with pytest.raises(ModelError, match="no numbers"):
        read_trained_model(path).load()


@pytest.mark.parametrize(
    "bomb",
    [
        b"{" + b",".join(b'"%d":[]' % k for k in range(90_000)) + b"}",
        b'{"a":[' + b"{}," * 330_000 + b"{}]}",
        b'{"a":' * 190_000,
        b'{"a":' + b"9" * 900_000 + b"}",
        b'"' + b"\\u0000" * 160_000 + b'"',
        b'{"__metadata__":{"pastiche":"' + b"[]," * 300_000 + b'"}}',
    ],
    ids=["many keys", "many objects", "deep", "digits", "escapes", "large card"],
)
def test_a_header_made_to_be_costly_is_refused_quickly_and_in_little_memory(tmp_path: Path, bomb: bytes) -> None:
    path = tmp_path / "bomb.safetensors"
    path.write_bytes(joined(bomb, bytes(100)))
    tracemalloc.start()
    began = time.perf_counter()
    try:
        with pytest.raises(ModelError):
            read_trained_model(path)
        assert time.perf_counter() - began < SLOWEST
        assert tracemalloc.get_traced_memory()[1] < LARGEST
    finally:
        tracemalloc.stop()


VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 3, 2**63, 10**300, 1.5, float("nan"), float("inf"), "", "F16", "\x1b[0m", "\ud800", "x" * 5000,
    [], [1], [[]], {}, {"a": {}}, [-6, 0], [0, 2**64],
)  # fmt: skip


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The file with something wrong; sometimes with nothing that matters."""
    length = parts_length(data)
    kind = rng.randrange(7)
    if kind == 0:
        return data[: rng.randrange(rng.choice((20, length, len(data))))]
    if kind == 1:
        changed = bytearray(data)
        for _ in range(rng.randint(1, 6)):
            changed[rng.randrange(8 + length)] ^= 1 << rng.randrange(8)
        return bytes(changed)
    if kind == 2:
        place = rng.randrange(8 + length, len(data))
        return data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]
    if kind == 3:
        told = rng.choice((rng.getrandbits(64), rng.getrandbits(24), length + rng.randint(-9, 9)))
        return struct.pack("<Q", told) + data[8:]
    header, body = parts(data)
    names = [name for name in header if name != "__metadata__"]
    if kind == 4:
        a, b = rng.sample(names, 2)
        key = rng.choice(("shape", "data_offsets", "dtype"))
        header[a][key], header[b][key] = header[b][key], header[a][key]
    elif kind == 5:
        name = rng.choice([*names, "__metadata__"])
        if rng.random() < 0.3:
            header[name] = rng.choice(VALUES)
        else:
            header[name][rng.choice(("shape", "data_offsets", "dtype", "pastiche"))] = rng.choice(VALUES)
    else:
        card = json.loads(header["__metadata__"]["pastiche"])
        card[rng.choice([*card, "more"])] = rng.choice(VALUES)
        text = json.dumps(card)
        if rng.random() < 0.2:
            text = text[: rng.randrange(len(text))]
        header["__metadata__"]["pastiche"] = text
    return joined(header, body)


def test_no_mutated_file_raises_anything_but_a_sentence_or_takes_long(tmp_path: Path, whole: bytes) -> None:
    rng = random.Random(0)
    path = tmp_path / "fuzzed.safetensors"
    refused, taken, slowest = 0, 0, 0.0
    for _ in range(MUTATIONS):
        path.write_bytes(mutated(whole, rng))
        began = time.perf_counter()
        try:
            model = read_trained_model(path)
            json.dumps(model.card["title"], ensure_ascii=False).encode()
            taken += 1
            if taken % 50 == 0:
                assert set(model.load()) == set(tensor_shapes())
        except ModelError as error:
            refused += 1
            assert str(error).isprintable()
        slowest = max(slowest, time.perf_counter() - began)
    assert refused > MUTATIONS / 2 and taken > MUTATIONS / 20
    assert slowest < SLOWEST


def nested(depth: int) -> dict[str, Any]:
    return {"a": nested(depth - 1)} if depth else {}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("state", "verified by Pastiche"), ("source", "shipped"), ("method", "fast"), ("sha256", "0" * 64), ("\x1b", 1),
        *((key, value) for key in ("data", "figures") for value in (
            {"a\x1b[2J": 1}, {"a": "\x9b31m"}, {"a\nstate": 1}, {"a": [{"b": ["\x1b"]}]}, {"a": {"\x00": 1}}, nested(8),
        )),
    ],
    ids=lambda value: ascii(value)[:30],
)  # fmt: skip
def test_a_card_holds_nothing_that_could_pass_for_a_fact_or_steer_a_terminal(
    tmp_path: Path, whole: bytes, key: str, value: object
) -> None:
    said = refusal(tmp_path, with_card(whole, **{key: value}))
    assert "card in odd.safetensors is damaged" in said and ascii(key)[1:-1] in said and said.isprintable()


def test_nested_data_is_welcome_and_read_again(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "a.safetensors"
    data = {"left out": {"photos": {"too small": 3}}, "note": "two\nlines, 墨", "sizes": [1, 2.5, None, True]}
    path.write_bytes(with_card(whole, data=data, figures=nested(7)))
    assert read_trained_model(path).card["data"] == data


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("licence", "x" * 2001), ("title", "\x1b[2J"), ("name", "Ink"), ("size", 31), ("seed", True), ("data", []),
        ("figures", {"long": "x" * 10_000}), ("more", 1), ("thumbnail", ""), ("steps", None), ("device", 5),
    ],
)  # fmt: skip
def test_a_card_can_be_checked_before_there_is_a_model_and_the_key_is_named(key: str, value: object) -> None:
    check_card(CARD | {"name": "ink"})
    with pytest.raises(ModelError, match=rf"\b{key}\b.*\.$"):
        check_card(CARD | {"name": "ink", key: value})
    with pytest.raises(ModelError, match="its licence is missing"):
        check_card({k: v for k, v in CARD.items() if k != "licence"} | {"name": "ink"})
