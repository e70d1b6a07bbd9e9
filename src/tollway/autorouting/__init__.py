"""How much a prompt needs the stronger of two models, told from its text alone: no call, no clock, no network.

`scorer.Scorer` is the way in. It reads a model that ships beside it (`model.bin`, made by `scripts/train_auto.py`) and needs
nothing but the standard library and msgspec, so that a gateway that routes pays for it in milliseconds and a few megabytes, and
one that does not pays nothing. What the score is worth: `docs/reference/auto-router-scorer.md`.
"""
