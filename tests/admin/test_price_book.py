import itertools

import pytest
from tests.admin.rerated import AT, BOOK, settings

from tollway.admin.price_book import disagreements, disputed, is_known, look_up, near_names, selected, unknown
from tollway.document import compile_document, read_document

OWN = settings({"provider": "openai", "model": "gpt-4o", "input": "1", "output": "2"})


def test_a_configured_provider_is_looked_up_by_its_price_list_and_its_deployments() -> None:
    document = read_document(
        {
            "providers": {
                "eu": {"api": "openai", "base_url": "https://eu.example.com/v1", "api_key": "none", "prices": "openai"},
                "azure": {"resource": "mine", "api_key": "none", "deployments": {"prod": "gpt-4o"}},
            }
        }
    )
    snapshot = compile_document(document, resolve=lambda r, _: r, book=BOOK, pepper=bytes(32), revision=1)
    assert look_up(snapshot, "eu", "gpt-4o", AT).provider == "openai"
    assert look_up(snapshot, "azure", "prod", AT).model == "gpt-4o"
    assert not is_known(look_up(snapshot, "nobody", "x", AT))
    assert {one.provider for one in selected(snapshot, at_ms=AT, provider="eu", model="gpt-4o*")} == {"openai"}


def test_what_the_settings_alone_price_is_listed_last() -> None:
    local = settings({"provider": "local", "model": "*", "input": "1", "output": "2"})
    found = list(selected(local, at_ms=AT, provider=None, model=None))
    assert (found[-1].provider, found[-1].model, found[-1].source) == ("local", "*", "settings")
    assert [one.model for one in selected(local, at_ms=AT, provider="local", model="*")] == ["*"]


def test_a_page_goes_on_behind_the_last_one() -> None:
    names = [one.model for one in selected(OWN, at_ms=AT, provider="openai", model=None)]
    rest = selected(OWN, at_ms=AT, provider="openai", model=None, after=f"openai/{names[10]}")
    assert [one.model for one in rest] == names[11:]
    with pytest.raises(ValueError, match="cursor"):
        list(selected(OWN, at_ms=AT, provider="openai", model=None, after="openai/none"))


@pytest.mark.parametrize(
    ("provider", "model", "near"),
    [
        ("openai", "gpt-4o-mino", "openai/gpt-4o-mini"),
        ("opnai", "gpt-4o", "openai/gpt-4o"),
        ("groq", "claude-opus-4-8", "anthropic/claude-opus-4-8"),
    ],
)
def test_a_name_nobody_knows_is_answered_with_names_like_it(provider: str, model: str, near: str) -> None:
    assert near in near_names(BOOK, provider, model)
    assert near in unknown(BOOK, provider, model)


def test_a_model_has_the_disagreements_of_each_name_that_means_it() -> None:
    every = disagreements(BOOK, None, AT)
    codestral = look_up(OWN, "mistral", "codestral", AT)
    (one,) = disputed(BOOK, codestral, every)
    assert (one.model, one.meter, one.genai_prices_usd, one.charged_as, one.litellm_usd, one.used_usd, one.used) == (
        "codestral-latest", "cache_read", "0.3", "input", "0.03", "0.3", "genai-prices",
    )  # fmt: skip
    assert disputed(BOOK, look_up(OWN, "mistral", "codestral-2508", AT), every) == []
    assert disputed(BOOK, look_up(OWN, "nobody", "x", AT), every) == []


@pytest.mark.parametrize(("own", "doubts"), [({"input": "1", "output": "2"}, 0), ({"discount": "10%"}, 1)])
def test_a_price_of_the_settings_alone_is_in_no_doubt_and_a_discount_on_a_list_is(
    own: dict[str, str], doubts: int
) -> None:
    snapshot = settings({"provider": "mistral", "model": "codestral*", **own})
    found = look_up(snapshot, "mistral", "codestral-latest", AT)
    assert len(disputed(snapshot.book, found, disagreements(snapshot.book, None, AT))) == doubts


def test_the_settings_own_price_is_said_to_be_used_where_lists_disagree() -> None:
    one = disagreements(BOOK, None, AT)[0]
    own = settings({"provider": one.provider, "model": one.model, "input": "7", "output": "7"})
    found = {d.meter: d for d in disagreements(own.book, one.provider, AT) if d.model == one.model}
    assert {d.used for d in found.values()} <= {"settings"}
    assert all(d.used_usd in ("7", None) for d in found.values())


def test_disagreements_come_largest_first() -> None:
    found = [abs(float(one.difference_percent)) for one in disagreements(BOOK, None, AT)]
    assert all(one >= other - 0.2 for one, other in itertools.pairwise(found))
