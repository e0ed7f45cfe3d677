"""Promises about what discriminators are shown: changed at random, real and generated pictures alike."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pastiched.training.augmentation import Augmentation

NOTHING = {"translation": 0.0, "cutout": 0.0, "light": False}


def augmentation(chance: float = 1.0, **on: float | bool) -> Augmentation:
    """With nothing but what is `on`."""
    return Augmentation(**(NOTHING | on), chance=chance)  # type: ignore[arg-type]


def pictures(count: int = 6, channels: int = 3, height: int = 32, width: int = 48) -> Tensor:
    return 2 * torch.rand(count, channels, height, width, generator=torch.Generator().manual_seed(5)) - 1


@pytest.mark.parametrize("size", [(1, 1, 64, 64), (4, 3, 32, 48), (2, 3, 24, 16)])
def test_the_shape_and_type_stay(size: tuple[int, ...]) -> None:
    for dtype in (torch.float32, torch.bfloat16):
        made = Augmentation(chance=1)(torch.rand(size).to(dtype))
        assert made.shape == size and made.dtype == dtype and made.isfinite().all()


def test_without_any_chance_nothing_is_changed_and_with_one_not_everything() -> None:
    x = pictures(64)
    assert torch.equal(Augmentation(chance=0)(x), x)
    torch.manual_seed(0)
    untouched = (Augmentation(chance=0.3)(x) - x).abs().flatten(1).amax(1) < 1e-5
    assert 5 < int(untouched.sum()) < 40, "0.7 cubed is a third"


def test_the_same_seed_changes_real_and_generated_pictures_in_the_same_way() -> None:
    """So neither can be told from the other by how it was changed."""
    x = pictures()
    seen = []
    for content in (x, -0.5 * x):
        torch.manual_seed(3)
        seen.append(augmentation(translation=0.2, cutout=0.3)(content))
    assert torch.allclose(seen[1], -0.5 * seen[0])
    assert not torch.equal(seen[0], x)
    torch.manual_seed(4)
    assert not torch.equal(augmentation(translation=0.2, cutout=0.3)(x), seen[0])


def test_content_is_moved_by_whole_pixels_and_nothing_else_happens_to_it() -> None:
    torch.manual_seed(0)
    x = pictures(80) + 3
    height, width = x.shape[2:]
    shifts = set()
    for before, after in zip(x, augmentation(translation=0.25)(x), strict=True):
        rows, columns = after[0].nonzero().unbind(1)
        top, bottom, left, right = (int(v) for v in (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1))
        down, aside = (top or bottom - height), (left or right - width)
        wanted = torch.zeros_like(before)
        wanted[:, top:bottom, left:right] = before[:, top - down : bottom - down, left - aside : right - aside]
        assert torch.equal(after, wanted)
        shifts.add((down, aside))
    assert len(shifts) > 25
    for way, most in ((0, 8), (1, 12)):
        ways = sorted(shift[way] for shift in shifts)
        assert ways[0] in (-most, 1 - most) and ways[-1] in (most - 1, most), "to all sides"


def test_a_rectangle_of_at_most_the_share_is_cut_out_and_the_rest_is_as_before() -> None:
    torch.manual_seed(0)
    x = pictures(40) + 3
    for before, after in zip(x, augmentation(cutout=0.5)(x), strict=True):
        gone = after[0] == 0
        rows, columns = gone.nonzero().unbind(1)
        tall, wide = int(rows.max() - rows.min()) + 1, int(columns.max() - columns.min()) + 1
        assert gone.sum() == tall * wide and 1 <= tall <= 16 and 1 <= wide <= 24
        assert (after[:, gone] == 0).all() and torch.equal(after[:, ~gone], before[:, ~gone])


def test_slopes_flow_through_but_not_through_what_was_cut_out() -> None:
    torch.manual_seed(0)
    x = (pictures(20) + 3).requires_grad_()
    made = augmentation(cutout=0.4)(x)
    made.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad == 0, made == 0) and torch.equal(x.grad, (made != 0).float())


def test_all_changes_together_let_slopes_through() -> None:
    torch.manual_seed(0)
    x = pictures().requires_grad_()
    Augmentation(chance=1)(x).square().sum().backward()
    assert x.grad is not None and x.grad.isfinite().all() and (x.grad.flatten(1).abs().amax(1) > 0).all()


def test_light_and_contrast_vary_within_their_range_and_keep_the_picture() -> None:
    torch.manual_seed(0)
    x = pictures(300)
    made = augmentation(light=True)(x)
    brightness = (made.mean((1, 2, 3)) - x.mean((1, 2, 3))).abs()
    contrast = made.std((1, 2, 3)) / x.std((1, 2, 3))
    assert 0.2 < float(brightness.max()) <= 0.25 + 1e-5
    assert 0.75 - 1e-4 <= float(contrast.min()) < 0.78 and 1.22 < float(contrast.max()) <= 1.25 + 1e-4
    for before, after in zip(x[:20], made, strict=False):
        assert float(torch.corrcoef(torch.stack([before.flatten(), after.flatten()]))[0, 1]) > 0.9999
