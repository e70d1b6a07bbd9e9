from typing import Any

import pytest

from tollway.document.compiled import compile_document
from tollway.document.rates import LONGEST_WINDOW_S
from tollway.document.written import read_document
from tollway.errors import SettingsInvalid
from tollway.match import Match
from tollway.pricing.price import PriceBook
from tollway.rates.limit import RateLimit
from tollway.snapshot import Snapshot

LIMIT: dict[str, Any] = {"name": "per user", "requests": 60, "window_s": 60}


def compiled(*limits: dict[str, Any], **sections: Any) -> Snapshot:
    document = read_document({"rate_limits": list(limits), **sections})
    return compile_document(document, resolve=lambda given, where: given, book=PriceBook(()), pepper=b"p", revision=1)


def test_a_limit_is_read_as_a_budget_is_and_slides_where_nothing_is_said() -> None:
    written = {
        **LIMIT,
        "gateway": "default",
        "where": {"model": ["GPT-*"], "groups": "eng"},
        "split_by": ["users"],
        "tokens": 100_000,
        "attributes": "verified",
        "untagged": "bucket",
        "mode": "monitor",
    }
    assert compiled(written).rate_limits == (
        RateLimit(
            id="per-user",
            name="per user",
            gateway="default",
            where=(Match("model", ("gpt-*",)), Match("group", ("eng",))),
            split_by=("user",),
            requests=60,
            tokens=100_000,
            window_s=60,
            technique="sliding",
            untagged="bucket",
            attributes="verified",
            mode="monitor",
        ),
    )


def test_a_gateway_has_its_own_limits_and_those_of_all_that_are_switched_on() -> None:
    snapshot = compiled(
        {**LIMIT, "name": "all"},
        {**LIMIT, "name": "web", "gateway": "web"},
        {**LIMIT, "name": "off", "enabled": False},
        gateways=[{"slug": "web"}],
    )
    assert {slug: [one.name for one in limits] for slug, limits in snapshot.rates_of.items()} == {
        "web": ["all", "web"],
        "default": ["all"],
    }
    assert compiled().rates_of == {}


@pytest.mark.parametrize("technique", ["fixed", "sliding"])
def test_cloudflares_three_fields_are_one_limit_on_the_whole_gateway(technique: str) -> None:
    gateway = {
        "slug": "web",
        "rate_limiting_limit": 50,
        "rate_limiting_interval": 600,
        "rate_limiting_technique": technique,
    }
    (limit,) = compiled(gateways=[gateway]).rates_of["web"]
    assert (limit.id, limit.gateway, limit.requests, limit.tokens) == ("web.rate-limit", "web", 50, None)
    assert (limit.window_s, limit.technique, limit.where, limit.split_by) == (600, technique, (), ())


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"rate_limiting_limit": 0},
        {"rate_limiting_limit": 0, "rate_limiting_interval": 0},
        {"rate_limiting_limit": None, "rate_limiting_interval": None, "rate_limiting_technique": "sliding"},
        {"rate_limiting_limit": 5, "rate_limiting_interval": 0},
    ],
)
def test_nothing_or_zero_in_them_is_off(fields: dict[str, Any]) -> None:
    assert compiled(gateways=[{"slug": "web", **fields}]).rate_limits == ()


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"requests": None}, r'rate limit "per user": it limits nothing; add requests: 60, tokens: 100000, or both\.'),
        ({"requests": 0}, r'rate limit "per user", requests: 0 is not between 1 and .* write a policy of type block'),
        ({"tokens": -5}, r'rate limit "per user", tokens: -5 is not between 1'),
        ({"window_s": 0}, r'rate limit "per user", window_s: 0 is not between 1 and 2,678,400 seconds'),
        ({"window_s": LONGEST_WINDOW_S + 1}, "a budget counts for longer"),
        ({"gateway": "web"}, r'rate limit "per user": no gateway "web"; there are default\.'),
        ({"split_by": ["color"]}, r'rate limit "per user", split_by: unknown attribute "color"; use model'),
        ({"split_by": ["user", "users"]}, "names an attribute twice"),
        ({"where": {"model": []}}, r'rate limit "per user", where\.model: an empty list selects nothing'),
        ({"id": "a b"}, r'rate limit "per user", id: .a b. is not a slug'),
        ({"name": " "}, r"rate_limits: the name ' ' is empty"),
        (
            {"requests": "60"},
            r"Expected `int \| null`, got `str` - at `rate_limits\.per user\.requests`, which is '60'",
        ),
        ({"technique": "rolling"}, r"Invalid enum value 'rolling' - at `rate_limits\.per user\.technique`"),
        ({"burst": 5}, r"unknown field `burst` - at `rate_limits\.per user`"),
    ],
)
def test_an_error_names_the_limit_the_value_and_the_way_out(limit: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said):
        compiled({name: value for name, value in {**LIMIT, **limit}.items() if value is not None})


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ({**LIMIT, "id": "other"}, "the name is used twice"),
        (
            {**LIMIT, "name": "per+user"},
            r'the id "per-user" is that of rate limit "per user"; give one of them another',
        ),
    ],
)
def test_names_and_ids_are_unique(second: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said):
        compiled(LIMIT, second)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"rate_limiting_limit": 5}, r"gateways\.web: rate_limiting_limit is written without rate_limiting_interval"),
        (
            {"rate_limiting_interval": 5},
            r"gateways\.web: rate_limiting_interval is written without rate_limiting_limit",
        ),
        (
            {"rate_limiting_limit": -1, "rate_limiting_interval": 5},
            r"gateways\.web\.rate_limiting_limit: -1 is not between 1",
        ),
        (
            {"rate_limiting_limit": 5, "rate_limiting_interval": -5},
            r"gateways\.web\.rate_limiting_interval: -5 is not between 1",
        ),
    ],
)
def test_half_or_wrong_fields_of_a_gateway_are_told(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said):
        compiled(gateways=[{"slug": "web", **fields}])


def test_a_written_limit_may_not_take_the_id_of_a_gateways() -> None:
    gateway = {"slug": "web", "rate_limiting_limit": 5, "rate_limiting_interval": 5}
    with pytest.raises(SettingsInvalid, match=r'the id "web\.rate-limit" is that of rate limit "mine"'):
        compiled({**LIMIT, "name": "mine", "id": "web.rate-limit"}, gateways=[gateway])
