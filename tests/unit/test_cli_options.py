"""Promises of the command line that need no daemon."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from pastiche import cli
from pastiche.commands.batch import find_sources, name_outputs
from pastiche.commands.finish import choose_jobs
from pastiche.commands.job_flags import daemon_arguments, idle_flags, job_options, style_flags, write_settings
from pastiche.commands.progress import Bar, Interrupts
from pastiche.commands.run_files import RunFiles, read_run_files
from pastiche.errors import ErrorCode, PasticheError
from pastiche.options import OPTIONS, defaults

APPLY = ["apply", "photo.jpg", "-s", "wave", "-o", "out.png"]
BAD_FLAGS: dict[str, tuple[list[str], str]] = {
    "unknown option": (["--sharpness", "3"], "--sharpness"),
    "abbreviated option": (["--stren", "3"], "--stren"),
    "strength too high": (["--strength", "101"], "between 0 and 100"),
    "strength not a number": (["--strength", "much"], "a number"),
    "strength nan": (["--strength", "nan"], "a number"),
    "brush too small": (["--brush-size", "4"], "between 5 and 400"),
    "colour unknown": (["--colour", "sepia"], "style, keep, match"),
    "half a seed": (["--seed", "1.5"], "whole number"),
    "wrap unknown": (["--wrap", "vertical"], "none, horizontal, both"),
    "depth unknown": (["--depth", "12"], "8, 16, 32"),
    "method unknown": (["--method", "magic"], "one of"),
    "layer unknown": (["--style-layers", "relu9_1"], "LAYER:W,LAYER:W"),
    "megapixels negative": (["--megapixels", "-1"], "between 0 and 400"),
    "tile too large": (["--tile", "16385"], "between 0 and 16384"),
    "tile in two sides": (["--tile", "512x512"], "a number"),
    "iterations of a word": (["--iterations", "many"], "a number"),
    "quality zero": (["--quality", "0"], "between 1 and 100"),
    "quality word": (["--quality", "best"], "between 1 and 100"),
    "compression too high": (["--compression", "10"], "between 0 and 9"),
    "weights without number": (["--weights", "a"], "above 0"),
    "weights negative": (["--weights=-1"], "above 0"),
    "weights infinite": (["--weights", "inf"], "above 0"),
    "weights too many": (["--weights", "1,2"], "2 numbers for 1 styles"),
    "too many styles": ([part for name in "abcd" for part in ("-s", name)], "at most 4"),
    "threads": (["--threads", "none"], "--threads"),
}


def checked(arguments: list[str]) -> None:
    flags = cli.build_parser().parse_args(arguments)
    job_options(flags)
    write_settings(flags)
    style_flags(flags)
    daemon_arguments(flags)


@pytest.mark.parametrize("case", BAD_FLAGS)
def test_a_wrong_flag_is_refused_by_name(case: str) -> None:
    extra, part = BAD_FLAGS[case]
    with pytest.raises(PasticheError) as caught:
        checked([*APPLY, *extra])
    assert part in caught.value.sentence
    assert cli.exit_code(caught.value) == 2


def test_every_option_of_the_table_is_a_flag_with_its_default() -> None:
    parser = cli.build_parser()
    assert job_options(parser.parse_args(APPLY)) == defaults()
    for option in OPTIONS:
        value = option.choices[-1] if option.choices else f"{option.maximum:.1f}"
        if option.kind == "int":
            value = str(int(option.maximum))
        elif option.kind == "text":
            value = "ink" if option.name == "model" else "relu1_1:0.5,relu4_2"
        assert str(job_options(parser.parse_args([*APPLY, option.flag, value]))[option.name]).startswith(value)


def test_flags_that_only_one_method_heeds_stand_by_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["apply", "--help"])
    usual, fine, expert = capsys.readouterr().out.partition("positional")[2].split("with --method fine")
    common, trained = usual.split("with --method trained")
    assert "--strength" in common and "--effort" in fine and "--state" in fine and "--iterations" in expert
    assert "--tile" in expert
    assert "--model" in trained and "--state" not in trained
    assert all(f"{option.flag} " not in common for option in OPTIONS if option.methods)


def test_a_model_means_the_method_trained() -> None:
    parse = cli.build_parser().parse_args
    for given in (["--model", "ink"], ["--method", "trained", "--model", "ink"]):
        flags = parse(["apply", "photo.jpg", "-o", "out.png", *given])
        assert (job_options(flags)["method"], job_options(flags)["model"]) == ("trained", "ink")
        assert style_flags(flags) == []


WITHOUT_STYLE = ["apply", "photo.jpg", "-o", "out.png"]
MODEL_FLAGS: dict[str, tuple[list[str], str, str]] = {
    "neither": (WITHOUT_STYLE, "--style, or which trained model with --model", "pastiche styles"),
    "trained without a model": ([*WITHOUT_STYLE, "--method", "trained"], "needs --model", "pastiche styles"),
    "trained with a style only": ([*APPLY, "--method", "trained"], "--style does not go together", "Leave"),
    "both": ([*APPLY, "--model", "ink"], "--style does not go together", "Leave"),
    "weights": ([*WITHOUT_STYLE, "--model", "ink", "--weights", "1"], "--weights", "Leave"),
    "another method": ([*APPLY, "--method", "fine", "--model", "ink"], "--model goes with --method trained", "Leave"),
    "no name": ([*WITHOUT_STYLE, "--model", ""], "needs the name", "pastiche styles"),
    "a file": ([*WITHOUT_STYLE, "--model", "ink.safetensors"], "not the file 'ink.safetensors'", "models add"),
    "a path": ([*WITHOUT_STYLE, "--model", "models/ink"], "not the file 'ink'", "models add"),
    "no such name": ([*WITHOUT_STYLE, "--model", "my ink"], "no trained model named 'my ink'", "pastiche styles"),
}


@pytest.mark.parametrize("case", MODEL_FLAGS)
def test_a_model_that_cannot_be_is_refused_with_what_to_do(case: str) -> None:
    arguments, part, remedy = MODEL_FLAGS[case]
    with pytest.raises(PasticheError) as caught:
        checked(arguments)
    assert part in caught.value.sentence and remedy in caught.value.hint
    assert cli.exit_code(caught.value) == 2


def test_flags_that_a_method_does_not_heed_are_named_once() -> None:
    parse = cli.build_parser().parse_args
    assert idle_flags(parse(APPLY), "fast") == ""
    assert idle_flags(parse([*APPLY, "--effort", "best"]), "fine") == ""
    assert idle_flags(parse([*APPLY, "--effort", "best"]), "fast") == "--effort has no effect with --method fast."
    tiled = [*APPLY, "--tile", "512"]
    said = {method: idle_flags(parse(tiled), method) for method in ("fast", "trained", "fine")}
    assert said == {"fast": "", "trained": "", "fine": "--tile has no effect with --method fine."}
    several = parse([*APPLY, "--effort", "best", "--seed", "3", "--iterations", "9", "--scales", "1"])
    said = idle_flags(several, "fast")
    assert said == "--effort, --iterations and --scales have no effect with --method fast."


def run_files(method: str, *given: str) -> RunFiles:
    return read_run_files(cli.build_parser().parse_args([*APPLY, *given]), method)


def test_the_file_of_a_run_gets_its_ending_and_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_files("fine", "--state", "run").state == tmp_path / "run.pastiche-state"
    assert run_files("fine", "--state", "run").notes == ["The file of the run is run.pastiche-state."]
    written_out = run_files("fine", "--state", "run.pastiche-state")
    assert (written_out.state, written_out.notes) == (tmp_path / "run.pastiche-state", [])
    assert (run_files("fast").state, run_files("fast").resume) == (None, None)


@pytest.mark.parametrize(
    ("method", "given", "part"),
    [
        ("fast", ("--state", "run"), "--method fine"),
        ("fine", ("--state", "run.png"), ".pastiche-state"),
        ("fine", ("--state", ""), "name of a file"),
        ("fine", ("--state", "missing/run"), "no folder"),
        ("fine", ("--resume", "run"), "no file"),
    ],
)
def test_a_run_that_cannot_be_kept_is_refused_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, given: tuple[str, ...], part: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PasticheError) as caught:
        run_files(method, *given)
    assert part in caught.value.sentence and cli.exit_code(caught.value) == 2


def test_a_batch_keeps_no_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["batch", "a.png", "-s", "wave", "-o", "out", "--state", "run"]) == 2
    assert "--state" in capsys.readouterr().err


DETAIL = {"scale": 2, "scales": 4, "iteration": 100, "iterations": 300, "content": 0.61, "style": 0.12, "tv": 0.01}


def test_a_detail_is_a_line_where_nobody_watches_and_nothing_when_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    for quiet in (False, True):
        with Bar(quiet) as bar:
            bar.tell(DETAIL)
            bar.tell({"iteration": 37, "iterations": 37}, "2/3 ")
    said = capsys.readouterr().err.splitlines()
    assert said == ["scale 2/4  iteration 100/300  content 0.610  style 0.120", "2/3 iteration 37/37"]


JOBS = [
    {"id": "aa1", "session": "s", "state": "running", "method": "fine", "preview": False},
    {"id": "ab2", "session": "s", "state": "queued", "method": "fine", "preview": False},
    {"id": "ba3", "session": "t", "state": "running", "method": "fast", "preview": False},
    {"id": "bb4", "session": "t", "state": "running", "method": "fine", "preview": True},
]


def test_finish_means_the_running_fine_jobs_or_the_one_that_is_named() -> None:
    assert [job["id"] for job in choose_jobs(JOBS, None)] == ["aa1"]
    assert [job["id"] for job in choose_jobs(JOBS, "ab")] == ["ab2"]
    assert choose_jobs([], None) == []
    of_an_older_daemon = [{"id": "c", "session": "s", "state": "running"}]
    assert choose_jobs(of_an_older_daemon, None) == of_an_older_daemon


@pytest.mark.parametrize(("given", "part"), [("x", "no job"), ("a", "Several"), ("ba3", "at once"), ("", "no job")])
def test_a_job_that_cannot_be_finished_is_a_sentence(given: str, part: str) -> None:
    with pytest.raises(PasticheError) as caught:
        choose_jobs(JOBS, given)
    assert part in caught.value.sentence


def test_color_is_understood() -> None:
    assert job_options(cli.build_parser().parse_args([*APPLY, "--color", "keep"]))["colour"] == "keep"


def test_a_style_is_a_file_or_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain").write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    cases = {"wave": False, "wave.jpg": True, "./wave": True, "plain": True, "folder": False, "indigo-wave": False}
    for given, is_file in cases.items():
        flags = cli.build_parser().parse_args(["apply", "a.png", "-o", "b.png", "-s", given])
        assert (style_flags(flags)[0].path is not None) == is_file, given


def test_weights_go_to_their_styles() -> None:
    flags = cli.build_parser().parse_args([*APPLY, "-s", "glass", "--weights", "2,0.5"])
    assert [(style.given, style.weight) for style in style_flags(flags)] == [("wave", 2.0), ("glass", 0.5)]


@pytest.mark.parametrize("arguments", [[], ["paint"], ["apply"], ["apply", "a.png", "-s", "x"], ["batch", "-o", "d"]])
def test_an_incomplete_command_is_one_sentence_and_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("pastiche: ")
    assert said.err.count("\n") == 1


def test_a_failure_is_json_too_where_json_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*APPLY, "--strength", "101", "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert set(error) == {"code", "sentence", "hint"}
    assert error["code"] == "bad_option"


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        cli.main(["apply", "--help"])
    assert done.value.code == 0
    text = capsys.readouterr().out
    assert all(option.flag in text for option in OPTIONS)


def test_an_unexpected_failure_is_a_sentence_and_a_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PASTICHE_HOME", str(tmp_path))
    monkeypatch.setattr("pastiche.commands.status.run", lambda flags: 1 // 0)
    assert cli.main(["status"]) == 1
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert "Traceback" not in said.err
    assert "ZeroDivisionError" in (tmp_path / "log" / "client.log").read_text()


def test_ctrl_c_is_exit_code_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(flags: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("pastiche.commands.status.run", interrupted)
    assert cli.main(["status"]) == 130
    assert capsys.readouterr().err == "pastiche: Interrupted.\n"


def test_exit_codes_tell_bad_input_from_a_failed_job() -> None:
    codes = {code: cli.exit_code(PasticheError(code)) for code in ErrorCode}
    assert {code for code, value in codes.items() if value == 2} == set(cli.BAD_INPUT_CODES)
    assert codes[ErrorCode.WORKER_DIED] == codes[ErrorCode.BUSY] == codes[ErrorCode.NO_DAEMON] == 1


def test_the_command_line_loads_nothing_heavy() -> None:
    code = (
        "import sys, pkgutil, importlib, pastiche, pastiche.commands, pastiche.cli, pastiche.client\n"
        "for package in (pastiche, pastiche.commands):\n"
        "    for module in pkgutil.iter_modules(package.__path__, package.__name__ + '.'):\n"
        "        importlib.import_module(module.name)\n"
        "heavy = 'torch numpy PIL tifffile imagecodecs tqdm pastiched asyncio'.split()\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_sources_are_files_folders_and_patterns_each_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b.png", "a.JPG", "notes.txt", "[x].png"):
        (tmp_path / name).write_bytes(b"x")
    assert [p.name for p in find_sources(["."])] == ["[x].png", "a.JPG", "b.png"]
    assert find_sources(["*.png", "b.png", "[x].png"]) == [Path("[x].png"), Path("b.png")]
    assert find_sources(["missing.png"]) == [Path("missing.png")]
    assert find_sources(["*.webp"]) == []


def test_outputs_never_share_a_name_or_meet_their_source(tmp_path: Path) -> None:
    sources = [tmp_path / "one" / "a.JPG", tmp_path / "two" / "a.jpg", tmp_path / "out" / "c.png"]
    items = list(name_outputs(sources, tmp_path / "out", None))
    assert [item.output.name for item in items] == ["a.jpg", "a-2.jpg", "c-pastiche.png"]
    assert [i.output.name for i in name_outputs(sources[:2], tmp_path / "out", "tif")] == ["a.tif", "a-2.tif"]


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    Image.new("L", (8, 9)).save(tmp_path / "m.png")
    a, m, o = (str(tmp_path / name) for name in ("a.png", "m.png", "o.png"))
    assert cli.main(["apply", a, "-s", a, "--mask", m, "-o", o]) == 2


def test_names_of_inputs_in_the_output_folder_are_taken(tmp_path: Path) -> None:
    sources = [tmp_path / "a" / "x.jpg", tmp_path / "b" / "x.jpg", tmp_path / "a" / "wave.png"]
    items = name_outputs(sources, tmp_path / "b", None, [*sources, tmp_path / "b" / "Wave.png"])
    assert [item.output.name for item in items] == ["x-2.jpg", "x-pastiche.jpg", "wave-2.png"]


@pytest.mark.parametrize("flag", ["--threads=3", "--low-priority"])
def test_what_a_daemon_is_started_with_reaches_its_command(flag: str) -> None:
    flags = cli.build_parser().parse_args([*APPLY, flag])
    assert list(daemon_arguments(flags)) == flag.split("=")
    assert daemon_arguments(cli.build_parser().parse_args(APPLY)) == ()


def test_the_log_does_not_name_the_users_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(flags: object) -> int:
        raise ValueError("cannot read '/media/anna/Tante Anna.jpg'")

    monkeypatch.setenv("PASTICHE_HOME", str(tmp_path))
    monkeypatch.setattr("pastiche.commands.status.run", fail)
    assert cli.main(["status"]) == 1
    written = (tmp_path / "log" / "client.log").read_text()
    assert "anna" not in written.lower()
    assert "ValueError: cannot read '<path>'" in written


def test_ctrl_c_is_given_back_however_deep_it_was_taken() -> None:
    before = signal.getsignal(signal.SIGINT)
    interrupts = Interrupts(Bar(quiet=True))
    with interrupts, interrupts:
        pass
    assert signal.getsignal(signal.SIGINT) is before
