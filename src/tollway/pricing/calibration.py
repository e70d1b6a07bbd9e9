"""What requests turn out to be beside what was held for them, learned from one settlement to the next.

A hold is a bound: bytes for tokens, the whole cap for an answer. A budget with `guarantee: expected` holds what a request
of this model is likely to cost instead. Integers throughout: a ratio is in 65,536ths.
"""

from collections.abc import Iterator

import msgspec

from tollway.money import Money
from tollway.pricing.estimate import Quote

ONE = 65_536
"""The ratio 1."""
ENOUGH = 16
"""Observations after which what was learned is used."""
_MODELS = 4_096
_WEIGHT = 5
"""Each observation moves an average by one part in 2^5."""
_UNLEARNED_TOKENS_PER_BYTE = ONE // 2
"""English is about one token in four bytes; the densest tokenizers and scripts known, one in two."""


class Observed(msgspec.Struct, frozen=True):
    """One settled request: what its hold was made of, and what it was."""

    provider: str
    model: str
    body_bytes: int
    held: int
    """Nanodollars of the bound, as `charged`."""
    charged: int
    input_tokens: int | None
    output_tokens: int | None
    """Of each choice, on average."""


class Calibrated(msgspec.Struct, frozen=True):
    """What is known of one model."""

    provider: str
    model: str
    settled: int
    held: int
    """Nanodollars of all bounds, as `charged`."""
    charged: int
    exceeded: int
    """Charges above their hold: each one is a bound that was wrong."""
    tokens_per_byte: int
    """In 65,536ths, on average."""
    output_tokens: int
    """On average."""


class _Average:
    """A running average, and how far off it usually is."""

    __slots__ = ("deviation", "mean", "seen")

    def __init__(self) -> None:
        self.mean = self.deviation = self.seen = 0

    def add(self, value: int) -> None:
        self.seen += 1
        # The first ones weigh alike; later ones displace the oldest.
        weight = min(self.seen, 1 << _WEIGHT)
        off = value - self.mean
        self.mean += off // weight
        if self.seen == 1:
            return
        self.deviation += (abs(off) - self.deviation) // weight

    def likely(self) -> int:
        """What few values are above: the average and twice the usual distance from it."""
        return self.mean + 2 * self.deviation


class _Model:
    __slots__ = ("charged", "exceeded", "held", "output", "ratio", "settled")

    def __init__(self) -> None:
        self.settled = self.held = self.charged = self.exceeded = 0
        self.ratio = _Average()
        self.output = _Average()


class Calibration:
    """What has been learned of every model, in a bounded memory; it starts anew with the process."""

    __slots__ = ("_models",)

    def __init__(self) -> None:
        self._models: dict[tuple[str, str], _Model] = {}

    def learn(self, observed: Observed) -> None:
        """Takes one settled request in."""
        key = (observed.provider, observed.model)
        model = self._models.get(key)
        if model is None:
            if len(self._models) >= _MODELS:
                # Names come from callers: the model that was heard of first makes room.
                del self._models[next(iter(self._models))]
            model = self._models[key] = _Model()
        model.settled += 1
        model.held += observed.held
        model.charged += observed.charged
        model.exceeded += observed.charged > observed.held
        if observed.input_tokens is not None and observed.body_bytes:
            model.ratio.add(observed.input_tokens * ONE // observed.body_bytes)
        if observed.output_tokens is not None:
            model.output.add(observed.output_tokens)

    def knows(self, provider: str, model: str) -> bool:
        """Whether enough answers of a model of the price book were seen to tell how long they are."""
        known = self._models.get((provider, model))
        return known is not None and known.output.seen >= ENOUGH

    def exceeded(self, provider: str, model: str) -> int:
        """How often a model of the price book was charged above its hold."""
        known = self._models.get((provider, model))
        return known.exceeded if known is not None else 0

    def expected(self, quote: Quote, model: tuple[str, str], body_bytes: int) -> Money:
        """What a request with this bound is likely to cost at most; never more than the bound, where there is one.

        `model`: the price book's provider and model.
        """
        known = self._models.get(model)
        ratio, answer = _UNLEARNED_TOKENS_PER_BYTE, quote.output_tokens
        if known is not None and known.ratio.seen >= ENOUGH:
            ratio = known.ratio.likely()
        if known is not None and known.output.seen >= ENOUGH:
            answer = min(answer, known.output.likely())
        tokens = min(-(-body_bytes * ratio // ONE), quote.input_tokens)
        amount = (
            quote.floor
            - quote.per_input_token.times(quote.input_tokens)
            + quote.per_input_token.times(tokens)
            + quote.per_output_token.times(answer * quote.choices)
        )
        return Money(amount if quote.unbounded is not None else min(amount, quote.amount))

    def __iter__(self) -> Iterator[Calibrated]:
        for (provider, name), model in sorted(self._models.items()):
            yield Calibrated(
                provider,
                name,
                model.settled,
                model.held,
                model.charged,
                model.exceeded,
                model.ratio.mean,
                model.output.mean,
            )
