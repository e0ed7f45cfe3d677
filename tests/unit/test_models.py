"""The registry: what ships is whole, small, and what its card says."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from pastiched import models
from pastiched.models import SHIPPED, ModelError, default_model, feature_model, installed_models, shipped_models
from pastiched.models_command import main
from pastiched.trained_library import TrainedLibrary


def test_every_shipped_file_is_whole_and_has_a_card() -> None:
    assert {model.path.name for model in shipped_models()} == {path.name for path in SHIPPED.glob("*.safetensors")}
    for model in shipped_models():
        model.verify()
        assert model.card["steps"] > 0 and model.card["command"] and model.card["licence"] and model.card["data"]


def test_the_command_lists_what_ships_as_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PASTICHE_HOME", str(tmp_path))
    assert main(["--json"]) == 0
    states = {card["id"]: card["state"] for card in json.loads(capsys.readouterr().out)}
    trained = [model.name for model in TrainedLibrary(tmp_path).list()]
    assert states == dict.fromkeys([*(model.id for model in shipped_models()), *trained], "ok")


def test_fast_weights_are_half_precision_and_under_5_megabytes() -> None:
    model = default_model("fast")
    assert model.path.stat().st_size < 5_000_000
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*") if path.is_file()) < 25_000_000


def test_a_damaged_or_missing_file_is_named(tmp_path: Path) -> None:
    copy = tmp_path / "weights"
    shutil.copytree(SHIPPED, copy)
    model = shipped_models(copy)[0]
    data = bytearray(model.path.read_bytes())
    data[-1] ^= 1
    model.path.write_bytes(data)
    with pytest.raises(ModelError, match="damaged"):
        model.load()
    model.path.unlink()
    with pytest.raises(ModelError, match="missing"):
        model.load()


def put(folder: Path, name: str, data: bytes = b"weights", **card: str) -> Path:
    """A file with its card, as a fetch leaves them."""
    folder.mkdir(exist_ok=True)
    file = folder / f"{name}.safetensors"
    file.write_bytes(data)
    said = {"id": name, "method": "features", "file": file.name, "sha256": hashlib.sha256(data).hexdigest()} | card
    file.with_suffix(".json").write_text(json.dumps(said), "utf-8")
    return file


def test_what_the_user_fetched_is_there_at_once_and_gone_at_once(tmp_path: Path) -> None:
    assert installed_models(tmp_path / "models") == ()
    file = put(tmp_path / "models", "vgg19")
    assert [model.id for model in installed_models(tmp_path / "models")] == ["vgg19"]
    file.with_suffix(".json").unlink()
    assert installed_models(tmp_path / "models") == ()


@pytest.mark.parametrize("card", ["", "[]", "null", "{}", '{"id": "x"}', '"text"'])
def test_a_card_that_cannot_be_read_hides_no_other(tmp_path: Path, card: str) -> None:
    put(tmp_path, "vgg19")
    (tmp_path / "a.json").write_text(card, "utf-8")
    assert [model.id for model in installed_models(tmp_path)] == ["vgg19"]


def test_a_card_speaks_only_of_the_file_beside_it(tmp_path: Path) -> None:
    put(tmp_path / "models", "vgg19", file="../secret")
    (model,) = installed_models(tmp_path / "models")
    assert model.path == tmp_path / "models" / "secret"


def test_vgg19_is_taken_when_asked_for_and_by_itself_where_it_is_whole(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="VGG-19 is not here; fetch it with `pastiched models fetch vgg19`"):
        feature_model("vgg19", tmp_path)
    put(tmp_path, "vgg19")
    assert feature_model("vgg19", tmp_path).id == feature_model("auto", tmp_path).id == "vgg19"
    with pytest.raises(ModelError, match="no feature network"):
        feature_model("vgg20", tmp_path)


def test_without_a_whole_vgg19_the_network_that_ships_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped, user = tmp_path / "shipped", tmp_path / "user"
    put(shipped, "features-1")
    monkeypatch.setattr(models, "shipped_models", lambda: shipped_models(shipped))
    assert feature_model("auto", user).id == feature_model("compact", user).id == "features-1"
    put(user, "vgg19")
    assert feature_model("compact", user).id == "features-1"
    put(user, "vgg19", sha256="0" * 64)
    assert feature_model("auto", user).id == "features-1"
    with pytest.raises(ModelError, match="damaged; fetch it again with `pastiched models fetch vgg19`"):
        feature_model("vgg19", user)


def test_a_file_is_hashed_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[Path] = []

    def counting(path: Path) -> str:
        hashed.append(path)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr(models, "file_sha256", counting)
    file = put(tmp_path, "vgg19")
    for _ in range(3):
        feature_model("auto", tmp_path).verify()
    assert hashed == [file]
    put(tmp_path, "vgg19", b"other weights")
    feature_model("vgg19", tmp_path)
    assert hashed == [file, file]
