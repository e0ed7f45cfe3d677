"""Who may import whom: the plug-in and the client start fast, and the front process never loads torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHARED = ROOT / "shared" / "pastiche"
DAEMON = ROOT / "daemon" / "pastiched"
PLUGIN = ROOT / "gimp_plugin" / "pastiche-gimp"
HEAVY = {"torch", "torchvision", "numpy", "PIL", "scipy", "skimage", "tifffile", "imagecodecs", "safetensors", "tqdm"}
CONTRACT_MAY = {"zmq", "msgpack", "pastiche"}
FRONT = (
    "catalogue", "cli", "config", "dispatcher", "file_lock", "flow", "instance", "jobs", "link", "log", "serve",
    "server", "sockets", "styles", "supervisor", "trained_library", "worker_process",
)  # fmt: skip


def sources(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def at_module_level(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """Imports that run when the module is imported: not those in functions, nor for type checkers only."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting.extend(node.orelse)
            continue
        waiting.extend(ast.iter_child_nodes(node))


def everywhere(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))


def names(imports: Iterator[ast.Import | ast.ImportFrom]) -> set[str]:
    """Full names of the imported modules."""
    found: set[str] = set()
    for node in imports:
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        else:
            found |= {alias.name for alias in node.names}
    return found


def roots(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@pytest.mark.parametrize("path", sources(SHARED), ids=lambda p: p.stem)
def test_the_contract_loads_nothing_but_the_standard_library_zmq_and_msgpack(path: Path) -> None:
    assert roots(names(at_module_level(parse(path)))) <= CONTRACT_MAY | sys.stdlib_module_names


@pytest.mark.parametrize("path", sources(SHARED), ids=lambda p: p.stem)
def test_the_contract_never_reaches_into_the_daemon(path: Path) -> None:
    assert not roots(names(everywhere(parse(path)))) & {"pastiched", "torch", "torchvision"}


@pytest.mark.parametrize("path", [DAEMON / f"{name}.py" for name in FRONT], ids=FRONT)
def test_the_front_process_never_imports_what_computes(path: Path) -> None:
    imported = names(everywhere(parse(path)))
    assert not roots(imported) & HEAVY
    computing = {f"pastiched.{room}" for room in ("engines", "networks", "imaging", "workshop", "courier", "worker")}
    assert not {module for module in imported if any(module == c or module.startswith(c + ".") for c in computing)}


@pytest.mark.parametrize("path", sources(DAEMON / "networks"), ids=lambda p: p.stem)
def test_networks_know_nothing_of_engines_or_sockets(path: Path) -> None:
    imported = names(everywhere(parse(path)))
    assert not [m for m in imported if m.startswith(("pastiched.engines", "pastiched.training", "pastiche.protocol"))]
    assert "zmq" not in roots(imported)


@pytest.mark.parametrize("path", sources(DAEMON / "engines"), ids=lambda p: p.stem)
def test_engines_know_nothing_of_sockets(path: Path) -> None:
    imported = names(everywhere(parse(path)))
    assert not roots(imported) & {"zmq", "msgpack", "asyncio", "socket"}
    forbidden = ("server", "sockets", "supervisor", "dispatcher", "courier", "link", "jobs", "workshop", "worker")
    assert not [m for m in imported if m.startswith(tuple(f"pastiched.{room}" for room in forbidden))]
    assert not [m for m in imported if m.startswith(("pastiche.protocol", "pastiche.connection", "pastiche.client"))]


@pytest.mark.parametrize("path", sources(PLUGIN), ids=lambda p: p.stem)
def test_the_plugin_imports_only_the_contract_gi_and_the_standard_library(path: Path) -> None:
    imported = roots(names(everywhere(parse(path))))
    assert imported <= {"pastiche", "pastiche_gimp", "gi"} | sys.stdlib_module_names


REGISTERING = ("pastiche-gimp", "plug_in", "installation", "words")


@pytest.mark.parametrize("stem", REGISTERING)
def test_registering_the_plugin_needs_no_library_and_no_display(stem: str) -> None:
    # A failed import at this point makes the menu entry vanish without a word.
    path = next(path for path in sources(PLUGIN) if path.stem == stem)
    imported = names(at_module_level(parse(path)))
    assert not {"zmq", "msgpack", "pastiche"} & roots(imported)
    assert not {name for name in imported if name.endswith((".GimpUi", ".Gtk", ".Gdk"))}


@pytest.mark.parametrize(
    "module",
    [
        "pastiche.protocol",
        "pastiche.client",
        "pastiche.cli",
        "pastiched.cli",
        "pastiched.serve",
        "pastiched.server",
        "pastiched.models_command",
    ],
)
def test_importing_it_in_a_fresh_process_loads_nothing_heavy(module: str) -> None:
    asked = f"import sys, {module}; print(sorted(set(sys.modules) & {HEAVY!r}))"
    ran = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.strip() == "[]"


def test_the_device_is_chosen_before_torch_is_loaded() -> None:
    # The worker's own modules, up to the point where it hides the other devices, load no backend.
    asked = f"import sys, pastiched.worker; print(sorted(set(sys.modules) & {HEAVY!r}))"
    ran = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.strip() == "[]"
