"""Promises about the page and the curves of a training run, whatever is in its folder."""

from __future__ import annotations

import json
import math
import random
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from PIL import Image

from pastiched.training.chart import Curve, Span, draw, readable, smoothed, ticks, value_range
from pastiched.training.diary import read_diary
from pastiched.training.report import HOW_TO_CHOOSE, write_plot, write_report

VOID = {"meta", "img", "link", "br"}
CHARTS = ["content", "style", "content, checkpoints", "patchfd"]
SVG = "{http://www.w3.org/2000/svg}"


class Page(HTMLParser):
    """A page whose elements are closed in their order."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(path.read_text("utf-8"))
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return "\n".join(self.words)

    def all(self, tag: str, key: str) -> list[str]:
        return [str(attributes[key]) for name, attributes in self.elements if name == tag and key in attributes]


def write_lines(folder: Path, *lines: dict[str, Any] | str) -> None:
    text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    (folder / "progress.jsonl").write_text(text, "utf-8")


def line(step: int, **more: Any) -> dict[str, Any]:
    phase = "reconstruction" if step <= 200 else "style" if step <= 600 else "adversarial"
    return {"step": step, "seconds": step * 1.5, "phase": phase, "content": 1 / step, **more}


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    rng = random.Random(0)
    measured = [line(step, style=rng.random()) for step in range(50, 1001, 50)]
    figures = [line(step) | {"patchfd": 1000 / step, "content": 0.5} for step in (500, 1000)]
    figures = [{k: v for k, v in entry.items() if k != "phase"} for entry in figures]
    guard = {"event": "The losses were no numbers: back to step 500.", "step": 700}
    write_lines(tmp_path, *measured[:10], figures[0], *measured[10:14], guard, *measured[14:], figures[1])
    (tmp_path / "checkpoints").mkdir()
    for step in (500, 1000):
        Image.new("RGB", (30, 20)).save(tmp_path / f"sheet-{step:06}.png")
        (tmp_path / "checkpoints" / f"gouache-{step:06}.safetensors").write_bytes(bytes(1_500_000))
    told = {"name": "gouache", "command": "pastiched train gan --styles DIR", "data": {"styles": 320, "photos": 1200}}
    (tmp_path / "run.json").write_text(json.dumps(told | {"size": 256}))
    return tmp_path


def test_the_page_tells_state_curves_sheets_checkpoints_figures_and_data(run_folder: Path) -> None:
    path = write_report(run_folder)
    assert path == run_folder / "report.html"
    page = Page(path)
    assert "Training of gouache" in page.text
    assert "Step 1,000 after 25 min, phase adversarial." in page.text
    assert [label.split(", now")[0] for label in page.all("svg", "aria-label")] == CHARTS
    assert page.all("img", "src") == ["sheet-001000.png", "sheet-000500.png"]
    assert page.all("img", "loading") == ["lazy", "lazy"] and page.all("img", "width") == ["30", "30"]
    assert "Step 700: The losses were no numbers: back to step 500." in page.text
    assert HOW_TO_CHOOSE.format(example="checkpoints/gouache-001000.safetensors") in page.text
    assert "1.5 MB" in page.text and "pastiched train gan --styles DIR" in page.text
    for words in ("320", "1,200", "256"):
        assert words in page.words


def test_the_page_needs_nothing_but_the_files_beside_it(run_folder: Path) -> None:
    page = Page(write_report(run_folder))
    names = {id for _, attributes in page.elements if (id := attributes.get("id"))}
    for target in page.all("a", "href") + page.all("img", "src"):
        assert (target.startswith("#") and target[1:] in names) or (run_folder / unquote(target)).is_file()
    assert not [tag for tag, _ in page.elements if tag in ("script", "link", "iframe")]
    content = (run_folder / "report.html").read_text("utf-8")
    assert "http" not in content and "prefers-color-scheme: dark" in content


def test_the_plot_is_one_svg_of_all_charts(run_folder: Path) -> None:
    path = write_plot(run_folder)
    assert path == run_folder / "curves.svg"
    root = ET.parse(path).getroot()
    charts = root.findall(f"{SVG}svg")
    assert [chart.get("aria-label", "").split(", now")[0] for chart in charts] == CHARTS
    assert len({(chart.get("x"), chart.get("y")) for chart in charts}) == 4
    for chart in charts:
        assert len([rect for rect in chart.iter(f"{SVG}rect") if rect.get("class") == "phase"]) == 2


def test_every_text_is_escaped(tmp_path: Path) -> None:
    evil = "<script>alert('\"&amp;')</script>"
    entry = line(50, **{evil: 1.0, "patchfd": evil})
    write_lines(tmp_path, entry | {"phase": evil}, entry | {"step": 900, "phase": evil}, {"event": evil, "note": evil})
    told = {"name": evil, "command": evil, "data": {evil: [evil, {evil: evil}]}, evil: evil}
    (tmp_path / "run.json").write_text(json.dumps(told))
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "a & 'b' #5%20 1.safetensors").touch()
    Image.new("RGB", (8, 8)).save(tmp_path / "sheet-<i>&1.png")
    page = Page(write_report(tmp_path))
    assert not [tag for tag, _ in page.elements if tag in ("script", "i")]
    assert page.text.count(evil) >= 8
    assert (tmp_path / unquote(page.all("img", "src")[0])).is_file()
    (checkpoint,) = (link for link in page.all("a", "href") if link.startswith("checkpoints"))
    assert (tmp_path / unquote(checkpoint)).is_file()
    ET.parse(write_plot(tmp_path))


def test_an_empty_folder_gives_a_page_and_a_plot(tmp_path: Path) -> None:
    assert "Nothing has been measured yet." in Page(write_report(tmp_path)).text
    ET.parse(write_plot(tmp_path))


@pytest.mark.parametrize(
    "broken",
    ['{"step":150,"sec', "", "[1]", "null", '{"content": 3}', '{"step": NaN, "content": 3}', "\x00", "[" * 5000],
    ids=["cut", "empty", "list", "null", "no step", "NaN step", "zero", "deep"],
)
def test_a_line_that_cannot_be_understood_is_passed_over(tmp_path: Path, broken: str) -> None:
    write_lines(tmp_path, line(50), broken, line(100), broken)
    (tmp_path / "run.json").write_text(broken)
    (curve,) = read_diary(tmp_path).curves()
    assert (curve.name, list(curve.steps)) == ("content", [50, 100])
    Page(write_report(tmp_path))


def test_values_that_are_no_numbers_are_gaps(tmp_path: Path) -> None:
    odd = [math.nan, math.inf, -math.inf, 10**400, None, True, "3", [1], 1.0, -1e308, 1e308]
    write_lines(tmp_path, *(line(50 * k, odd=value) for k, value in enumerate(odd, 1)))
    (tmp_path / "run.json").write_text('{"data": {"share": NaN, "none": null, "yes": true}}')
    curve = next(curve for curve in read_diary(tmp_path).curves() if curve.name == "odd")
    assert list(curve.values) == [1.0, -1e308, 1e308]
    page = Page(write_report(tmp_path))
    coordinates = [
        attributes[key] for _, attributes in page.elements for key in ("points", "cx", "y") if key in attributes
    ]
    assert coordinates and not [text for text in coordinates if "nan" in str(text) or "inf" in str(text)]


def test_steps_that_were_undone_by_going_on_from_an_older_checkpoint_are_left_out(tmp_path: Path) -> None:
    write_lines(
        tmp_path, *(line(step, style=1) for step in (50, 100, 150, 200)), line(100, style=2), line(150, style=3)
    )
    curve = next(curve for curve in read_diary(tmp_path).curves() if curve.name == "style")
    assert (list(curve.steps), list(curve.values)) == ([50, 100, 150], [1, 2, 3])


def test_phases_reach_from_one_beginning_to_the_next(tmp_path: Path) -> None:
    write_lines(tmp_path, *(line(step) for step in range(50, 1001, 50)))
    assert read_diary(tmp_path).spans() == [
        Span("reconstruction", 0, 250), Span("style", 250, 650), Span("adversarial", 650, 1000),
    ]  # fmt: skip


def test_a_night_of_training_makes_a_small_page(tmp_path: Path) -> None:
    rng = random.Random(0)
    names = [f"loss {k}" for k in range(10)]
    write_lines(tmp_path, *(line(step, **{n: rng.random() for n in names}) for step in range(50, 200_001, 50)))
    assert write_report(tmp_path).stat().st_size < 400_000


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0, 30_000, [0, 5000, 10_000, 15_000, 20_000, 25_000, 30_000]),
        (-0.03, 0.012, [-0.03, -0.02, -0.01, 0, 0.01]),
    ],
)
def test_ticks_are_round_numbers(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high, 6) == pytest.approx(expected)


@pytest.mark.parametrize("low", [0, -1e280, 3e-289, 1e6, -5])
@pytest.mark.parametrize("size", [1e-280, 1e-6, 1, 1e279])
def test_any_range_has_a_few_ticks_inside(low: float, size: float) -> None:
    low, high = value_range([low, low + size])
    marks = ticks(low, high, 6)
    assert 1 <= len(marks) <= 7 and all(low - size <= mark <= high + size for mark in marks)


def test_numbers_are_written_with_the_digits_that_matter() -> None:
    assert [readable(value, 500) for value in (0, 1500, 30_000)] == ["0", "1,500", "30,000"]
    assert [readable(value, 0.05) for value in (0.1, 0.15, 1)] == ["0.10", "0.15", "1.00"]
    assert [readable(value, 5e-5) for value in (0, 5e-5, 1.5e-4)] == ["0", "5.0e-05", "1.5e-04"]
    assert [readable(value) for value in (0.31234, 1250.3, 2e-7)] == ["0.312", "1,250", "2.00e-07"]


def test_one_spike_does_not_flatten_the_curve_but_its_beginning_is_seen() -> None:
    falling = [1 + 2 * math.exp(-k / 20) for k in range(400)]
    low, high = value_range(falling)
    assert high == max(falling) and low == min(falling)
    spiked = [*falling[:200], 900.0, *falling[200:]]
    assert value_range(spiked)[1] < 10
    assert max(smoothed(spiked, *value_range(spiked))[150:250]) < 2


def test_the_smoothed_curve_follows_without_delay() -> None:
    rng = random.Random(0)
    line = [k / 400 for k in range(400)]
    smooth = smoothed([value + rng.gauss(0, 0.1) for value in line], -1, 2)
    errors = [a - b for a, b in zip(smooth, line, strict=True)]
    assert abs(sum(errors)) / 400 < 0.02 and max(map(abs, errors)) < 0.12


def test_the_highest_value_is_highest_on_the_chart() -> None:
    root = ET.fromstring(draw(Curve("x", [0, 50, 100], [1, 3, 2]), []))
    places = [(float(p.get("cx", 0)), float(p.get("cy", 0))) for p in root.iter("circle")]
    assert places[0][0] < places[1][0] < places[2][0]
    assert places[1][1] < places[2][1] < places[0][1]
