import pytest
from tests.admin.gateways import Caller

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_pages_give_every_model_of_a_provider_once(caller: Caller) -> None:
    whole = (await caller.admin("/api/v1/prices?provider=anthropic&limit=500")).json
    assert whole["next"] is None
    names = [one["model"] for one in whole["items"]]
    assert len(names) == len(set(names)) > 20
    found: list[str] = []
    cursor = ""
    while True:
        page = (await caller.admin(f"/api/v1/prices?provider=anthropic&limit=7{cursor}")).json
        found += [one["model"] for one in page["items"]]
        if page["next"] is None:
            break
        assert len(page["items"]) == 7
        cursor = f"&cursor={page['next']}"
    assert found == names


async def test_a_glob_finds_names_whatever_their_case(caller: Caller) -> None:
    page = (await caller.admin("/api/v1/prices?model=GPT-4o-mini*&provider=openai")).json
    assert {one["model"] for one in page["items"]} >= {"gpt-4o-mini", "gpt-4o-mini-transcribe"}
    assert all(one["model"].startswith("gpt-4o-mini") for one in page["items"])
    assert (await caller.admin("/api/v1/prices?model=no-such-*")).json["items"] == []


async def test_a_price_is_exact_with_its_units_and_its_source(caller: Caller) -> None:
    found = (await caller.admin("/api/v1/prices/openai/gpt-4o-mini")).json
    meters = {meter["meter"]: meter for meter in found["price"]["meters"]}
    assert meters["input"] == {
        "meter": "input",
        "amount_usd": "0.15",
        "per": 1_000_000,
        "unit": "tokens",
        "source": "genai-prices",
    }
    assert (meters["web_search"]["unit"], meters["web_search"]["per"]) == ("searches", 1000)
    assert "batch" in found["service_tiers"]
    assert found["ceiling"] is None and found["override"] is None
    assert found["list_price"] == found["price"]


async def test_a_models_name_may_have_slashes_in_it(caller: Caller) -> None:
    found = (await caller.admin("/api/v1/prices/openrouter/openai/gpt-4o")).json
    assert (found["provider"], found["model"]) == ("openrouter", "openai/gpt-4o")


async def test_what_nobody_knows_is_told_with_names_near_it_and_the_way_out(caller: Caller) -> None:
    answer = await caller.admin("/api/v1/prices/openai/gpt-4o-mino")
    assert (answer.status, answer.json["code"]) == (404, "model_unknown")
    assert "openai/gpt-4o-mini" in answer.json["detail"]
    assert "tollway prices override openai/gpt-4o-mino" in answer.json["detail"]


async def test_disagreements_say_which_price_is_used(caller: Caller) -> None:
    found = (await caller.admin("/api/v1/prices/diff")).json["items"]
    assert len(found) > 50
    for one in found:
        assert one["genai_prices_usd"] != one["litellm_usd"]
        if one["used"] in ("genai-prices", "litellm"):
            assert one["used_usd"] == one[f"{one['used'].replace('-', '_')}_usd"]
    assert {one["used"] for one in found} >= {"genai-prices"}
    bedrock = (await caller.admin("/api/v1/prices/diff?provider=bedrock")).json["items"]
    assert {one["provider"] for one in bedrock} == {"aws-bedrock"}


async def test_a_price_says_that_the_lists_disagree_on_it(caller: Caller) -> None:
    detail = (await caller.admin("/api/v1/prices/mistral/codestral-latest")).json
    listed = (await caller.admin("/api/v1/prices?provider=mistral&model=codestral*")).json["items"]
    doubts = {one["model"]: [doubt["meter"] for doubt in one["disagreements"]] for one in listed}
    assert doubts["codestral"] == ["cache_read"]
    assert doubts["codestral-2508"] == []
    (doubt,) = detail["disagreements"]
    assert (doubt["genai_prices_usd"], doubt["charged_as"], doubt["litellm_usd"], doubt["used"]) == (
        "0.3", "input", "0.03", "genai-prices",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("/api/v1/prices?models=x", "parameter_unknown"),
        ("/api/v1/prices?limit=501", "parameter_invalid"),
        ("/api/v1/prices?cursor=x", "parameter_invalid"),
        ("/api/v1/prices/diff?limit=1", "parameter_unknown"),
        ("/api/v1/prices/unpriced?limit=1", "parameter_unknown"),
        ("/api/v1/prices/openai/gpt-4o?x=1", "parameter_unknown"),
    ],
)
async def test_an_unknown_parameter_is_an_error(caller: Caller, target: str, code: str) -> None:
    answer = await caller.admin(target)
    assert (answer.status, answer.json["code"]) == (400, code)
