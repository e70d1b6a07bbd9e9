"""The commands and replies are one vocabulary: the table in the module says it, the types hold it."""

import inspect
import re
from types import UnionType
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from tollway.cache.entry import Kept
from tollway.cache.idempotency import Fresh, Lost, Mismatch, Replay, Wait
from tollway.exchange import exchange as told_in
from tollway.exchange import steps
from tollway.exchange.auto_steps import Decided
from tollway.exchange.refusal import Refusal
from tollway.exchange.steps import (
    Command,
    Ended,
    Forward,
    Head,
    NoAnswer,
    NotSent,
    Reserve,
    Seen,
    Send,
    Sent,
    Unavailable,
)
from tollway.identity.identity import Identity
from tollway.ledger.job import Job
from tollway.ledger.reservation import Exhausted, Gone, Held, Reservation
from tollway.providers.batches import Requests
from tollway.providers.codec import Malformed
from tollway.providers.prompts import Counted
from tollway.rates.counters import Admitted, Limited
from tollway.translate.codec import Told
from tollway.translate.conversation import Untranslatable
from tollway.translate.worded import Worded
from tollway.usage import Report

ROW = re.compile(r"^\| (\w+) +\| ([\w, ]+?) +\|$", re.MULTILINE)
assert isinstance(Command, UnionType)
COMMANDS: tuple[type[Any], ...] = get_args(Command)
TABLE: dict[str, tuple[str, ...]] = {
    command: tuple(replies.split(", ")) for command, replies in ROW.findall(steps.__doc__ or "") if command != "command"
}
ELSEWHERE: dict[str, type[Any] | None] = {
    "Identity": Identity,
    "Refusal": Refusal,
    "Held": Held,
    "Exhausted": Exhausted,
    "Gone": Gone,
    "None": None,
    "Job": Job,
    "Any": None,
    "Requests": Requests,
    "Malformed": Malformed,
    "Counted": Counted,
    "Admitted": Admitted,
    "Limited": Limited,
    "int": int,
    "tuple of Seen": None,
    "Kept": Kept,
    "Decided": Decided,
    "Untranslatable": Untranslatable,
    "Worded": Worded,
    "Told": Told,
    "Fresh": Fresh,
    "Wait": Wait,
    "Replay": Replay,
    "Mismatch": Mismatch,
    "Lost": Lost,
}
REPLIES = (Unavailable, Head, NotSent, NoAnswer, Ended, Sent, Seen)


def test_the_table_names_every_command_and_no_other() -> None:
    assert sorted(TABLE) == sorted(command.__name__ for command in COMMANDS)


@pytest.mark.parametrize(("command", "replies"), TABLE.items())
def test_every_reply_in_the_table_exists(command: str, replies: tuple[str, ...]) -> None:
    for reply in replies:
        assert reply in ELSEWHERE or inspect.isclass(getattr(steps, reply, None)), f"{command} is sent {reply}"


def test_a_ledger_may_answer_in_four_ways() -> None:
    assert TABLE["Reserve"] == ("Held", "Exhausted", "Gone", "Unavailable")


def test_every_reply_that_is_written_here_answers_some_command() -> None:
    named = {reply.removeprefix("tuple of ") for replies in TABLE.values() for reply in replies}
    own = {
        name
        for name, value in vars(steps).items()
        if inspect.isclass(value) and value.__module__ == steps.__name__ and value not in COMMANDS
    }
    assert own == {reply.__name__ for reply in REPLIES}
    assert own <= named


@pytest.mark.parametrize("kind", [*COMMANDS, *REPLIES], ids=lambda kind: kind.__name__)
def test_every_step_is_frozen_and_says_what_it_is(kind: type[Any]) -> None:
    assert issubclass(kind, msgspec.Struct)
    assert kind.__struct_config__.frozen
    assert inspect.getdoc(kind)
    assert not kind.__struct_config__.dict


@pytest.mark.parametrize("kind", REPLIES, ids=lambda kind: kind.__name__)
def test_no_reply_is_an_exception(kind: type[Any]) -> None:
    assert not issubclass(kind, BaseException)


def test_a_reply_cannot_be_changed_behind_the_exchange() -> None:
    ended = Ended(reason="complete", report=Report(), at=1, at_ns=2)
    for reply, name in (
        (ended, "report"),
        (Sent(1), "at_ns"),
        (NotSent("a", "b", 1), "code"),
        (Head(200, (), False, 1), "status"),
    ):
        with pytest.raises(AttributeError):
            setattr(reply, name, None)


def test_nothing_is_sent_to_a_provider_without_naming_a_reservation() -> None:
    assert get_type_hints(Forward)["reservation"] is Reservation
    assert (
        "reservation" in Forward.__struct_fields__[: len(Forward.__struct_fields__) - len(Forward.__struct_defaults__)]
    )


def test_a_request_does_not_wait_for_money_unless_it_says_so() -> None:
    reservation = Reservation("r.1", "r", 1, (), 1, 2, 3)
    assert Reserve(reservation).wait_s == 0.0


def test_an_answer_that_ended_is_whole_until_it_is_said_to_be_cut() -> None:
    ended = Ended(reason="complete", report=Report(), at=1, at_ns=2)
    assert (ended.finished, ended.streamed, ended.output_bytes, ended.bytes_passed, ended.raw) == (
        True,
        False,
        0,
        0,
        b"",
    )
    assert (ended.upstream_us, ended.first_chunk_ns) == (None, None)


def test_why_an_answer_ended_is_one_of_five() -> None:
    reasons = {"complete", "client_gone", "broken_off", "too_long", "over_budget"}
    assert set(get_args(get_type_hints(Ended)["reason"])) == reasons


def test_an_exchange_is_a_generator_of_commands() -> None:
    sends, _, returns = get_args(steps.Steps)
    assert (sends, returns) == (Command, None)
    assert inspect.isgeneratorfunction(told_in.exchange)
    assert Send.__name__ in TABLE
