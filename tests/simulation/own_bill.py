"""A provider that keeps its own bill, and does all that providers do: the truth that a ledger is measured by.

It speaks OpenAI's chat API and Anthropic's messages, whole and streamed. What it does to a request is drawn from the
request's name alone, so two worlds that send it the same requests are done the same by, in whatever order.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import msgspec

from tollway.proxy.transport import Broken, NoAnswer, NotSent, UpstreamRequest

PRICES = {"gpt-4o-mini": (150, 600), "o4-mini": (1_100, 4_400), "claude-3-5-haiku-latest": (800, 4_000)}
"""Nanodollars for a token of input and of output."""
IN_FLIGHT = 40
"""Tokens made and not yet shown when a stream is closed."""


class Habits(msgspec.Struct, frozen=True, kw_only=True):
    """What this provider is like."""

    obeys_caps: bool = True
    bills_after_disconnect: bool = False
    """It goes on making, and billing, what nobody will read."""
    bills_errors: bool = False
    fails: float = 0.03
    """How often each thing that can go wrong does."""
    greedy: float = 0.3
    """How often an answer is as long as it may be, and its input as dear as it can be."""
    patience_s: float = 20.0
    """How long it may stay silent before its head."""


class Work(msgspec.Struct):
    """What was done for one request."""

    bill: int = 0
    sent: int = 0
    """How often it came."""
    told: bool = False
    """Its usage was told, truly and to its end."""


class OwnBill:
    """`transport.Transport` to it."""

    def __init__(self, seed: int, habits: Habits, note: Callable[..., None], now: Callable[[], float]) -> None:
        self.habits = habits
        self.work: dict[str, Work] = {}
        self.open: dict[Answer, None] = {}
        """Answers under way, in the order they began."""
        self.unsure: set[str] = set()
        """Nothing was sent, but whoever left before that was known cannot say so."""
        self._seed = seed
        self._note = note
        self.now = now

    @property
    def bill(self) -> int:
        return sum(work.bill for work in self.work.values())

    async def send(self, request: UpstreamRequest) -> "Answer | NotSent | NoAnswer":
        named = next(value.decode() for name, value in request.headers if name == b"x-test-id")
        bound = next(int(value) for name, value in request.headers if name == b"x-test-bytes")
        lots = random.Random(f"{self._seed} {named}")
        habits = self.habits
        fate = lots.random() / habits.fails if habits.fails else 9.0
        if fate < 1:
            try:
                await asyncio.sleep(lots.random())
            except asyncio.CancelledError:
                self.unsure.add(named)
                raise
            return NotSent("upstream_unreachable", "refused")
        asked = msgspec.json.decode(request.body)
        work = self.work.setdefault(named, Work())
        work.sent += 1
        answer = Answer(self, named, asked, bound, lots)
        self._note("sent", named, answer.tokens)
        if fate < 2:
            # Silence: it may have done the work or not.
            if lots.random() < 0.5:
                answer.began()
            await asyncio.sleep(request.first_byte_timeout_s)
            return NoAnswer("upstream_timeout", "silence")
        self.open[answer] = None
        try:
            await asyncio.sleep(lots.random() ** 3 * habits.patience_s)
        except asyncio.CancelledError:
            answer.close()
            raise
        if fate < 3:
            answer.status = lots.choice([429, 500, 503])
            if habits.bills_errors and answer.status != 429:
                answer.bill_all()
            answer.script([(0.01, b'{"error":{"message":"no"}}', 0)], json=True)
        elif answer.streamed:
            answer.stream()
        else:
            answer.bill_all()
            answer.whole(garbage=3 <= fate < 3.5)
        if 4 <= fate < 5:
            answer.breaks_after = lots.randrange(len(answer.pieces) + 1)
        return answer

    def bills(self, named: str, amount: int) -> None:
        self.work[named].bill += amount
        self._note("bill", named, amount)

    async def aclose(self) -> None:
        return


class Answer:
    """`transport.Response`: one answer, made piece by piece."""

    def __init__(self, provider: OwnBill, named: str, asked: Any, bound: int, lots: random.Random) -> None:
        self.status = 200
        self.headers: list[tuple[bytes, bytes]] = []
        self.named = named
        self.streamed: bool = asked.get("stream", False)
        self.breaks_after: int | None = None
        self.pieces: list[tuple[float, bytes, int]] = []
        """(seconds before it, bytes, tokens it is billed as)."""
        self._provider = provider
        self._lots = lots
        self._asked = asked
        self._next = 0
        self._over = False
        self._closed = asyncio.Event()
        self._per_input, self._per_output = PRICES[asked["model"]]
        habits = provider.habits
        cap = asked.get("max_completion_tokens") or asked.get("max_tokens")
        wanted = lots.randint(0, 3_000)
        greedy = lots.random() < habits.greedy
        if cap is None:
            self.tokens = wanted
        elif greedy:
            self.tokens = cap
        else:
            self.tokens = min(cap, wanted)
        if not habits.obeys_caps and cap is not None:
            self.tokens += lots.randint(0, 2 * cap)
        # A byte-level token is a byte at least; framing adds a few.
        self.input = bound + 70 if greedy else lots.randint(1, bound)
        self._due = 0.0
        """When the last piece was made that was read: making goes on, whether or not anybody reads."""
        self._billed_input = False
        self._billed = 0
        self._hidden = 0
        self._anthropic = asked["model"].startswith("claude")
        if asked["model"].startswith("o"):
            self._hidden = self.tokens if greedy else lots.randint(0, self.tokens)
        telling = lots.random()
        self._tells = 0 if telling < 0.08 else 2 if telling < 0.14 else 1

    def bill_all(self) -> None:
        self._bill_input()
        self._bill(self.tokens - self._billed)

    def began(self) -> None:
        """It was at work, and nothing of it was seen: a stream is no longer than what is in flight, anything else whole."""
        self._bill_input()
        stops = self.streamed and not self._provider.habits.bills_after_disconnect
        self._bill(min(self.tokens, self._hidden + IN_FLIGHT) if stops else self.tokens)

    def _bill_input(self) -> None:
        if not self._billed_input:
            self._billed_input = True
            self._provider.bills(self.named, self.input * self._per_input)

    def _bill(self, tokens: int) -> None:
        if tokens > 0:
            self._billed += tokens
            self._provider.bills(self.named, tokens * self._per_output)

    def script(self, pieces: list[tuple[float, bytes, int]], *, json: bool) -> None:
        self.headers = [(b"content-type", b"application/json" if json else b"text/event-stream")]
        self.pieces = pieces

    def usage(self) -> dict[str, int]:
        if self._anthropic:
            return {"input_tokens": self.input, "output_tokens": self.tokens}
        return {
            "prompt_tokens": self.input,
            "completion_tokens": self.tokens,
            "total_tokens": self.input + self.tokens,
        }

    def whole(self, *, garbage: bool) -> None:
        said: dict[str, Any]
        if self._anthropic:
            said = {
                "type": "message",
                "model": self._asked["model"],
                "content": [{"type": "text", "text": "x" * max(1, self.tokens)}],
                "stop_reason": "end_turn",
            }
            self._say(said, garbage=garbage)
            return
        said = {
            "id": "c",
            "object": "chat.completion",
            "model": self._asked["model"],
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "x" * max(1, self.tokens - self._hidden)},
                    "finish_reason": "stop",
                }
            ],
        }
        self._say(said, garbage=garbage)

    def _say(self, said: dict[str, Any], *, garbage: bool) -> None:
        if self._tells:
            said["usage"] = self.usage()
        body = b"x" * (self.tokens + 9) if garbage else msgspec.json.encode(said)
        self._provider.work[self.named].told = bool(self._tells) and not garbage
        half = len(body) // 2
        self.script([(0.01, body[:half], 0), (self._lots.random(), body[half:], 0)], json=True)

    def stream(self) -> None:
        self._bill_input()
        pieces: list[tuple[float, bytes, int]] = []
        lots = self._lots
        pace_s = lots.choice([0.0025, 0.01, 0.05])
        if self._anthropic:
            usage = {"input_tokens": self.input, "output_tokens": 1}
            message = {"type": "message", "model": self._asked["model"], "content": [], "usage": usage}
            pieces.append((0.01, _named("message_start", {"message": message}), 0))
            block = {"index": 0, "content_block": {"type": "text", "text": ""}}
            pieces.append((0.01, _named("content_block_start", block), 0))
        if self._hidden:
            pieces.append((lots.random(), self._event({"choices": [_choice({"role": "assistant"})]}), self._hidden))
        left = self.tokens - self._hidden
        while left > 0:
            made = min(left, lots.choice([1, 20, 60, 200]))
            left -= made
            if self._anthropic:
                delta = {"index": 0, "delta": {"type": "text_delta", "text": "x" * made}}
                piece = _named("content_block_delta", delta)
            else:
                piece = self._event({"choices": [_choice({"content": "x" * made})]})
            pieces.append((pace_s * made, piece, made))
        if self._anthropic:
            told = self._tells > 0
            last: dict[str, Any] = {"delta": {"stop_reason": "end_turn"}}
            if told:
                last["usage"] = {"output_tokens": self.tokens}
            pieces.append((lots.random(), _named("message_delta", last), 0))
            pieces.append((0.0, _named("message_stop", {}), 0))
            self._provider.work[self.named].told = told
            self.script(pieces, json=False)
            return
        pieces.append((0.01, self._event({"choices": [_choice({}, "stop")]}), 0))
        tells = self._tells if (self._asked.get("stream_options") or {}).get("include_usage") else 0
        for _ in range(tells):
            pieces.append((lots.random(), self._event({"choices": [], "usage": self.usage()}), 0))
        pieces.append((0.0, b"data: [DONE]\n\n", 0))
        self._provider.work[self.named].told = bool(tells)
        self.script(pieces, json=False)

    def _event(self, said: dict[str, Any]) -> bytes:
        head = {"id": "c", "object": "chat.completion.chunk", "model": self._asked["model"]}
        return b"data: " + msgspec.json.encode({**head, **said}) + b"\n\n"

    async def read(self) -> bytes:
        if self._next == self.breaks_after:
            self._due = 0.0
            self.close()
            raise Broken("upstream_invalid", "broke off")
        if self._next == len(self.pieces):
            self._end()
            return b""
        wait_s, piece, tokens = self.pieces[self._next]
        now = asyncio.get_running_loop().time()
        self._due = (self._due or now) + wait_s
        if self._due > now:
            try:
                async with asyncio.timeout(self._due - now):
                    await self._closed.wait()
            except TimeoutError:
                pass
            except asyncio.CancelledError:
                self._due -= wait_s
                raise
        if self._over:
            raise Broken("shutting_down", "closed while it was read")
        self._next += 1
        self._bill(tokens)
        return piece

    def close(self) -> None:
        """Whoever read it has gone."""
        if self._over:
            return
        if (self._next < len(self.pieces) or not self.pieces) and self.status < 400:
            self._provider.work[self.named].told = False
            self._bill_input()
            left = self.tokens - self._billed
            if self.streamed and not self._provider.habits.bills_after_disconnect:
                # Reasoning comes before all that is seen.
                unseen = max(0, self._hidden - self._billed)
                left = min(left, unseen + self._unread() + IN_FLIGHT)
            self._bill(left)
        self._end()

    def _unread(self) -> int:
        """Tokens that were made by now and that nobody has read."""
        due, made, now = self._due, 0, self._provider.now()
        for wait_s, _, tokens in self.pieces[self._next :] if due else ():
            due += wait_s
            if due > now:
                break
            made += tokens
        return made

    def _end(self) -> None:
        self._closed.set()
        self._over = True
        self._provider.open.pop(self, None)


def _named(event: str, said: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (event.encode(), msgspec.json.encode({"type": event, **said}))


def _choice(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish}
