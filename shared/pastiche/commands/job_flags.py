"""What `apply` and `batch` have in common: their flags turned into options, styles and settings."""

from __future__ import annotations

import argparse
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pastiche.client import Client
from pastiche.connection import Home, read_connection
from pastiche.errors import ErrorCode, PasticheError
from pastiche.job import StyleRef
from pastiche.option_texts import option_value
from pastiche.options import BY_NAME, MAX_STYLES, METHODS, TRAINED, check_options
from pastiche.picture_files import WriteSettings, read_picture
from pastiche.picture_formats import BY_EXTENSION

LISTED = "`pastiche styles` lists the trained models."
NO_MODELS = "None is installed; `pastiched models add FILE` adds one."
MOST_THREADS = 1024
DEVICES = r"auto|cpu|mps|(cuda|rocm|xpu)(:\d{1,3})?"


@dataclass(frozen=True)
class StyleFlag:
    """One --style as given: a file (`path`) or a `name` of the library."""

    given: str
    weight: float
    path: Path | None = None


def job_options(flags: argparse.Namespace) -> dict[str, float | int | str]:
    """All options, checked; --model means the method trained. Raises PasticheError(BAD_OPTION, UNKNOWN_MODEL)."""
    if flags.model is not None:
        check_model_name(flags.model)
    values: dict[str, Any] = {"method": _method(flags)}
    for name, option in BY_NAME.items():
        text = getattr(flags, name)
        if text is not None:
            values[name] = option_value(option, text)
    return check_options(values)


def idle_flags(flags: argparse.Namespace, method: str) -> str:
    """A sentence about flags that were given and that the method does not heed; "" where there are none."""
    given = [o.flag for o in BY_NAME.values() if o.methods and method not in o.methods and getattr(flags, o.name)]
    if not given:
        return ""
    many = f"{', '.join(given[:-1])} and {given[-1]} have" if given[1:] else f"{given[0]} has"
    return f"{many} no effect with --method {method}."


def whole_number(flag: str, text: str, low: int, high: int) -> int:
    """Raises PasticheError(BAD_OPTION)."""
    if not text.isascii() or not text.isdigit() or not low <= int(text[:9]) <= high:
        raise PasticheError(ErrorCode.BAD_OPTION, f"{flag} must be between {low} and {high}, not {text[:40]!r}.")
    return int(text)


def write_settings(flags: argparse.Namespace) -> WriteSettings:
    """Raises PasticheError(BAD_OPTION)."""
    return WriteSettings(
        quality=whole_number("--quality", flags.quality, 1, 100),
        compression=whole_number("--compression", flags.compression, 0, 9),
        keep_gps=flags.keep_gps,
        overwrite=flags.overwrite,
    )


def _method(flags: argparse.Namespace) -> str:
    return str(flags.method or (METHODS[0] if flags.model is None else TRAINED[0]))


def check_model_name(text: str) -> None:
    """Whether a trained model may be called so. Raises PasticheError(BAD_OPTION, UNKNOWN_MODEL)."""
    if not text:
        raise PasticheError(ErrorCode.BAD_OPTION, "--model needs the name of a trained model.", LISTED)
    if re.fullmatch(BY_NAME["model"].pattern, text):
        return
    if _is_path(text) or Path(text).suffix == ".safetensors":
        said = f"--model takes a name, not the file {Path(text).name[:60]!r}."
        raise PasticheError(ErrorCode.BAD_OPTION, said, "`pastiched models add FILE` gives it one.")
    raise PasticheError(ErrorCode.UNKNOWN_MODEL, f"There is no trained model named {text[:60]!r}.")


def style_flags(flags: argparse.Namespace) -> list[StyleFlag]:
    """The styles with their weights; none with a trained model. Raises PasticheError(BAD_OPTION)."""
    given: list[str] = flags.styles
    if _method(flags) in TRAINED:
        _check_model_alone(flags)
        return []
    if flags.model is not None:
        said = f"--model goes with --method trained, not with --method {_method(flags)[:40]}."
        raise PasticheError(ErrorCode.BAD_OPTION, said, "Leave one of them out.")
    if not given:
        said = "Say which style with --style, or which trained model with --model."
        raise PasticheError(ErrorCode.BAD_OPTION, said, "`pastiche styles` lists both.")
    if len(given) > MAX_STYLES:
        raise PasticheError(ErrorCode.BAD_OPTION, f"A pastiche takes at most {MAX_STYLES} styles, not {len(given)}.")
    weights = [_weight(text) for text in flags.weights.split(",")] if flags.weights is not None else [1.0] * len(given)
    if len(weights) != len(given):
        raise PasticheError(ErrorCode.BAD_OPTION, f"--weights has {len(weights)} numbers for {len(given)} styles.")
    return [
        StyleFlag(style, weight, Path(style) if _is_path(style) else None)
        for style, weight in zip(given, weights, strict=True)
    ]


def _check_model_alone(flags: argparse.Namespace) -> None:
    if flags.styles:
        said = "--style does not go together with a trained model, which has a look of its own."
        raise PasticheError(ErrorCode.BAD_OPTION, said, "Leave --style out, or --model and --method trained.")
    if flags.weights is not None:
        raise PasticheError(
            ErrorCode.BAD_OPTION, "--weights mixes styles, and a trained model has none.", "Leave it out."
        )
    if flags.model is None:
        raise PasticheError(ErrorCode.BAD_OPTION, "--method trained needs --model NAME.", LISTED)


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not 0 < weight < math.inf:
        raise PasticheError(ErrorCode.BAD_OPTION, f"--weights must be numbers above 0, not {text[:40]!r}.")
    return weight


def _is_path(style: str) -> bool:
    separators = [os.sep, *([os.altsep] if os.altsep else [])]
    return any(s in style for s in separators) or Path(style).suffix.lower() in BY_EXTENSION or Path(style).is_file()


def read_styles(styles: list[StyleFlag], note: Callable[[str], None]) -> list[StyleRef]:
    """The styles with the files among them read. Raises PasticheError as `read_picture`."""
    refs = []
    for style in styles:
        if style.path is None:
            refs.append(StyleRef(style.given, weight=style.weight))
            continue
        picture = read_picture(style.path, "style")
        for said in picture.notes:
            note(f"{style.path.name}: {said}")
        refs.append(StyleRef(pixels=picture.pixels, weight=style.weight))
    return refs


def resolve_names(refs: list[StyleRef], client: Client) -> list[StyleRef]:
    """Names as the library writes them. Raises PasticheError(UNKNOWN_STYLE) with the closest name."""
    if all(ref.pixels for ref in refs):
        return refs
    listed = client.styles()
    names = {str(entry["name"]).casefold(): str(entry["name"]) for entry in listed if not is_trained(entry)}
    trained = {str(entry["name"]).casefold(): str(entry["name"]) for entry in listed if is_trained(entry)}
    resolved = []
    for ref in refs:
        if ref.pixels:
            resolved.append(ref)
        elif name := names.get(ref.name.casefold()):
            resolved.append(StyleRef(name, weight=ref.weight))
        elif model := trained.get(ref.name.casefold()):
            said = f"{model} is a trained model and no style."
            raise PasticheError(ErrorCode.UNKNOWN_STYLE, said, f"Use --model {model} in place of --style.")
        else:
            raise PasticheError(ErrorCode.UNKNOWN_STYLE, _unknown("style", ref.name, list(names.values())))
    return resolved


def resolve_model(options: dict[str, float | int | str], client: Client) -> dict[str, float | int | str]:
    """The options with the trained model's name as the library writes it.

    Raises PasticheError: UNKNOWN_MODEL with the closest name, VERSION where the daemon knows no trained models.
    """
    if options["method"] not in TRAINED:
        return options
    client.check_method(str(options["method"]))
    wanted, listed = str(options["model"]), client.styles()
    names = {str(entry["name"]).casefold(): str(entry["name"]) for entry in listed if is_trained(entry)}
    if name := names.get(wanted.casefold()):
        return options | {"model": name}
    if wanted.casefold() in {str(entry["name"]).casefold() for entry in listed}:
        said = f"{wanted} is a style and no trained model."
        raise PasticheError(ErrorCode.UNKNOWN_MODEL, said, f"Use --style {wanted} in place of --model.")
    hint = "" if names else NO_MODELS
    raise PasticheError(ErrorCode.UNKNOWN_MODEL, _unknown("trained model", wanted, list(names.values())), hint)


def _unknown(kind: str, name: str, names: list[str]) -> str:
    import difflib

    known = {known.casefold(): known for known in names}
    close = difflib.get_close_matches(name.casefold(), known, 1, 0.5)
    return f"There is no {kind} named {name[:60]!r}" + (f"; did you mean {known[close[0]]!r}?" if close else ".")


def is_trained(entry: Mapping[str, Any]) -> bool:
    """Whether an entry of the daemon's list is a trained model and no style picture."""
    return entry.get("method") in TRAINED


def daemon_arguments(flags: argparse.Namespace) -> tuple[str, ...]:
    """What `pastiched serve` is given if it has to be started. Raises PasticheError(BAD_OPTION)."""
    arguments: list[str] = []
    if flags.device is not None:
        if not re.fullmatch(DEVICES, flags.device):
            raise PasticheError(
                ErrorCode.BAD_OPTION,
                f"--device must be auto, cpu, cuda, cuda:N, rocm, xpu or mps, not {flags.device[:40]!r}.",
            )
        arguments += ["--device", flags.device]
    if flags.threads is not None:
        arguments += ["--threads", str(whole_number("--threads", flags.threads, 1, MOST_THREADS))]
    if flags.low_priority:
        arguments.append("--low-priority")
    return tuple(arguments)


def open_client(flags: argparse.Namespace, home: Home, note: Callable[[str], None]) -> Client:
    """A client of the running daemon, or of one started now. Raises PasticheError as `Client.connect`."""
    arguments = daemon_arguments(flags)
    ran_before = read_connection(home)
    client = Client.connect(home, arguments=arguments, on_note=note)
    if ran_before != client.connection:
        return client
    if _has_no_device(client):
        # It was started on a device that does not work: no later --device would ever be heard.
        with client:
            client.stop(when_idle=True)
            client.wait_for_successor(note)
        return Client.connect(home, arguments=arguments, on_note=note)
    wanted = flags.device or os.environ.get("PASTICHE_DEVICE") or "auto"
    devices = client.welcome.devices if client.welcome else []
    if other := _other_device(wanted, devices):
        note(f"The running daemon computes on {other}; `pastiche stop` lets the next one start on {wanted}.")
    for flag, given in (("--threads", flags.threads is not None), ("--low-priority", flags.low_priority)):
        if given:
            note(f"{flag} counts when the daemon is started; this one runs already.")
    return client


def _has_no_device(client: Client) -> bool:
    devices = client.welcome.devices if client.welcome else []
    return bool(devices) and all(device.get("state") == "failed" for device in devices)


def _other_device(wanted: str, devices: list[dict[str, Any]]) -> str:
    """The device in use where it is known not to be the wanted one, else ""."""
    if wanted == "auto" or not devices:
        return ""
    for device in devices:
        name, kind = str(device.get("name", "")), str(device.get("kind", ""))
        if wanted == name or (wanted == kind and name == "auto") or (name == "auto" and device.get("state") != "ready"):
            return ""
    return str(devices[0].get("kind") or devices[0].get("name"))
