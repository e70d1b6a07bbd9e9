"""How the hold of a metered answer follows it: enough for what was made and is under way, and little more.

A byte-level token is at least one byte, so the bytes of generated text bound its tokens. What a provider may have made
and not yet shown when its stream is closed is in flight. The hold is raised before it is needed (`LOW_WATER_TOKENS` and
the largest piece seen lie between asking and needing), so an answer of which the hold cannot be raised is cut while its
cost is still within the hold: spec ledger 2.5 and C2.
"""

from tollway.budgets.holds import Claim
from tollway.exchange.target import Target
from tollway.money import Money
from tollway.pricing.calibration import Calibration
from tollway.pricing.charge import Unpriced
from tollway.pricing.estimate import Quote

CHUNK_TOKENS = 2_048
"""Held ahead of what was made, as bytes of text: about 512 tokens of English."""
LOW_WATER_TOKENS = 768
"""So much of the hold is left when more is asked for."""
IN_FLIGHT_TOKENS = 100
"""Made and not yet shown: 250 ms at 400 tokens a second."""
TOKENS_PER_S = 400
"""No model whose answers are metered makes more for one caller: an answer that is silent may have been made so far."""
_TOO_FAST = frozenset({"cerebras", "groq", "sambanova"})
"""Providers that make more, by their kind."""
LEAST_PART = 16
"""Of the bound of the input: no text has fewer tokens, so a provider that tells of fewer has not told all."""


class Allowance:
    """The tokens of output that the hold of one answer covers. Mutable, and owned by that answer alone."""

    __slots__ = (
        "_choices",
        "_floor",
        "_input",
        "_largest",
        "_most",
        "_quote",
        "_seen",
        "_silent",
        "first",
        "held",
        "raises",
        "tokens",
        "unread_tokens",
    )

    def __init__(self, quote: Quote) -> None:
        self._quote = quote
        self._floor: int = quote.floor
        self._input = quote.input_tokens
        self._most = quote.output_tokens * quote.choices
        self._seen = 0
        self._largest = 0
        self._silent = 0
        self.unread_tokens = 0
        """That may have been made, and were not looked at."""
        self.tokens = min(CHUNK_TOKENS, self._most)
        """Of output, over all choices, that are held for."""
        self.first = self.held = self.amount
        """Nanodollars that were held to begin with, and that are held now."""
        self.raises = 0
        """How often the hold was raised since."""

    @property
    def most(self) -> int:
        """The tokens of output that the answer may ever have."""
        return self._most

    @property
    def amount(self) -> Money:
        """Nanodollars held for `tokens`."""
        return self.cost(self.tokens)

    @property
    def whole(self) -> bool:
        """Whether the hold covers all that the answer may ever be."""
        return self.tokens >= self._most

    def raised(self, tokens: int) -> None:
        """The hold is now for so many tokens, if it was not for more."""
        self.tokens = max(self.tokens, tokens)
        self.held = self.amount
        self.raises += 1

    def cost(self, tokens: int) -> Money:
        """Nanodollars of the input and so many tokens of output, at the dearest that may apply."""
        return Money(self._floor + self._quote.per_output_token.times(tokens))

    def saw(self, output_bytes: int) -> bool:
        """Takes in how many bytes of text there are by now; whether the hold ought to be raised."""
        grown = output_bytes - self._seen
        if grown <= 0:
            return False
        self._seen = output_bytes
        self._silent = 0
        self.unread_tokens = max(0, self.unread_tokens - grown)
        if grown > self._largest:
            self._largest = grown
        return self._low

    def unread(self, tokens: int) -> bool:
        """So many tokens of each choice may have been made since, and nobody looked; whether the hold ought to be raised."""
        # It was silent all the while, for whoever did not look.
        self.unread_tokens += max(tokens * self._quote.choices, self._silent)
        self._silent = 0
        return self._low

    def silent(self, ms: int) -> bool:
        """Nothing was shown for so long; whether the hold ought to be raised for what may have been made meanwhile."""
        silent = min(-(-ms * TOKENS_PER_S * self._quote.choices // 1000), self._most)
        # Nobody looks again before as many more may have been made.
        self._largest = max(self._largest, silent - self._silent)
        self._silent = silent
        return self._low

    @property
    def unseen_tokens(self) -> int:
        """That may have been made, and were not seen."""
        return self.unread_tokens + self._silent

    def caught_up(self) -> None:
        """All that was made has been seen."""
        self.unread_tokens = 0

    @property
    def over(self) -> bool:
        """Whether what was made and is in flight, and another piece like the largest, are more than what is held."""
        return min(self._need + self._largest, self._most) > self.tokens

    @property
    def wanted(self) -> int:
        """The tokens that the next raise ought to hold for."""
        return min(self._need + CHUNK_TOKENS + 3 * self._largest, self._most)

    @property
    def least(self) -> int:
        """The tokens that would do for now, where `wanted` is too much."""
        return min(self._need + max(LOW_WATER_TOKENS, self._largest), self._most)

    def told_input(self, input_tokens: int) -> int:
        """The provider has told how many tokens went in. By how many nanodollars the hold grows: less than nothing where the
        bound was higher, as it should be."""
        if input_tokens < self._quote.input_tokens // LEAST_PART:
            # It has not told all; nothing is known.
            return 0
        price = self._quote.per_input_token
        grown = price.times(input_tokens) - price.times(self._input)
        self._floor += grown
        self._input = input_tokens
        if grown < 0:
            self.held = self.amount
        return grown

    @property
    def _low(self) -> bool:
        return self._need + max(LOW_WATER_TOKENS, 3 * self._largest) > self.tokens and not self.whole

    @property
    def _need(self) -> int:
        return min(self._seen + self.unread_tokens + self._silent + IN_FLIGHT_TOKENS * self._quote.choices, self._most)


def allowance_for(
    target: Target, claimed: tuple[Claim, ...], priced: Quote | Unpriced, learned: Calibration
) -> Allowance | None:
    """The allowance of a streamed answer that may be metered; `None` where the whole of it must be held.

    Metering is sound where every token that is billed is shown as it is made, and none is made once the stream is closed.
    A model that was charged above its hold has shown that something about it is not known: it is not metered any more.
    """
    if isinstance(priced, Unpriced) or priced.free or priced.unbounded is not None:
        return None
    provider = target.provider
    if provider.metered is None and (not provider.kind or provider.kind in _TOO_FAST):
        return None
    if not target.visible or target.terms.dear or target.provider.bills_after_disconnect:
        return None
    # A budget that only watches is metered too, or it would say something else than one that enforces.
    if not any(claim.budget.guarantee == "hard" for claim in claimed):
        return None
    if priced.per_output_token.amount == 0 or learned.exceeded(target.listed.provider, target.listed.model):
        return None
    allowance = Allowance(priced)
    return None if allowance.whole else allowance
