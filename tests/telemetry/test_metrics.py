from tollway.telemetry.metrics import METRICS


def test_names_say_what_they_are_as_prometheus_asks() -> None:
    for name, metric in METRICS.items():
        assert name.startswith(("tollway_", "process_"))
        assert name.endswith("_total") == (metric.kind == "counter"), name
        base = name.removesuffix("_total")
        assert not metric.unit or base.endswith(f"_{metric.unit}"), name
        assert metric.unit or not base.endswith(("_usd", "_seconds", "_bytes")), name
        assert metric.help.endswith(".") and '"' not in metric.help, name
        # A gauge stands as it is, a counter counts from somewhere.
        assert (metric.source == "now") == (metric.kind == "gauge") or name == "tollway_unpriced_entries", name


def test_no_two_are_one_where_a_counter_is_named_without_its_ending() -> None:
    names = [name.removesuffix("_total") for name in METRICS]
    assert len(set(names)) == len(names)


def test_nobody_is_in_a_label_but_where_accounts_are_asked_for() -> None:
    labels = {label for metric in METRICS.values() for label in metric.labels}
    assert not labels & {"user", "key", "service", "group", "team", "request", "id"}
    assert {name for name, metric in METRICS.items() if "account" in metric.labels} == {
        f"tollway_budget_{each}_usd" for each in ("limit", "spent", "held", "left")
    }
