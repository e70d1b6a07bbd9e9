import time
from importlib import resources

from tollway.demo.company import PEOPLE
from tollway.demo.provider import LIST_PRICES, SAYS, fake_provider
from tollway.pricing.price import FILE, PriceBook
from tollway.proxy.transport import NoAnswer, NotSent, UpstreamRequest, parse_url
from tollway.proxy.upstream.client import HttpTransport


def test_its_prices_are_those_of_the_price_book() -> None:
    book = PriceBook.decode(resources.files("tollway.pricing").joinpath(FILE).read_bytes())
    now = time.time_ns() // 1_000_000
    for model, (per_input, per_output) in LIST_PRICES.items():
        provider = "openai" if model.startswith("gpt") else "anthropic" if model.startswith("claude") else "google"
        price = book.price(provider, model, at_ms=now)
        assert price is not None, model
        assert price.units["input"].times(1_000_000) == per_input * 1_000_000, model
        assert price.units["output"].times(1_000_000) == per_output * 1_000_000, model


def test_everyone_in_the_company_uses_a_model_it_knows() -> None:
    assert {person.model.partition("/")[2] for person in PEOPLE} <= set(LIST_PRICES)


async def test_every_answer_says_that_it_is_fake_and_is_billed() -> None:
    transport = HttpTransport()
    prompt = b'"content": "Hello"'
    async with fake_provider() as provider:
        for count, (path, body) in enumerate(
            (
                (b"/v1/chat/completions", b'{"model": "gpt-4o-mini", "messages": [{%b}]}' % prompt),
                (b"/v1/chat/completions", b'{"model": "gpt-4o-mini", "stream": true, "messages": [{%b}]}' % prompt),
                (b"/v1/messages", b'{"model": "claude-haiku-4-5", "max_tokens": 64, "messages": [{%b}]}' % prompt),
                (b"/v1beta/models/gemini-2.5-flash:generateContent", b'{"contents": []}'),
                (b"/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", b'{"contents": []}'),
            ),
            1,
        ):
            answer = await transport.send(UpstreamRequest("POST", parse_url(provider.url).at(path), (), body))
            assert not isinstance(answer, NotSent | NoAnswer)
            said = b""
            while piece := await answer.read():
                said += piece
            assert answer.status == 200
            assert SAYS[:20].encode() in said
            assert provider.bill.requests == count
            assert provider.bill.total > 0
        unknown = await transport.send(UpstreamRequest("POST", parse_url(provider.url).at(b"/v1/messages"), (), b"{}"))
        assert not isinstance(unknown, NotSent | NoAnswer)
        assert unknown.status == 404
        unknown.close()
        assert provider.bill.requests == 5
    await transport.aclose()
