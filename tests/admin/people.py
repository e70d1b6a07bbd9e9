"""People who have signed in, for tests: an access token for anybody."""

import secrets
from typing import Any

from tests.admin.gateways import Caller

from tollway.identity.keys import Key, digest
from tollway.identity.person import Person
from tollway.identity.secrets import ACCESS, make_token

ROLES = """\
administration:
  owner: {{users: [ada@example.com]}}
  admin: {{groups: [platform]}}
  finance: {{groups: [finance]}}
  developer: {{groups: ["*"]}}
"""
OWNER, ADMIN, FINANCE, ALICE, BOB = (f"{name}@example.com" for name in ("ada", "paul", "fiona", "alice", "bob"))
GROUPS = {ADMIN: ("platform",), FINANCE: ("finance",), ALICE: ("eng", "leads"), BOB: ("eng",)}


def signed_in(caller: Caller, user: str, expires_at: int | None = None, **proven: Any) -> str:
    """An access token of somebody, of whom more may be proven."""
    token = make_token(ACCESS, secrets.token_bytes)
    snapshot = caller.runtime.snapshot
    person = Person(issuer="https://idp.example.com", subject=user, email=user)
    snapshot.issued.put(
        Key(
            name=f"login:{user}",
            digest=digest(token, snapshot.pepper),
            user=user,
            groups=GROUPS.get(user, ()),
            person=person,
            expires_at=expires_at,
            **proven,
        )
    )
    return token
