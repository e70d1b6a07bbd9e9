"""OpenAI's batches and the files they are read from: `/v1/files` with purpose "batch", and `/v1/batches`."""

from __future__ import annotations

from typing import Any, NamedTuple

from tollway.providers.answer import text, values
from tollway.providers.batches import MOST_REQUESTS, Request, Requests, Result, State, check_weight, id_of
from tollway.providers.body import Unfit, object_of
from tollway.providers.codec import Codec, Malformed
from tollway.providers.counts import count, decoded, nested
from tollway.providers.forms import is_form, opened
from tollway.providers.openai_chat import Chat, Completions
from tollway.providers.openai_embeddings import Embeddings
from tollway.providers.openai_responses import Responses
from tollway.providers.paths import unversioned

ENDPOINTS: dict[str, Codec] = {
    "/chat/completions": Chat(),
    "/responses": Responses(),
    "/completions": Completions(),
    "/embeddings": Embeddings(),
}
"""What the requests of a batch may call."""
_LINE_FIELDS = frozenset({"custom_id", "method", "url", "body"})
_BATCH_FIELDS = frozenset({"input_file_id", "endpoint", "completion_window", "metadata", "output_expires_after"})
_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
_SERVED = ", ".join(f"/v1{endpoint}" for endpoint in ENDPOINTS)


class Wanted(NamedTuple):
    """What a batch that is to be made is made of."""

    input_file: str
    endpoint: str


def read_upload(content_type: bytes, body: bytes) -> Requests | Malformed:
    """The requests in a file that is uploaded for a batch."""
    try:
        if not is_form(content_type):
            raise Unfit("The body is no multipart form; upload a file as OpenAI's SDK does.")
        form, fields = opened(content_type, body, {"purpose"})
        if fields.get("purpose") != "batch":
            raise Unfit(
                'purpose is not "batch". Files for anything else are not taken: they would belong to the whole account of the '
                "provider, which every gateway key shares."
            )
        files = [part for part in form.parts if part.is_file]
        if len(files) != 1 or files[0].name != "file":
            raise Unfit('The form has no file, or several; send one, as "file".')
        return _read_lines(body, files[0].start, files[0].end)
    except Unfit as unfit:
        return unfit.malformed()


def _read_lines(body: bytes, start: int, end: int) -> Requests:
    if body.count(b"\n", start, end) > 2 * MOST_REQUESTS:
        raise Unfit(f"The file has too many lines; send {MOST_REQUESTS:,} requests at most in one.")
    found: list[Request] = []
    endpoint, number = "", 0
    while start < end:
        # One line after the other: a copy of the whole file, or of all its lines, would take its time in one piece.
        number += 1
        cut = body.find(b"\n", start, end)
        cut = end if cut < 0 else cut
        line, start = body[start:cut].strip(), cut + 1
        if not line:
            continue
        if len(found) == MOST_REQUESTS:
            raise Unfit(f"The file has more than {MOST_REQUESTS:,} requests; send no more in one.")
        called, request = _request(f"line {number}", line)
        if found and called != endpoint:
            raise Unfit(f"line {number} calls {called} and the first one {endpoint}; a batch calls one endpoint.")
        if found and request.ask.model != found[0].ask.model:
            raise Unfit(
                f'line {number} is for "{request.ask.model or ""}" and the first one for "{found[0].ask.model}"; send one file for '
                "each model, so that each budget can hold its part."
            )
        endpoint = called
        found.append(request)
    if not found:
        raise Unfit("The file is empty; a batch needs one request at least.")
    model = found[0].ask.model
    if not model:
        raise Unfit("line 1: its body names no model.")
    return Requests(endpoint, ENDPOINTS[endpoint].api, model, tuple(found))


def _request(name: str, line: bytes) -> tuple[str, Request]:
    try:
        fields = object_of(line)
    except Unfit as unfit:
        raise Unfit(f"{name}: {unfit}") from None
    if fields is None:
        raise Unfit(f"{name} is not a JSON object.")
    for key in fields:
        if key not in _LINE_FIELDS:
            raise Unfit(f"{name} has the field {key[:40]}; there are custom_id, method, url and body.")
    if text(fields.get("method")) != "POST":
        raise Unfit(f'{name}: method is not "POST".')
    url = text(fields.get("url")) or ""
    endpoint = unversioned(url)
    codec = ENDPOINTS.get(endpoint)
    if codec is None:
        raise Unfit(f"{name}: url is {url[:80]!r}; batches here call one of {_SERVED}.")
    raw = fields.get("body")
    if raw is None:
        raise Unfit(f"{name} has no body.")
    body = bytes(raw)
    check_weight(name, body)
    ask = codec.read_ask(url, b"", b"application/json", body)
    if isinstance(ask, Malformed):
        raise Unfit(f"{name}: {ask.message}")
    return endpoint, Request(ask, len(body))


def read_wanted(body: bytes) -> Wanted | Malformed:
    """The file and the endpoint of a batch that is to be made. Other fields than OpenAI's may change its cost."""
    try:
        fields = object_of(body)
        if fields is None:
            raise Unfit("The body is not a JSON object.")
        for name in fields:
            if name not in _BATCH_FIELDS:
                raise Unfit(f"{name[:40]} is not a field of a batch that is known here; leave it out.")
        file, endpoint = text(fields.get("input_file_id")), text(fields.get("endpoint"))
        if file is None or endpoint is None:
            raise Unfit("A batch needs input_file_id and endpoint, both text.")
        return Wanted(file, unversioned(endpoint))
    except Unfit as unfit:
        return unfit.malformed()


def read_file(body: bytes) -> str | None:
    """The id of a file that an answer tells of; `None` where it is none."""
    found = values(body)
    return id_of(found.get("id")) if text(found.get("object")) == "file" else None


def read_state(body: bytes) -> State | None:
    """What an answer says of a batch; `None` where it is no batch."""
    found = values(body)
    identifier = id_of(found.get("id"))
    if identifier is None or text(found.get("object")) != "batch":
        return None
    status = text(found.get("status"))
    ended = status in _ENDED
    results = id_of(found.get("output_file_id")) or ""
    counts: Any = decoded(found.get("request_counts"))
    answers = count(nested({"counts": counts}, "counts").get("completed")) if ended else None
    if status == "failed" and answers is None and not results:
        # It was never begun: its file was not valid.
        answers = 0
    files = tuple(file for file in (results, id_of(found.get("error_file_id")) or "") if file)
    return State(identifier, ended, answers, results, files)


def read_result(line: bytes, endpoint: str) -> Result | None:
    """What one line of an output file says; `None` where it cannot be read."""
    found = values(line)
    response = values(found.get("response"))
    status = count(decoded(response.get("status_code")))
    if status is None:
        # Without an answer there is an error: it expired, was cancelled, or never began.
        return Result(None) if isinstance(decoded(found.get("error")), dict) else None
    if status >= 300:
        return Result(None)
    body, codec = response.get("body"), ENDPOINTS.get(endpoint)
    if body is None or codec is None:
        return None
    return Result(codec.read_answer(bytes(body)))
