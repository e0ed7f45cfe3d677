"""A picture's size is checked before anything is allocated for it."""

from __future__ import annotations

from typing import Any

import pytest

from pastiche.errors import ErrorCode, PasticheError
from pastiche.pixels import MAX_PIXELS, PixelBuffer, PixelFormat


@pytest.mark.parametrize(
    ("form", "row", "whole"),
    [
        (PixelFormat("content", 3, 2, 3, "u8"), 9, 18),
        (PixelFormat("content", 3, 2, 4, "u16"), 24, 48),
        (PixelFormat("pastiche", 3, 2, 3, "f32"), 36, 72),
        (PixelFormat("mask", 3, 2, 1, "u8"), 3, 6),
        (PixelFormat("content", 20_000, 20_000, 3, "u8"), 60_000, 1_200_000_000),
    ],
)
def test_bytes_follow_from_the_format(form: PixelFormat, row: int, whole: int) -> None:
    assert (form.row_bytes, form.nbytes) == (row, whole)
    assert PixelFormat.from_wire(form.to_wire()) == form


GOOD = {"role": "content", "width": 8, "height": 8, "channels": 3, "depth": "u8"}
BAD: dict[str, tuple[Any, ErrorCode]] = {
    "not a map": ([], ErrorCode.BAD_MESSAGE),
    "field missing": ({"role": "content"}, ErrorCode.BAD_MESSAGE),
    "width 0": (GOOD | {"width": 0}, ErrorCode.BAD_PICTURE),
    "height negative": (GOOD | {"height": -1}, ErrorCode.BAD_PICTURE),
    "width a float": (GOOD | {"width": 8.0}, ErrorCode.BAD_PICTURE),
    "width true": (GOOD | {"width": True}, ErrorCode.BAD_PICTURE),
    "width none": (GOOD | {"width": None}, ErrorCode.BAD_PICTURE),
    "width a long text": (GOOD | {"width": "9" * 9999}, ErrorCode.BAD_PICTURE),
    "side too long": (GOOD | {"width": 1_000_001}, ErrorCode.BAD_PICTURE),
    "too many pixels": (GOOD | {"width": 20_000, "height": 20_001}, ErrorCode.TOO_LARGE),
    "2 channels": (GOOD | {"channels": 2}, ErrorCode.BAD_PICTURE),
    "channels true": (GOOD | {"role": "mask", "channels": True}, ErrorCode.BAD_PICTURE),
    "grey content": (GOOD | {"channels": 1}, ErrorCode.BAD_PICTURE),
    "colour mask": (GOOD | {"role": "mask"}, ErrorCode.BAD_PICTURE),
    "depth unknown": (GOOD | {"depth": "f16"}, ErrorCode.BAD_PICTURE),
    "depth a number": (GOOD | {"depth": 8}, ErrorCode.BAD_MESSAGE),
    "role unknown": (GOOD | {"role": "poster"}, ErrorCode.BAD_MESSAGE),
    "role a list": (GOOD | {"role": []}, ErrorCode.BAD_MESSAGE),
}


@pytest.mark.parametrize(("data", "code"), BAD.values(), ids=BAD.keys())
def test_a_wrong_description_is_refused_in_one_short_sentence(data: Any, code: ErrorCode) -> None:
    with pytest.raises(PasticheError) as caught:
        PixelFormat.from_wire(data)
    assert caught.value.code is code and len(caught.value.sentence) < 200


def test_the_limit_itself_is_allowed() -> None:
    assert PixelFormat("content", 20_000, MAX_PIXELS // 20_000, 3, "u8")


@pytest.mark.parametrize("size", [0, 17, 19])
def test_data_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(PasticheError):
        PixelBuffer(PixelFormat("content", 3, 2, 3, "u8"), bytes(size))


def test_rows_are_views_and_no_copies() -> None:
    data = bytearray(range(18))
    picture = PixelBuffer(PixelFormat("content", 3, 2, 3, "u8"), data)
    picture.rows(1, 1)[0] = 255
    assert data[9] == 255 and bytes(picture.rows(0, 1)) == bytes(range(9))
