"""Puts an installed version's plug-in into every GIMP of this computer and has each GIMP say whether it is there.

The installer loads this module from the sources: standard library only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pastiche.gimp import Answer, Gimp, ask, find_gimps, first_run
from pastiche.gimp_check import FAIL, MENU, OK, Finding, judge
from pastiche.gimp_libraries import Target, targets
from pastiche.gimp_profiles import Facts, find_profiles, has_profile, obstacle, place_plug_in


@dataclass(frozen=True)
class Surroundings:
    """The computer as the installer sees it: `sys.platform`, the environment variables, the user's folder."""

    system: str
    environ: Mapping[str, str]
    user: Path

    def gimps(self) -> list[Gimp]:
        return find_gimps(self.system, self.environ, self.user)

    def profiles(self) -> list[Path]:
        return find_profiles(self.system, self.environ, self.user)

    def obstacle(self) -> str:
        """The first thing in a profile that must not be overwritten; "" if there is none."""
        return next((reason for profile in self.profiles() if (reason := obstacle(profile))), "")


@dataclass
class Result:
    """What came of it: `found` = a GIMP 3 or a profile of one, `folders` = where the plug-in is now."""

    found: bool = False
    folders: list[Path] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def works(self) -> bool:
        return all(finding.state != FAIL for finding in self.findings)


def set_up_gimps(
    around: Surroundings,
    plug_in: Path,
    facts: Facts,
    add_libraries: Callable[[Target | None], object],
    say: Callable[[str], None],
) -> Result:
    """Asks each GIMP for its Python, gets libraries for it, places the plug-in in each profile, asks each GIMP again.

    `add_libraries(None)` stands for a GIMP that cannot be asked. Raises PlugInError, OSError.
    """
    gimps = around.gimps()
    usable = [gimp for gimp in gimps if gimp.supported]
    for gimp in gimps:
        if not gimp.supported:
            say(f"  {gimp.name} is too old for the plug-in, which needs GIMP 3.")
    answers = {gimp: _first_answer(gimp, around, say) for gimp in usable}
    profiles = {profile.resolve(): profile for profile in around.profiles()}
    for answer in answers.values():
        if answer.profile and Path(answer.profile).is_dir():
            profiles.setdefault(Path(answer.profile).resolve(), Path(answer.profile))
    result = Result(found=bool(usable or profiles))
    if not profiles:
        result.findings = [line for gimp in usable for line in judge(gimp, answers[gimp], around.environ)]
        _tell(result.findings, say)
        return result
    wanted: list[Target | None] = [*targets(answer for answer in answers.values() if not answer.trouble)]
    for target in wanted or [None]:
        add_libraries(target)
    for profile in profiles.values():
        folder = place_plug_in(plug_in, profile, facts)
        result.folders.append(folder)
        say(f"  The plug-in is in {folder}")
    for gimp, answer in answers.items():
        if not answer.trouble:
            say(f"  Asking {gimp.name} whether the plug-in is there ...")
            answer = ask(gimp, around.environ)
        result.findings += judge(gimp, answer, around.environ)
    _tell(result.findings, say)
    if not usable:
        say(f"  No GIMP was found that could be asked. Start GIMP and look for {MENU}")
    return result


def _first_answer(gimp: Gimp, around: Surroundings, say: Callable[[str], None]) -> Answer:
    if not has_profile(gimp, around.system, around.environ, around.user):
        say(f"  {gimp.name} was never started: starting it once without a window, at most two minutes ...")
        first_run(gimp, around.environ)
    say(f"  Asking {gimp.name} for its Python ...")
    return ask(gimp, around.environ)


def _tell(findings: list[Finding], say: Callable[[str], None]) -> None:
    for finding in findings:
        say(f"  {'ok' if finding.state == OK else 'NO' if finding.state == FAIL else '--'}  {finding.detail}")
        if finding.fix:
            say(f"      {finding.fix}")


def check_gimps(around: Surroundings) -> list[Finding]:
    """What every GIMP of this computer says of the plug-in; takes seconds for each."""
    found = []
    for gimp in around.gimps():
        answer = ask(gimp, around.environ) if gimp.supported else Answer("failed")
        found += judge(gimp, answer, around.environ)
    return found
