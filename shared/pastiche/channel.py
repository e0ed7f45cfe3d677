"""Messages to and from one of the daemon's sockets, whatever carries them; nothing that waits without an end."""

from __future__ import annotations

from typing import Any

from pastiche.protocol import Body, Message, decode_header, decode_message
from pastiche.transport import Line
from pastiche.version import PROTOCOL


class Channel:
    """Packs and unpacks the messages of one line. Not thread-safe; close it in the thread that made it."""

    def __init__(self, line: Line, session: str) -> None:
        self.session = session
        self._line = line

    @property
    def fd(self) -> int:
        """For a main loop, edge-triggered: after it fires, read until nothing is left. -1 where there is none."""
        return self._line.fd

    def send(
        self,
        body: Body,
        parent: str = "",
        buffers: tuple[Any, ...] = (),
        frames: tuple[Any, ...] = (),
        version: tuple[int, int] = PROTOCOL,
    ) -> str:
        """The new message's id. Frames go out without a copy and must not change any more.

        Raises PasticheError: BAD_MESSAGE for a header over 64 KiB, TIMEOUT where nothing is taken for 10 s; HelperGone.
        """
        message = Message(body, session=self.session, parent=parent, buffers=buffers, frames=frames, version=version)
        self._line.send(message.encode())
        return message.id

    def poll(self, seconds: float) -> bool:
        """Whether a message has come, or comes within `seconds`. Raises HelperGone."""
        return self._line.poll(seconds)

    def receive(self) -> Message | None:
        """The message that `poll` saw; None for one of a type that this version does not know.

        Raises PasticheError(BAD_MESSAGE).
        """
        header, *frames = self._line.receive()
        return decode_message(decode_header(header), frames)

    def close(self) -> None:
        self._line.close()
