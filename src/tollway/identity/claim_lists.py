"""Claims of several values, which conditions may ask for and nothing else: an account has one name, and a list none."""

from collections.abc import Mapping
from typing import Any, cast

MOST = 2_000
LONGEST = 1_024
"""Characters of a value."""

Scalar = str | int | float | bool


def read_lists(told: Mapping[str, Any], claims: Mapping[str, str]) -> dict[str, list[Scalar]] | str:
    """The lists that a token's claims are, by attribute, or what is wrong with one, as a sentence without its subject.

    `told`: attribute → what the token says, `None` for nothing. `claims`: attribute → the name of the claim. One value is a
    list of it, so that conditions read alike; an empty list stays out, like one that nobody told.
    """
    found: dict[str, list[Scalar]] = {}
    for attribute, said in told.items():
        if said is None:
            continue
        values = cast("list[object]", said) if isinstance(said, list) else [said]
        if len(values) > MOST:
            return f'its claim "{claims[attribute]}" has {len(values):,} values, more than {MOST:,}'
        for one in values:
            if not isinstance(one, str | int | float | bool):
                # Left out, it would take its bearer out of the rules that go by it.
                return (
                    f'its claim "{claims[attribute]}" is neither a list of texts, numbers and booleans nor one of them, and the '
                    f"settings make a list of it (claims.lists.{attribute})"
                )
            if isinstance(one, str) and (len(one) > LONGEST or not one.isprintable()):
                return f'its claim "{claims[attribute]}" has a value that is too long, or cannot be shown'
        if values:
            found[attribute] = cast("list[Scalar]", values)
    return found
