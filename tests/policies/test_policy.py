"""What a resource is about, and what it is called."""

import pytest
from cloudflare_policies import BLOCK, EXCEPT, NO_LIMIT, facts, limit, written

from tollway.policies.policy import Resource, kind_of


@pytest.mark.parametrize(
    ("resource", "provider", "model", "matches"),
    [
        (Resource(), "openai", "o3", True),
        (Resource(), "openai", None, True),
        (Resource(models=("o3",)), "openai", "o3", True),
        (Resource(models=("openai/o3",)), "openai", "o3", True),
        (Resource(models=("o3",)), "openai", None, False),
        (Resource(models=("*",)), "openai", "o3", True),
        (Resource(models=("@cf/*",)), "workers-ai", "@cf/meta/llama", False),
        (Resource(models=("@cf/meta/*",)), "workers-ai", "@cf/meta/llama", True),
        (Resource(providers=("openai",)), "openai", "o3", True),
        (Resource(providers=("open*",)), "openai", "o3", False),
        (Resource(models=("o3",), providers=("azure",)), "openai", "o3", False),
    ],
)
def test_a_resource_matches(resource: Resource, provider: str, model: str | None, matches: bool) -> None:
    assert resource.matches(facts(provider, model)) is matches


def test_the_same_resource_has_the_same_text_and_another_has_not() -> None:
    assert Resource(("b", "a"), ("x",)).text == Resource(("a", "b"), ("x", "x")).text == "a, b of provider x"
    texts = {one.text for one in (Resource(), Resource(("x",)), Resource((), ("x",)), Resource(("x",), ("x",)))}
    assert len(texts) == 4


def test_every_action_has_a_word() -> None:
    kinds = [kind_of(one) for one in written(*({"action": each} for each in (NO_LIMIT, BLOCK, EXCEPT, limit(1))))]
    assert kinds == ["no-limit", "block", "block-except", "limit"]
