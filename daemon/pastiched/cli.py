"""The command `pastiched`: hands on to the module of each subcommand, which is imported only then."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from pastiche.version import VERSION

SUBCOMMANDS = {
    "serve": ("pastiched.serve:main", "run the daemon"),
    "train": ("pastiched.training.cli:main", "train networks"),
    "models": ("pastiched.models_command:main", "list, verify, fetch, add and remove model files"),
    "evaluate": ("pastiched.evaluate:main", "measure and look at what a model does"),
}
"""Name -> (module:function that takes the other arguments and returns the exit code, what it does)."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 2 for an unknown subcommand."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] in (["--version"], ["-V"]):
        print(f"pastiched {VERSION}")
        return 0
    if given[:1] in (["--help"], ["-h"], []):
        print(_usage())
        return 0 if given else 2
    if given[0] not in SUBCOMMANDS:
        print(f"pastiched: there is no subcommand {given[0]!r}.\n{_usage()}", file=sys.stderr)
        return 2
    # torch looks for this when it first allocates: large tensors in huge pages, where Linux has them. Without, a fifth
    # of Fast's time on a processor goes into page faults.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    # The C library reads these when the worker starts: tensors of up to 32 MB come from memory that was used before,
    # for fresh pages cost a twentieth of the time. It is given back after large pictures (`memory.give_back`).
    os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(32 << 20))
    os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(256 << 20))
    # OpenVINO's threads and PyTorch's take turns: those that wait must not keep the others from working. To fall asleep
    # at once would be as bad: small steps follow each other within a tenth of a millisecond.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    module, _, function = SUBCOMMANDS[given[0]][0].partition(":")
    run = getattr(importlib.import_module(module), function)
    code: int = run(given[1:])
    return code


def _usage() -> str:
    lines = [f"  {name:<9} {what}" for name, (_, what) in SUBCOMMANDS.items()]
    return "\n".join(["usage: pastiched SUBCOMMAND ... (--help after one shows its options)", *lines])


if __name__ == "__main__":
    sys.exit(main())
