from tollway.identity.identity import ANONYMOUS, of_key
from tollway.identity.keys import Key


def test_a_key_of_a_person_is_a_user() -> None:
    identity = of_key(Key(name="k", digest=b"", user="a@b.c", groups=("g",), metadata={"team": "ml"}))
    assert (identity.kind, identity.user, identity.service, identity.key) == ("user", "a@b.c", None, "k")
    assert (identity.groups, identity.metadata) == (("g",), {"team": "ml"})


def test_a_key_of_a_program_is_a_service() -> None:
    identity = of_key(Key(name="k", digest=b"", service="nightly"))
    assert (identity.kind, identity.user, identity.service) == ("service", None, "nightly")


def test_nobody_in_particular_has_nothing_to_be_matched_by() -> None:
    assert ANONYMOUS.kind == "anonymous"
    assert (ANONYMOUS.user, ANONYMOUS.service, ANONYMOUS.groups, ANONYMOUS.key, ANONYMOUS.metadata) == (
        None,
        None,
        (),
        None,
        {},
    )


def test_a_caller_waits_as_its_key_is_classed() -> None:
    assert of_key(Key(name="k", digest=b"")).priority == ANONYMOUS.priority == "standard"
    assert of_key(Key(name="k", digest=b"", priority="production")).priority == "production"
