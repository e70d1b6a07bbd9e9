import pytest

from tollway.document.gateway_edit import FIELDS, fields_of, gateway_of, with_gateway
from tollway.document.text import parse
from tollway.errors import SettingsInvalid

TEXT = """\
gateways:
  # The front door.
  - {slug: default, authentication: required, retry: {max_attempts: 2}}
  - slug: batch          # nightly
    timeout_ms: 5000
"""


def test_only_what_is_named_changes_and_comments_stay() -> None:
    after = with_gateway(TEXT, "default", {"retry": {"max_attempts": 3, "delay_ms": 250}, "timeout_ms": 9_000})
    assert "# The front door." in after and "# nightly" in after
    gateway = gateway_of(parse(after), "default")
    assert gateway is not None
    assert fields_of(gateway) == {"slug": "default", "retry": {"max_attempts": 3, "delay_ms": 250}, "timeout_ms": 9_000}
    assert gateway_of(parse(after), "batch") == gateway_of(parse(TEXT), "batch")


def test_null_takes_a_field_out() -> None:
    gateway = gateway_of(parse(with_gateway(TEXT, "batch", {"timeout_ms": None})), "batch")
    assert gateway is not None and gateway.timeout_ms is None


def test_a_gateway_that_is_not_written_is() -> None:
    assert gateway_of(parse("budgets: []\n"), "default") is None
    after = with_gateway("budgets: []\n", "default", {"cache": {"ttl_s": 60}})
    gateway = gateway_of(parse(after), "default")
    assert gateway is not None and gateway.cache is not None and gateway.cache.ttl_s == 60
    assert with_gateway("budgets: []\n", "default", {"cache": None}) == "budgets: []\n"


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ({"colour": "red"}, 'gateways.default: there is no field "colour"'),
        ({"slug": "other"}, 'there is no field "slug"'),
        ({"timeout_ms": "soon"}, "timeout_ms"),
        ({"retry": {"max_tries": 3}}, "max_tries"),
    ],
)
def test_what_a_gateway_cannot_say_is_refused_with_its_place(patch: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        with_gateway(TEXT, "default", patch)
    assert said in str(refused.value)


def test_all_fields_but_the_name_may_be_changed() -> None:
    assert "slug" not in FIELDS and {"authentication", "cache", "retry", "rate_limiting_limit"} <= set(FIELDS)
