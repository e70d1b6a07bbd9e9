import inspect

from tollway import app
from tollway.admin.runtime import Runtime


def test_what_the_control_plane_asks_of_a_gateway_is_what_the_gateway_has() -> None:
    asked = {name for name, _ in inspect.getmembers(Runtime) if not name.startswith("_")}
    assert asked == {
        "anchors", "attempts", "calendar", "clock", "compile", "heavy", "is_admin", "issuers", "keyring", "learned", "reload", "safe",
        "settings_path", "snapshot", "store", "tokens",
    }  # fmt: skip
    assert asked <= {*app.Runtime.__struct_fields__, *dir(app.Runtime)}
