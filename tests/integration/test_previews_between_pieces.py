"""A preview does not wait for a large picture: it is painted between two pieces of it."""

from __future__ import annotations

from wire import Wire, job, started

from pastiche.protocol import Cancel, Cancelled, Done, Failed, Message, Progress, Result

PIECES = {"brush_size": 25.0, "tile": 256}
"""1500 x 1500 pixels are enlarged to 2800 x 2800 and painted in more than a hundred pieces, twice."""


def in_pieces(session: str) -> Message:
    return job(1500, 1500, session=session, options=PIECES)


def picture_of(outcome: Message) -> bytes:
    assert isinstance(outcome.body, Result), outcome.body
    return b"".join(bytes(frame) for frame in outcome.frames)


def test_it_comes_first_and_the_large_one_is_painted_as_ever(jobs: Wire) -> None:
    wanted = picture_of(jobs.outcome(jobs.send(in_pieces(jobs.session))))
    running = jobs.send(in_pieces(jobs.session))
    started(jobs, running)
    preview, ended = jobs.send(job(session=jobs.session, preview=True)), list[Message]()
    while len(ended) < 2:
        message = jobs.receive()
        if isinstance(message.body, Result | Failed | Cancelled):
            ended.append(message)
    assert [message.parent for message in ended] == [preview, running]
    assert isinstance(ended[0].body, Result), ended[0].body
    assert picture_of(ended[1]) == wanted


def test_the_large_one_can_be_cancelled_afterwards(jobs: Wire, control: Wire) -> None:
    running = jobs.send(in_pieces(jobs.session))
    started(jobs, running)
    assert isinstance(jobs.outcome(jobs.send(job(session=jobs.session, preview=True))).body, Result)
    said = jobs.until(running, Progress).body
    assert isinstance(said, Progress) and said.fraction < 1
    control.ask(Cancel(running, jobs.session), Done)
    assert isinstance(jobs.outcome(running).body, Cancelled)
