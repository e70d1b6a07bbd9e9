from decimal import InvalidOperation

import pytest

from tollway.logs.remark import Patch, Remark, millionths, patched


def remark(**fields: object) -> Remark:
    return Remark(request_id="r", recorded_at=1, at=2, by="ada", **fields)  # type: ignore[arg-type]


def change(before: Remark | None, patch: Patch) -> Remark:
    return patched(before, patch, request_id="r", recorded_at=1, at=9, by="bob")


def test_what_is_not_given_stays_and_null_takes_it_away() -> None:
    before = remark(feedback=1, score_millionths=5, metadata={"a": "b"})
    after = change(before, Patch(feedback=-1, metadata=None))
    assert (after.feedback, after.score_millionths, after.metadata) == (-1, 5, {})
    assert (after.at, after.by, after.recorded_at) == (9, "bob", 1)


def test_the_first_remark_has_what_is_given() -> None:
    after = change(None, Patch(score_millionths=-1_500_000))
    assert (after.feedback, after.score, after.metadata, after.empty) == (None, -1.5, {}, False)


def test_a_remark_of_which_everything_was_taken_away_is_none() -> None:
    assert change(remark(feedback=1), Patch(feedback=None)).empty
    assert remark().empty and remark().score is None


@pytest.mark.parametrize(
    ("text", "found"), [("0", 0), ("1", 1_000_000), ("-0.5", -500_000), ("0.1", 100_000), ("1e-7", 0), ("2.5e-6", 2)]
)
def test_a_score_is_kept_to_six_places(text: str, found: int) -> None:
    assert millionths(text) == found


@pytest.mark.parametrize("text", ["", "x", "NaN", "Infinity"])
def test_what_is_no_number_has_no_millionths(text: str) -> None:
    with pytest.raises((InvalidOperation, OverflowError, ValueError)):
        millionths(text)
