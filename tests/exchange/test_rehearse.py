from importlib import resources
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.budgets.window import Calendar
from tollway.document import compile_document, read_document
from tollway.exchange.exchange import exchange
from tollway.exchange.recheck import Recheck
from tollway.exchange.refusal import Refusal
from tollway.exchange.rehearse import Rehearsal, as_key, as_person, rehearse
from tollway.exchange.steps import Authenticate, Count, Forward, Log, Pause, Release, Reserve, Send, Sent
from tollway.identity.identity import ANONYMOUS, Identity
from tollway.ledger.control import Control
from tollway.ledger.reservation import Hold, Reservation
from tollway.money import parse
from tollway.pricing.charge import Unpriced
from tollway.pricing.estimate import Quote
from tollway.pricing.price import FILE, PriceBook
from tollway.request import InferenceRequest
from tollway.snapshot import Snapshot
from tollway.storage.counters import Counters

NOW = 1_790_000_000_000
BOOK = PriceBook.decode(resources.files("tollway.pricing").joinpath(FILE).read_bytes())
ALICE = Identity(kind="user", user="alice@example.com", metadata={"team": "ml"})


DOWN = [{"at": 50, "do": "downgrade", "to": "openai/gpt-4o-mini"}]


class NoPast:
    """A store that has never heard of anything."""

    def ended(self, reservation_id: str) -> None:
        return None

    def has_entry(self, entry_id: str) -> bool:
        return False

    def spent(self, account: str) -> dict[int, int]:
        return {}


def snapshot_of(*budgets: dict[str, Any], **more: Any) -> Snapshot:
    document = read_document(
        {
            "providers": {
                "openai": {"api_key": "none"},
                "local": {"api": "openai", "base_url": "https://h/v1", "api_key": "x"},
            },
            "keys": [{"name": "alice", "secret": "alice-secret-0123456789", "user": "alice@example.com"}],
            "budgets": [{"window": {"period": "total"}, **budget} for budget in budgets],
            **more,
        }
    )
    return compile_document(document, resolve=lambda text, _: text, book=BOOK, pepper=b"pepper", revision=1)


def request(model: str = "openai/gpt-4o", max_tokens: int | None = 1000, **changes: Any) -> InferenceRequest:
    body = {"model": model, "messages": [{"role": "user", "content": "Hello!"}]}
    if max_tokens is not None:
        body["max_tokens"] = max_tokens  # type: ignore[assignment]
    made = InferenceRequest(
        id="r",
        received_at=NOW,
        started_ns=0,
        method="POST",
        path="/v1/chat/completions",
        upstream_path="/v1/chat/completions",
        query=b"",
        headers=(),
        content_type=b"application/json",
        body=msgspec.json.encode(body),
        api="openai.chat",
        dialect="openai",
        gateway="default",
        provider=None,
        credentials=(),
        metadata=None,
    )
    return msgspec.structs.replace(made, **changes)


def told(
    snapshot: Snapshot,
    counters: Counters | None = None,
    asked: InferenceRequest | None = None,
    caller: Any = ALICE,
    **more: Any,
) -> Rehearsal:
    return rehearse(
        asked or request(),
        caller,
        snapshot=snapshot,
        calendar=Calendar(),
        now=NOW,
        balances=(counters or Counters(NoPast())).balances,
        **more,
    )


def done(snapshot: Snapshot, counters: Counters, asked: InferenceRequest) -> tuple[str, bytes]:
    """What the exchange really does with these accounts: how it ends, and what is sent on or back."""
    steps = exchange(asked, snapshot, Calendar(), NOW)
    command: Any = next(steps)
    sent = b""
    while True:
        match command:
            case Authenticate():
                command = steps.send(ALICE)
            case Reserve():
                command = steps.send(counters.place(command.reservation))
            case Release():
                counters.release(command.reservation_id)
                command = steps.send(None)
            case Count() | Pause():
                command = steps.send(None)
            case Recheck():
                command = steps.send(counters.extend(counters.open[command.reservation_id], 0))
            case Forward():
                return "forward", command.body
            case Send():
                sent = command.body
                command = steps.send(Sent(0))
            case Log():
                return command.record.code, sent


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "limit": st.sampled_from(["0", "0.005", "0.02", "1"]),
                "mode": st.sampled_from(["enforce", "monitor"]),
                "guarantee": st.sampled_from(["hard", "settled"]),
                "actions": st.sampled_from([[], DOWN]),
                "spent": st.integers(0, 20_000_000),
                "held": st.integers(0, 20_000_000),
            }
        ),
        max_size=4,
    ),
    st.sampled_from([None, 10, 1000, 4000]),
)
def test_a_rehearsal_says_what_the_exchange_then_does(rules: list[dict[str, Any]], max_tokens: int | None) -> None:
    counters = Counters(NoPast())
    budgets: list[dict[str, Any]] = []
    for number, rule in enumerate(rules):
        spent, held = rule.pop("spent"), rule.pop("held")
        budgets.append({"name": f"b{number}", **rule})
        counters.load([(f"b{number}", 0, spent)])
        hold = Hold(f"b{number}", 0, 0, held, 2**60)
        counters.place(Reservation(f"other{number}.1", f"other{number}", 1, (hold,), NOW, NOW + 1, held))
    snapshot, asked = snapshot_of(*budgets), request(max_tokens=max_tokens)
    before = counters.snapshot()

    rehearsed = told(snapshot, counters, asked)
    assert counters.snapshot() == before

    how, body = done(snapshot, counters, asked)
    if how == "forward":
        assert (rehearsed.outcome, rehearsed.body) == ("forward", body)
        assert rehearsed.refusal is None
    else:
        assert (rehearsed.outcome, rehearsed.code) == ("refuse", how)
        assert rehearsed.refusal is not None
        assert rehearsed.refusal.body == body


def test_every_account_is_told_with_its_balance_and_verdict() -> None:
    counters = Counters(NoPast())
    counters.load([("spent", 0, parse("1")), ("watched", 0, parse("1"))])
    snapshot = snapshot_of(
        {"name": "fits", "limit": "5"},
        {"name": "watched", "limit": "1", "mode": "monitor"},
        {"name": "spent", "limit": "1"},
    )
    rehearsed = told(snapshot, counters)
    assert [(leg.budget.name, leg.verdict, leg.balance.spent) for leg in rehearsed.legs] == [
        ("fits", "fits", 0),
        ("watched", "exhausted", parse("1")),
        ("spent", "exhausted", parse("1")),
    ]
    assert rehearsed.code == "budget_exceeded"


def test_money_that_others_hold_is_contended_not_spent() -> None:
    counters = Counters(NoPast())
    hold = Hold("team", 0, 0, parse("1"), parse("1"))
    counters.place(Reservation("other.1", "other", 1, (hold,), NOW, NOW + 1, parse("1")))
    rehearsed = told(snapshot_of({"name": "team", "limit": "1"}), counters)
    assert [leg.verdict for leg in rehearsed.legs] == ["contended"]
    assert rehearsed.code == "budget_contended"


def test_a_cap_that_would_be_lowered_is_in_what_would_be_held() -> None:
    rehearsed = told(snapshot_of({"name": "team", "limit": "0.01"}), asked=request(max_tokens=16_000))
    assert rehearsed.outcome == "forward"
    assert rehearsed.quote is not None
    assert rehearsed.granted is not None
    assert rehearsed.granted.amount <= parse("0.01") < rehearsed.quote.amount  # type: ignore[union-attr]
    assert rehearsed.legs[0].hold.amount == rehearsed.granted.amount
    assert rehearsed.granted.cap == rehearsed.granted.output_tokens
    assert f":{rehearsed.granted.cap}".encode() in rehearsed.body


def test_a_model_without_a_price_is_refused_with_the_budgets_it_would_have_counted_against() -> None:
    rehearsed = told(snapshot_of({"name": "team", "limit": "1"}), asked=request("local/llama"))
    assert (rehearsed.outcome, rehearsed.code) == ("refuse", "price_unknown")
    assert [(leg.budget.name, leg.verdict) for leg in rehearsed.legs] == [("team", "not_asked")]


def test_a_key_is_judged_without_its_secret() -> None:
    snapshot = snapshot_of(gateways=[{"slug": "other"}])
    (key,) = snapshot.keys.values()
    identity = as_key(key, request(), snapshot)
    assert isinstance(identity, Identity)
    assert (identity.key, identity.user) == ("alice", "alice@example.com")
    for worse, code in (
        (msgspec.structs.replace(key, enabled=False), "credential_unknown"),
        (msgspec.structs.replace(key, expires_at=NOW), "credential_expired"),
        (msgspec.structs.replace(key, gateways=("other",)), "credential_unknown"),
    ):
        refused = as_key(worse, request(), snapshot)
        assert isinstance(refused, Refusal)
        assert refused.code == code


def test_a_caller_who_is_refused_gets_no_further() -> None:
    refusal = Refusal(code="credential_missing", message="no key")
    rehearsed = told(snapshot_of({"name": "team", "limit": "1"}), caller=refusal)
    assert (rehearsed.outcome, rehearsed.code) == ("refuse", "credential_missing")
    assert (rehearsed.identity, rehearsed.target, rehearsed.quote, rehearsed.legs) == (None, None, None, ())


@pytest.mark.parametrize("caller", [ALICE, ANONYMOUS])
def test_a_described_person_is_taken_at_their_word_but_for_the_gateway(caller: Identity) -> None:
    snapshot = snapshot_of()
    assert as_person(caller, request(), snapshot) is caller
    refused = as_person(caller, request(gateway="nowhere"), snapshot)
    assert isinstance(refused, Refusal)
    assert refused.code == "gateway_unknown"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (request(body=b"{"), "body_invalid"),
        (request(metadata="[]"), "metadata_invalid"),
        (request("nobody/serves-this"), "model_unknown"),
    ],
)
def test_what_cannot_be_read_is_refused_in_the_same_words(asked: InferenceRequest, code: str) -> None:
    snapshot = snapshot_of({"name": "team", "limit": "1"})
    rehearsed = told(snapshot, asked=asked)
    how, body = done(snapshot, Counters(NoPast()), asked)
    assert (rehearsed.code, how) == (code, code)
    assert rehearsed.refusal is not None
    assert rehearsed.refusal.body == body


def half_spent(*accounts: str) -> Counters:
    counters = Counters(NoPast())
    counters.load([(account, 0, parse("0.005")) for account in accounts])
    return counters


def test_a_downgrade_is_told_with_the_bound_and_the_budgets_of_the_model_that_serves() -> None:
    rules = (
        {"name": "dear", "limit": "0.01", "where": {"model": "openai/gpt-4o"}, "actions": DOWN},
        {"name": "cheap", "limit": "1", "where": {"model": "openai/gpt-4o-mini"}},
    )
    found = told(snapshot_of(*rules), half_spent("dear"), request(max_tokens=100))
    plain = told(snapshot_of(*rules), asked=request("openai/gpt-4o-mini", max_tokens=100))
    assert found.target is not None and (found.target.name, found.downgraded_to) == (
        "openai/gpt-4o",
        "openai/gpt-4o-mini",
    )
    assert isinstance(found.quote, Quote) and isinstance(plain.quote, Quote)
    assert found.quote.price_id.startswith("openai/gpt-4o-mini")
    # The body names the dearer model, so it is a few bytes shorter.
    assert plain.quote.amount * 9 // 10 <= found.quote.amount <= plain.quote.amount
    assert found.granted == found.quote
    assert [(leg.budget.name, leg.hold.amount) for leg in found.legs] == [("cheap", found.quote.amount)]


def test_a_downgrade_that_lowers_the_cap_tells_the_cap_of_the_model_that_serves() -> None:
    snapshot = snapshot_of({"name": "team", "limit": "0.01", "actions": DOWN})
    found = told(snapshot, half_spent("team"), request(max_tokens=16_000))
    how, body = done(snapshot, half_spent("team"), request(max_tokens=16_000))
    assert (how, found.body) == ("forward", body)
    assert found.granted is not None and found.quote is not None
    assert found.granted.price_id.startswith("openai/gpt-4o-mini")
    assert found.granted.amount <= parse("0.005") < found.quote.amount  # type: ignore[union-attr]
    assert found.legs[0].hold.amount == found.granted.amount
    assert f":{found.granted.cap}".encode() in body


def test_a_refusal_of_the_cheaper_model_is_told_as_it_would_be() -> None:
    counters = Counters(NoPast())
    counters.load([("team", 0, parse("0.01"))])
    snapshot = snapshot_of({"name": "team", "limit": "0.01", "actions": DOWN})
    found = told(snapshot, counters, request(max_tokens=100))
    _, body = done(snapshot, counters, request(max_tokens=100))
    assert found.refusal is not None and found.refusal.body == body
    assert found.downgraded_to == "openai/gpt-4o-mini"
    assert isinstance(found.quote, Quote) and found.quote.price_id.startswith("openai/gpt-4o-mini")
    assert [leg.verdict for leg in found.legs] == ["exhausted"]


def test_a_cheaper_model_without_a_price_is_told_as_the_one_that_is_refused() -> None:
    snapshot = snapshot_of(
        {"name": "team", "limit": "0.01", "actions": [{"at": 50, "do": "downgrade", "to": "local/llama"}]},
    )
    found = told(snapshot, half_spent("team"), request(max_tokens=100))
    assert (found.code, found.downgraded_to) == ("price_unknown", "local/llama")
    assert isinstance(found.quote, Unpriced)
    assert [leg.verdict for leg in found.legs] == ["not_asked"]


def test_a_freeze_is_told_with_its_reason_and_who_did_it() -> None:
    freeze = Control(id="f", kind="freeze", target="team", since=NOW, reason="a leaked key", by="ops@example.com")
    snapshot = snapshot_of({"name": "team", "limit": "1"})
    found = told(snapshot, frozen=lambda account: freeze if account == "team" else None)
    assert (found.code, found.legs[0].verdict, found.legs[0].freeze) == ("budget_frozen", "frozen", freeze)
    assert found.refusal is not None
    assert b"a leaked key" in found.refusal.body and b"ops@example.com" not in found.refusal.body
    assert "ops@example.com" in found.decisions[-1].detail


# -- routes, other APIs -----------------------------------------------------------------------------------------------


def routed(*targets: str, **more: Any) -> dict[str, Any]:
    return {"routes": [{"name": "x", "order": "in_order", "targets": [{"model": name} for name in targets]}], **more}


def test_a_route_is_explained_up_to_what_it_would_call_first() -> None:
    snapshot = snapshot_of({"name": "all", "limit": "100"}, **routed("openai/gpt-4o-mini", "openai/gpt-4o"))
    found = told(snapshot, asked=request("dynamic/x"))
    assert found.outcome == "forward"
    assert found.target is not None and found.target.name == "openai/gpt-4o-mini"
    assert isinstance(found.quote, Quote) and found.granted == found.quote
    assert [(leg.budget.name, leg.verdict) for leg in found.legs] == [("all", "fits")]
    assert (found.downgraded_to, msgspec.json.decode(found.body)["model"]) == (None, "gpt-4o-mini")


def test_a_route_is_explained_past_a_target_whose_budget_is_spent() -> None:
    dear = {"name": "dear", "limit": "0", "where": {"model": "gpt-4o"}}
    snapshot = snapshot_of(dear, **routed("openai/gpt-4o", "openai/gpt-4o-mini"))
    found = told(snapshot, asked=request("dynamic/x"))
    assert found.outcome == "forward"
    assert found.target is not None and found.target.name == "openai/gpt-4o-mini"
    assert isinstance(found.quote, Quote) and found.quote.model == "gpt-4o-mini"
    assert (found.legs, found.downgraded_to) == ((), None)
    # Why the first was not taken, and the way through the route.
    assert [made.code for made in found.decisions if made.code] == ["passed_over", "route"]
    assert found.decisions[-1].rule == "x" and found.decisions[-1].detail


def test_a_route_of_which_nothing_fits_is_refused_as_it_would_be() -> None:
    snapshot = snapshot_of({"name": "all", "limit": "0"}, **routed("openai/gpt-4o", "openai/gpt-4o-mini"))
    found = told(snapshot, asked=request("dynamic/x"))
    assert (found.outcome, found.code) == ("refuse", "budget_exceeded")
    assert found.target is not None and found.target.name == "openai/gpt-4o-mini"
    assert [d.code for d in found.decisions if d.code == "passed_over"] == ["passed_over"]


def test_a_route_that_is_not_there_is_refused() -> None:
    found = told(snapshot_of(), asked=request("dynamic/nowhere"))
    assert (found.outcome, found.code, found.target) == ("refuse", "model_unknown", None)


def test_a_model_of_another_api_is_explained_with_its_price() -> None:
    providers = {"openai": {"api_key": "none"}, "anthropic": {"api_key": "none"}}
    snapshot = snapshot_of({"name": "all", "limit": "100"}, providers=providers)
    found = told(snapshot, asked=request("anthropic/claude-sonnet-4-5"))
    assert found.outcome == "forward" and found.path == "/v1/messages"
    assert found.target is not None and found.target.name == "anthropic/claude-sonnet-4-5"
    assert isinstance(found.quote, Quote) and found.granted == found.quote
