"""Whether the plug-in works in a GIMP, asked of GIMP itself; and if it does not, why not, in one sentence.

GIMP says nothing about most of what keeps a plug-in away. The installer loads this module from the sources: standard
library only.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pastiche.gimp import PROCEDURE, SECONDS, TYPELIBS, Answer, Gimp, active_environment, gimp_environment
from pastiche.gimp_profiles import INSTALL, MAIN, Facts, Fault, file_faults, plug_in_folder

OK, WARN, FAIL = "ok", "warn", "fail"
MENU = "Filters > Artistic > Neural Style (Pastiche)..."
OLDEST_PYTHON = (3, 11)
UNTRIED = "This kind of GIMP has not been tried."
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(: .*)?")


@dataclass(frozen=True)
class Finding:
    """One line about a GIMP: `state` "ok", "warn" or "fail"; `fix` says what to do."""

    state: str
    detail: str
    fix: str = ""


def judge(gimp: Gimp, answer: Answer, environ: Mapping[str, str]) -> list[Finding]:
    """What a GIMP's answer means for the plug-in: first whether its menu entry is there, then what else is amiss."""
    if not gimp.supported:
        return [Finding(WARN, f"{gimp.name} is too old for the plug-in.", "Install GIMP 3.0 or newer.")]
    if answer.trouble:
        fault = _no_answer(gimp, answer, environ)
        return [Finding(FAIL, fault.sentence, fault.fix)]
    if PROCEDURE not in answer.procedures:
        fault = why_missing(gimp, answer)
        return [Finding(FAIL, fault.sentence, fault.fix)]
    return [Finding(OK, f"{gimp.name} has {MENU}"), *_around(gimp, answer, environ)]


def too_old_python(answer: Answer) -> bool:
    return answer.python < OLDEST_PYTHON


def _no_answer(gimp: Gimp, answer: Answer, environ: Mapping[str, str]) -> Fault:
    if answer.trouble == "timeout":
        return Fault(f"{gimp.name} did not answer within {SECONDS:.0f} s.", "Start GIMP once by hand, then try again.")
    if answer.trouble == "no-python":
        return Fault(f"{gimp.name} has no Python, so it runs no Python plug-ins.", _python_advice(gimp))
    if answer.trouble == "no-gi":
        path = gimp_environment(gimp.command, environ).get("PATH")
        python = shutil.which("python3", path=path) or "python3"
        sentence = f"{gimp.name} runs its plug-ins with {python}, which cannot reach GIMP (it has no module gi)."
        if python == "/usr/bin/python3" or gimp.kind != "system":
            return Fault(sentence, _python_advice(gimp))
        return Fault(sentence, f"Another Python comes first in PATH: take {Path(python).parent} out of it.")
    return Fault(f"{gimp.name} ended with status {answer.status}: {_last_word(answer.stderr)}", "Start GIMP by hand.")


def _last_word(stderr: str) -> str:
    """What a GIMP that failed said last that is of use: a Python exception, else its last line."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip() and "b64decode" not in line]
    errors = [line for line in lines if re.match(r"[A-Za-z_][\w.]*(Error|Exception): ", line)]
    return (errors or lines or ["no word"])[-1][:200]


def _python_advice(gimp: Gimp) -> str:
    if gimp.kind == "windows":
        return "Run GIMP's installer again and choose its Python."
    if gimp.kind == "system" and shutil.which("apt"):
        return "Run: sudo apt install python3-gi gir1.2-gtk-3.0"
    return "Install GIMP's Python support (PyGObject, the module gi)."


def why_missing(gimp: Gimp, answer: Answer) -> Fault:
    """The reason why GIMP does not know the plug-in."""
    profile = Path(answer.profile)
    folder = plug_in_folder(profile)
    searched = {Path(path).resolve() for path in answer.plug_in_path if path}
    if folder.parent.resolve() not in searched:
        return Fault(
            f"{gimp.name} does not look for plug-ins in {folder.parent}: its settings name other folders.",
            "Add it in GIMP's Edit > Preferences > Folders > Plug-Ins, "
            f"or delete the line with plug-in-path in {profile / 'gimprc'}.",
        )
    if too_old_python(answer):
        version = ".".join(map(str, answer.python))
        return Fault(f"{gimp.name} has Python {version}; the plug-in needs 3.11 or newer.", "Install a newer GIMP.")
    for fault in file_faults(profile):
        return fault
    if said := plug_in_error(answer.stderr):
        fix = f"{INSTALL}   If that does not help, report it with what `pastiche doctor --report` prints."
        return Fault(f"{gimp.name} starts the plug-in, which stops with: {said}", fix)
    return Fault(
        f"{gimp.name} does not know the plug-in, though {folder / MAIN} looks as it should.",
        f"{INSTALL}   If that does not help: {' '.join(gimp.command)} -i --verbose --quit says more.",
    )


def plug_in_error(stderr: str) -> str:
    """The exception with which our plug-in stopped, from what GIMP and its plug-ins wrote; "" if there is none."""
    lines = iter(stderr.splitlines())
    for line in lines:
        if re.match(rf'\s+File ".*{re.escape(MAIN)}"', line):
            for said in lines:
                if _EXCEPTION.fullmatch(said):
                    return said[:300]
    return ""


def _around(gimp: Gimp, answer: Answer, environ: Mapping[str, str]) -> Iterator[Finding]:
    """What the menu entry does not show: libraries, the dialog's parts, this terminal."""
    facts = Facts.read(plug_in_folder(Path(answer.profile)))
    for fault in file_faults(Path(answer.profile)):
        yield Finding(FAIL, fault.sentence, fault.fix)
    if facts and not answer.libraries and Path(facts.libraries).is_dir():
        yield Finding(FAIL, f"{gimp.name} cannot see {facts.libraries}.", "Its sandbox hides that folder: allow it.")
    elif answer.libraries and not answer.pastiche:
        yield Finding(FAIL, f"{gimp.name} cannot load the plug-in's libraries: {answer.complaint}", INSTALL)
    elif answer.pastiche and not answer.zmq:
        yield _without_zmq(gimp, answer, facts)
    elif answer.pastiche:
        python = ".".join(map(str, answer.python))
        yield Finding(OK, f"{gimp.name}: its Python {python} loads the libraries (pyzmq {answer.zmq})")
    if missing := [name for name in TYPELIBS if name not in answer.typelibs]:
        advice = (
            "Run: sudo apt install gir1.2-gtk-3.0" if shutil.which("apt") else "Install GTK 3's introspection data."
        )
        yield Finding(FAIL, f"{gimp.name} cannot open dialogs from Python: {', '.join(missing)} is missing.", advice)
    if not gimp.tried:
        yield Finding(WARN, f"{gimp.name}: {UNTRIED}")
    folder = active_environment(environ) if gimp.kind == "system" else ""
    if folder:
        yield Finding(
            WARN,
            f"The Python environment {folder} is active here: a GIMP started from this terminal finds no Python "
            "plug-in at all.",
            "Start GIMP from the menu, or after `deactivate`.",
        )


def _without_zmq(gimp: Gimp, answer: Answer, facts: Facts | None) -> Finding:
    if facts and facts.python:
        return Finding(
            OK, f"{gimp.name}: pyzmq does not load in its Python ({answer.complaint}); a helper process stands in"
        )
    return Finding(
        FAIL,
        f"{gimp.name}: pyzmq does not load in its Python ({answer.complaint}), and no Python of Pastiche's is here to "
        "stand in.",
        INSTALL,
    )
