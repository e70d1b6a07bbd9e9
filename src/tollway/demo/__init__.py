"""A whole company in a terminal: a fake provider, a real gateway, people who spend, and a budget that stops them.

Needs no key and no network; everything is on loopback and in a temporary folder. The gateway is the real one, so what
is shown is what it does: the fake provider keeps a bill of its own, and the ledger must agree with it.
"""
