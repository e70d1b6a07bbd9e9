"""How a gateway chooses models by itself, as it is written."""

from typing import Any

import pytest
import world

from tollway.autorouting.rules import DEFAULT_ALSO, DEFAULT_MODELS, Auto, Pooled
from tollway.document import compile_document, read_document
from tollway.errors import SettingsInvalid


def auto(written: Any) -> Auto | None:
    document = read_document({"providers": {"openai": {}, "grok": {}}, "gateways": [{"slug": "apps", "auto": written}]})
    snapshot = compile_document(document, resolve=lambda name, _: name, book=world.book(), pepper=b"", revision=1)
    return snapshot.gateways["apps"].auto


def test_it_is_off_until_it_is_switched_on() -> None:
    assert auto(None) is None
    assert auto({"enabled": False, "models": ["openai/gpt-5"]}) is None
    assert auto({}) == Auto(models=DEFAULT_MODELS, also=DEFAULT_ALSO, thresholds=(2_500,))


def test_a_pool_of_ones_own_is_all_there_is() -> None:
    found = auto({"models": ["openai/gpt-5-mini", {"model": "grok/grok-4", "takes": ["image"]}], "threshold": 0.5})
    assert found == Auto(
        models=(Pooled("openai/gpt-5-mini"), Pooled("grok/grok-4", None, frozenset({"image"}))),
        also=(),
        thresholds=(5_000,),
    )


def test_callers_may_be_offered_more() -> None:
    found = auto({"models": ["openai/gpt-5"], "also": ["openai/o3"], "threshold": [0.1, 0.25]})
    assert found is not None
    assert (found.also, found.thresholds) == ((Pooled("openai/o3"),), (1_000, 2_500))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"models": ["gpt-5"]}, r"gateways\.apps\.auto\.models: 'gpt-5' is no model; write provider/model"),
        ({"models": ["openai/gpt-*"]}, "is no model"),
        ({"models": ["nope/gpt-5"]}, r'no provider "nope" is configured; there are: grok, openai\.'),
        ({"models": ["openai/gpt-5", "openai/gpt-5"]}, "written twice"),
        ({"also": [{"model": "openai/o3", "quality": 0}]}, r"auto\.also.*quality: 0 is not 1 to 100"),
        ({"models": [{"model": "openai/o3", "quality": 3}, "openai/gpt-5"]}, '"openai/gpt-5" has no quality'),
        ({"models": [f"openai/m{n}" for n in range(51)]}, "there are 51; write 50 at most"),
        ({"threshold": 1.5}, r"threshold: 1\.5 is no score"),
        ({"threshold": -0.1}, "is no score"),
        ({"threshold": []}, "there are 0"),
        ({"threshold": [0.1] * 11}, "there are 11"),
        ({"threshold": [0.5, 0.25]}, "falls"),
        ({"nope": 1}, "nope"),
        ({"models": [{"model": "openai/o3", "takes": ["smells"]}]}, "smells"),
    ],
)
def test_what_is_wrong_is_named_with_the_way_out(written: Any, said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said):
        auto(written)
    with pytest.raises(SettingsInvalid, match=said):
        # Also where it is switched off, so that it can be switched on.
        auto({**written, "enabled": False})
