"""The daemon as a background service of the user's session: one description, three platforms' files made from it.

Only the systemd unit has been tried. The installer loads this module from the sources: standard library only.
"""

from __future__ import annotations

import plistlib
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

NAME = "pastiche"
LABEL = "org.pastiche.daemon"
TASK_NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
RESTART_SECONDS = 5


@dataclass(frozen=True)
class ServiceDescription:
    """What runs, where it lives and how it behaves, whatever starts it."""

    command: tuple[str, ...]
    home: Path
    description: str = "Pastiche style transfer daemon"

    def systemd_unit(self) -> str:
        """A unit for `~/.config/systemd/user/pastiche.service`. A daemon that was told to stop stays stopped."""
        program, *arguments = self.command
        command = " ".join([quoted(program), *(quoted(word, in_argument=True) for word in arguments)])
        return (
            f"[Unit]\nDescription={self.description}\n\n"
            f"[Service]\nType=exec\nExecStart={command}\n"
            f"Environment={quoted(f'PASTICHE_HOME={self.home}')}\n"
            f"Restart=on-failure\nRestartSec={RESTART_SECONDS}\nUMask=0077\n\n"
            "[Install]\nWantedBy=default.target\n"
        )

    def launchd_plist(self) -> bytes:
        """A property list for `~/Library/LaunchAgents/org.pastiche.daemon.plist`. Not tried on macOS."""
        return plistlib.dumps(
            {
                "Label": LABEL,
                "ProgramArguments": list(self.command),
                "EnvironmentVariables": {"PASTICHE_HOME": str(self.home)},
                "RunAtLoad": True,
                "KeepAlive": {"SuccessfulExit": False},
                "ThrottleInterval": RESTART_SECONDS,
                "ProcessType": "Background",
                "Umask": 0o077,
            }
        )

    def windows_task(self) -> bytes:
        """A task for `schtasks /Create /TN pastiche /XML`. Not tried on Windows.

        A task cannot set variables: the daemon finds its home through the `pastiche.json` beside its Python.
        """
        task = ET.Element("Task", {"version": "1.2", "xmlns": TASK_NAMESPACE})
        ET.SubElement(ET.SubElement(task, "RegistrationInfo"), "Description").text = self.description
        trigger = ET.SubElement(ET.SubElement(task, "Triggers"), "LogonTrigger")
        ET.SubElement(trigger, "Enabled").text = "true"
        settings = ET.SubElement(task, "Settings")
        # Without a time limit of 0 (PT0S) Windows would end the daemon after three days.
        for name, value in (
            ("MultipleInstancesPolicy", "IgnoreNew"),
            ("DisallowStartIfOnBatteries", "false"),
            ("StopIfGoingOnBatteries", "false"),
            ("ExecutionTimeLimit", "PT0S"),
            ("Hidden", "true"),
        ):
            ET.SubElement(settings, name).text = value
        restart = ET.SubElement(settings, "RestartOnFailure")
        ET.SubElement(restart, "Interval").text = "PT1M"
        ET.SubElement(restart, "Count").text = "3"
        action = ET.SubElement(ET.SubElement(task, "Actions"), "Exec")
        ET.SubElement(action, "Command").text = self.command[0]
        ET.SubElement(action, "Arguments").text = " ".join(windows_quoted(word) for word in self.command[1:])
        ET.SubElement(action, "WorkingDirectory").text = str(self.home)
        return bytes(ET.tostring(task, encoding="utf-16", xml_declaration=True))


def quoted(word: str, in_argument: bool = False) -> str:
    """One word as systemd reads it: in quotes, `%` doubled everywhere, `$` only in a command's arguments."""
    word = word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("%", "%%")
    return '"' + (word.replace("$", "$$") if in_argument else word) + '"'


def windows_quoted(word: str) -> str:
    """One argument as a Windows program reads it; our arguments end in no backslash and hold no quotes."""
    return f'"{word}"' if " " in word else word
