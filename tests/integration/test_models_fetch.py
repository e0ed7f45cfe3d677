"""Promises of `pastiched models fetch`: real HTTP, real processes that are killed, a small network of the same form."""

from __future__ import annotations

import json
import os
import pickle
import pty
import select
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest
import torch
from file_server import FileServer, serving
from safetensors.torch import load_file
from small_vgg import entry, small_weights, write_small
from wire import Daemon, wait_for

from pastiched import download
from pastiched.fetching import FetchableModel
from pastiched.models import ModelError, feature_model
from pastiched.models_command import main
from pastiched.vgg19 import LAYERS

PROGRAM = Path(__file__).with_name("small_vgg.py")
KEPT = {"vgg19.safetensors", "vgg19.json"}


@dataclass
class Place:
    """A home, a server of the small network, and the command."""

    home: Path
    server: FileServer
    model: FetchableModel
    capture: pytest.CaptureFixture[str]

    @property
    def folder(self) -> Path:
        return self.home / "models"

    @property
    def part(self) -> Path:
        return self.folder / "vgg19.part"

    def files(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}

    def run(self, *arguments: object) -> tuple[int, str, str]:
        """Exit code, standard output and standard error."""
        code = main([str(argument) for argument in arguments], [self.model])
        said = self.capture.readouterr()
        return code, said.out, said.err

    def fetched(self, *arguments: object) -> str:
        code, out, err = self.run("fetch", "vgg19", *arguments)
        assert (code, err) == (0, ""), err
        assert self.files() == KEPT
        return out

    def refusal(self, *arguments: object, code: int = 1) -> str:
        """What it says instead of doing it: one line."""
        found, _, err = self.run("fetch", "vgg19", *arguments)
        assert found == code
        assert err.startswith("pastiched models: ") and err.count("\n") == 1, err
        return err

    def command(self) -> list[str]:
        model = self.model
        return [sys.executable, str(PROGRAM), model.url(), str(model.size), model.sha256, "fetch", "vgg19"]

    def start(self, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*prefix, *self.command()],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment(),
        )

    def environment(self) -> dict[str, str]:
        return os.environ | {"PASTICHE_HOME": str(self.home)}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_small(tmp_path_factory.mktemp("published") / "small.pth")


@pytest.fixture
def place(
    tmp_path: Path, published: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Place]:
    home = tmp_path / "home"
    monkeypatch.setenv("PASTICHE_HOME", str(home))
    with serving(FileServer(published)) as server:
        yield Place(home, server, entry(server.url, published), capsys)


def changed(data: bytes) -> bytes:
    """With another last byte, whatever it is: the old format orders its tensors by their addresses."""
    return data[:-1] + bytes([data[-1] ^ 1])


def interrupted(place: Place, after: int = 800_000) -> int:
    """A fetch whose connection breaks; how many bytes are there."""
    place.server.break_after = after
    assert "run it again to go on" in place.refusal()
    place.server.break_after = 0
    return place.part.stat().st_size


def test_what_is_fetched_are_the_convolutions_under_their_names_and_a_card(place: Place) -> None:
    place.fetched()
    kept = load_file(place.folder / "vgg19.safetensors")
    original = small_weights()
    assert len(kept) == 32
    for name, index in LAYERS.items():
        for kind in ("weight", "bias"):
            assert torch.equal(kept[f"{name}.{kind}"], original[f"features.{index}.{kind}"])
    card = json.loads((place.folder / "vgg19.json").read_text("utf-8"))
    assert card["id"] == "vgg19" and card["method"] == "features"
    assert card["source"] == place.server.url and card["licence"] and card["date"]
    assert card["origin"]["sha256"].startswith(place.model.sha256) and card["origin"]["bytes"] == place.model.size
    assert card["bytes"] == (place.folder / "vgg19.safetensors").stat().st_size < 100_000


def test_size_source_licence_and_place_are_said_before_the_first_byte(place: Place) -> None:
    place.server.status = 404
    code, out, err = place.run("fetch", "vgg19")
    assert code == 1 and place.server.sent == 0
    for word in ("2.0 MB", place.server.url, "BSD-3-Clause", str(place.folder / "vgg19.safetensors")):
        assert word in out
    assert "has no such file (404)" in err


def test_once_fetched_it_is_the_feature_network_and_not_fetched_again(place: Place) -> None:
    with pytest.raises(ModelError, match="fetch it with `pastiched models fetch vgg19`"):
        feature_model("vgg19")
    place.fetched()
    assert feature_model("vgg19").load().keys() == feature_model("auto").load().keys()
    assert "is here already" in place.fetched()
    assert len(place.server.ranges) == 1


def test_a_damaged_one_is_fetched_anew(place: Place) -> None:
    place.fetched()
    file = place.folder / "vgg19.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ModelError, match="damaged; fetch it again with `pastiched models fetch vgg19`"):
        feature_model("vgg19")
    assert place.run("list")[0] == 1
    place.fetched()
    feature_model("vgg19").verify()


def test_a_broken_connection_is_gone_on_from_where_it_broke(place: Place) -> None:
    here = interrupted(place)
    assert 800_000 <= here < place.model.size
    assert "Going on after" in place.fetched()
    assert place.server.ranges == [None, f"bytes={here}-"]
    assert place.server.sent == place.model.size


def test_a_killed_fetch_is_gone_on_from_what_had_come(place: Place) -> None:
    place.server.hold_after = 800_000
    process = place.start()
    wait_for(lambda: place.part.is_file() and place.part.stat().st_size >= 800_000, "800 kB")
    process.kill()
    process.communicate()
    here = place.part.stat().st_size
    place.server.hold_after = 0
    place.server.go_on.set()
    place.fetched()
    assert place.server.ranges == [None, f"bytes={here}-"]


def test_ctrl_c_keeps_what_has_come_and_says_how_to_go_on(place: Place) -> None:
    place.server.hold_after = 800_000
    process = place.start()
    wait_for(lambda: place.part.is_file() and place.part.stat().st_size >= 800_000, "800 kB")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == "pastiched models: Interrupted; run it again to go on.\n"
    assert place.part.stat().st_size >= 800_000


def test_a_complete_part_needs_no_network(place: Place) -> None:
    interrupted(place)
    place.part.write_bytes(place.server.data)
    place.server.status = 500
    place.fetched()


def test_a_server_that_ignores_ranges_starts_over(place: Place) -> None:
    interrupted(place)
    place.server.knows_ranges = False
    assert "Starting over" in place.fetched()


@pytest.mark.parametrize("what", ["etag", "modified"])
def test_a_file_that_has_changed_meanwhile_starts_over(place: Place, what: str) -> None:
    here = interrupted(place)
    setattr(place.server, what, '"two"')
    assert "Starting over" in place.fetched()
    assert place.server.ranges == [None, f"bytes={here}-", None]


def test_a_part_from_elsewhere_is_not_gone_on_with(place: Place) -> None:
    interrupted(place)
    place.fetched("--url", place.server.url.replace("small", "mirror"))
    assert place.server.ranges == [None, None]


def test_a_file_of_another_length_is_refused_before_it_comes(place: Place) -> None:
    place.server.data += b"more"
    assert "another file" in place.refusal()
    assert not place.part.exists()


def test_more_bytes_than_promised_are_not_taken(place: Place) -> None:
    place.server.data += b"more" * 100_000
    place.server.says_length = False
    assert "more than" in place.refusal()
    assert place.files() == set()


def test_a_wrong_hash_deletes_the_part_and_says_so(place: Place) -> None:
    place.server.data = changed(place.server.data)
    said = place.refusal()
    assert "it was deleted" in said and place.model.sha256 in said
    assert place.files() == set()


def test_a_server_in_trouble_is_named(place: Place) -> None:
    place.server.status = 503
    assert "127.0.0.1 answers 503" in place.refusal()


def test_no_server_is_one_sentence(place: Place) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert "cannot be reached (Connection refused)" in place.refusal("--url", f"http://127.0.0.1:{port}/x.pth")


def test_a_server_that_falls_silent_is_given_up(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "TIMEOUT", 0.5)
    place.server.hold_after = 800_000
    assert "broke off after 0.8 MB" in place.refusal()
    place.server.go_on.set()
    place.fetched()


def test_other_computers_are_only_asked_over_https(place: Place) -> None:
    assert "only asked over https" in place.refusal("--url", "http://example.org/vgg19.pth")
    assert "is not an https address" in place.refusal("--url", "ftp://example.org/vgg19.pth")
    place.server.redirect = "http://example.org/vgg19.pth"
    assert "only asked over https" in place.refusal()


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate")
def test_a_server_whose_certificate_nobody_vouches_for_is_not_believed(place: Place, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    with serving(FileServer(place.server.data), (certificate, key)) as server:
        assert "is not to be trusted" in place.refusal("--url", server.url)
        assert server.sent == 0


def test_a_disk_that_is_too_small_is_said_before_anything_is_asked(place: Place) -> None:
    place.model = replace(place.model, size=1 << 60)
    assert "of free disk space are needed" in place.refusal()
    assert place.server.ranges == []


@pytest.mark.skipif(os.name != "posix" or not shutil.which("prlimit"), reason="limits of file sizes are POSIX")
def test_a_disk_that_fills_up_is_one_sentence_and_keeps_the_part(place: Place) -> None:
    _, err = (process := place.start(("prlimit", "--fsize=1000000"))).communicate(timeout=60)
    assert process.returncode == 1
    assert "vgg19.part cannot be written (File too large); run it again to go on." in err and err.count("\n") == 1
    assert place.part.stat().st_size == 1_000_000
    place.fetched()


def test_two_at_once_do_not_get_in_each_others_way(place: Place) -> None:
    place.server.hold_after = 100_000
    process = place.start()
    assert place.server.holding.wait(30)
    assert "Another process is fetching" in place.refusal()
    assert place.run("remove", "vgg19")[0] == 1
    place.server.go_on.set()
    assert process.wait(60) == 0
    assert place.files() == KEPT


@pytest.mark.parametrize("zipped", [False, True], ids=["old", "new"])
def test_a_file_that_the_user_has_needs_no_network_and_stays(place: Place, tmp_path: Path, zipped: bool) -> None:
    mine = tmp_path / "mine.pth"
    place.model = entry(place.server.url, write_small(mine, zipped))
    place.fetched("--from", mine)
    assert place.server.ranges == [] and mine.exists()
    feature_model("vgg19").verify()


def test_what_one_computer_fetched_another_takes_with_its_card(place: Place, tmp_path: Path) -> None:
    place.fetched()
    carried = tmp_path / "carried"
    shutil.copytree(place.folder, carried)
    before = json.loads((carried / "vgg19.json").read_text("utf-8"))
    assert place.run("remove", "vgg19")[0] == 0
    place.fetched("--from", carried / "vgg19.safetensors")
    assert len(place.server.ranges) == 1
    after = json.loads((place.folder / "vgg19.json").read_text("utf-8"))
    assert (after["sha256"], after["origin"], after["source"]) == (before["sha256"], before["origin"], before["source"])


def test_other_files_are_refused_and_change_nothing(place: Place, tmp_path: Path) -> None:
    other = tmp_path / "other.pth"
    other.write_bytes(changed(place.server.data))
    assert "other.pth is not the file that it should be" in place.refusal("--from", other)
    assert "No such file" in place.refusal("--from", tmp_path / "none.pth")
    assert "Is a directory" in place.refusal("--from", tmp_path)
    place.fetched()
    lonely = tmp_path / "lonely.safetensors"
    shutil.copy(place.folder / "vgg19.safetensors", lonely)
    place.run("remove", "vgg19")
    assert "lonely.json is missing" in place.refusal("--from", lonely)
    card = {"sha256": "0", "source": "", "origin": {"sha256": place.model.sha256}}
    lonely.with_suffix(".json").write_text(json.dumps(card))
    assert "is not the file that its card" in place.refusal("--from", lonely)
    assert place.files() == set()


class Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_a_file_cannot_make_this_computer_run_its_code(place: Place, tmp_path: Path) -> None:
    bait, sprung = tmp_path / "bait.pth", tmp_path / "sprung"
    torch.save({"features.0.weight": Trap(sprung)}, bait, pickle_module=pickle)
    place.model = entry(place.server.url, bait.read_bytes())
    assert "cannot be converted" in place.refusal("--from", bait)
    assert not sprung.exists() and place.files() == set()


def test_another_network_is_named_as_such(place: Place, tmp_path: Path) -> None:
    other = tmp_path / "other.pth"
    torch.save({"features.0.weight": torch.zeros(4, 3, 3, 3)}, other)
    place.model = entry(place.server.url, other.read_bytes())
    assert "this is not VGG-19: it lacks features.0" in place.refusal("--from", other)


def test_removing_frees_the_disk_also_of_an_interrupted_fetch(place: Place) -> None:
    interrupted(place)
    code, out, _ = place.run("remove", "vgg19")
    assert code == 0 and "0.8 MB are free again" in out and place.files() == set()
    place.fetched()
    assert place.run("remove", "vgg19")[0] == 0
    assert place.files() == set()
    assert "vgg19 is not here." in place.run("remove", "vgg19")[1]


def test_what_ships_is_not_removed_and_unknown_names_are_refused(place: Place) -> None:
    code, _, err = place.run("remove", "fast-2")
    assert code == 2 and "is a part of Pastiche" in err
    for command in ("fetch", "show", "remove"):
        code, _, err = place.run(command, "vgg99")
        assert code == 2 and "no model 'vgg99'" in err and "vgg19" in err


def test_the_list_tells_what_is_here_and_what_can_be_fetched(place: Place) -> None:
    code, out, _ = place.run()
    assert code == 0 and "fast-2" in out and "`pastiched models fetch vgg19`" in out
    place.fetched()
    code, out, _ = place.run("list", "--json")
    states = {card["id"]: card["state"] for card in json.loads(out)}
    assert code == 0 and states["vgg19"] == states["fast-2"] == "ok"
    code, out, _ = place.run("show", "vgg19")
    assert code == 0 and "BSD-3-Clause" in out and place.server.url in out


def test_a_terminal_shows_rate_and_time_left_on_one_line(place: Place) -> None:
    place.server.hold_after = 1_000_000
    ours, theirs = pty.openpty()
    process = subprocess.Popen(place.command(), stdin=theirs, stdout=theirs, stderr=theirs, env=place.environment())
    os.close(theirs)
    seen = b""

    def shows(what: bytes) -> bool:
        nonlocal seen
        if select.select([ours], [], [], 0.02)[0]:
            seen += os.read(ours, 65536)
        return what in seen

    assert place.server.holding.wait(30)
    place.server.go_on.set()
    wait_for(lambda: shows(b"vgg19 is ready."), "the end")
    assert process.wait(30) == 0
    os.close(ours)
    assert b"\r2.0 of 2.0 MB  100 %  " in seen and b" MB/s" in seen


def test_elsewhere_every_tenth_is_a_line(place: Place) -> None:
    lines = [line for line in place.fetched().splitlines() if " of 2.0 MB" in line]
    assert 5 <= len(lines) <= 10 and "100 %" in lines[-1]


def test_the_computing_process_knows_where_the_models_of_its_home_are(
    launch: Callable[..., Daemon], tmp_path: Path
) -> None:
    daemon = launch()
    environment = psutil.Process(daemon.worker_pid()).environ()
    assert environment["PASTICHE_HOME"] == str(tmp_path / "home")
    assert (tmp_path / "home" / "models").is_dir()
