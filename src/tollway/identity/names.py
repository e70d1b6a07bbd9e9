"""When two spellings of somebody's name are one name.

Unicode's own lower case makes other people's names of some: U+212A, the Kelvin sign, becomes "k", and "ß" becomes "ss". Only the
26 letters are lowered here, so a name with any other character can be nobody's but its own.
"""

from string import ascii_lowercase, ascii_uppercase

_LOWERED = str.maketrans(ascii_uppercase, ascii_lowercase)


def same(name: str) -> str:
    """The name as it is compared: two that differ in the case of A to Z alone are one."""
    return name.translate(_LOWERED)


def known_as(name: str) -> str:
    """The name that budgets know somebody by who is called `name` in settings or at the API: an e-mail address as tokens
    have it, anything else as it is written, since subjects may differ in case alone."""
    return same(name) if is_address(name) else name


LOGIN = "login:"
"""Begins the names of what somebody opens by having signed in; nothing else is called so."""


def is_reserved(name: str) -> bool:
    """Whether no key and no service token may have the name."""
    return same(name).startswith(LOGIN)


NOBODY_BY_NAME = frozenset({"admin", "file", "gateway"})
"""Who did something, in the audit log, where that was nobody by name: the administrator's token, whoever wrote the settings
file, the gateway itself."""


def as_audited(user: str) -> str:
    """A person's name as the audit log has it: one who is called as those who are nobody by name is told apart."""
    return f'user "{user}"' if same(user) in NOBODY_BY_NAME else user


def is_address(text: str) -> bool:
    """Whether an e-mail address can stand for somebody: one "@" with something on both sides, and nothing that would make it
    look like another or like several: no white space, no comma, no control or bidirectional characters.

    Narrower than RFC 5321, which lets a quoted local part have some of these.
    """
    local, _, domain = text.partition("@")
    return bool(local and domain) and "@" not in domain and text.isprintable() and not {" ", ","} & set(text)
