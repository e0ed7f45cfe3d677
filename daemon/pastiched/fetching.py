"""Models of others, taken over when the user asks: fetched or read from a file, checked by hash, made safetensors."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pastiche.atomic_file import atomic_file
from pastiched.download import GO_ON, PartialFile, check_address, download, reason
from pastiched.download_progress import DownloadProgress, megabytes
from pastiched.file_lock import try_lock
from pastiched.models import FEATURES, Model, ModelError, file_sha256, installed_models

if TYPE_CHECKING:
    from torch import Tensor

SPARE_BYTES = 50_000_000
"""What a disk has to have left in the end."""
LOCK = ".lock"
Say = Callable[[str], None]


@dataclass(frozen=True)
class FetchableModel:
    """A file of somebody else's that becomes a model here.

    `url` is asked for when it is needed. `size` in bytes and `sha256`, its first digits at least, are the published
    file's; `convert` makes the tensors to keep (`kept_bytes` in all) from the file's, and raises ValueError where they
    are of another network. `facts` are more to say on the card.
    """

    id: str
    title: str
    description: str
    licence: str
    url: Callable[[], str]
    size: int
    sha256: str
    kept_bytes: int
    convert: Callable[[Mapping[str, Tensor]], dict[str, Tensor]]
    facts: Mapping[str, Any] = field(default_factory=dict)

    def file(self, folder: Path) -> Path:
        """What is kept, of those in `folder`; the card lies beside it."""
        return folder / f"{self.id}.safetensors"

    def part(self, folder: Path) -> PartialFile:
        return PartialFile(folder / f"{self.id}.part")


def fetch(model: FetchableModel, folder: Path, say: Say, url: str = "") -> Model:
    """Downloads into `folder`, going on from what an earlier call left. `url` is another place that has the file.

    Raises ModelError and PasticheError(UNWRITABLE), each a sentence; what has come stays for the next call, unless it
    is not the file that it should be.
    """
    with sole_use(folder):
        if here := _whole(model, folder):
            say(f"{model.title} is here already: {here.path}")
            return here
        url = url or model.url()
        check_address(url)
        say(f"{model.title}: {megabytes(model.size)} from {url}")
        _announce(model, folder, say, "; the download is deleted then")
        part = model.part(folder)
        need_space(folder, model.size - part.usable_bytes(url, model.size) + model.kept_bytes)
        progress = DownloadProgress(model.size, sys.stdout)
        try:
            download(url, model.size, part, progress.show)
        finally:
            progress.close()
        say("Checking and converting...")
        sha256 = _hash(part.path)
        if not sha256.startswith(model.sha256):
            part.delete()
            raise ModelError(
                f"What came is not the file that it should be ({_differs(model, sha256)}); it was deleted."
            )
        made = _convert(model, part.path, folder, {"source": url, "origin": _origin(url, sha256, model.size)})
        part.delete()
        return made


def take_file(model: FetchableModel, folder: Path, file: Path, say: Say) -> Model:
    """The same from a file that the user has: the published one, or the safetensors of an earlier fetch with its card.

    Needs no network and leaves `file` as it is. Raises ModelError and PasticheError(UNWRITABLE).
    """
    with sole_use(folder):
        if here := _whole(model, folder):
            say(f"{model.title} is here already: {here.path}")
            return here
        sha256 = _hash(file)
        say(f"{model.title}: {megabytes(file.stat().st_size)} from {file}")
        _announce(model, folder, say, "")
        need_space(folder, model.kept_bytes)
        if file.suffix == ".safetensors" and not sha256.startswith(model.sha256):
            facts = _facts_of_earlier_fetch(model, file, sha256)
            made = _keep(model, folder, _tensor_file(file), facts)
        elif sha256.startswith(model.sha256):
            facts = {"source": model.url(), "origin": _origin(file.name, sha256, file.stat().st_size)}
            made = _convert(model, file, folder, facts)
        else:
            raise ModelError(f"{file.name} is not the file that it should be: {_differs(model, sha256)}.")
        model.part(folder).delete()
        return made


def remove(name: str, folder: Path, fetchable: FetchableModel | None) -> int:
    """Deletes a user's model and what an interrupted fetch left of it; returns how many bytes that freed.

    Raises ModelError where another process is at work in the folder, or the files cannot be deleted.
    """
    with sole_use(folder):
        files = [model.path for model in installed_models(folder) if model.id == name]
        if fetchable:
            files += [fetchable.file(folder), fetchable.part(folder).path]
        # The cards first: never a card without its file.
        cards = [fetchable.part(folder).origin_file] if fetchable else []
        cards += [file.with_suffix(".json") for file in files]
        freed = sum(file.stat().st_size for file in set(files) if file.is_file())
        try:
            for path in [*cards, *files]:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise ModelError(f"{path.name} cannot be deleted ({reason(error)}).") from None
        return freed


@contextmanager
def sole_use(folder: Path) -> Iterator[None]:
    """While it lasts no other process changes the models in `folder`. Raises ModelError where one does."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = try_lock(folder / LOCK)
    except OSError as error:
        raise ModelError(f"{folder} cannot be used ({reason(error)}).") from None
    if lock is None:
        raise ModelError("Another process is fetching or removing a model; wait for it to end.")
    with lock:
        for left in folder.glob(".pastiche-*.part"):
            # Of a process that was killed while it wrote.
            left.unlink(missing_ok=True)
        try:
            yield
        finally:
            if os.name == "posix":
                (folder / LOCK).unlink(missing_ok=True)


def need_space(folder: Path, needed: int) -> None:
    """Raises ModelError where the disk of `folder` has less than `needed` bytes and a little free."""
    needed += SPARE_BYTES
    if (free := shutil.disk_usage(folder).free) < needed:
        raise ModelError(f"{megabytes(needed)} of free disk space are needed in {folder}; there are {megabytes(free)}.")


def _announce(model: FetchableModel, folder: Path, say: Say, afterwards: str) -> None:
    say(f"Licence: {model.licence}")
    say(f"It becomes {model.file(folder)} ({megabytes(model.kept_bytes)}){afterwards}.")


def _whole(model: FetchableModel, folder: Path) -> Model | None:
    for here in installed_models(folder):
        if here.id == model.id:
            try:
                here.verify()
                return here
            except ModelError:
                return None
    return None


def _hash(file: Path) -> str:
    try:
        return file_sha256(file)
    except OSError as error:
        raise ModelError(f"{file} cannot be read ({reason(error)}).") from None


def _differs(model: FetchableModel, sha256: str) -> str:
    return f"its SHA-256 begins with {sha256[:8]} and should begin with {model.sha256[:8]}"


def _origin(name: str, sha256: str, size: int) -> dict[str, Any]:
    return {"file": name.rpartition("/")[2], "sha256": sha256, "bytes": size}


def _facts_of_earlier_fetch(model: FetchableModel, file: Path, sha256: str) -> dict[str, Any]:
    """What the card beside a safetensors file says of its source. Raises ModelError where it is not of this model."""
    try:
        card = json.loads(file.with_suffix(".json").read_text("utf-8"))
        origin = dict(card["origin"])
        promised, published = str(card["sha256"]), str(origin["sha256"])
        facts = {"source": str(card["source"]), "origin": origin}
    except (OSError, ValueError, KeyError, TypeError):
        raise ModelError(
            f"{file.name} is only taken with the card that was written beside it; "
            f"{file.stem}.json is missing or damaged."
        ) from None
    if promised != sha256 or not published.startswith(model.sha256):
        raise ModelError(f"{file.name} is not the file that its card {file.stem}.json speaks of, or not {model.title}.")
    return facts


def _tensor_file(file: Path) -> bytes:
    """The bytes of a safetensors file. Raises ModelError where it is none."""
    from safetensors import SafetensorError, deserialize

    data = file.read_bytes()
    try:
        deserialize(data)  # type: ignore[no-untyped-call]
    except SafetensorError:
        raise ModelError(f"{file.name} is not a safetensors file.") from None
    return data


def _convert(model: FetchableModel, file: Path, folder: Path, facts: Mapping[str, Any]) -> Model:
    """From PyTorch's file format, whose code is never run: only tensors are read."""
    import torch
    from safetensors.torch import save

    try:
        tensors = model.convert(torch.load(file, map_location="cpu", weights_only=True))
    except MemoryError:
        raise ModelError(f"There is not enough memory to convert {file.name}; {GO_ON}.") from None
    except Exception as error:
        # Torch and pickle raise a dozen kinds for a file that is not what it should be.
        said = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise ModelError(f"{file.name} cannot be converted: {said}") from None
    data = save(tensors, {"format": "pt"})
    del tensors
    gc.collect()
    return _keep(model, folder, data, facts)


def _keep(model: FetchableModel, folder: Path, data: bytes, facts: Mapping[str, Any]) -> Model:
    """Puts the file and then its card in place, each whole or not at all."""
    file = model.file(folder)
    card = {
        "file": file.name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "id": model.id,
        "method": FEATURES,
        "title": model.title,
        "description": model.description,
        "licence": model.licence,
        "date": datetime.now(UTC).date().isoformat(),
        **facts,
        **model.facts,
    }
    with atomic_file(file, overwrite=True) as out:
        out.write(data)
    with atomic_file(file.with_suffix(".json"), overwrite=True) as out:
        out.write((json.dumps(card, indent=1, ensure_ascii=False) + "\n").encode())
    made = next(made for made in installed_models(folder) if made.id == model.id)
    made.verify()
    return made
