"""A simulated walk sees the same fields as a real one."""

from tests.routes.routed import model, node, route

from tollway.admin.route_simulate import RouteSimulation, simulated


def test_every_field_that_is_asked_for_can_be_given() -> None:
    condition = {
        "body.max_tokens": {"$gt": 10},
        "headers.X-Tenant": "acme",
        "metadata.level": 3,
        "metadata.beta": True,
        "user.groups": "eng",
        "user.name": "Ada",
        "cf.user.id": "ada",
        "cf.country": "DE",
        "country": "DE",
        "key": "k",
        "service": "ci",
        "gateway": "prod",
        "model": "dynamic/support",
    }
    taken = route(
        node("first", "conditional", {"conditions": condition}, true_="yes", false_="no"),
        model("yes", "openai/yes", success="end"),
        model("no", "openai/no"),
        gateway="prod",
    )
    asked = RouteSimulation.model_validate(
        {
            "body": {"max_tokens": 11},
            "headers": {"x-tenant": "acme"},
            "metadata": {"level": 3, "beta": True},
            "user": {"id": "ada", "groups": ["eng"], "name": "Ada"},
            "country": "DE",
            "key": "k",
            "service": "ci",
        }
    )
    assert [one.model for one in simulated(asked, taken).targets] == ["yes"]
    assert [one.model for one in simulated(RouteSimulation(), taken).targets] == ["no"]


def test_a_draw_decides_where_a_percentage_goes() -> None:
    taken = route(
        node("first", "percentage", None, **{"50%": "a", "else": "b"}),
        model("a", "openai/a"),
        model("b", "openai/b", success="end"),
    )
    for draw, goes in [(0.0, "a"), (0.49, "a"), (0.5, "b")]:
        found = simulated(RouteSimulation(draw=draw, answers=[goes]), taken)
        assert (found.path, found.answered_by) == (["start", "first", goes], goes)
