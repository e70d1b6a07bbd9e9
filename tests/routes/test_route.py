"""Routes and the models they may call."""

from tests.routes.routed import model, node, route

from tollway.routes.route import End, Target, targets_of


def test_every_model_is_named_once_in_the_order_written() -> None:
    targets = [{"model": "openai/b", "weight": 2}, {"model": "openai/a", "weight": 9}]
    taken = route(
        model("first", "openai/a", fallback="pool"), node("pool", "pool", {"targets": targets}, success="end")
    )
    assert taken.targets == (Target("openai", "a"), Target("openai", "b", 2))


def test_what_calls_nobody_has_no_targets() -> None:
    assert targets_of(End("end")) == ()
