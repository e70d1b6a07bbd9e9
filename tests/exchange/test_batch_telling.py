"""What all tellings of jobs share: an unreadable store, an unknown provider, an answer that breaks off."""

import json
from typing import Any

import pytest
import world
from job_world import NOW, request, settings

from tollway.exchange.authenticate import authenticate
from tollway.exchange.batch import job_exchange
from tollway.exchange.batch_telling import Aimed, Stopped, Telling, aim, read_state, recall
from tollway.exchange.refusal import Refusal
from tollway.exchange.steps import Recall, Send, Unavailable
from tollway.exchange.story import Story

SNAPSHOT = settings()


def telling(method: str = "GET", path: str = "/v1/batches/b", **more: Any) -> Telling:
    asked = request(method, path, **more)
    identity = authenticate(asked, SNAPSHOT)
    assert not isinstance(identity, Refusal)
    return Telling(Story(asked), asked, identity, SNAPSHOT, world.calendar(), NOW)


def test_a_store_that_cannot_be_read_is_told_as_such_and_nothing_is_sent() -> None:
    steps = job_exchange(request("GET", "/v1/batches/b"), SNAPSHOT, world.calendar(), NOW)
    first = next(steps)
    command = steps.send(authenticate(first.request, SNAPSHOT))  # type: ignore[union-attr]
    assert isinstance(command, Recall) and command.job_id == "openai/b"
    answered = steps.send(Unavailable("disk"))
    assert isinstance(answered, Send) and answered.status == 503
    assert json.loads(answered.body)["error"]["code"] == "budget_store_unavailable"


def test_a_provider_that_is_gone_has_no_jobs() -> None:
    steps = recall(telling(provider="gone"), "b")
    with pytest.raises(StopIteration) as stopped:
        next(steps)
    assert isinstance(stopped.value.value, Stopped) and stopped.value.value.refusal.code == "job_unknown"


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"metadata": "no json"}, "metadata_invalid"), ({"provider": "gone"}, "provider_unknown"), ({}, "model_unknown")],
)
def test_a_call_that_leads_nowhere_is_refused_with_the_reason(changes: dict[str, Any], code: str) -> None:
    found = aim(telling(**changes), "openai/gpt-4o-mini" if not changes else "gpt-4o-mini")
    assert isinstance(found, Stopped) and found.refusal.code == code


def test_a_call_is_aimed_by_the_model_of_its_job() -> None:
    found = aim(telling(), "gpt-4o-mini")
    assert isinstance(found, Aimed)
    assert (found.target.provider.slug, found.target.model, found.selection.context.key) == (
        "openai",
        "gpt-4o-mini",
        "alice",
    )


def test_a_state_is_read_in_the_callers_dialect() -> None:
    batch = b'{"id": "b", "object": "batch", "type": "message_batch", "status": "failed", "processing_status": "in_progress"}'
    openai = read_state(request("GET", "/v1/batches/b"), batch)
    anthropic = read_state(request("GET", "/v1/messages/batches/b"), batch)
    assert openai is not None and openai.ended and anthropic is not None and not anthropic.ended
