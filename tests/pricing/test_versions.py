"""Which names of a whole price list are one model's versions."""

import re
from collections.abc import Iterator
from importlib import resources

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.pricing.catalogue import Book, Catalogue
from tollway.pricing.price import FILE, PriceBook
from tollway.pricing.versions import by_stem, undated, versions

COMPILED = resources.files("tollway.pricing").joinpath(FILE).read_bytes()
BOOK = PriceBook.decode(COMPILED)
CATALOGUE = Catalogue(msgspec.json.decode(COMPILED, type=Book))

# Written apart from the code on purpose: what may stand behind the name of a model for it to be that model still.
TAIL = re.compile(
    r"(?:[-@:]latest|[-@]20\d{6}|[-@]2\d{5}|[-@]\d{4}(?:-\d\d(?:-\d\d)?)?|-\d\d-20\d\d|[-@]00\d|-0|-v\d+:\d+"
    r"|-(?:preview|exp)(?:-\d\d-\d\d)?|(?<=\d)-v\d+(?::\d+)?)+$"
)


def listed() -> Iterator[tuple[str, str]]:
    """All names of all price lists."""
    for slug in CATALOGUE.providers():
        provider = CATALOGUE.provider(slug)
        assert provider is not None
        for model in provider.models:
            for name in dict.fromkeys((model.id.lower(), *model.names)):
                yield slug, name


@pytest.mark.parametrize(
    ("name", "plain", "version"),
    [
        ("gpt-4o-2024-05-13", "gpt-4o", "20240513"),
        ("gpt-4o-20240513", "gpt-4o", "20240513"),
        ("claude-opus-4@20250514", "claude-opus-4", "20250514"),
        ("gpt-3.5-turbo-0613", "gpt-3.5-turbo", "0613"),
        ("codestral-2508", "codestral", "2508"),
        ("doubao-seed-1-6-250615", "doubao-seed-1-6", "250615"),
        ("command-r-08-2024", "command-r", "082024"),
        ("gemini-2.5-flash-001", "gemini-2.5-flash", "001"),
        ("gemini-2.5-flash-preview-05-20", "gemini-2.5-flash-preview", "0520"),
        ("mistral-large@2411-001", "mistral-large", "2411"),
        ("anthropic.claude-3-5-sonnet-20240620-v1:0", "anthropic.claude-3-5-sonnet", "20240620"),
        ("amazon.titan-embed-text-v2:0", "amazon.titan-embed-text", "v2:0"),
        ("mistral-small-latest", "mistral-small", ""),
        ("claude-opus-4-0", "claude-opus-4", ""),
        # None of these is a version.
        ("gpt-4o-mini", "gpt-4o-mini", ""),
        ("claude-opus-4-5", "claude-opus-4-5", ""),
        ("deepseek-v3", "deepseek-v3", ""),
        ("llama3-8b-8192", "llama3-8b-8192", ""),
        ("gpt-4-1106-preview", "gpt-4-1106-preview", ""),
        ("-2024-05-13", "-2024-05-13", ""),
        ("-latest", "-latest", ""),
    ],
)
def test_a_date_and_latest_are_no_part_of_a_models_name(name: str, plain: str, version: str) -> None:
    assert undated(name) == (plain, version)


@pytest.mark.parametrize(
    ("provider", "asked", "named"),
    [
        ("openai", "gpt-4o-2024-05-13", "gpt-4o"),
        ("openai", "gpt-4o", "gpt-4o-2024-05-13"),
        ("openai", "gpt-4o-2031-01-01", "gpt-4o"),
        ("openai", "gpt-3.5-turbo-1106", "gpt-3.5-turbo"),
        ("openai", "o1-preview-2024-09-12", "o1-preview"),
        ("mistral", "mistral-large-2512", "mistral-large-latest"),
        ("mistral", "mistral-small-latest", "mistral-small"),
        ("mistral", "mistral-small-latest", "mistral-small-2603"),
        ("mistral", "mistral-medium-latest", "mistral-medium"),
        ("mistral", "codestral-2508", "codestral"),
        ("google", "gemini-2.5-flash-preview-05-20", "gemini-2.5-flash"),
        ("google", "gemini-2.5-flash-preview-05-20", "gemini-2.5-flash-preview"),
        ("google", "gemini-2.5-flash-001", "gemini-2.5-flash"),
        ("google", "claude-opus-4@20250514", "claude-4-opus"),
        ("moonshotai", "kimi-k2-0905-preview", "kimi-k2"),
        ("a-provider-without-a-list", "mine-2025-01-02", "mine"),
    ],
)
def test_a_version_is_known_by_the_name_without_it_whatever_entry_has_its_price(
    provider: str, asked: str, named: str
) -> None:
    assert named in BOOK.versions(provider, asked)
    assert named in BOOK.versions(provider, asked.upper())


@pytest.mark.parametrize(
    ("provider", "asked", "named"),
    [
        ("openai", "gpt-4o-mini", "gpt-4o"),
        ("openai", "gpt-4o-mini-2024-07-18", "gpt-4o"),
        ("openai", "gpt-4-turbo-2024-04-09", "gpt-4"),
        ("openai", "gpt-4-1106-preview", "gpt-4"),
        ("openai", "gpt-4o-2024-05-13", "gpt-4o-2024-08-06"),
        ("openai", "gpt-4o-audio-preview", "gpt-4o"),
        ("google", "gemini-2.5-flash", "gemini-2.5-flash-preview"),
        ("google", "gemini-2.5-flash-lite", "gemini-2.5-flash"),
        ("mistral", "mistral-large-4-0", "mistral-large"),
        ("deepinfra", "deepseek-ai/deepseek-v3-0324", "deepseek-ai/deepseek-r1"),
        ("aws-bedrock", "amazon.titan-embed-text-v2:0", "amazon.titan-embed-text-v1"),
        ("openai", "x" * 300 + "-2024-05-13", "x" * 300),
    ],
)
def test_another_model_is_no_version(provider: str, asked: str, named: str) -> None:
    assert named not in BOOK.versions(provider, asked)


def test_of_all_names_of_all_lists_none_covers_anything_but_its_own_versions() -> None:
    def words(name: str) -> list[str]:
        return sorted(re.split(r"[-.]", TAIL.sub("", name)))

    for slug, name in listed():
        for other in BOOK.versions(slug, name):
            longer, shorter = sorted((name, other), key=len, reverse=True)
            behind = longer.removeprefix(shorter)
            assert longer == shorter or TAIL.fullmatch(behind) or words(name) == words(other), (slug, name, other)


def test_of_all_names_of_all_lists_each_dated_one_is_covered_by_what_it_is_a_version_of() -> None:
    names = set(listed())
    dated = re.compile(r"(.+?)(?:-20\d\d-\d\d-\d\d|-20\d{6}|-latest)")
    found = [(slug, name, base[1]) for slug, name in names if (base := dated.fullmatch(name)) is not None]
    assert len(found) > 400
    for slug, name, base in found:
        assert base in BOOK.versions(slug, name), (slug, name)
        if (slug, base) in names:
            assert name in BOOK.versions(slug, base), (slug, name)


WORDS = st.lists(st.sampled_from(["gpt", "4", "5", "4o", "mini", "turbo", "v3", "pro"]), min_size=1, max_size=4)
VERSIONS = st.sampled_from(["-2024-05-13", "@20240513", "-0613", "-2508", "-001", "-latest", ":latest"])


@given(first=WORDS, second=WORDS, version=VERSIONS)
def test_names_without_a_version_are_alike_only_where_their_words_and_numbers_are(
    first: list[str], second: list[str], version: str
) -> None:
    one, two = "-".join(first), "-".join(second)
    numbers = [[word for word in words if word.isdigit()] for words in (first, second)]
    alike = sorted(first) == sorted(second) and numbers[0] == numbers[1]
    assert (two in versions(one + version, None, [by_stem([two])])) is alike


@given(st.text(alphabet="ab-.@:0123v/lates", max_size=30))
def test_any_name_has_one_without_a_version_that_has_none(name: str) -> None:
    plain, _ = undated(name)
    assert name.startswith(plain)
    assert undated(plain) == (plain, "")
    assert versions(name, None, [])[0] == plain


def test_what_is_asked_again_is_remembered_with_the_book(monkeypatch: pytest.MonkeyPatch) -> None:
    book = PriceBook.decode(COMPILED)
    first = book.versions("openai", "gpt-4o")
    monkeypatch.setattr("tollway.pricing.price.versions", None)
    assert book.versions("openai", "gpt-4o") is first
