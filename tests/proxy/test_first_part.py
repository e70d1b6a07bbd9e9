import asyncio

from tollway.proxy.first_part import first_part
from tollway.proxy.transport import Broken, NoAnswer, NotSent, Response, UpstreamRequest, parse_url

ASKED = UpstreamRequest("POST", parse_url("http://127.0.0.1:9/v1"), ())


class Answer:
    """An answer in pieces; a piece that is an error is raised, and one that is None never comes."""

    def __init__(self, *pieces: bytes | Exception | None) -> None:
        self.status = 200
        self.headers = [(b"content-type", b"text/event-stream")]
        self.closed = False
        self._pieces = list(pieces)

    async def read(self) -> bytes:
        piece = self._pieces.pop(0) if self._pieces else b""
        if isinstance(piece, Exception):
            raise piece
        if piece is None:
            await asyncio.Event().wait()
            raise AssertionError("nothing comes")
        return piece

    def close(self) -> None:
        self.closed = True


class Sends:
    def __init__(self, answer: Response | NotSent | NoAnswer) -> None:
        self._answer = answer

    async def send(self, request: UpstreamRequest) -> Response | NotSent | NoAnswer:
        return self._answer

    async def aclose(self) -> None:
        pass


async def read_whole(answer: Response | NotSent | NoAnswer) -> list[bytes]:
    assert not isinstance(answer, NotSent | NoAnswer)
    pieces: list[bytes] = []
    while piece := await answer.read():
        pieces.append(piece)
    return pieces


async def test_the_head_alone_is_waited_for_without_a_timeout() -> None:
    answer = Answer(None)
    assert await first_part(Sends(answer), ASKED, None) is answer


async def test_what_was_read_to_know_that_it_came_is_read_once_more_in_its_place() -> None:
    found = await first_part(Sends(Answer(b"one", b"two")), ASKED, 1_000)
    assert await read_whole(found) == [b"one", b"two"]
    assert not isinstance(found, NotSent | NoAnswer) and (found.status, found.headers[0][0]) == (200, b"content-type")


async def test_an_answer_without_a_body_has_come_as_well() -> None:
    assert await read_whole(await first_part(Sends(Answer()), ASKED, 1_000)) == []


async def test_a_head_with_nothing_behind_it_is_no_answer_and_is_closed() -> None:
    answer = Answer(None)
    found = await first_part(Sends(answer), ASKED, 20)
    assert isinstance(found, NoAnswer) and found.code == "upstream_timeout"
    assert "within 20 ms" in found.message
    assert answer.closed


async def test_what_has_come_already_counts_however_late_it_is() -> None:
    assert await read_whole(await first_part(Sends(Answer(b"there")), ASKED, 0)) == [b"there"]


async def test_a_connection_that_breaks_behind_the_head_is_no_answer() -> None:
    answer = Answer(Broken("upstream_invalid", "it broke off"))
    found = await first_part(Sends(answer), ASKED, 1_000)
    assert found == NoAnswer("upstream_invalid", "it broke off")
    assert answer.closed


async def test_what_the_transport_refuses_is_passed_on() -> None:
    not_sent = NotSent("overloaded", "too many")
    assert await first_part(Sends(not_sent), ASKED, 1_000) is not_sent


async def test_a_caller_that_leaves_is_no_timeout() -> None:
    task = asyncio.ensure_future(first_part(Sends(Answer(None)), ASKED, 60_000))
    await asyncio.sleep(0)
    task.cancel()
    (outcome,) = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(outcome, asyncio.CancelledError)
