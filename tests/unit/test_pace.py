"""What the dialog believes of the daemon's work, so that previews come in time."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from pastiched.imaging.scale import working_sizes

# Its package needs gi, which only GIMP's own Python has; this file does not.
PACE = Path(__file__).parents[2] / "gimp_plugin" / "pastiche-gimp" / "pastiche_gimp" / "dialog" / "pace.py"


@pytest.mark.parametrize("side", [128, 200, 300, 512, 1000, 4000])
@pytest.mark.parametrize("brush", [25.0, 50.0, 100.0, 150.0, 400.0])
@pytest.mark.parametrize(("strength", "passes"), [(100, 1), (99, 2)])
def test_the_dialog_knows_on_how_many_pixels_the_daemon_paints(
    side: int, brush: float, strength: int, passes: int
) -> None:
    spec = importlib.util.spec_from_file_location("pace", PACE)
    assert spec and spec.loader
    pace = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pace)
    sizes = working_sizes(side, side, brush, (False, False), 16)
    told = pace.painted(side * side, {"brush_size": brush, "strength": strength})
    assert told == pytest.approx(passes * sum(size.area for size in sizes), rel=0.07)
