"""Promises of the installer, as GIMP itself sees them."""

from __future__ import annotations

import json

from real_gimp import Gimp
from setting import Setting

PROCEDURES = ["plug-in-pastiche", "plug-in-pastiche-again", "plug-in-pastiche-settings"]


def test_the_installer_says_that_the_plug_in_is_in_gimp(setting: Setting) -> None:
    assert setting.installer.rc == 0, setting.installer.said
    assert "plug-in-pastiche" in setting.installer.stdout or "ok" in setting.installer.stdout, setting.installer.said


def test_the_procedures_are_there_after_the_installation(gimp: Gimp) -> None:
    script = f"""
from gi.repository import Gimp
pdb = Gimp.get_pdb()
assert all(pdb.lookup_procedure(name) for name in {PROCEDURES}), pdb.query_procedures(*["pastiche"] + [".*"] * 7)
assert "Artistic" in pdb.lookup_procedure("plug-in-pastiche").get_menu_paths()[0]
"""
    done = gimp.run(script)
    assert done.rc == 0, done.said


def test_the_plug_in_knows_where_everything_is(setting: Setting) -> None:
    facts = json.loads((setting.gimp.plug_in / "pastiche.json").read_text("utf-8"))
    assert facts["home"] == str(setting.daemon_home)
    assert bool(facts["python"]) == setting.full
