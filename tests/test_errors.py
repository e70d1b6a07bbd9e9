import inspect
from http import HTTPStatus

import pytest

from tollway import errors
from tollway.errors import REASONS, TollwayError


@pytest.mark.parametrize("code", REASONS)
def test_every_reason_has_a_status_and_a_meaning(code: str) -> None:
    reason = REASONS[code]
    assert 400 <= HTTPStatus(reason.status) < 600
    assert reason.meaning and not reason.meaning.endswith(".")
    assert code == code.lower() and code.isidentifier()


@pytest.mark.parametrize("code", REASONS)
def test_only_what_may_pass_by_itself_is_worth_a_retry(code: str) -> None:
    reason = REASONS[code]
    if reason.status >= 500:
        assert reason.retry
    elif reason.retry:
        assert code in ("body_timeout", "budget_contended", "rate_limited", "idempotency_in_progress")


def raised() -> list[type[TollwayError]]:
    found = [error for _, error in inspect.getmembers(errors, inspect.isclass) if issubclass(error, TollwayError)]
    return sorted(found, key=lambda error: error.__name__)


@pytest.mark.parametrize("error", raised(), ids=lambda error: error.__name__)
def test_the_tree_that_is_drawn_is_the_tree_there_is(error: type[TollwayError]) -> None:
    assert errors.__doc__ is not None
    assert error.__name__ in errors.__doc__
    assert error.__doc__
