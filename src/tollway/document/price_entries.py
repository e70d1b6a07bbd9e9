"""One entry of `prices:` from outside the file: checked field by field, and called by an id that stays."""

import difflib
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from tollway.document.names import slug_of
from tollway.pricing.overrides import PriceOverride
from tollway.pricing.slugs import canonical

LONGEST = 256
"""Characters of a provider, of a model, of a kind."""

_HINTS = (
    ("got `null`", "; give it a value"),
    ("`object | null`, got", '; write it as kind → dollars: {"1024x1024": "0.04"}'),
    ("`str | null`, got `int`", '; write it in quotes: "12"'),
    ("`str | null`, got `float`", '; write it in quotes: "12.50"'),
    ("`str`, got", "; write it in quotes"),
)
"""A sign in msgspec's message → the way out."""


def price_given(fields: Mapping[str, object]) -> PriceOverride:
    """The entry of these fields, as they would stand in the file. Raises ValueError naming the field and the way out.

    Whether it can be meant (amounts, percentages, dates) is for `read_overrides` to say.
    """
    known = PriceOverride.__struct_fields__
    for name in fields:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f'the nearest is "{near[0]}"' if near else f"there are {', '.join(known)}"
            raise ValueError(f'there is no field "{_short(name)}"; {hint}')
    for name, example in (("provider", "openai"), ("model", "gpt-4o*")):
        if name not in fields:
            raise ValueError(f'{name}: it is missing; write for example "{example}"')
    try:
        price = msgspec.convert(dict(fields), PriceOverride)
    except msgspec.ValidationError as error:
        said, _, at = str(error).partition(" - at `$.")
        hint = next((hint for sign, hint in _HINTS if sign in said), "")
        raise ValueError(f"{at.rstrip('`')}: {said}{hint}") from None
    if "/" in price.provider:
        raise ValueError(f'provider: "{_short(price.provider)}" has a slash; what is behind it belongs into model')
    for name, text in _texts(price):
        _check_text(name, text)
    for name, tokens in (("context_window", price.context_window), ("max_output_tokens", price.max_output_tokens)):
        if tokens is not None and not 1 <= tokens < 2**53:
            raise ValueError(f"{name}: {tokens} is not a number of tokens; leave it out where it is not known")
    return price


def entry_ids(prices: Sequence[PriceOverride]) -> list[str]:
    """The id of each entry: of its provider, model and dates, so that neither its amounts nor its place change it.

    Of several for the same name and time the second is "...-2", and so on: only the first of them ever holds.
    """
    seen: Counter[str] = Counter()
    ids: list[str] = []
    for price in prices:
        said = "\n".join((*named(price), price.effective_from or "", price.effective_to or ""))
        digest = hashlib.blake2s(said.encode("utf-8", "replace"), digest_size=4).hexdigest()
        own = f"{slug_of('-'.join(named(price)))[:48].rstrip('-.')}-{digest}"
        seen[own] += 1
        ids.append(own if seen[own] == 1 else f"{own}-{seen[own]}")
    return ids


def named(price: PriceOverride) -> tuple[str, str]:
    """What an entry is for, however its name is spelled."""
    return canonical(price.provider), price.model.lower()


def is_same(old: PriceOverride, new: PriceOverride) -> bool:
    """Whether they are for the same name and the same time."""
    times = (old.effective_from, old.effective_to) == (new.effective_from, new.effective_to)
    return times and named(old) == named(new)


def _texts(price: PriceOverride) -> Iterable[tuple[str, str]]:
    fields: dict[str, object] = msgspec.to_builtins(price)
    for name, value in fields.items():
        if isinstance(value, str):
            yield name, value
    for name, kinds in (("images", price.images), ("videos", price.videos)):
        for kind in kinds or {}:
            yield f"{name}, a kind", kind


def _check_text(name: str, text: str) -> None:
    if not text or text != text.strip() or len(text) > LONGEST or not text.isprintable():
        raise ValueError(
            f'{name}: "{_short(text)}" is empty, longer than {LONGEST} characters, begins or ends with a space, or has '
            "characters in it that cannot be printed; write it without"
        )


def _short(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text[:64])
