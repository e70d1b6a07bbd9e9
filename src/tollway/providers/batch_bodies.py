"""The requests in the body that makes a batch or a file for one, whichever API it is of."""

from tollway.providers import anthropic_batches, openai_batches
from tollway.providers.batches import Requests
from tollway.providers.codec import Malformed
from tollway.request import Api


def read_requests(api: Api, content_type: bytes, body: bytes) -> Requests | Malformed:
    """All requests that `body` holds. It takes long where they are many: not for an event loop."""
    if api == "anthropic.batches":
        return anthropic_batches.read_requests(body)
    return openai_batches.read_upload(content_type, body)
