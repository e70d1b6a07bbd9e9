"""Layers are shaped as `GET /v1/budget` tells them (`test_people.py` asks a gateway for them)."""

from tollway.admin.people_layers import Deed, Layer


def test_a_layer_says_what_a_budget_does_before_it_is_spent() -> None:
    row = dict.fromkeys(Layer.model_fields) | {
        "id": "each", "budget": "each", "account": "each[user=ann]", "mode": "enforce", "window": "day", "models": [],
        "spent_usd": "1", "held_usd": "0", "resets": "anew", "frozen": False,
        "actions": [{"at_percent": 80, "do": "slow", "due": True, "delay_ms": 500, "to": None}],
    }  # fmt: skip
    assert Layer.model_validate(row).actions == [Deed(at_percent=80, do="slow", due=True, delay_ms=500, to=None)]
    assert Layer.model_validate(row).limit_usd is None
