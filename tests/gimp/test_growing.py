"""Promises about layers whose filters reach beyond their edges, alone and in groups."""

from __future__ import annotations

from typing import Any

import pytest
from setting import Setting

Facts = dict[str, Any]
CASES = (
    *("layer_with_a_shadow", "group_of_a_layer_with_a_shadow", "filtered_group_inside_a_group"),
    "filtered_group_that_is_half_transparent",
)


@pytest.fixture(scope="session")
def growing(setting: Setting) -> Facts:
    return setting.gimp.facts_of("growing.py")


@pytest.mark.parametrize("name", CASES)
def test_what_is_seen_is_painted_in_its_place(growing: Facts, name: str) -> None:
    facts = growing[name]
    assert "trouble" not in facts, facts["trouble"]
    assert facts["status"] == "success", facts["message"]
    assert facts["difference"] <= 1
    assert not facts["moved"]


def test_the_opacity_of_a_group_stays_with_the_user(growing: Facts) -> None:
    assert growing["filtered_group_that_is_half_transparent"]["alpha"] == 255
