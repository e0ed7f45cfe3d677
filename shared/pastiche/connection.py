"""Where the daemon lives: its home folder, the connection file with endpoints and keys, and how it is started."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from pastiche.errors import ErrorCode, PasticheError
from pastiche.liveness import NO_WINDOW, in_sandbox, lock_held, process_namespace
from pastiche.liveness import process_alive as process_alive
from pastiche.version import VERSION

START_SECONDS = 20.0
LONGEST_IPC_PATH = 107
DROP_FROM_ENVIRONMENT = (
    "LD_PRELOAD", "LD_LIBRARY_PATH", "GI_TYPELIB_PATH", "PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE",
    "GIO_MODULE_DIR", "GDK_PIXBUF_MODULE_FILE", "GEGL_PATH", "BABL_PATH",
)  # fmt: skip
"""Variables with which GIMP's own environment (AppImage, snap, venv) would break another Python."""
NOT_FROM_HERE = "The Pastiche daemon is not running, and it cannot be started from here."
START_ELSEWHERE = (
    "Run `pastiched serve` in a terminal, or have it start by itself: `python3 install.py install --service`."
)


@dataclass(frozen=True)
class Home:
    """The folder of one Pastiche installation and what lies in it. The installer writes it into `pastiche.json`."""

    folder: Path
    python: Path

    @property
    def connection_file(self) -> Path:
        return self.folder / "connection.json"

    @property
    def lock_file(self) -> Path:
        return self.folder / "daemon.lock"

    @property
    def run_folder(self) -> Path:
        return self.folder / "run"

    @property
    def log_file(self) -> Path:
        return self.folder / "log" / "daemon.log"

    @property
    def styles_folder(self) -> Path:
        return self.folder / "styles"

    @property
    def models_folder(self) -> Path:
        return self.folder / "models"

    def create(self) -> None:
        """Makes the folders, private to the user."""
        for folder in (self.folder, self.run_folder, self.log_file.parent, self.styles_folder, self.models_folder):
            folder.mkdir(parents=True, exist_ok=True)
        for folder in (self.folder, self.run_folder):
            folder.chmod(0o700)


def find_home() -> Home:
    """PASTICHE_HOME, else what the installer wrote beside this Python, else ~/.local/state/pastiche.

    XDG variables are not asked: sandboxes redirect them, and client and daemon must agree on one absolute path.
    Raises PasticheError(NO_DAEMON) where the installer's file is damaged.
    """
    python = Path(sys.executable)
    if forced := os.environ.get("PASTICHE_HOME"):
        return Home(Path(forced).resolve(), python)
    written = Path(sys.prefix) / "pastiche.json"
    if written.is_file():
        try:
            data = json.loads(written.read_text("utf-8"))
            return Home(Path(data["home"]), Path(data.get("python", python)))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise PasticheError(
                ErrorCode.NO_DAEMON, f"The installation's file {written} is damaged.", "Run the installer again."
            ) from None
    return Home(Path.home() / ".local" / "state" / "pastiche", python)


@dataclass(frozen=True)
class Connection:
    """The connection file: process, endpoints (ipc or tcp; `tcp_*` always tcp), CURVE keys in Z85, version."""

    pid: int
    started: float
    jobs: str
    control: str
    tcp_jobs: str
    tcp_control: str
    server_public: str
    client_public: str
    client_secret: str
    daemon: str = VERSION
    build: str = ""
    """The daemon's `build_stamp()`."""
    namespace: str = ""
    """Its `process_namespace()`: in another one `pid` means nothing."""

    def write(self, path: Path) -> None:
        """Atomically and readable by the user alone."""
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".connection-")
        try:
            os.fchmod(handle, 0o600) if hasattr(os, "fchmod") else None
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(asdict(self), file, indent=1)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def build_stamp(package: Path = Path(__file__).parent) -> str:
    """Tells installations apart that have the same version: a hash of the hashes that pip wrote down of our files.

    "" where the package was not installed by pip, or in editable form.
    """
    try:
        record = next(package.parent.glob("pastiche-*.dist-info")) / "RECORD"
        lines = sorted(line for line in record.read_text("utf-8").splitlines() if line.startswith("pastiche"))
    except (OSError, ValueError, StopIteration):
        return ""
    ours = [line for line in lines if ".dist-info/" not in line and "__pycache__/" not in line]
    return hashlib.sha256("\n".join(ours).encode()).hexdigest()[:16]


def read_connection(home: Home) -> Connection | None:
    """The running daemon's connection; None where there is no file, it is stale or unreadable.

    Raises PasticheError(NO_DAEMON) if others may read or own the file: then its keys protect nothing.
    """
    connection = _written(home)
    return connection if connection and _lives(home, connection) else None


def _written(home: Home) -> Connection | None:
    """What stands in the connection file, of a living daemon or not."""
    path = home.connection_file
    try:
        info = path.stat()
        data = json.loads(path.read_text("utf-8"))
        connection = Connection(**{name: data[name] for name in Connection.__dataclass_fields__ if name in data})
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if os.name == "posix" and (info.st_uid != os.getuid() or stat.S_IMODE(info.st_mode) & 0o077):
        raise PasticheError(ErrorCode.NO_DAEMON, "The connection file can be read by others.", f"Delete {path.name}.")
    return connection


def daemon_alive(home: Home, connection: Connection) -> bool:
    """Whether the daemon of this connection still lives. In a sandbox its process number says nothing."""
    if not _lives(home, connection):
        return False
    try:
        written = _written(home)
    except PasticheError:
        return True
    # A daemon takes its file back before it has quite left; but where another's stands, it is gone.
    return written is None or written.server_public == connection.server_public


def _lives(home: Home, connection: Connection) -> bool:
    held = lock_held(home.lock_file)
    if held is None:
        return process_alive(connection.pid)
    if not held:
        return False
    # The lock may be a successor's, which has not cleared this daemon's file away yet.
    return not connection.namespace or connection.namespace != process_namespace() or process_alive(connection.pid)


def clean_environment() -> dict[str, str]:
    """This process's environment, without what would break another Python."""
    return {k: v for k, v in os.environ.items() if k not in DROP_FROM_ENVIRONMENT}


def start_daemon(home: Home, arguments: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    """Starts `pastiched serve` as a process of its own that outlives the caller; its first words go to start.log."""
    home.create()
    environment = clean_environment() | {"PASTICHE_HOME": str(home.folder)}
    with (home.log_file.parent / "start.log").open("wb") as log:
        return subprocess.Popen(
            [str(home.python), "-P", "-m", "pastiched.cli", "serve", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            close_fds=True,
            cwd=str(home.folder),
            env=environment,
            creationflags=NO_WINDOW,
        )


def can_start_daemon(home: Home) -> bool:
    """False where a daemon can only be started elsewhere: in a sandbox, or without its Python.

    Who runs on the daemon's own Python can: a terminal inside a snap looks like a sandbox and is none.
    """
    if home.python == Path():
        return False
    try:
        return not in_sandbox() or home.python.parent.samefile(Path(sys.executable).parent)
    except OSError:
        return False


def ensure_daemon(
    home: Home,
    arguments: tuple[str, ...] = (),
    silent: Connection | None = None,
    on_start: Callable[[], None] | None = None,
    on_wait: Callable[[], None] | None = None,
) -> Connection:
    """The running daemon's connection, started first where none runs. Raises PasticheError(NO_DAEMON).

    `silent` is a connection that did not answer: its file may be a dead daemon's whose process number is in use again.
    A daemon started now finds that out by the lock. If the lock is still held, `silent` is returned.
    `on_start` is told before a daemon is started; `on_wait` is called while it starts, and may raise to end the wait.
    """
    connection = read_connection(home)
    if connection and connection != silent:
        return connection
    if not can_start_daemon(home):
        if connection:
            return connection
        raise PasticheError(ErrorCode.NO_DAEMON, NOT_FROM_HERE, START_ELSEWHERE)
    if on_start:
        on_start()
    process: subprocess.Popen[bytes] | None = None
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if on_wait:
            on_wait()
        try:
            process = process or start_daemon(home, arguments)
        except OSError as error:
            raise PasticheError(ErrorCode.NO_DAEMON, _cannot_start(error.strerror or str(error))) from None
        # Another client may have won the race; then this process leaves with 0 and the other's file appears.
        connection = read_connection(home)
        if connection and connection != silent:
            return connection
        if process.poll() == 0:
            if silent:
                return silent
            # It met one that was just leaving.
            process = None
            time.sleep(0.1)
        elif process.poll() is not None:
            break
        time.sleep(0.02)
    raise PasticheError(ErrorCode.NO_DAEMON, _cannot_start(_last_words(home)))


def _cannot_start(reason: str) -> str:
    return f"The Pastiche daemon could not be started: {reason}" if reason else ""


def _last_words(home: Home) -> str:
    try:
        lines = (home.log_file.parent / "start.log").read_text("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1][:200] if lines else ""
