"""Anthropic's message batches: `/v1/messages/batches`."""

import msgspec

from tollway.providers.answer import text, values
from tollway.providers.anthropic_messages import Messages
from tollway.providers.anthropic_usage import read_answer
from tollway.providers.batches import MOST_REQUESTS, Request, Requests, Result, State, check_weight, id_of
from tollway.providers.body import Unfit, object_of
from tollway.providers.codec import Malformed
from tollway.providers.counts import count, decoded, nested
from tollway.providers.splice import spliced

ENDPOINT = "/messages"


class _Item(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    custom_id: str
    params: msgspec.Raw


class _Body(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    requests: list[_Item]


_body = msgspec.json.Decoder(_Body)
_elements = msgspec.json.Decoder(list[msgspec.Raw])
_codec = Messages()
_UNBILLED = frozenset({"errored", "canceled", "expired"})


def read_requests(body: bytes) -> Requests | Malformed:
    """The requests of a batch that is to be made."""
    try:
        return _read_requests(body)
    except Unfit as unfit:
        return unfit.malformed()


def _read_requests(body: bytes) -> Requests:
    if body.count(b'"params"') > 10 * MOST_REQUESTS:
        raise Unfit(f"The batch has too many requests; send {MOST_REQUESTS:,} at most in one.")
    try:
        # Fails at the first thing that is not as it should be, before much is made of a large body.
        number = len(_body.decode(body).requests)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unfit(
            f'The body is not {{"requests": [{{"custom_id": ..., "params": {{...}}}}, ...]}}: {error}.'
        ) from None
    if not number:
        raise Unfit("requests is empty; a batch needs one request at least.")
    if number > MOST_REQUESTS:
        raise Unfit(f"The batch has {number:,} requests; send {MOST_REQUESTS:,} at most in one.")
    fields = object_of(body)
    assert fields is not None, "it was read as an object"
    elements = _elements.decode(fields["requests"])
    found = tuple(_request(number, bytes(element)) for number, element in enumerate(elements))
    model = found[0].ask.model
    if not model:
        raise Unfit("requests[0].params names no model.")
    for number, request in enumerate(found):
        if request.ask.model != model:
            raise Unfit(
                f'requests[{number}] is for "{request.ask.model or ""}" and requests[0] for "{model}"; send one batch for each '
                "model, so that each budget can hold its part."
            )
    return Requests(ENDPOINT, "anthropic.messages", model, found)


def _request(number: int, element: bytes) -> Request:
    name = f"requests[{number}]"
    try:
        fields = object_of(element)
    except Unfit as unfit:
        raise Unfit(f"{name}: {unfit}") from None
    assert fields is not None, "it was read as an object"
    body = bytes(fields["params"])
    check_weight(f"{name}.params", body)
    ask = _codec.read_ask("/v1/messages", b"", b"application/json", body)
    if isinstance(ask, Malformed):
        raise Unfit(f"{name}.params: {ask.message}")
    return Request(ask, len(body))


def read_state(body: bytes) -> State | None:
    """What an answer says of a batch; `None` where it is no batch."""
    found = values(body)
    identifier = id_of(found.get("id"))
    if identifier is None or text(found.get("type")) != "message_batch":
        return None
    ended = text(found.get("processing_status")) == "ended"
    counts = decoded(found.get("request_counts"))
    answers = count(nested({"counts": counts}, "counts").get("succeeded")) if ended else None
    return State(identifier, ended, answers, "", ())


def read_result(line: bytes) -> Result | None:
    """What one line of results says; `None` where it cannot be read."""
    result = values(values(line).get("result"))
    kind = text(result.get("type"))
    if kind in _UNBILLED:
        return Result(None)
    message = result.get("message")
    if kind != "succeeded" or message is None:
        return None
    return Result(read_answer(bytes(message)))


def with_own_results(body: bytes) -> bytes:
    """A batch whose results lie here and not at the provider's address, where a caller has no key, and would send this one.

    Anthropic's SDKs go where `results_url` says, and read one without a host as behind their own base URL.
    """
    found = values(body)
    identifier = id_of(found.get("id"))
    if text(found.get("results_url")) is None or identifier is None:
        return body
    return spliced(body, {"results_url": f"/v1/messages/batches/{identifier}/results"})
