import inspect

from tollway import running
from tollway.admin.runtime import Runtime


def test_what_the_control_plane_asks_of_a_gateway_is_what_the_gateway_has() -> None:
    asked = {name for name, _ in inspect.getmembers(Runtime) if not name.startswith("_")}
    assert asked == {
        "anchors", "answers", "attempts", "buffered", "calendar", "clock", "compile", "entry", "exporting", "health", "heavy", "is_admin",
        "issuers", "keyring", "learned", "rates", "reload", "safe", "scoring", "settings", "settings_path", "snapshot", "store",
        "telemetry", "tokens", "upkeep",
    }  # fmt: skip
    assert asked <= {*running.Runtime.__struct_fields__, *dir(running.Runtime)}
