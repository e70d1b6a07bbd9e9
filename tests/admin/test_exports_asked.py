import pytest

from tollway.admin.exports_asked import EntryExport, FocusExport, LogExport, month_of
from tollway.admin.problem import Problem
from tollway.storage.protocol import Filter


def test_how_a_file_is_written_is_no_filter() -> None:
    entries = EntryExport.model_validate({"kind": "credit", "user": "ann", "metadata.team": "ml", "format": "parquet"})
    assert EntryExport(team="ml").filter() == Filter(equals={"metadata.team": "ml"})
    assert entries.filter() == Filter(equals={"kind": "credit", "user": "ann", "metadata.team": "ml"})
    logs = LogExport.model_validate({"status": "200", "text": "x", "streamed": True, "spreadsheet": False})
    assert logs.filter() == Filter(equals={"status": "200", "streamed": "true"}, text="x")


def test_a_period_of_focus_is_a_month_or_two_instants() -> None:
    october = (1_790_812_800_000, 1_793_491_200_000)
    for asked in (
        {"month": "2026-10"},
        {"from": "2026-10-01", "to": "2026-11-01"},
        {"from": "2026-10-01T00:00:00Z", "to": "2026-11-01T01:00:00+01:00"},
        {"since": "2026-10-01T00:00:00Z", "until": "2026-11-01T00:00:00Z"},
    ):
        found = FocusExport.model_validate(asked | {"version": "1.4", "key": "laptop"}).filter()
        assert (found.since, found.until) == october, asked
        assert found.equals == {"key": "laptop"}


def test_one_user_alone_is_seen_by_who_sees_what_is_their_own() -> None:
    for asked in (EntryExport(), LogExport(), FocusExport(month="2026-10")):
        assert asked.filter("ann").equals == {"user": "ann"}
    with pytest.raises(Problem, match="what is your own"):
        EntryExport(user="bob").filter("ann")


def test_december_is_followed_by_january() -> None:
    assert month_of("2026-12") == (1_796_083_200_000, 1_798_761_600_000)


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-1", "2026-00", "2026-13", "2026-10-01", "1969-12", "9999-12", "oct"]
)
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(Problem, match="write 2026-10"):
        month_of(text)
