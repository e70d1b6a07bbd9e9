"""A rehearsal counts where the gateway would, and comes to the same verdict."""

from typing import Any

import pytest
import world
from tests.admin.gateways import Caller

from tollway.admin.rehearsed import rehearsed
from tollway.exchange.authenticate import authenticate

pytestmark = pytest.mark.asyncio(loop_scope="module")


def chat(**more: Any) -> dict[str, Any]:
    # By its bytes it costs $1.50 at $10 a million tokens, by its tokens a fifth of that; alice has a dollar.
    words = [{"role": "user", "content": "word " * 30_000}]
    return {"model": "openai/gpt-4-turbo", "messages": words, "max_tokens": 300, **more}


async def test_a_request_that_fits_by_its_tokens_alone_is_said_to_be_forwarded(caller: Caller) -> None:
    for path, asked in (("explain", {"key": "alice", "body": chat()}), ("simulate", None)):
        asked = asked or {"request": {"key": "alice", "body": chat()}}
        told = (await caller.admin(f"/api/v1/{path}", asked)).json
        assert (told["outcome"], told["code"]) == ("forward", "")
        assert float(told["held"]["bound_usd"]) < 1 < float(told["quote"]["bound_usd"])
        # Its input was counted; its cap is the one that was asked for.
        assert told["held"]["output_tokens"] == told["quote"]["output_tokens"] == 300


async def test_one_whose_tokens_are_no_bound_is_said_to_be_refused(caller: Caller) -> None:
    told = (await caller.admin("/api/v1/explain", {"key": "alice", "body": chat(never_heard_of="x")})).json
    assert (told["outcome"], told["code"]) == ("refuse", "budget_exceeded")


@pytest.mark.parametrize(
    ("prompt", "model"),
    [("Who painted it?", "gpt-5-mini"), ("Write a python function to find the shortest path in a graph.", "gpt-5.1")],
)
async def test_a_model_that_the_gateway_chooses_is_the_one_that_would_be_asked(
    caller: Caller, prompt: str, model: str
) -> None:
    snapshot = world.snapshot(
        gateways=[{"slug": "default", "auto": {"models": ["openai/gpt-5-mini", "openai/gpt-5.1"]}}], budgets=[]
    )
    request = world.request({"model": "tollway/auto", "messages": [{"role": "user", "content": prompt}]})
    identity = authenticate(request, snapshot)
    found = await rehearsed(caller.runtime, request, identity, snapshot, world.NOW, None)
    assert found.outcome == "forward" and found.target is not None
    assert (found.target.model, found.downgraded_to) == (model, None)
