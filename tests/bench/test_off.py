"""What is off costs nothing: no timing here, but every call of Tollway's own functions that a request makes."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import inside
import off
import pytest

from tollway.clock import Clock
from tollway.document import read_document

NOON = 1_785_585_600_000
"""2026-08-01 12:00 UTC: no window ends meanwhile."""
UNIFIED = ("/v1/chat/completions", f"openai/{inside.MODEL}")
PATHS = [(off.PLAIN_PATH, inside.MODEL), UNIFIED]

ONLY_WHERE_ON = (
    "autorouting/", "cache/", "policies/", "rates/", "routes/", "translate/",
    "exchange/auto", "exchange/deeds", "exchange/keeping", "exchange/order", "exchange/other_api", "exchange/rated", "exchange/recheck",
    "exchange/retry", "exchange/translate_steps",
    "proxy/first_part", "proxy/handling", "proxy/health", "proxy/outcome", "proxy/pins", "proxy/purse", "proxy/scoring",
    "storage/bodies", "storage/cached", "storage/repeats", "storage/sqlite/answers", "storage/sqlite/bodies", "storage/sqlite/repeats",
    "workers/telemetry_export",
)  # fmt: skip
"""Beginnings of the names of files that a request has nothing to do with, unless something is switched on for it."""

ENTERED: dict[str, set[str]] = {
    "rate limits": {"rates/counters.py", "exchange/rated.py"},
    "cache": {"cache/key.py", "exchange/keeping.py", "storage/cached.py"},
    "routes": {"routes/walk.py"},
    "retries": {"exchange/retry.py"},
    "translation": {"translate/worded.py", "exchange/other_api.py"},
    "task routing": {"exchange/auto.py", "proxy/scoring.py"},
    "idempotency": {"cache/idempotency.py", "storage/repeats.py"},
    "policies": {"exchange/access.py"},
    "bodies": {"proxy/capture.py"},
}
"""Some of the files that a feature is made of: they are seen where it is on, so that not to see them means that it is off."""

Calls = list[tuple[str, str]]


def test_there_is_something_to_see_of_each_feature() -> None:
    assert ENTERED.keys() == off.FEATURES.keys()


@pytest.mark.parametrize("slug", [off.HERE, off.ELSEWHERE])
@pytest.mark.parametrize("name", off.FEATURES)
def test_the_settings_of_a_feature_name_the_gateway_it_is_for(name: str, slug: str) -> None:
    feature = off.FEATURES[name]
    written = off.settings(feature, slug)
    read_document(written)
    fields = next(gateway for gateway in written["gateways"] if gateway["slug"] == slug)
    assert all(fields[field] == value for field, value in (feature.gateway or {}).items())
    assert written != off.settings()


def test_all_features_are_for_the_other_gateway_together() -> None:
    written = off.everything()
    read_document(written)
    assert written["gateways"][0] == off.settings()["gateways"][0]
    assert written["gateways"][1].keys() > {"cache", "retry", "auto", "logs"}
    assert {each["gateway"] for name in ("rate_limits", "routes", "policies") for each in written[name]} == {
        off.ELSEWHERE
    }


def test_a_difference_is_told_with_its_quartiles() -> None:
    assert off.difference([110.0, 120.0, 130.0], [100.0, 100.0, 100.0]) == "+20.0 % (+10.0 to +30.0)"


class Opener:
    """Opens gateways, and closes them behind the test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.opened: list[inside.Gateway] = []

    async def cold(self, settings: off.Settings) -> inside.Gateway:
        """A gateway that has answered nothing yet."""
        folder = self._folder / str(len(self.opened))
        folder.mkdir()
        clock = Clock(lambda: NOON * 1_000_000)
        gateway = await inside.Gateway.opened(settings, folder, clock=clock, in_memory=True)
        self.opened.append(gateway)
        return gateway

    async def warm(self, settings: off.Settings, path: str, model: str, header: bytes = b"") -> inside.Gateway:
        """One that has answered such a request often enough to remember what it may."""
        gateway = await self.cold(settings)
        await gateway.burst(20, path, inside.chat(model), header)
        return gateway


@pytest.fixture
async def opener(tmp_path: Path) -> AsyncIterator[Opener]:
    opener = Opener(tmp_path)
    yield opener
    for gateway in opener.opened:
        await gateway.aclose()


def calls(gateway: inside.Gateway, path: str, model: str) -> Calls:
    """Every call of a function of Tollway's that one request makes, in their order: its file and its name. It does not wait."""
    found: Calls = []

    def note(frame: Any, event: str, _: Any) -> None:
        file = _file(frame)
        if event == "call" and file:
            found.append((file, frame.f_code.co_qualname))

    asking = gateway.ask(path, inside.chat(model))
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        asking.send(None)
    except StopIteration as end:
        status = end.value[0]
    else:
        raise AssertionError("the request waited for something")
    finally:
        sys.setprofile(before)
    assert status == 200
    return found


@pytest.mark.parametrize(("path", "model"), PATHS)
@pytest.mark.parametrize("name", off.FEATURES)
async def test_a_feature_that_is_on_elsewhere_adds_no_call_to_a_request(
    name: str, path: str, model: str, opener: Opener
) -> None:
    feature = off.FEATURES[name]
    plain = await opener.warm(off.settings(), path, model)
    other = await opener.warm(off.settings(feature), path, model, feature.header)
    expected = calls(plain, path, model)
    assert calls(plain, path, model) == expected, "the same request is not the same calls"
    assert calls(other, path, model) == expected


@pytest.mark.parametrize(("path", "model"), PATHS)
async def test_all_features_on_elsewhere_add_no_call_to_a_request(path: str, model: str, opener: Opener) -> None:
    plain = await opener.warm(off.settings(), path, model)
    other = await opener.warm(off.everything(), path, model)
    assert calls(other, path, model) == calls(plain, path, model)


@pytest.mark.parametrize(("path", "model"), PATHS)
async def test_a_plain_request_enters_nothing_of_what_is_off(path: str, model: str, opener: Opener) -> None:
    gateway = await opener.warm(off.settings(), path, model)
    seen = calls(gateway, path, model)
    assert len(seen) > 100
    assert [call for call in seen if call[0].startswith(ONLY_WHERE_ON)] == []
    # Of bodies there are the eyes that look for secrets in what a record says, and no more.
    assert {name for file, name in seen if file == "proxy/capture.py"} == {"painter_of"}


MOST_CALLS = 345
"""Of Tollway's own functions, by a plain request. Once they had grown from 315 to 412, and the request by a fifth: raise it with a
reason."""


@pytest.mark.parametrize(("path", "model"), PATHS)
async def test_a_plain_request_makes_no_more_calls_than_it_is_allowed(path: str, model: str, opener: Opener) -> None:
    gateway = await opener.warm(off.settings(), path, model)
    assert len(calls(gateway, path, model)) <= MOST_CALLS


@pytest.mark.parametrize("name", off.FEATURES)
async def test_a_feature_that_is_on_is_seen(name: str, opener: Opener) -> None:
    feature, seen = off.FEATURES[name], set[str]()
    gateway = await opener.cold(off.settings(feature, off.HERE))
    headers = ((feature.header, b"a-key-of-its-own"),) if feature.header else ()
    sys.setprofile(lambda frame, event, _: seen.add(_file(frame)))
    try:
        status, _, said = await gateway.ask(feature.path, inside.chat(feature.model), headers)
    finally:
        sys.setprofile(None)
    assert status == 200, said
    assert ENTERED[name] <= seen


def _file(frame: Any) -> str:
    """The file of Tollway's sources that a frame is in; empty for any other."""
    _, _, file = frame.f_code.co_filename.rpartition("/src/tollway/")
    return file if "/src/tollway/" in frame.f_code.co_filename else ""
