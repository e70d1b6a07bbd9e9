"""Conditions: Mongo's operators and CEL, on everything that a route may ask of a request."""

import time
from typing import Any

import pytest
from tests.routes.routed import facts

from tollway.routes.conditions import Condition, read_condition

BODY = {
    "model": "dynamic/support",
    "stream": True,
    "max_tokens": 100,
    "temperature": 0.5,
    "tags": ["a", "b"],
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello, wörld"}],
    "response_format": {"type": "json_object"},
    "nothing": None,
}
ASKED = facts(
    body=BODY,
    headers={"X-Tenant": "acme"},
    metadata={"plan": "free", "level": "3", "beta": "true", "a.b": "dotted"},
    user={"id": "ada", "email": "ada@example.com", "groups": ["engineering", "leads"]},
    key="alice",
    gateway="default",
    model="dynamic/support",
    country="DE",
    cf={"user": {"id": "sub-1", "groups": ["engineering", "leads"]}},
)


def read(written: Any) -> tuple[Condition | None, list[str]]:
    found: list[str] = []
    condition = read_condition(written, lambda at, said: found.append(f"{at}: {said}" if at else said))
    assert (condition is None) == bool(found)
    return condition, found


def holds(written: Any, asked: Any = ASKED, notes: list[str] | None = None) -> bool:
    condition, found = read(written)
    assert condition is not None, found
    return condition.holds(asked, notes)


@pytest.mark.parametrize(
    "written",
    [
        {"metadata.plan": {"$eq": "free"}},
        {"metadata.plan": "free"},
        {"metadata.plan": {"$ne": "paid"}},
        {"metadata.plan": {"$in": ["free", "trial"]}},
        {"metadata.plan": {"$nin": ["paid"]}},
        {"metadata.a.b": "dotted"},
        {"metadata.level": 3},
        {"metadata.level": {"$gt": 2, "$lte": 3}},
        {"metadata.level": {"$in": [1, 2, 3]}},
        {"metadata.level": "3"},
        {"metadata.beta": True},
        {"metadata.beta": {"$ne": False}},
        {"body.stream": True},
        {"body.max_tokens": {"$gte": 100, "$lt": 100.5}},
        {"body.temperature": {"$lt": 1}},
        {"body.messages.1.role": "user"},
        {"body.messages.1.content": {"$contains": "wörld"}},
        {"body.messages.0.content": {"$startsWith": "Be", "$endsWith": "brief."}},
        {"body.messages.1.content": {"$regex": "^hello, w.rld$", "$options": "i"}},
        {"body.tags": "a"},
        {"body.tags": ["a", "b"]},
        {"body.tags": {"$contains": "b"}},
        {"body.tags": {"$in": ["x", "b"]}},
        {"body.response_format": {"type": "json_object"}},
        {"body.nothing": None},
        {"body.nothing": {"$exists": True}},
        {"body.none": {"$exists": False}},
        {"body.none": {"$ne": 1}},
        {"body.none": {"$nin": [1]}},
        {"body.none": {"$ne": None}},
        {"body.stream": {"$ne": 1}},
        {"headers.x-tenant": "acme"},
        {"headers.X-TENANT": "acme"},
        {"user.id": "ada", "key": "alice"},
        {"user.groups": "leads"},
        {"user.groups": {"$in": ["finance", "leads"]}},
        {"user.email": {"$endsWith": "@example.com"}},
        {"cf.user.id": "sub-1"},
        {"country": {"$in": ["DE", "FR"]}},
        {"gateway": "default", "model": "dynamic/support"},
        {"service": {"$exists": False}},
        {"$or": [{"metadata.plan": "paid"}, {"key": "alice"}]},
        {"$and": [{"metadata.plan": "free"}, {"$nor": [{"key": "bob"}, {"key": "eve"}]}]},
        {"$not": {"metadata.plan": "paid"}},
        {"metadata.plan": {"$not": {"$eq": "paid"}}},
        {"cel": 'metadata.plan == "free" && body.max_tokens > 50'},
        'headers["X-Tenant"] == "acme"',
        '"leads" in user.groups',
        "body.messages.exists(m, m.role == 'user')",
        "size(body.messages) == 2 && body.messages[1].role == 'user'",
        'body.none != "x"',
        '!(body.none.deeper == "x")',
        '!has(body.none) && has(body.stream) && !has(metadata.none) && !has(cf.country)',
        'service != "ci"',
        'cf.user.id == "sub-1" && country == "DE"',
        {"$or": [{"cel": 'metadata.plan == "paid"'}, {"cel": "body.stream"}]},
    ],
    ids=str,
)  # fmt: skip
def test_what_a_request_is_like_holds(written: Any) -> None:
    assert holds(written)
    assert not holds({"$not": written if isinstance(written, dict) else {"cel": written}})


@pytest.mark.parametrize(
    "written",
    [
        {"metadata.plan": {"$gt": 1}},
        {"metadata.none": {"$gt": 1}},
        {"metadata.none": {"$lt": "z"}},
        {"metadata.none": None},
        {"metadata.none": {"$regex": ".*"}},
        {"body.max_tokens": "100"},
        {"body.max_tokens": {"$gt": "1"}},
        {"body.stream": 1},
        {"body.stream": {"$gte": 0}},
        {"body.messages.7.role": "user"},
        {"body.messages.-1.role": "user"},
        {"body.messages.role": "user"},
        {"body.model.deeper": "x"},
        {"body.tags": ["b", "a"]},
        {"body.response_format": {"type": "json_object", "strict": True}},
        {"user.groups": "Leads"},
        'body.none == "x"',
        "body.none > 1",
        "body.messages[9].role == 'user'",
        "body.model.deeper == 'x'",
    ],
    ids=str,
)
def test_what_a_request_is_not_like_does_not_hold_and_is_no_error(written: Any) -> None:
    assert not holds(written)


def test_a_list_that_a_caller_chose_too_long_is_not_gone_through() -> None:
    notes: list[str] = []
    asked = facts(body={"list": [{"a": 1}] * 2_000, "long": list(range(100_000)), "short": [1, 2]})
    assert holds("body.list.all(one, one.a == 1)", asked, notes) and not notes
    began = time.perf_counter()
    assert not holds("body.long.all(one, one >= 0)", asked, notes)
    assert time.perf_counter() - began < 0.1 and "more than 5,000 values of this request" in notes[0]
    assert holds("body.short.all(one, one > 0)", asked)
    _, found = read("body.short.all(one, body.long.exists(other, other == one))")
    assert any("2 loops inside each other take too long; use 1 at most" in one for one in found)


def test_what_cannot_be_asked_is_noted() -> None:
    notes: list[str] = []
    assert not holds("body.model > 3", notes=notes)
    assert len(notes) == 1 and "cannot be asked of this request, so it does not hold" in notes[0]


@pytest.mark.parametrize(
    "body", [b"", b"not json", b"[1]", b"\xff", b"3", b'{"a":' * 5_000], ids=lambda one: str(one[:9])
)
def test_a_body_that_is_no_object_has_no_fields(body: bytes) -> None:
    assert holds({"body.model": {"$exists": False}}, facts(body=body))
    assert not holds("body.model == 'x'", facts(body=body))


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (None, 'a condition is an object such as {"metadata.plan": {"$eq": "free"}}'),
        ({}, "a condition is an object"),
        ([], "a condition is an object"),
        ({"metadata.plan": {"$equal": 1}}, 'metadata.plan.$equal: there is no operator "$equal"; there are $eq, $ne'),
        ({"metadata.plan": {"$eq": 1, "x": 2}}, 'metadata.plan.x: there is no operator "x"'),
        ({"metadata.plan": {}}, "metadata.plan: it says nothing"),
        ({"plan": "free"}, 'plan: nothing is called "plan"; did you mean "metadata.plan"?'),
        ({"metadata": "free"}, '"metadata" has fields and no value; name one of them, such as metadata.plan'),
        ({"headers.Authorization": "x"}, "holds a credential, which no route may ask for"),
        ({"user.idd": "x"}, 'nothing is called "user.idd"; did you mean "user.id"?'),
        ({"$eq": 3}, '$eq: $eq needs a field'),
        ({"$or": []}, "$or: it takes a list of conditions, at least one"),
        ({"$or": [3]}, "$or[0]: it is no condition"),
        ({"$or": [{}]}, "$or[0]: it is empty"),
        ({"$not": 3}, "$not takes a condition"),
        ({"key": {"$in": "alice"}}, "key.$in: $in takes a list of values"),
        ({"key": {"$exists": 1}}, "key.$exists: $exists takes true or false"),
        ({"key": {"$gt": None}}, "key.$gt: $gt takes a number or text"),
        ({"key": {"$contains": {}}}, "key.$contains: $contains takes a value"),
        ({"key": {"$startsWith": 3}}, "$startsWith takes text"),
        ({"key": {"$regex": "("}}, "key.$regex: \"(\" is no regular expression: unclosed group"),
        ({"key": {"$regex": "(a)\\1"}}, "backreferences are not supported"),
        ({"key": {"$regex": "a", "$options": "x"}}, "$options some of the letters i, m, s"),
        ({"key": {"$regex": "a" * 1_001}}, "1 to 1,000 characters"),
        ({"cel": "metadata.plan == "}, "cel: column 18: it ends too early; in: metadata.plan =="),
        ("metadata.plan ==", "cel: column 17: it ends too early"),
        ("plan == 'x'", 'cel: column 1: nothing is called "plan"; did you mean "metadata.plan"?'),
        ("headers.authorization == 'x'", "holds a credential"),
        ({"cel": 3}, "cel: it is no text"),
        ({"metadata.x": {1, 2}}, "it is no JSON"),
        ({"metadata.x": "a" * 20_000}, "longer than 16,000 bytes"),
        ({"key": {"$in": ["\ud800"]}}, "it is no JSON"),
    ],
)  # fmt: skip
def test_what_can_mean_nothing_is_refused_with_its_place(written: Any, says: str) -> None:
    _, found = read(written)
    assert any(says in one for one in found), found


def test_all_that_is_wrong_is_told() -> None:
    _, found = read({"$or": [{"plan": 1}, {"key": {"$bad": 1}}, {"cel": "("}], "metadata.x": {"$in": 1}})
    assert len(found) == 4


def test_depth_and_size_are_bounded() -> None:
    deep: Any = {"key": "a"}
    for _ in range(9):
        deep = {"$and": [deep]}
    assert holds(deep, facts(key="a"))
    assert "10 deep at most" in read({"$and": [deep]})[1][0]
    nots: Any = {"$eq": "a"}
    for _ in range(11):
        nots = {"$not": nots}
    assert "10 deep at most" in read({"key": nots})[1][0]
    assert "more than 200 comparisons" in read({"$or": [{"key": "a"} for _ in range(300)]})[1][0]


def test_a_pattern_takes_time_that_grows_with_the_text_alone() -> None:
    condition, _ = read({"body.text": {"$regex": "(a+)+$"}})
    assert condition is not None
    began = time.perf_counter()
    assert not condition.holds(facts(body={"text": "a" * 100_000 + "b"}))
    assert time.perf_counter() - began < 2


def test_a_condition_is_equal_where_it_says_the_same() -> None:
    one, other = read({"key": "a"})[0], read({"key": "a"})[0]
    assert one == other and hash(one) == hash(other) and one != read({"key": "b"})[0]
    assert read("key == 'a'")[0] == read({"cel": "key == 'a'"})[0]
    assert "key" in repr(one)
