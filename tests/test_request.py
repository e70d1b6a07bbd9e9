import world

from tollway.request import Credential

SECRET = "tw_top_secret_of_a_caller"


def test_a_credential_does_not_show_its_secret() -> None:
    shown = repr(Credential(b"x-api-key", SECRET))
    assert SECRET not in shown and "x-api-key" in shown


def test_a_request_shows_neither_headers_nor_body() -> None:
    request = world.request({"model": "m", "prompt": "my prompt"}, secret=SECRET)
    assert request.id in repr(request)
    assert SECRET not in repr(request) and "my prompt" not in repr(request)
    assert SECRET not in repr((request, {"request": request}))
