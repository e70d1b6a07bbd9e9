"""Taking down the bodies of one request as they go by, within what all of them may hold of memory."""

from typing import Any, cast

from tollway.exchange.steps import Forward, Send
from tollway.gateway import AwsAuth, AzureAuth
from tollway.logs.bodies import OVERLAP, Bodies, Body
from tollway.logs.painting import Painter
from tollway.logs.record import LogRecord
from tollway.logs.rules import Logs
from tollway.proxy import headers as crossing
from tollway.proxy.caller import Caller
from tollway.proxy.transport import UpstreamRequest
from tollway.request import InferenceRequest
from tollway.snapshot import Snapshot
from tollway.storage.bodies import BodyStore


class Capture:
    """The bodies of one request: the caller's, the one that was sent last, and what the caller is returned."""

    __slots__ = (
        "_bodies", "_held", "_logs", "_lost", "_most", "_never", "_request", "_returned", "_returned_size", "_returned_type", "_secrets",
        "_sent", "_sent_type", "_whole",
    )  # fmt: skip

    def __init__(
        self, bodies: BodyStore, logs: Logs, request: InferenceRequest, caller: Caller, never: frozenset[bytes]
    ) -> None:
        """`never`: what is kept nowhere. From here on, what `caller` is sent goes by here."""
        self._bodies = bodies
        self._logs = logs
        self._most = logs.max_body_bytes + OVERLAP
        self._request = request
        self._never = never
        self._secrets = frozenset(each.secret.encode("latin-1", "replace") for each in request.credentials)
        self._sent: bytes = b""
        self._sent_type = ""
        self._returned = bytearray()
        self._returned_size = 0
        self._returned_type = ""
        self._whole: bytes | None = None
        self._held = 0
        self._lost = False
        caller.send = self._passing(caller.send)

    def sent(self, sent: UpstreamRequest, command: Forward) -> None:
        """What goes to a provider, in the place of what went to one before."""
        provider, request = command.route.provider, command.request
        self._secrets |= frozenset(crossing.secrets_in(sent.headers, provider, request.dialect))
        self._sent, self._sent_type = sent.body, _type_of(sent.headers)

    def whole(self, answer: Send) -> None:
        """An answer that is sent in one."""
        self._whole, self._returned_type = answer.body, _type_of(answer.headers)

    def keep(self, record: LogRecord) -> None:
        """Hands over what there is, or counts that there is no room for it."""
        bodies = self._gathered()
        if not bodies:
            return
        size = sum(len(body.content) for body in bodies)
        if self._lost or not self._hold(size - self._held):
            self._bodies.drop()
            self.close()
            return
        # Whoever writes them gives the room back.
        self._held, self._returned = 0, bytearray()
        self._bodies.keep(
            Bodies(
                request_id=record.request_id,
                at=record.at,
                bodies=bodies,
                secrets=tuple(self._secrets),
                never=self._never,
                most=self._logs.max_body_bytes,
                larger=self._logs.larger,
            )
        )

    def close(self) -> None:
        """Lets go of what was not handed over."""
        self._bodies.let_go(self._held)
        self._held = 0
        self._returned = bytearray()

    def _passing(self, send: Any) -> Any:
        async def passing(message: Any) -> None:
            if self._whole is None:
                if message["type"] == "http.response.body":
                    self._take(message["body"])
                else:
                    self._returned_type = _type_of(message["headers"])
            await send(message)

        return passing

    def _take(self, piece: bytes) -> None:
        self._returned_size += len(piece)
        left = self._most - len(self._returned)
        if left <= 0 or self._lost or not piece:
            return
        piece = piece[:left]
        if self._hold(len(piece)):
            self._returned += piece
        else:
            self._lost = True
            self.close()

    def _hold(self, size: int) -> bool:
        if size > 0 and not self._bodies.hold(size):
            return False
        self._held += max(size, 0)
        return True

    def _gathered(self) -> tuple[Body, ...]:
        found: list[Body] = []
        asked = self._request.body
        if asked:
            found.append(self._body("asked", asked, self._request.content_type.decode("latin-1")))
        if self._sent and self._sent is not asked and self._sent != asked:
            found.append(self._body("sent", self._sent, self._sent_type))
        if self._whole:
            found.append(self._body("returned", self._whole, self._returned_type))
        elif self._returned_size and self._whole is None:
            content = bytes(self._returned)
            found.append(
                Body(part="returned", content=content, content_type=self._returned_type, size=self._returned_size)
            )
        return tuple(found)

    def _body(self, part: Any, content: bytes, content_type: str) -> Body:
        size = len(content)
        if size > self._most:
            content = content[: self._most]
        return Body(part=part, content=content, content_type=content_type, size=size)


def secrets_of(snapshot: Snapshot) -> frozenset[bytes]:
    """Every secret of these settings that is known as a text: of providers, of callers, of this gateway itself."""
    known = snapshot.worked_out.get(_SECRETS)
    if known is None:
        texts = [*snapshot.issued.others, *(key.reveal() for key in snapshot.key_secrets)]
        for provider in snapshot.providers.values():
            keys = [provider.api_key, *(key.secret for key in provider.keys.values())]
            auth = provider.auth
            if isinstance(auth, AwsAuth):
                keys += [auth.secret_access_key, auth.session_token]
            elif isinstance(auth, AzureAuth):
                keys.append(auth.client_secret)
            texts += [key.reveal() for key in keys if key is not None]
        known = snapshot.worked_out[_SECRETS] = frozenset(text.encode("latin-1", "replace") for text in texts)
    return cast("frozenset[bytes]", known)


def painter_of(snapshot: Snapshot) -> Painter:
    """What takes those secrets out of records."""
    known = snapshot.worked_out.get(_PAINTER)
    if known is None:
        known = snapshot.worked_out[_PAINTER] = Painter(secrets_of(snapshot))
    return cast("Painter", known)


_SECRETS = "secrets of these settings"
_PAINTER = "painter of these settings"


def _type_of(headers: Any) -> str:
    value = crossing.value_of(headers, b"content-type")
    return value.decode("latin-1")[:256] if value is not None else ""
