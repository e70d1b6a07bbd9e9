"""What a model costs, and what a request may cost: prices, charges, bounds. Pure; integers only.

`units.py` has the words (unit price, price), `price.py` the book they are looked up in, `charge.py` turns reported
usage into an amount, `estimate.py` bounds that amount before the call. `book.json` is compiled from public price lists
by `scripts/compile_prices.py`; `catalogue.py` reads it, `overrides.py` puts prices from the settings on top, `tiers.py`
knows the service tiers and regional uplifts, and `ceiling.py` finds the dearest price that may apply. `custom_cost.py`
reads a price that a caller gives with its request; `listing.py` and `disagreements.py` are for people who look.

Every price names its source: genai-prices, LiteLLM's list, a page of the provider, the settings, the request.

What must hold: a charge's lines never overlap and add up to its amount; a quote is never below the charge of any usage
within its bounds; an unknown price is `None` or `Unpriced`, never zero.
"""
