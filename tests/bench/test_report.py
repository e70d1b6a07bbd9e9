import pytest
import report


def sample(number, target, burst="c64", **figures):
    whole = {"rps": 1000.0, "cpu_us": 20.0, "p50_us": 100.0, "p99_us": 200.0} | figures
    return {"round": number, "target": target, "burst": burst} | whole


def failed(number, target, burst="c64"):
    return {"round": number, "target": target, "burst": burst, "failed": "900 of 1,000 went wrong"}


def test_a_figure_is_the_median_of_the_rounds():
    summary = report.summarise([sample(n, "tollway", cpu_us=cost) for n, cost in enumerate([90.0, 400.0, 100.0])])
    assert summary["tollway"]["c64.cpu_us"] == 100.0
    assert summary["tollway"]["c64.per_core"] == 1e6 / 100.0


def test_a_ratio_is_taken_within_a_round_so_that_a_slow_round_does_not_spoil_it():
    rounds = [(20.0, 80.0), (60.0, 240.0), (22.0, 88.0)]
    samples = [
        sample(number, target, cpu_us=cost)
        for number, costs in enumerate(rounds)
        for target, cost in zip(("nginx", "tollway"), costs, strict=True)
    ]
    summary = report.summarise(samples)
    assert summary["tollway"]["c64.cpu_x_nginx"] == 4.0
    assert summary["nginx"]["c64.cpu_x_nginx"] == 1.0


def test_added_latency_is_the_difference_to_direct_in_the_same_round():
    samples = [sample(1, "direct", p50_us=16.0), sample(1, "nginx", p50_us=140.0)]
    summary = report.summarise([*samples, sample(2, "direct", p50_us=30.0), sample(2, "nginx", p50_us=150.0)])
    assert summary["nginx"]["c64.added_p50_us"] == 122.0
    assert "c64.added_p50_us" not in summary["direct"]


def test_a_burst_that_failed_once_gives_no_figure_but_leaves_the_others():
    samples = [sample(1, "litellm"), failed(2, "litellm"), sample(1, "litellm", "c1"), sample(2, "litellm", "c1")]
    figures = report.summarise(samples)["litellm"]
    assert not [name for name in figures if name.startswith("c64.")]
    assert figures["c1.rps"] == 1000.0


def test_a_target_of_which_everything_failed_still_has_a_row():
    assert report.summarise([failed(1, "litellm")]) == {"litellm": {}}


def test_the_tables_name_every_target_the_cheapest_first_and_show_what_is_missing_as_a_dash():
    samples = [
        sample(1, "direct", cpu_us=None),
        sample(1, "litellm", cpu_us=9000.0),
        sample(1, "nginx"),
        failed(1, "smg"),
    ]
    text = report.tables(report.summarise(samples), {"litellm": 50})
    first = text.split("\n\n")[1].splitlines()
    assert [line.split("|")[1].strip() for line in first] == ["target", "-" * 9, "direct", "nginx", "litellm", "smg"]
    assert "9,000.0" in first[4]
    assert "@50" in first[4]
    assert "@" not in first[3]
    assert {cell.strip() for cell in first[5].split("|")[2:-1]} == {"–"}


def test_every_column_of_the_tables_is_a_figure_of_some_burst():
    bursts = ("c1", "c8", "c64", "open", "sse50", "sse200", "20kb", "200kb")
    extra = {"delivered": 1.0, "load_core_busy": 90.0}
    samples = [sample(1, target, burst, **extra) for target in ("direct", "nginx") for burst in bursts]
    figures = report.summarise(samples)["nginx"]
    columns = (*report.REQUESTS, *report.STREAMS, *report.BODIES)
    asked = {name for column in columns for name in column.names if not name.startswith("process.")}
    assert asked <= figures.keys()
    assert {goal.name for goal in report.GOALS if goal.name.split(".")[0] in bursts} <= figures.keys()


@pytest.mark.parametrize(("value", "met"), [(4.9, True), (5.0, True), (5.1, False), (None, None)])
def test_a_goal_is_met_missed_or_not_measured(value, met):
    goal = report.Goal("CPU a request, of nginx's", "c64.cpu_x_nginx", 5)
    assert goal.is_met({} if value is None else {"c64.cpu_x_nginx": value}) is met


def test_the_verdicts_say_missed_where_a_promise_is_broken():
    rows = report.verdicts({"c64.rps": 9_999.0, "c64.cpu_us": 90.0}).splitlines()
    by_goal = {row.split("|")[1].strip(): row.split("|")[4].strip() for row in rows}
    assert by_goal["requests a second at 64 connections"] == "MISSED"
    assert by_goal["CPU µs a request"] == "met"
    assert by_goal["resident MB"] == "not measured"


def test_against_a_peer_more_requests_a_core_and_less_latency_are_ratios_of_medians():
    summary = {
        "tollway": {"c64.per_core": 12_000.0, "c1.added_p50_us": 200.0},
        "litellm": {"c64.per_core": 100.0, "c1.added_p50_us": 13_000.0},
    }
    found = report.against(summary, "tollway", "litellm")
    assert found == {"against.litellm_per_core": 120.0, "against.litellm_added_p50": pytest.approx(1 / 65)}
    assert report.against(summary, "tollway", "rolter") == {}
