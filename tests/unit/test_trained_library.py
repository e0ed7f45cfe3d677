"""Trained models by name: what is listed, what may be added, and that nothing is left of what may not."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from safetensors.numpy import save_file as save_arrays

from pastiche.connection import Home
from pastiche.errors import ErrorCode, PasticheError
from pastiche.options import METHODS
from pastiche.protocol import TRAINED_SINCE
from pastiched import trained_addition, trained_library
from pastiched.catalogue import Catalogue
from pastiched.fetching import sole_use
from pastiched.models import SHIPPED as WEIGHTS
from pastiched.models import ModelError
from pastiched.models_command import main
from pastiched.styles import StyleLibrary, gallery_names
from pastiched.trained_library import FOLDER, TrainedLibrary
from pastiched.trained_model import MAX_FILE, TrainedModel, read_trained_model
from tests.unit.trained_files import THUMBNAIL, write_model


@pytest.fixture(scope="module")
def ink(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The content of a model file."""
    return write_model(tmp_path_factory.mktemp("made")).read_bytes()


@pytest.fixture
def library(tmp_path: Path) -> TrainedLibrary:
    return TrainedLibrary(tmp_path / "home" / "models" / FOLDER, tmp_path / "home" / "styles", tmp_path / "shipped")


@pytest.fixture
def file(tmp_path: Path, ink: bytes) -> Path:
    path = tmp_path / "given" / "downloaded.safetensors"
    path.parent.mkdir()
    path.write_bytes(ink)
    return path


def kept(library: TrainedLibrary) -> list[str]:
    """Everything below the user's folder."""
    return sorted(p.name for p in library.user_folder.rglob("*")) if library.user_folder.exists() else []


def names(library: TrainedLibrary) -> list[str]:
    return [model.name for model in library.list()]


def test_without_any_model_everything_holds(library: TrainedLibrary) -> None:
    assert library.list() == [] and library.left_out() == {}
    with pytest.raises(PasticheError, match="models add"):
        library.find("ink")


def test_what_ships_comes_first_then_the_users_own_by_name(library: TrainedLibrary, tmp_path: Path) -> None:
    for folder, name in (("shipped", "zebra"), ("shipped", "lines"), ("given", "wash"), ("given", "amber")):
        write_model(tmp_path / folder, name)
    library.add(tmp_path / "given")
    assert names(library) == ["lines", "zebra", "amber", "wash"]
    assert [library.source(model) for model in library.list()] == ["shipped"] * 2 + ["user"] * 2


def test_an_added_model_is_the_file_under_its_name(library: TrainedLibrary, file: Path) -> None:
    (addition,) = library.add(file)
    assert addition.model and not addition.already and kept(library) == ["ink.safetensors"]
    assert addition.model.path.read_bytes() == file.read_bytes()
    assert library.find("ink") == addition.model and addition.model.thumbnail == THUMBNAIL


def test_adding_it_again_changes_nothing(library: TrainedLibrary, file: Path) -> None:
    library.add(file)
    before = library.find("ink").path.stat().st_mtime_ns
    (again,) = library.add(file)
    assert again.already and again.model and again.model.path.stat().st_mtime_ns == before
    (own,) = library.add(again.model.path)
    assert own.already and kept(library) == ["ink.safetensors"]


def test_another_name_is_on_its_card_and_its_weights_are_the_same(library: TrainedLibrary, file: Path) -> None:
    library.add(file)
    for already in (False, True):
        (addition,) = library.add(file, "ink-2")
        assert addition.already is already
    first, second = library.find("ink"), library.find("ink-2")
    assert second.card == first.card | {"name": "ink-2"} and second.thumbnail == first.thumbnail
    assert all((second.load()[key] == value).all() for key, value in first.load().items())
    assert kept(library) == ["ink-2.safetensors", "ink.safetensors"]


@pytest.mark.parametrize(
    "name", ["", "Ink", "my ink", "-ink", "ink-", "../ink", "x" * 41, "ink.safetensors", "tinte-ä"]
)
def test_a_name_that_cannot_be_one_is_refused(library: TrainedLibrary, file: Path, name: str) -> None:
    with pytest.raises(ModelError, match="lower-case letters"):
        library.add(file, name)
    assert kept(library) == []


def test_another_model_of_that_name_is_refused_with_both_ways_out(
    library: TrainedLibrary, file: Path, tmp_path: Path
) -> None:
    library.add(file)
    with pytest.raises(ModelError, match=r"--name NAME .* or `pastiched models remove ink`"):
        library.add(write_model(tmp_path / "other", "ink", seed=1))
    with pytest.raises(ModelError, match="--name"):
        library.add(write_model(tmp_path / "retrained", "ink", title="Ink, trained longer"))
    assert kept(library) == ["ink.safetensors"]


def test_names_of_what_ships_are_taken(library: TrainedLibrary, file: Path, tmp_path: Path) -> None:
    write_model(tmp_path / "shipped", "ink", seed=1)
    with pytest.raises(ModelError) as caught:
        library.add(file)
    assert "--name" in str(caught.value) and "remove" not in str(caught.value)


@pytest.mark.parametrize("name", [gallery_names()[0], "vgg19", "fast-2", "features-1", "my-cat"])
def test_names_of_styles_and_networks_are_taken(library: TrainedLibrary, file: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "home" / "styles").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "home" / "styles" / "My-Cat.png")
    with pytest.raises(ModelError, match="--name"):
        library.add(file, name)
    assert kept(library) == []


def test_a_style_picture_that_comes_later_gives_way(library: TrainedLibrary, file: Path, tmp_path: Path) -> None:
    library.add(file)
    Image.new("RGB", (8, 8)).save(tmp_path / "Ink.png")
    styles = StyleLibrary(tmp_path, lambda: names(library))
    assert [style.name for style in styles.list() if style.source == "user"] == ["Ink-2"]


def _with_more(ink: bytes) -> bytes:
    """The header has more metadata, which is no text."""
    length, start, more = int.from_bytes(ink[:8], "little"), b'{"__metadata__":{', b'"x":NaN,'
    assert ink[8:].startswith(start)
    return (length + len(more)).to_bytes(8, "little") + start + more + ink[8 + len(start) :]


def _png(path: Path, ink: bytes) -> None:
    Image.new("RGB", (64, 64)).save(path, "PNG")


def _fast(path: Path, ink: bytes) -> None:
    path.write_bytes((WEIGHTS / "fast.safetensors").read_bytes())


def _arrays(path: Path, ink: bytes) -> None:
    import numpy

    save_arrays({"weight": numpy.zeros((3, 3), numpy.float32)}, path, {"pastiche": "{}"})


def _large(path: Path, ink: bytes) -> None:
    with path.open("wb") as out:
        out.truncate(MAX_FILE + 1)


def _lying(path: Path, ink: bytes) -> None:
    path.write_bytes((2**63).to_bytes(8, "little") + ink[8:])


WRONG: dict[str, Callable[[Path, bytes], object]] = {
    "empty": lambda path, ink: path.write_bytes(b""),
    "a picture": _png,
    "another network": _fast,
    "other arrays": _arrays,
    "too large": _large,
    "a lying header": _lying,
    "cut short": lambda path, ink: path.write_bytes(ink[:-1]),
    "a header that only Python reads": lambda path, ink: path.write_bytes(_with_more(ink)),
    "no numbers": lambda path, ink: path.write_bytes(ink[:-2] + b"\xff\x7f"),
    "longer": lambda path, ink: path.write_bytes(ink + b"\0"),
    "a card without a name": lambda path, ink: path.write_bytes(ink.replace(b'"name', b'"nome')),
    "a name that leads elsewhere": lambda path, ink: path.write_bytes(ink.replace(b'"ink\\"', b'"../\\"')),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_file_that_is_no_trained_model_is_a_sentence_and_leaves_nothing(
    library: TrainedLibrary, tmp_path: Path, ink: bytes, kind: str
) -> None:
    path = tmp_path / "given.safetensors"
    WRONG[kind](path, ink)
    for name in (None, "mine"):
        with pytest.raises(ModelError) as caught:
            library.add(path, name)
        sentence = str(caught.value)
        assert "given.safetensors" in sentence and sentence.endswith(".") and len(sentence) < 200
    assert kept(library) == []


def test_what_is_no_file_is_never_opened(library: TrainedLibrary, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")
    for path in (tmp_path / "pipe.safetensors", tmp_path / "none.safetensors", Path(os.devnull)):
        with pytest.raises(ModelError, match=r"no file|not a file"):
            library.add(path)
    with pytest.raises(ModelError, match="no trained model in"):
        library.add(tmp_path)
    library.user_folder.mkdir(parents=True)
    os.mkfifo(library.user_folder / "pipe.safetensors")
    assert library.list() == []


def test_a_folder_that_cannot_be_read_is_a_sentence(
    library: TrainedLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(ModelError, match="cannot be read: Permission denied"):
        library.add(tmp_path)
    assert library.list() == []


def test_of_a_folder_the_good_ones_are_added_and_the_bad_ones_named(
    library: TrainedLibrary, tmp_path: Path, ink: bytes
) -> None:
    folder = tmp_path / "run"
    write_model(folder, "ink")
    write_model(folder, "wash", seed=1)
    (folder / "broken.safetensors").write_bytes(ink[:-9])
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "deeper.safetensors").write_bytes(b"not looked at")
    (folder / "progress.jsonl").write_text("{}")
    additions = {addition.file.name: addition for addition in library.add(folder)}
    assert set(additions) == {"broken.safetensors", "ink.safetensors", "wash.safetensors"}
    assert additions["broken.safetensors"].model is None and "broken" in additions["broken.safetensors"].refusal
    assert names(library) == ["ink", "wash"]
    with pytest.raises(ModelError, match="3 files"):
        library.add(folder, "mine")


def test_of_a_folder_with_one_model_it_can_be_given_a_name(library: TrainedLibrary, file: Path) -> None:
    library.add(file.parent, "mine")
    assert names(library) == ["mine"]


def test_a_file_in_the_way_is_not_replaced(library: TrainedLibrary, file: Path) -> None:
    library.user_folder.mkdir(parents=True)
    (library.user_folder / "ink.safetensors").write_bytes(b"something of mine")
    with pytest.raises(ModelError, match="in the way"):
        library.add(file)
    assert (library.user_folder / "ink.safetensors").read_bytes() == b"something of mine"


def test_a_file_that_changes_while_it_is_added_is_refused(
    library: TrainedLibrary, file: Path, ink: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_then_change(path: Path) -> object:
        model = read_trained_model(path)
        path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 1]))
        return model

    monkeypatch.setattr(trained_addition, "read_trained_model", read_then_change)
    for name in (None, "mine"):
        file.write_bytes(ink)
        with pytest.raises(ModelError, match="changed meanwhile"):
            library.add(file, name)
    assert kept(library) == []


def test_two_processes_do_not_add_at_once(library: TrainedLibrary, file: Path) -> None:
    with sole_use(library.user_folder), pytest.raises(ModelError, match="Another process"):
        library.add(file)
    assert kept(library) == []


def test_a_full_disk_leaves_nothing_behind(library: TrainedLibrary, file: Path) -> None:
    code = (
        "import resource, sys; from pathlib import Path; from pastiched.trained_library import TrainedLibrary\n"
        "from pastiche.errors import PasticheError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))\n"
        "try: TrainedLibrary(Path(sys.argv[1])).add(Path(sys.argv[2]))\n"
        "except PasticheError as error: print(error.code, error.sentence)\n"
    )
    command = [sys.executable, "-c", code, str(library.user_folder), str(file)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.startswith("unwritable ink.safetensors cannot be written")
    assert kept(library) == []


def test_too_little_space_is_said_before_anything_is_written(
    library: TrainedLibrary, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 1_000_000

    monkeypatch.setattr("pastiched.fetching.shutil.disk_usage", lambda folder: Usage)
    with pytest.raises(ModelError, match="free disk space"):
        library.add(file)
    assert kept(library) == []


def test_a_damaged_file_hides_no_other_and_is_told_once(
    library: TrainedLibrary, ink: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    write_model(library.user_folder, "ink")
    (library.user_folder / "broken.safetensors").write_bytes(ink[:-9])
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            assert names(library) == ["ink"]
    assert caplog.text.count("broken.safetensors") == 1
    assert "broken.safetensors" in " ".join(library.left_out().values())


def test_two_files_of_one_name_are_one_model(library: TrainedLibrary, tmp_path: Path) -> None:
    write_model(library.user_folder / "a.safetensors", "ink")
    write_model(library.user_folder / "b.safetensors", "ink", seed=1)
    write_model(library.user_folder / "c.safetensors", gallery_names()[0])
    assert [model.path.name for model in library.list()] == ["a.safetensors"]
    assert {path.name for path in library.left_out()} == {"b.safetensors", "c.safetensors"}


def test_a_file_is_read_once_until_it_changes(library: TrainedLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    monkeypatch.setattr(trained_library, "read_trained_model", lambda p: read.append(p) or read_trained_model(p))
    path = write_model(library.user_folder, "ink")
    for _ in range(3):
        library.list()
    assert read == [path]
    write_model(library.user_folder, "ink", title="Changed")
    assert library.find("ink").title == "Changed" and read == [path, path]


def test_case_and_spaces_do_not_matter_and_the_nearest_is_told(library: TrainedLibrary, file: Path) -> None:
    library.add(file, "black-ink")
    assert library.find(" Black-INK ").name == "black-ink" and library.get("ink") is None
    with pytest.raises(PasticheError, match=r'Did you mean "black-ink"\?') as caught:
        library.find("blackink")
    assert caught.value.code is ErrorCode.UNKNOWN_MODEL
    with pytest.raises(PasticheError, match="No trained model was chosen"):
        library.find("")


@pytest.mark.parametrize("name", ["../ink", "/etc/passwd", "ink.safetensors", ".", "a\0b", "x" * 10_000])
def test_a_name_never_leaves_the_library(library: TrainedLibrary, file: Path, name: str) -> None:
    library.add(file)
    with pytest.raises(PasticheError) as caught:
        library.find(name)
    assert caught.value.code is ErrorCode.UNKNOWN_MODEL and len(caught.value.sentence) < 200


def test_only_the_users_own_can_be_removed(library: TrainedLibrary, file: Path, tmp_path: Path) -> None:
    write_model(tmp_path / "shipped", "lines")
    library.add(file)
    assert library.remove(library.find("ink")) == file.stat().st_size
    with pytest.raises(PasticheError, match="part of Pastiche"):
        library.remove(library.find("lines"))
    assert kept(library) == [] and names(library) == ["lines"]


def test_the_library_needs_no_heavy_imports() -> None:
    code = "import sys, pastiched.trained_library as t; t.TrainedLibrary(t.Path('/nowhere')).list(); " + (
        "print({'torch', 'numpy', 'PIL', 'safetensors', 'ssl'} & set(sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"


class Command:
    """`pastiched models` in a home of its own."""

    def __init__(self, home: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capture = home / "models" / FOLDER, capture

    def run(self, *arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        said = self._capture.readouterr()
        return code, said.out, said.err

    def refusal(self, *arguments: object) -> str:
        code, out, err = self.run(*arguments)
        assert (code, out) == (2, "") and err.startswith("pastiched models: ") and err.count("\n") == 1, err
        return err


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.setenv("PASTICHE_HOME", str(tmp_path / "home"))
    return Command(tmp_path / "home", capsys)


def test_the_command_adds_lists_shows_and_removes(command: Command, file: Path) -> None:
    code, out, err = command.run("add", file)
    assert (code, err) == (0, "") and "ink was added" in out and "--model ink" in out
    assert "is here already" in command.run("add", file)[1]
    _, listed, _ = command.run("list")
    (line,) = [line for line in listed.splitlines() if line.startswith("ink ")]
    assert "trained" in line and "user" in line and "CC0-1.0" in line and line.endswith("ok")
    cards = {card["id"]: card for card in json.loads(command.run("list", "--json")[1])}
    assert cards["ink"]["method"] == "trained" and cards["ink"]["state"] == "ok" and "thumbnail" not in cards["ink"]
    code, shown, _ = command.run("show", "ink")
    assert code == 0 and "Black lines." in shown and "40000" in shown and str(command.folder) in shown
    code, out, _ = command.run("remove", "ink")
    assert code == 0 and "ink was removed" in out
    assert "ink" not in command.refusal("remove", "ink").partition("there is")[2]


def test_what_terminals_obey_is_not_printed(command: Command, tmp_path: Path) -> None:
    nasty = write_model(tmp_path, "ink", licence="free\u202e as in", data={"note\u202e": "a\u2028b"})
    command.run("add", nasty)
    for said in (command.run("list")[1], command.run("show", "ink")[1]):
        assert all(c.isprintable() or c == "\n" for c in said) and "free? as in" in said


def test_the_command_refuses_in_a_sentence(command: Command, file: Path, ink: bytes) -> None:
    assert "--name NAME" in command.refusal("add", file, "--name", gallery_names()[0])
    assert "lower-case" in command.refusal("add", file, "--name", "Ink")
    assert "no file" in command.refusal("add", file.parent / "none")
    file.write_bytes(ink[:100])
    assert "downloaded.safetensors" in command.refusal("add", file)
    assert "downloaded.safetensors" in command.refusal("add", file.parent)
    assert not command.folder.exists()


def test_the_command_names_the_bad_ones_of_a_folder_and_adds_the_rest(command: Command, file: Path, ink: bytes) -> None:
    (file.parent / "broken.safetensors").write_bytes(ink[:-9])
    code, out, err = command.run("add", file.parent)
    assert code == 1 and "ink was added" in out and "broken.safetensors" in err


def test_a_damaged_model_is_in_the_list_as_what_it_is(command: Command, file: Path) -> None:
    command.run("add", file)
    path = command.folder / "ink.safetensors"
    path.write_bytes(path.read_bytes()[:-3])
    code, out, _ = command.run("list")
    assert code == 1 and "ink.safetensors is damaged" in out
    assert command.run("list", "--json")[0] == 1


@pytest.mark.parametrize("name", METHODS)
def test_no_model_is_called_as_a_method_is(library: TrainedLibrary, tmp_path: Path, file: Path, name: str) -> None:
    for arguments in ((file, name), (write_model(tmp_path / "own", name), None)):
        with pytest.raises(ModelError, match=f"method is called {name}; --name NAME"):
            library.add(*arguments)
    assert kept(library) == []


@pytest.mark.parametrize(
    ("title", "then"),
    [
        ("Black ink", "Night wash"), ("", "night-wash"), ("Encre – 墨", "Encre – 墨 (night-wash)"),
        ("Encre (black-ink)", "Encre (night-wash)"), ("x" * 80, "x" * 67 + " (night-wash)"),
    ],
)  # fmt: skip
def test_no_two_models_have_one_title_because_one_was_renamed(
    library: TrainedLibrary, tmp_path: Path, title: str, then: str
) -> None:
    given = write_model(tmp_path / "given", "black-ink", title=title)
    library.add(given)
    assert library.find("black-ink").card["title"] == title
    library.add(given, "night-wash")
    assert library.find("night-wash").title == then
    (again,) = library.add(given, "night-wash")
    assert again.already


def test_a_replaced_model_has_another_revision_in_the_listing(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", Path(sys.executable))
    catalogue = Catalogue(home)
    revisions = []
    for seed in (0, 1):
        path = write_model(home.models_folder / FOLDER, "ink", seed=seed)
        entries = {style["name"]: style for style in catalogue.listing(TRAINED_SINCE).styles}
        assert entries["ink"]["revision"] == read_trained_model(path).sha256[:12]
        assert "revision" not in entries[gallery_names()[0]]
        revisions.append(entries["ink"]["revision"])
    assert len(set(revisions)) == 2


def test_names_of_files_reach_no_terminal_as_they_are(
    command: Command, file: Path, ink: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    name = "cut\x1b[2J\nink: ok.safetensors"
    (file.parent / name).write_bytes(ink[:-9])
    _, out, err = command.run("add", file.parent)
    assert err.count("\n") == 1 and "cut?[2J?ink: ok.safetensors" in err and "ink was added" in out
    said = [command.refusal("add", file.parent / name), command.refusal("add", file.parent / ("no" + name))]
    (command.folder / name).write_bytes(ink[:-9])
    with caplog.at_level(logging.INFO):
        said += [command.run("list")[1], command.run()[1], caplog.messages[-1] + "\n"]
    assert all(c.isprintable() or c == "\n" for c in "".join(said))
    assert not any(line.startswith("ink: ok") for line in "".join(said).splitlines())
    assert caplog.messages[-1].isprintable()


def test_a_licence_of_many_lines_forges_no_fact(command: Command, tmp_path: Path) -> None:
    command.run("add", write_model(tmp_path, "ink", licence="CC0\nstate:          verified by Pastiche\nfile: x"))
    _, shown, _ = command.run("show", "ink")
    facts = [line for line in shown.splitlines() if not line.startswith(" ")]
    assert [line.split()[1:] for line in facts if line.startswith("state:")] == [["ok"]]
    assert f"{'':16}state:          verified by Pastiche" in shown.splitlines()
    assert not any(line.split()[-1] == "x" for line in facts if line.startswith("file:"))


def test_no_card_overrides_what_is_known_of_its_file(
    command: Command, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.run("add", file)
    lies = {"id": "lie", "method": "fast", "source": "shipped", "sha256": "0", "bytes": 1, "state": "lie", "path": "/"}

    def lying(path: Path) -> TrainedModel:
        model = read_trained_model(path)
        model.card.update(lies)
        return model

    monkeypatch.setattr(trained_library, "read_trained_model", lying)
    (card,) = [card for card in json.loads(command.run("list", "--json")[1]) if card["id"] == "ink"]
    assert (card["method"], card["source"], card["state"]) == ("trained", "user", "ok")
    assert len(card["sha256"]) == 64 and card["bytes"] > 1
    _, shown, _ = command.run("show", "ink")
    assert "shipped" not in shown and "lie" not in shown and str(command.folder) in shown


@pytest.mark.parametrize("path", ["", "  "])
def test_nothing_is_added_from_where_no_path_was_given(
    command: Command, file: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(file.parent)
    assert "give a model's file" in command.refusal("add", path)
    assert not command.folder.exists()
    assert command.run("add", ".")[0] == 0
