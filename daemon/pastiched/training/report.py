"""A run as a page for people: state, curves, preview sheets, checkpoints; and its curves alone as one picture."""

from __future__ import annotations

import json
import re
import shlex
import struct
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pastiche.commands.progress import duration
from pastiched.storage import write_atomically
from pastiched.training.chart import STYLE, draw, draw_sheet
from pastiched.training.diary import EVENT_KEY, FIGURES_KEY, Diary, number, read_diary

REPORT, PLOT = "report.html", "curves.svg"
RUN_FILE = "run.json"
CHECKPOINTS, CHECKPOINT_FILES, SHEETS = "checkpoints", "*.safetensors", "sheet-*.png"
HOW_TO_CHOOSE = (
    "The last checkpoint is not always the best. Compare the sheets first: strokes that belong to the style, things"
    " that can still be told, no mark that comes back everywhere. Of two that look alike take the one with the smaller"
    f" {FIGURES_KEY}. Then install it: pastiched models add {{example}} --name NAME"
)
"""`{example}` is a checkpoint's file, as a shell takes it."""

PAGE_STYLE = """\
:root { color-scheme: light dark; --paper: #f6f8fa; --card: #ffffff; --ink: #24292f; --faint: #57606a; --rule: #d7dce1;
  --link: #1f6fb2; --warning: #9a6700; }
@media (prefers-color-scheme: dark) { :root { --paper: #0f1215; --card: #16191d; --ink: #e6e8eb; --faint: #9aa3ad;
  --rule: #2c3238; --link: #7db8f0; --warning: #d9a83f; } }
body { margin: 0 auto; max-width: 1320px; padding: 24px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 26px; }
h2 { margin: 36px 0 12px; font-size: 18px; }
a { color: var(--link); }
p { max-width: 75ch; }
.faint { color: var(--faint); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(340px, 1fr)); gap: 12px; }
.charts svg { width: 100%; height: auto; border: 1px solid var(--rule); border-radius: 6px; }
figure { margin: 0 0 20px; }
figure img { max-width: 100%; height: auto; border-radius: 4px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; background: var(--card); }
th, td { border: 1px solid var(--rule); padding: 4px 10px; text-align: left; vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
pre { overflow-x: auto; padding: 10px; background: var(--card); border: 1px solid var(--rule); border-radius: 6px;
  white-space: pre-wrap; overflow-wrap: anywhere; }
.events li { color: var(--warning); }
"""


def write_report(folder: Path) -> Path:
    """report.html in a run's folder: one page that links the pictures beside it. Raises OSError."""
    diary, told = read_diary(folder), _read_run(folder / RUN_FILE)
    sections = [
        _header(diary, told, folder),
        _events(diary),
        _charts(diary),
        _sheets(folder),
        _checkpoints(folder, diary),
        _figures(diary),
        _run(told),
    ]
    title = escape(_title(told, folder))
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{PAGE_STYLE}{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(section for section in sections if section)
        + "\n</body>\n</html>\n"
    )
    return _write(folder / REPORT, page)


def write_plot(folder: Path) -> Path:
    """curves.svg in a run's folder: the charts of the report in one picture. Raises OSError."""
    diary = read_diary(folder)
    title = f"{_title(_read_run(folder / RUN_FILE), folder)}, step {diary.step:,}"
    return _write(folder / PLOT, draw_sheet(diary.curves(), diary.spans(), title))


def _write(path: Path, text: str) -> Path:
    data = text.encode("utf-8", "replace")
    write_atomically(path, lambda part: _fill(part, data))
    return path


def _fill(part: Path, data: bytes) -> None:
    part.write_bytes(data)


def _read_run(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8", errors="replace"))
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _title(told: dict[str, Any], folder: Path) -> str:
    named = next((told[key] for key in ("title", "name") if isinstance(told.get(key), str) and told[key]), None)
    return f"Training of {named or folder.resolve().name or 'a model'}"


def _header(diary: Diary, told: dict[str, Any], folder: Path) -> str:
    if not diary.lines:
        state = "Nothing has been measured yet."
    else:
        state = f"Step {diary.step:,}"
        state += f" after {duration(diary.seconds)}" if diary.seconds is not None else ""
        state += f", phase {diary.phase}" if diary.phase else ""
    return f'<h1>{escape(_title(told, folder))}</h1>\n<p class="faint">{escape(state)}.</p>'.replace("..<", ".<")


def _events(diary: Diary) -> str:
    if not diary.events:
        return ""
    items = []
    for event in diary.events:
        step = number(event.get("step"))
        more = {k: v for k, v in event.items() if k not in (EVENT_KEY, "step", "seconds", "phase")}
        words = "" if step is None else f"Step {step:,.0f}: "
        words += str(event[EVENT_KEY])
        words += f" ({', '.join(f'{k} {_text(v)}' for k, v in more.items())})" if more else ""
        items.append(f"<li>{escape(words)}</li>")
    return '<h2>What the guards said</h2>\n<ul class="events">\n' + "\n".join(items) + "\n</ul>"


def _charts(diary: Diary) -> str:
    spans = diary.spans()
    charts = [f"<div>{draw(curve, spans)}</div>" for curve in diary.curves()]
    return '<h2>Curves</h2>\n<div class="charts">\n' + "\n".join(charts) + "\n</div>" if charts else ""


def _sheets(folder: Path) -> str:
    sheets = _by_step(folder.glob(SHEETS))
    figures = []
    for path in reversed(sheets):
        step, size = _step_of(path), _png_size(path)
        sides = f' width="{size[0]}" height="{size[1]}"' if size else ""
        caption = escape(path.name if step is None else f"Step {step:,}")
        link = _link(path.name)
        figures.append(
            f'<figure id="{escape(path.stem)}"><figcaption class="faint">{caption}</figcaption><a href="{link}">'
            f'<img src="{link}" alt="Preview sheet, {caption}" loading="lazy"{sides}></a></figure>'
        )
    return "<h2>Preview sheets, newest first</h2>\n" + "\n".join(figures) if figures else ""


def _checkpoints(folder: Path, diary: Diary) -> str:
    files = _by_step((folder / CHECKPOINTS).glob(CHECKPOINT_FILES))
    if not files:
        return ""
    sheets = {_step_of(path): path for path in folder.glob(SHEETS)}
    figures = {int(line["step"]): line[FIGURES_KEY] for line in diary.figures}
    rows = []
    for path in reversed(files):
        step = _step_of(path)
        sheet = sheets.get(step)
        rows.append(
            [
                ("number", "" if step is None else f"{step:,}"),
                ("", f'<a href="{_link(f"{CHECKPOINTS}/{path.name}")}">{escape(path.name)}</a>'),
                ("number", escape(_text(figures.get(step, "")) if step is not None else "")),
                ("", f'<a href="#{escape(quote(sheet.stem))}">sheet</a>' if sheet else ""),
                ("number", f"{path.stat().st_size / 1e6:.1f} MB"),
            ]
        )
    advice = escape(HOW_TO_CHOOSE.format(example=shlex.quote(f"{CHECKPOINTS}/{files[-1].name}")))
    return f"<h2>Checkpoints</h2>\n<p>{advice}</p>\n" + _table(["step", "file", FIGURES_KEY, "look", "size"], rows)


def _figures(diary: Diary) -> str:
    if not diary.figures:
        return ""
    hidden = ("step", "seconds", "phase")
    keys = list(dict.fromkeys(key for line in diary.figures for key in line if key not in hidden))
    rows = [
        [("number", f"{line['step']:,.0f}"), *(("number", escape(_text(line.get(key, "")))) for key in keys)]
        for line in reversed(diary.figures)
    ]
    return "<h2>Figures of the checkpoints</h2>\n" + _table(["step", *keys], rows)


def _run(told: dict[str, Any]) -> str:
    parts = []
    if isinstance(told.get("data"), dict):
        rows = [[("", escape(str(key))), ("", escape(_text(value)))] for key, value in told["data"].items()]
        parts.append("<h2>Pictures</h2>\n" + _table([], rows))
    if told.get("command"):
        parts.append(f"<h2>Command</h2>\n<pre>{escape(_text(told['command']))}</pre>")
    others = {key: value for key, value in told.items() if key not in ("data", "command")}
    if others:
        rows = [[("", escape(str(key))), ("", escape(_text(value)))] for key, value in others.items()]
        parts.append("<details><summary>Settings</summary>\n" + _table([], rows) + "\n</details>")
    return "\n".join(parts)


def _table(head: Sequence[str], rows: Sequence[Sequence[tuple[str, str]]]) -> str:
    """`head` as text, `rows` as (class, HTML)."""
    lines = ["<tr>" + "".join(f"<th>{escape(name)}</th>" for name in head) + "</tr>"] if head else []
    for row in rows:
        cells = (f'<td class="{kind}">{html}</td>' if kind else f"<td>{html}</td>" for kind, html in row)
        lines.append("<tr>" + "".join(cells) + "</tr>")
    return '<div class="scroll"><table>\n' + "\n".join(lines) + "\n</table></div>"


def _text(value: object) -> str:
    """Of JSON what a person reads."""
    if isinstance(value, str):
        return value
    if (found := number(value)) is not None:
        return f"{found:,.0f}" if isinstance(value, int) else f"{found:.4g}"
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(inner)}" for key, inner in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _by_step(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: (_step_of(path) or 0, path.name))


def _step_of(path: Path) -> int | None:
    """The last number in a file's name."""
    found = re.findall(r"\d+", path.stem, re.ASCII)
    return int(found[-1][-18:]) if found else None


def _link(name: str) -> str:
    return escape(quote(name.encode("utf-8", "surrogateescape")))


def _png_size(path: Path) -> tuple[int, int] | None:
    try:
        with path.open("rb") as file:
            head = file.read(24)
    except OSError:
        return None
    return struct.unpack(">II", head[16:24]) if head[:8] == b"\x89PNG\r\n\x1a\n" and len(head) == 24 else None
