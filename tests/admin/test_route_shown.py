"""Which version is in force is what the settings say, not what was deployed last."""

from tollway.admin.route_shown import active_version, as_written, content_of, elements_shown, route_shown
from tollway.admin.route_versions import Deployment, History, Version
from tollway.document.written_routes import RouteDocument


def made(number: int, model: str) -> Version:
    written = RouteDocument(name="a", targets=[{"model": model}])
    return Version(f"v{number}", number, "ann", content_of(written), elements_shown(written))


ONE, TWO, ONE_AGAIN = made(1, "openai/a"), made(2, "openai/b"), made(3, "openai/a")
HISTORY = History(
    "a", None, 0, 0, (ONE, TWO, ONE_AGAIN), (Deployment("d1", "v1", 5, "ann"), Deployment("d2", "v2", 6, "ann"))
)


def test_the_version_in_force_says_what_the_settings_say() -> None:
    assert active_version(HISTORY, as_written("a", None, TWO.content)) == TWO
    # Of two that say the same, the one that was deployed.
    assert active_version(HISTORY, as_written("a", None, ONE.content)) == ONE
    assert active_version(HISTORY, as_written("a", None, {"targets": [{"model": "openai/c"}]})) is None
    assert active_version(HISTORY, None) is None and active_version(None, RouteDocument(name="a")) is None


def test_the_same_route_in_other_words_is_the_same_version() -> None:
    in_elements = RouteDocument(name="a", elements=elements_shown(as_written("a", None, TWO.content)))
    assert active_version(HISTORY, in_elements) == TWO
    shown = route_shown("a", HISTORY, in_elements)
    assert (shown.in_force, shown.edited, shown.deployment and shown.deployment.version_id) == (True, False, "v2")


def test_a_draft_shows_its_newest_version() -> None:
    shown = route_shown("a", HISTORY, None)
    assert not shown.in_force and shown.version is not None and shown.version.version_id == "v3"
    assert shown.elements == list(ONE_AGAIN.elements) and shown.version.active == "false"


def test_elements_that_cannot_be_read_are_shown_as_they_are_written() -> None:
    assert elements_shown(RouteDocument(name="a", elements=[{"id": "x"}])) == [{"id": "x"}]
