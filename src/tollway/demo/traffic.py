"""The company at work: everyone sends requests through the gateway, as an SDK would."""

import asyncio
import random
from collections.abc import Mapping

import msgspec

from tollway.demo.company import PEOPLE, Person
from tollway.proxy.transport import Broken, NoAnswer, NotSent, UpstreamRequest, parse_url
from tollway.proxy.upstream.client import HttpTransport

_TEXT = "please look at this part of our code and tell me what it does and how it could be made simpler or faster"
_AFTER_REFUSAL_S = 4.0


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal as the caller was sent it."""

    person: Person
    status: int
    code: str
    message: str
    retry_after: str | None


class Traffic:
    """All requests so far, and who was refused."""

    def __init__(self, url: str, keys: Mapping[str, str]) -> None:
        self.sent = 0
        self.refused: list[Refused] = []
        self.first_refusal = asyncio.Event()
        self._url = parse_url(url)
        self._keys = keys
        self._transport = HttpTransport()
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Until `stop`; every request that was begun is brought to its end."""
        try:
            async with asyncio.TaskGroup() as group:
                for person in PEOPLE:
                    group.create_task(self._work(person))
        finally:
            await self._transport.aclose()

    def stop(self) -> None:
        self._stop.set()

    async def _work(self, person: Person) -> None:
        # Seeded, so that two demos are alike.
        draw = random.Random(person.name)  # noqa: S311
        pause_s = draw.uniform(0, person.every_s)
        while not self._stop.is_set():
            try:
                await asyncio.wait_for(self._stop.wait(), pause_s)
            except TimeoutError:
                pass
            else:
                return
            refused = await self._ask(person, draw)
            pause_s = _AFTER_REFUSAL_S if refused else person.every_s * draw.uniform(0.6, 1.4)

    async def _ask(self, person: Person, draw: random.Random) -> bool:
        """One request; whether it was refused."""
        path, body = request_of(person, draw)
        request = UpstreamRequest(
            "POST",
            self._url.at(path.encode()),
            ((b"content-type", b"application/json"), (b"authorization", f"Bearer {self._keys[person.name]}".encode())),
            msgspec.json.encode(body),
        )
        answer = await self._transport.send(request)
        if isinstance(answer, NotSent | NoAnswer):
            raise ConnectionError(f"the gateway did not answer: {answer.message}")
        said = b""
        try:
            while piece := await answer.read():
                said += piece
        except Broken as error:
            raise ConnectionError(f"the gateway's answer broke off: {error}") from None
        self.sent += 1
        if answer.status < 400:
            return False
        headers = dict(answer.headers)
        code = headers.get(b"tollway-error", b"").decode()
        error = msgspec.json.decode(said)["error"]
        if not code.startswith("budget_"):
            raise ConnectionError(f"{person.name} was answered {answer.status} {code}: {error['message']}")
        refusal = Refused(
            person=person,
            status=answer.status,
            code=code,
            message=error["message"],
            retry_after=headers[b"retry-after"].decode() if b"retry-after" in headers else None,
        )
        self.refused.append(refusal)
        self.first_refusal.set()
        return True


def request_of(person: Person, draw: random.Random) -> tuple[str, dict[str, object]]:
    """The path and body that this person's SDK would send."""
    provider, _, model = person.model.partition("/")
    words = _TEXT.split()
    prompt = " ".join(draw.choice(words) for _ in range(draw.randint(person.prompt_words // 2, person.prompt_words)))
    if provider == "google":
        verb = "streamGenerateContent?alt=sse" if person.stream else "generateContent"
        contents = [{"role": "user", "parts": [{"text": prompt}]}]
        return f"/google/v1beta/models/{model}:{verb}", {
            "contents": contents,
            "generationConfig": {"maxOutputTokens": person.max_tokens},
        }
    messages = [{"role": "user", "content": prompt}]
    body: dict[str, object] = {"model": person.model, "messages": messages, "stream": person.stream}
    if provider == "anthropic":
        return "/v1/messages", {**body, "max_tokens": person.max_tokens}
    return "/v1/chat/completions", {**body, "max_completion_tokens": person.max_tokens}
