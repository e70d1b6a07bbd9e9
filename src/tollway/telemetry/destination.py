"""Where telemetry goes, and how much of it: what a gateway's settings say (`otel`), and what the process's environment says."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal, NamedTuple
from urllib.parse import unquote

import msgspec

Encoding = Literal["json", "protobuf"]
Sampler = Literal[
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
]
_SAMPLERS: Final[tuple[Sampler, ...]] = (
    "always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
)  # fmt: skip
RATIO_ONE: Final = 1 << 56


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a request a destination is told."""

    cost: bool = True
    """What it cost, what was held for it, what the cache saved."""
    identity: bool = True
    """User, groups, key and service."""
    metadata: bool = True
    """Each key of the request's metadata."""
    content: bool = False
    """Prompt and completion, where the gateway keeps them in its log too."""


class Destination:
    """A collector. What its headers hold is shown by nothing but `headers`: no struct, so that nothing can encode it."""

    __slots__ = ("_headers", "allow_http", "allow_private", "encoding", "name", "told", "url")

    def __init__(
        self,
        url: str,
        *,
        name: str = "",
        headers: Mapping[str, str] | None = None,
        encoding: Encoding = "json",
        told: Told | None = None,
        allow_private: bool = False,
        allow_http: bool = False,
    ) -> None:
        self.url = url
        self.name = name or url
        """What it is called in metrics and in the log: never a credential."""
        self._headers = dict(headers or {})
        self.encoding: Encoding = encoding
        self.told = told or Told()
        self.allow_private = allow_private
        """It may be at an address that the internet cannot reach."""
        self.allow_http = allow_http
        """It may be sent to without TLS."""

    def headers(self) -> Mapping[str, str]:
        """Sent with every batch; credentials among them."""
        return self._headers

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for destinations that are one: their batches may go together."""
        return (self.url, self.encoding, self.told, self.allow_private, self.allow_http, tuple(self._headers.items()))


class Otel(NamedTuple):
    """What the environment says."""

    traces: Destination | None = None
    metrics: Destination | None = None
    resource: tuple[tuple[str, str], ...] = (("service.name", "tollway"),)
    sampler: Sampler = "parentbased_always_on"
    ratio: int = RATIO_ONE
    """traceidratio: so many of 2^56 traces."""
    spans_each_s: float = 5.0
    metrics_each_s: float = 60.0
    most_queued: int = 20_000
    """Requests that wait for the way out, for each destination; beyond, the newest are dropped."""
    most_sent: int = 512
    """Requests in one batch."""


OFF: Final = Otel()

VARIABLES: Final[tuple[tuple[str, str, str], ...]] = (
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "", "Base URL of a collector, as http://collector:4318; empty: nothing is exported."),
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "", "The whole URL for spans, where it is another one."),
    ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "", "The whole URL for metrics, where it is another one."),
    ("OTEL_EXPORTER_OTLP_HEADERS", "", "Headers that are sent with it: name=value, with commas between them, percent-encoded."),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "", "http/protobuf or http/json. Empty: protobuf where the extra `otel` is installed."),
    ("OTEL_TRACES_EXPORTER", "otlp", "none: no spans."),
    ("OTEL_METRICS_EXPORTER", "otlp", "none: no metrics."),
    ("OTEL_SERVICE_NAME", "tollway", "`service.name` of everything exported."),
    ("OTEL_RESOURCE_ATTRIBUTES", "", "More of the resource: name=value, with commas between them."),
    ("OTEL_TRACES_SAMPLER", "parentbased_always_on", "Which requests become spans: one of OpenTelemetry's six names."),
    ("OTEL_TRACES_SAMPLER_ARG", "1", "traceidratio: which part, from 0 to 1."),
    ("OTEL_BSP_SCHEDULE_DELAY", "5000", "Milliseconds between two batches of spans."),
    ("OTEL_BSP_MAX_QUEUE_SIZE", "20000", "Requests that may wait; beyond, they are dropped and counted."),
    ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "512", "Requests in one batch."),
    ("OTEL_METRIC_EXPORT_INTERVAL", "60000", "Milliseconds between two exports of metrics."),
    ("OTEL_SDK_DISABLED", "false", "true: all of this is off."),
    ("TOLLWAY_OTEL_COST", "true", "false: nothing that is told has an amount of money in it."),
    ("TOLLWAY_OTEL_IDENTITY", "true", "false: no user, group, key or service is told."),
    ("TOLLWAY_OTEL_METADATA", "true", "false: no metadata is told."),
    ("TOLLWAY_OTEL_CONTENT", "false", "true: prompt and completion of requests whose bodies the log keeps are told."),
)  # fmt: skip
"""Variable, default, meaning."""


def read_otel(environment: Mapping[str, str], *, protobuf: bool) -> tuple[Otel, tuple[str, ...]]:
    """What the environment says, and what of it cannot be used, in words. `protobuf`: that encoding is installed.

    OpenTelemetry asks of a variable with a wrong value that it be told and passed over: platforms set them for everybody.
    """
    said = _Said(environment)
    if said.text("OTEL_SDK_DISABLED").lower() == "true":
        return OFF, ()
    base = said.text("OTEL_EXPORTER_OTLP_ENDPOINT").rstrip("/")
    urls = {
        signal: said.text(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT") or (f"{base}/v1/{signal}" if base else "")
        for signal in ("traces", "metrics")
        if said.text(f"OTEL_{signal.upper()}_EXPORTER").lower() != "none"
    }
    destinations = _destinations({signal: url for signal, url in urls.items() if url}, said, protobuf=protobuf)
    resource = dict(said.pairs("OTEL_RESOURCE_ATTRIBUTES"))
    resource["service.name"] = said.text("OTEL_SERVICE_NAME") or resource.get("service.name") or "tollway"
    return Otel(
        traces=destinations.get("traces"),
        metrics=destinations.get("metrics"),
        resource=tuple(resource.items()),
        sampler=said.sampler(),
        ratio=said.ratio(),
        spans_each_s=said.number("OTEL_BSP_SCHEDULE_DELAY", 5_000) / 1000,
        metrics_each_s=said.number("OTEL_METRIC_EXPORT_INTERVAL", 60_000) / 1000,
        most_queued=said.number("OTEL_BSP_MAX_QUEUE_SIZE", 20_000),
        most_sent=min(said.number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512), 2_048),
    ), tuple(said.wrong)


def _destinations(urls: Mapping[str, str], said: "_Said", *, protobuf: bool) -> dict[str, Destination]:
    """Signal → collector."""
    if not urls:
        return {}
    protocol = said.text("OTEL_EXPORTER_OTLP_PROTOCOL")
    if protocol not in ("", "http/protobuf", "http/json"):
        said.wrong.append(
            f"OTEL_EXPORTER_OTLP_PROTOCOL: {protocol!r} is not spoken here, so nothing is exported; use http/protobuf or "
            "http/json, and the collector's port for HTTP (4318)."
        )
        return {}
    encoding: Encoding = "protobuf" if protocol == "http/protobuf" or (protocol == "" and protobuf) else "json"
    if encoding == "protobuf" and not protobuf:
        said.wrong.append(
            'OTEL_EXPORTER_OTLP_PROTOCOL: http/protobuf needs pip install "tollway[otel]"; JSON is sent instead.'
        )
        encoding = "json"
    told = Told(
        cost=said.switch("TOLLWAY_OTEL_COST", True),
        identity=said.switch("TOLLWAY_OTEL_IDENTITY", True),
        metadata=said.switch("TOLLWAY_OTEL_METADATA", True),
        content=said.switch("TOLLWAY_OTEL_CONTENT", False),
    )
    headers = dict(said.pairs("OTEL_EXPORTER_OTLP_HEADERS"))
    found: dict[str, Destination] = {}
    for signal, url in urls.items():
        if not url.startswith(("http://", "https://")):
            said.wrong.append(
                f"the endpoint for {signal}, {url!r}, does not begin with http:// or https://; nothing is exported."
            )
            continue
        # Whoever starts the process may send anywhere on their own network.
        found[signal] = Destination(
            url, name="process", headers=headers, encoding=encoding, told=told, allow_private=True, allow_http=True
        )
    return found


class _Said:
    """The environment, and what is wrong with it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.wrong: list[str] = []

    def text(self, name: str) -> str:
        return self._environment.get(name, "").strip()

    def number(self, name: str, default: int) -> int:
        text = self.text(name)
        if not text:
            return default
        if text.isascii() and text.isdigit() and 1 <= len(text) <= 9 and int(text) > 0:
            return int(text)
        self.wrong.append(f"{name}: {text!r} is not a whole number above 0; {default:,} is used.")
        return default

    def switch(self, name: str, default: bool) -> bool:
        text = self.text(name).lower()
        if text in ("", "true", "false"):
            return default if text == "" else text == "true"
        # What is to be kept from others is not told because of a typing error.
        self.wrong.append(f"{name}: {text!r} is neither true nor false; false is used.")
        return False

    def pairs(self, name: str) -> Iterable[tuple[str, str]]:
        for pair in filter(None, (part.strip() for part in self.text(name).split(","))):
            key, equals, value = pair.partition("=")
            if not equals or not key.strip():
                self.wrong.append(f"{name}: a part of it is not name=value, and is passed over.")
                continue
            yield key.strip(), unquote(value.strip())

    def sampler(self) -> Sampler:
        text = self.text("OTEL_TRACES_SAMPLER")
        for known in _SAMPLERS:
            if text == known:
                return known
        if text:
            self.wrong.append(f"OTEL_TRACES_SAMPLER: {text!r} is none of {', '.join(_SAMPLERS)}; the default is used.")
        return "parentbased_always_on"

    def ratio(self) -> int:
        text = self.text("OTEL_TRACES_SAMPLER_ARG")
        if not text:
            return RATIO_ONE
        try:
            ratio = float(text)
        except ValueError:
            ratio = -1.0
        if not 0 <= ratio <= 1:
            self.wrong.append(f"OTEL_TRACES_SAMPLER_ARG: {text!r} is not from 0 to 1; 1 is used.")
            return RATIO_ONE
        return int(ratio * RATIO_ONE)
