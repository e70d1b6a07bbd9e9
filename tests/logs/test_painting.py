import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.identity.keys import make_key
from tollway.logs.painting import LONGEST_CLEAN, MOST_CLEAN, Painter
from tollway.logs.record import Attempt, Decision, Durations, LogRecord

KEY = make_key(lambda count: bytes(range(count)))
OURS = "company-key-of-the-settings"
STARS, OUR_STARS = "*" * len(KEY), "*" * len(OURS)


def record(
    path: str = "/v1/models", agent: str = "curl/8", asked: str | None = None, answered: str | None = None
) -> LogRecord:
    return LogRecord(
        request_id="r",
        at=1,
        gateway="default",
        method="GET",
        path=path,
        api="",
        status=404,
        request_model=asked,
        response_model=answered,
        user_agent=agent,
        decisions=(Decision(step="route", outcome="deny", code="model_unknown", detail=f'No model "{asked}".'),),
        attempts=(Attempt(number=1, provider="openai", model=asked or "", outcome="rejected"),),
        durations=Durations(total_us=1),
    )


def painter() -> Painter:
    return Painter([OURS.encode(), b"short"])


def test_a_record_without_secrets_stays_the_same_object_the_first_time_and_later() -> None:
    made, clean = painter(), record(asked="openai/gpt-5", answered="gpt-5", path="/v1/models/short%20name")
    assert made.painted(clean) is clean
    assert made.painted(clean) is clean


@pytest.mark.parametrize(("secret", "stars"), [(KEY, STARS), (OURS, OUR_STARS)])
def test_secrets_in_what_the_caller_wrote_are_painted_over(secret: str, stars: str) -> None:
    made = painter()
    for _ in range(2):
        found = made.painted(record(f"/v1/{secret}/models", f"curl/8 {secret}", f"openai/{secret}", f"{secret}-2026"))
        assert secret not in repr(found)
        assert (found.path, found.user_agent) == (f"/v1/{stars}/models", f"curl/8 {stars}")
        assert (found.request_model, found.response_model) == (f"openai/{stars}", f"{stars}-2026")
        assert found.attempts[0].model == f"openai/{stars}"
        assert found.decisions[0].detail == f'No model "openai/{stars}".'
    only = made.painted(record(agent=secret))
    assert (only.user_agent, only.request_model, only.response_model) == (stars, None, None)


def test_a_secret_behind_percent_signs_is_found() -> None:
    hidden = "".join(f"%{ord(character):02X}" for character in KEY)
    assert painter().text(f"/v1/{hidden}/a%20b") == f"/v1/{STARS}/a b"
    assert painter().text("/v1/%41/a%20b") == "/v1/%41/a%20b"


@given(st.text(max_size=40))
def test_any_text_without_a_secret_stays_as_it_is(text: str) -> None:
    assert painter().text(text) == text


def test_however_many_texts_there_are_secrets_are_found_and_the_long_ones_not_remembered() -> None:
    made = painter()
    for number in range(MOST_CLEAN + 10):
        assert made.text(f"/v1/{number}") == f"/v1/{number}"
    long = "x" * (LONGEST_CLEAN + 1)
    assert made.text(long) == long
    assert made.text(long + KEY) == long + STARS
    assert made.painted(record()) == record()
