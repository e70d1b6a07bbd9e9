import random

import pytest
from tests.admin.gateways import CANARY

from tollway.demo.company import PEOPLE, Person
from tollway.demo.traffic import Traffic, request_of


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.name)
def test_everyone_speaks_the_api_of_their_models_provider(person: Person) -> None:
    path, body = request_of(person, random.Random(1))
    if person.model.startswith("google/"):
        assert path.startswith("/google/v1beta/models/gemini")
        assert body["generationConfig"] == {"maxOutputTokens": person.max_tokens}
    else:
        assert path == ("/v1/messages" if person.model.startswith("anthropic/") else "/v1/chat/completions")
        assert body["model"] == person.model
        assert person.max_tokens in (body.get("max_tokens"), body.get("max_completion_tokens"))


def test_two_demos_ask_the_same() -> None:
    for person in PEOPLE:
        assert request_of(person, random.Random(3)) == request_of(person, random.Random(3))


async def test_a_gateway_that_is_not_there_is_an_error_and_not_silence() -> None:
    traffic = Traffic("http://127.0.0.1:9", {person.name: CANARY for person in PEOPLE})
    with pytest.RaisesGroup(ConnectionError, allow_unwrapped=False, flatten_subgroups=True, check=None) as raised:
        await traffic.run()
    assert "did not answer" in str(raised.value.exceptions[0])
    assert traffic.sent == 0
