"""Promises about pastiches that are made again: from their own original, or not at all."""

from __future__ import annotations

from typing import Any

import pytest
from setting import Setting

Facts = dict[str, Any]


@pytest.fixture(scope="session")
def originals(setting: Setting) -> Facts:
    return setting.gimp.facts_of("originals.py")


def facts_of(originals: Facts, name: str) -> Facts:
    facts: Facts = originals[name]
    assert "trouble" not in facts, facts["trouble"]
    return facts


@pytest.mark.parametrize("name", ["in_a_copy_of_the_image", "image_scaled", "mask_selected"])
def test_the_original_is_found_and_the_old_pastiche_hidden(originals: Facts, name: str) -> None:
    facts = facts_of(originals, name)
    assert facts["status"] == "success", facts["message"]
    assert facts["visible"] == [True, False, True]
    assert facts["sizes"][0] == facts["sizes"][1]


def test_the_part_that_was_selected_is_painted_again_with_its_mask(originals: Facts) -> None:
    assert facts_of(originals, "mask_selected")["masked"] == [True, True, False]


@pytest.mark.parametrize("name", ["in_a_new_image", "copied_into_another_image", "selected_part_after_scaling"])
def test_nothing_is_painted_where_the_original_cannot_be_told(originals: Facts, name: str) -> None:
    facts = facts_of(originals, name)
    assert facts["status"] == "execution-error"
    assert "original" in facts["message"]
    assert all(facts["visible"])
