import msgspec
import pytest

from tollway.telemetry.destination import OFF, RATIO_ONE, VARIABLES, Destination, read_otel

BASE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/"}


def test_without_an_endpoint_nothing_is_exported() -> None:
    assert read_otel({}, protobuf=True) == (OFF, ())
    assert read_otel({**BASE, "OTEL_SDK_DISABLED": "TRUE"}, protobuf=True) == (OFF, ())
    none = {**BASE, "OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"}
    assert read_otel(none, protobuf=True)[0] == OFF


def test_how_it_is_told_holds_for_the_collectors_of_gateways_too() -> None:
    otel, wrong = read_otel({"OTEL_SERVICE_NAME": "gw", "OTEL_BSP_SCHEDULE_DELAY": "20"}, protobuf=True)
    assert wrong == () and otel.traces is None
    assert (otel.resource, otel.spans_each_s) == ((("service.name", "gw"),), 0.02)


def test_the_standard_variables_are_obeyed() -> None:
    otel, wrong = read_otel(
        {
            **BASE,
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "https://metrics.example.com/otlp",
            "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20x, x-scope=a",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
            "OTEL_SERVICE_NAME": "gw",
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=prod,service.name=other",
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": "0.25",
            "OTEL_BSP_SCHEDULE_DELAY": "250",
            "OTEL_METRIC_EXPORT_INTERVAL": "1000",
            "TOLLWAY_OTEL_COST": "false",
            "TOLLWAY_OTEL_CONTENT": "true",
        },
        protobuf=True,
    )
    assert wrong == ()
    assert otel.traces is not None and otel.metrics is not None
    assert (otel.traces.url, otel.metrics.url) == (
        "http://collector:4318/v1/traces",
        "https://metrics.example.com/otlp",
    )
    assert otel.traces.headers() == {"authorization": "Bearer x", "x-scope": "a"}
    assert otel.traces.encoding == "json" and otel.traces.allow_private and otel.traces.allow_http
    assert (otel.traces.told.cost, otel.traces.told.identity, otel.traces.told.content) == (False, True, True)
    assert dict(otel.resource) == {"service.name": "gw", "deployment.environment.name": "prod"}
    assert (otel.sampler, otel.ratio) == ("parentbased_traceidratio", RATIO_ONE // 4)
    assert (otel.spans_each_s, otel.metrics_each_s) == (0.25, 1.0)


def test_protobuf_is_spoken_where_it_is_installed() -> None:
    assert read_otel(BASE, protobuf=True)[0].traces.encoding == "protobuf"  # type: ignore[union-attr]
    assert read_otel(BASE, protobuf=False)[0].traces.encoding == "json"  # type: ignore[union-attr]
    otel, wrong = read_otel({**BASE, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, protobuf=False)
    assert otel.traces is not None and otel.traces.encoding == "json" and "tollway[otel]" in wrong[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_TRACES_SAMPLER_ARG", "2"),
        ("OTEL_TRACES_SAMPLER_ARG", "half"),
        ("OTEL_BSP_SCHEDULE_DELAY", "-1"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1m"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "secret-without-a-name"),
        ("TOLLWAY_OTEL_IDENTITY", "no"),
    ],
)
def test_a_wrong_value_is_told_and_passed_over(name: str, value: str) -> None:
    otel, wrong = read_otel({**BASE, name: value}, protobuf=True)
    assert otel.traces is not None
    assert len(wrong) == 1 and name in wrong[0] and "secret" not in wrong[0]


def test_what_is_to_be_kept_from_others_is_not_told_because_of_a_typing_error() -> None:
    otel, _ = read_otel({**BASE, "TOLLWAY_OTEL_IDENTITY": "flase"}, protobuf=True)
    assert otel.traces is not None and not otel.traces.told.identity


@pytest.mark.parametrize(
    "given",
    [{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"}],
)
def test_what_cannot_be_spoken_is_said_with_the_way_out_and_stops_nothing(given: dict[str, str]) -> None:
    otel, wrong = read_otel({**BASE, **given}, protobuf=True)
    assert (otel.traces, otel.metrics) == (None, None)
    assert wrong and ("4318" in wrong[0] or "http://" in wrong[0])


def test_headers_of_a_destination_are_shown_by_nothing() -> None:
    destination = Destination("https://x.example.com/v1/traces", headers={"authorization": "Bearer canary"})
    assert "canary" not in repr(destination)
    with pytest.raises(TypeError):
        msgspec.json.encode(destination)


def test_destinations_that_are_one_have_one_key() -> None:
    def made(token: str = "a") -> Destination:
        return Destination("https://x.example.com/v1/traces", headers={"authorization": token})

    assert made().key == made().key != made("b").key


def test_every_variable_of_the_table_is_read() -> None:
    class Asked(dict[str, str]):
        names: set[str]

        def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
            self.names.add(name)
            return super().get(name, default)

    asked = Asked(BASE)
    asked.names = set()
    read_otel(asked, protobuf=True)
    assert asked.names == {name for name, _, _ in VARIABLES}
