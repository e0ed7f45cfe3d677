"""`pastiche` and `pastiched models` with trained models, as users run them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_fixtures import Shell, photograph
from cli_fixtures import shared_home as shared_home
from cli_fixtures import shell as shell
from PIL import Image

from pastiche.connection import Home
from tests.unit.trained_files import write_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("made"), "ink", title="Ink", native_pixels=10_000)


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASTICHE_THREADS", "1")


@pytest.fixture
def with_ink(shell: Shell, model: Path) -> Iterator[Shell]:
    assert models(shell.home, "add", model).returncode == 0
    photograph(shell.folder / "photo.png")
    yield shell
    models(shell.home, "remove", "ink")


def models(home: Home, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pastiched.cli", "models", *map(str, arguments)]
    shell = Shell(home.folder, home)
    return subprocess.run(command, env=shell.environment(), capture_output=True, text=True, timeout=60, check=False)


def test_a_model_goes_from_a_file_to_a_picture_and_away_without_a_restart(shell: Shell, model: Path) -> None:
    photograph(shell.folder / "photo.png")
    shipped = shell.run("styles").stdout.partition("Trained models")[2]
    assert "ukiyo-e" in shipped and "\nink " not in shipped
    pid = shell.daemon_pid()
    done = models(shell.home, "add", model)
    assert (done.returncode, done.stderr) == (0, "") and "--model ink" in done.stdout
    styles, _, trained = shell.run("styles").stdout.partition("Trained models")
    assert "\nink " in trained and "Ink: Black lines." in trained
    assert "rose-window" in styles and "rose-window" not in trained
    assert {"name", "title", "description", "method", "source"} <= set(shell.json("styles")[-1])
    report = shell.json("apply", "photo.png", "--model", "Ink", "-o", "out.png")
    assert report["method"] == "trained" and report["options"]["model"] == "ink" and report["styles"] == []
    with Image.open(shell.folder / "out.png") as out:
        assert out.size == (96, 64)
    assert models(shell.home, "remove", "ink").returncode == 0
    assert "no trained model named 'ink'" in shell.refusal("apply", "photo.png", "--model", "ink", "-o", "more.png")
    assert shell.daemon_pid() == pid and not (shell.folder / "more.png").exists()


def test_a_batch_takes_a_model(with_ink: Shell) -> None:
    photograph(with_ink.folder / "second.png")
    report = with_ink.json("batch", "photo.png", "second.png", "--model", "ink", "-o", "out")
    assert (report["painted"], report["failed"]) == (2, 0)
    assert {path.name for path in (with_ink.folder / "out").iterdir()} == {"photo.png", "second.png"}


def test_names_that_are_not_there_bring_the_nearest_and_styles_are_told_apart(with_ink: Shell) -> None:
    target = ("-o", "out.png")
    assert "did you mean 'ink'" in with_ink.refusal("apply", "photo.png", "--model", "inks", *target)
    assert "--style rose-window" in with_ink.refusal("apply", "photo.png", "--model", "rose-window", *target)
    assert "--model ink" in with_ink.refusal("apply", "photo.png", "--style", "INK", *target)
    assert "--model ink" in with_ink.refusal("batch", "photo.png", "--style", "ink", "-o", "out")
    assert "did you mean 'ink'" in with_ink.refusal("batch", "photo.png", "--model", "inks", "-o", "out")
    assert "pastiche styles" in with_ink.refusal("apply", "photo.png", "--method", "trained", *target)
    assert not (with_ink.folder / "out.png").exists()


def test_strength_0_is_the_photograph_exactly(with_ink: Shell) -> None:
    with_ink.json("apply", "photo.png", "--model", "ink", "--strength", "0", "-o", "out.png")
    with Image.open(with_ink.folder / "photo.png") as photo, Image.open(with_ink.folder / "out.png") as out:
        assert photo.convert("RGB").tobytes() == out.convert("RGB").tobytes()


def test_the_client_loads_nothing_heavy_to_paint_with_a_model(with_ink: Shell) -> None:
    code = (
        "import sys; from pastiche.cli import main\n"
        "code = main(['apply', 'photo.png', '--model', 'ink', '-o', 'out.png'])\n"
        "print(code, sorted({'torch', 'safetensors', 'pastiched'} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=with_ink.folder, env=with_ink.environment(), capture_output=True, text=True,
        timeout=60, check=True,
    )  # fmt: skip
    assert ran.stdout.strip() == "0 []"
