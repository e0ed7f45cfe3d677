"""What the dialog believes of the daemon's work, so that previews come in time."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from pastiched.engines.refining import painting_sizes

PLUG_IN = Path(__file__).parents[2] / "gimp_plugin" / "pastiche-gimp"


@pytest.fixture
def pace(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module alone: its package needs gi, which only GIMP's own Python has."""
    monkeypatch.syspath_prepend(str(PLUG_IN))
    spec = importlib.util.spec_from_file_location("pace", PLUG_IN / "pastiche_gimp" / "dialog" / "pace.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("side", [128, 200, 300, 512, 1000, 2100, 2500, 4000, 5500, 6500, 8000])
@pytest.mark.parametrize("brush", [25.0, 50.0, 100.0, 150.0, 400.0])
@pytest.mark.parametrize(("strength", "passes"), [(100, 1), (99, 2)])
def test_the_dialog_knows_on_how_many_pixels_the_daemon_paints(
    pace: ModuleType, side: int, brush: float, strength: int, passes: int
) -> None:
    sizes = painting_sizes(side, side, brush, (False, False), 16)
    told = pace.painted(side * side, {"method": "fast", "brush_size": brush, "strength": strength})
    assert told == pytest.approx(passes * sizes.area, rel=0.07)


@pytest.mark.parametrize("side", [128, 300, 1000, 2100, 2500, 4000, 5500, 6500, 8000])
@pytest.mark.parametrize("brush", [25.0, 100.0, 400.0])
@pytest.mark.parametrize("strength", [100, 50])
def test_a_trained_model_paints_them_once_whatever_the_strength(
    pace: ModuleType, side: int, brush: float, strength: int
) -> None:
    told = pace.painted(side * side, {"method": "trained", "brush_size": brush, "strength": strength})
    assert told == pytest.approx(painting_sizes(side, side, brush, (False, False), 16, 750_000).area, rel=0.07)


def test_each_trained_model_has_a_pace_of_its_own(pace: ModuleType) -> None:
    slow, quick = ({"method": "trained", "model": name, "brush_size": 100, "strength": 100} for name in ("a", "b"))
    paces = pace.Pace()
    for options, seconds in ((slow, 3.0), (quick, 0.3)):
        paces.learn(200_000, options, seconds)
    assert paces.seconds(200_000, slow) == pytest.approx(3.0)
    assert paces.seconds(200_000, quick) == pytest.approx(0.3)
    assert paces.side(512, 384, slow, 0.5) < paces.side(512, 384, quick, 0.5) == 512
