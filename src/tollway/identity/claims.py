"""From the claims of a token whose signature is right to who is asking.

`why_not` says whether the token is meant for this gateway and good now; `identity_of` says whose it is. The identity is the
pair of issuer and subject; names and addresses are what budgets and people know it by.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from tollway.clock import iso
from tollway.identity.claim_lists import read_lists
from tollway.identity.identity import Identity
from tollway.identity.issuer import Issuer
from tollway.identity.jwt import Token, Unfit, instant
from tollway.identity.names import is_address, known_as, same
from tollway.identity.person import Person

USER_ID = "cf.user_id"
"""Metadata that Cloudflare sets for a caller whose token has a subject; nobody can declare it."""
LONGEST_NAME = 256
MOST_GROUPS = 2_000
_CLIENT_CLAIMS = ("client_id", "azp", "common_name", "appid", "cid")


class Life(NamedTuple):
    """How long a token is good, in Unix milliseconds."""

    until: int
    """The first instant at which it is not, without leeway."""


class Elsewhere(NamedTuple):
    """The token's groups are not in it, and have to be asked for."""

    overage: bool
    """The token itself says so (Entra, where somebody has more groups than a token holds)."""


def why_not(token: Token, issuer: Issuer, now: int) -> Life | Unfit:
    """Until when a token of `issuer` is good, or why it is not at `now` (Unix milliseconds)."""
    if token.kind not in issuer.token_types:
        return unfit(
            issuer, f'it is of the type "{_shown(token.kind)}", which is not taken ({_some(issuer.token_types)})'
        )
    claims = token.claims
    if claims.get("iss") != issuer.issuer:
        return unfit(issuer, "its issuer is another one")
    if not set(audiences(claims)) & set(issuer.audiences):
        said = ", ".join(_shown(one) for one in audiences(claims)[:3]) or "nobody"
        return unfit(
            issuer, f"it is meant for {said}, not for {_some(issuer.audiences)}; ask for one with that audience"
        )
    try:
        expires, issued, begins = instant(claims, "exp"), instant(claims, "iat"), instant(claims, "nbf")
    except ValueError as error:
        return unfit(issuer, f"{error}")
    if expires is None or issued is None:
        return unfit(issuer, "it does not say when it was issued and when it ends (iat, exp)")
    until = min(expires, issued + issuer.max_age_ms)
    if issued > now + issuer.leeway_ms or (begins is not None and begins > now + issuer.leeway_ms):
        return unfit(issuer, f"it is not good before {iso(max(issued, begins or 0))}; look at the clocks")
    if now >= until + issuer.leeway_ms:
        return Unfit(
            "credential_expired",
            f'The token of issuer "{issuer.name}" has expired: it was good until {iso(until)}. Sign in again for a new one.',
        )
    for claim, values in issuer.require.items():
        if not set(_texts(found(claims, claim))) & set(values):
            return unfit(issuer, f'its claim "{claim}" is not {" or ".join(values)}, as the settings require')
    if issuer.kind == "cloudflare_access" and claims.get("type", "app") != "app":
        return unfit(issuer, "it is Cloudflare Access's own session, not one for an application")
    return Life(until)


def audiences(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """RFC 7519, 4.1.3: one text, or a list of them. What is anything else is nobody."""
    audience = claims.get("aud")
    if isinstance(audience, str):
        return (audience,)
    if isinstance(audience, list) and all(isinstance(one, str) for one in cast(list[object], audience)):
        return tuple(cast(list[str], audience))
    return ()


def groups_elsewhere(claims: Mapping[str, Any], issuer: Issuer) -> Elsewhere | None:
    """Whether the groups have to be asked for. Somebody whose groups are not known is in none that a rule could see."""
    names = claims.get("_claim_names")
    # Entra's two ways to say that there are too many (its access tokens, its implicit-flow tokens).
    overage = claims.get("hasgroups") is True or (
        isinstance(names, dict) and issuer.claims.groups in cast(dict[str, Any], names)
    )
    if overage or issuer.groups_from == "userinfo":
        return Elsewhere(overage)
    return None


def identity_of(
    claims: Mapping[str, Any], issuer: Issuer, until: int, told: Mapping[str, Any] | None = None
) -> Identity | Unfit:
    """Who the bearer of these proven claims is. `told`: what the issuer said of them when asked (`told_of`)."""
    if told is not None:
        claims = _completed(claims, told, issuer)
    names = issuer.claims
    subject = found(claims, names.subject)
    if subject is not None and not isinstance(subject, str):
        return unfit(issuer, f'its claim "{names.subject}" is no text')
    client = _client(claims, issuer)
    email = _email(claims, issuer)
    if isinstance(email, Unfit):
        return email
    name = _text(found(claims, names.name))
    service = client if client is not None and _is_service(claims, issuer, subject or "", client, email, name) else None
    if not subject and service is None:
        return unfit(
            issuer,
            f'its claim "{names.subject}" is empty, and it does not say that a client asks for itself; have the issuer add the '
            "claim (in Keycloak by the client scope basic), or name another one in the settings (claims.subject)",
        )
    user = None if service is not None else _user(claims, issuer, subject or "", email)
    if isinstance(user, Unfit):
        return user
    mapped = {attribute: found(claims, claim) for attribute, claim in names.metadata.items()}
    mapped = {attribute: value for attribute, value in mapped.items() if value is not None}
    metadata: dict[str, str] = {}
    for attribute, value in mapped.items():
        said = _scalar(value)
        if said is None:
            # Left out, it would take its bearer out of the rules that go by it.
            return unfit(
                issuer,
                f'its claim "{names.metadata[attribute]}" is a list or an object, and the settings make one value of it '
                f"(claims.metadata.{attribute}); have the issuer send one, name the claim inside it, or make a list of it (claims.lists)",
            )
        metadata[attribute] = said
    lists = read_lists({attribute: found(claims, claim) for attribute, claim in names.lists.items()}, names.lists)
    if isinstance(lists, str):
        return unfit(issuer, lists)
    if subject:
        metadata[USER_ID] = subject
    groups = _groups(claims, issuer, asked=told is not None)
    if isinstance(groups, Unfit):
        return groups
    for text in (service, user, subject, email, name, *groups, *metadata.values()):
        if text is not None and (len(text) > LONGEST_NAME * 4 or not text.isprintable()):
            return unfit(issuer, "one of its claims is too long, or has characters that cannot be shown")
    return Identity(
        kind="user" if service is None else "service",
        user=user,
        service=service,
        groups=groups,
        metadata=metadata,
        priority=issuer.priority,
        source="token",
        person=Person(
            issuer=issuer.issuer,
            issuer_name=issuer.name,
            subject=subject or "",
            email=email,
            name=name,
            client_id=client if service is not None else None,
            country=_country(found(claims, names.country)),
            claims=mapped | lists,
            expires_at=until,
        ),
        gateways=issuer.gateways,
        proven_only=names.mapped,
    )


def found(claims: Mapping[str, Any], path: str) -> Any:
    """The claim of that name, or where a dotted name leads; `None` where there is none."""
    if path in claims:
        return claims[path]
    if "://" in path:
        return None
    at: Any = claims
    for step in path.split("."):
        if not isinstance(at, dict):
            return None
        at = cast(dict[str, Any], at).get(step)
    return at


def same_person(claims: Mapping[str, Any], told: Mapping[str, Any], issuer: Issuer) -> bool:
    """Whether what the issuer answered is about the bearer (OpenID Connect Core, 5.3.2: `sub` has to be the same)."""
    subject = claims.get("sub")
    if issuer.kind == "cloudflare_access":
        return bool(subject) and told.get("user_uuid") == subject
    return bool(subject) and told.get("sub") == subject


def told_of(said: Mapping[str, Any], issuer: Issuer) -> dict[str, Any]:
    """What of an issuer's userinfo is used: by the name that the settings give the claim."""
    names = issuer.claims
    wanted = (
        names.groups,
        names.email,
        "email_verified",
        names.name,
        names.country,
        names.user,
        *names.metadata.values(),
        *names.lists.values(),
    )
    values = {path: found(said, path) for path in wanted if path is not None}
    return {path: value for path, value in values.items() if value is not None}


def _completed(claims: Mapping[str, Any], told: Mapping[str, Any], issuer: Issuer) -> dict[str, Any]:
    """The claims with what was told besides. The token's own word comes first, except for groups: those were asked for."""
    names = issuer.claims
    apart = (names.email, "email_verified")
    whole = {
        **claims,
        **{path: said for path, said in told.items() if path not in apart and found(claims, path) is None},
    }
    if found(claims, names.email) is None and names.email in told:
        # Whether it is verified is said of this address, not of another one.
        whole[names.email], whole["email_verified"] = told[names.email], told.get("email_verified")
        if whole["email_verified"] is None:
            del whole["email_verified"]
    whole[names.groups] = told.get(names.groups)
    return whole


def _client(claims: Mapping[str, Any], issuer: Issuer) -> str | None:
    named = issuer.claims.client_id
    for claim in (named,) if named is not None else _CLIENT_CLAIMS:
        client = found(claims, claim)
        if isinstance(client, str) and client:
            return client
    return None


def _is_service(
    claims: Mapping[str, Any], issuer: Issuer, subject: str, client: str, email: str | None, name: str | None
) -> bool:
    """Whether a client asks for itself.

    That no person is named is no proof of it: whoever asks for a token may leave out the scopes that name them, and would
    be another's budget. The token has to say so: by its subject (RFC 9068, 5; Auth0; Cloudflare, whose service tokens have
    none, nor name anybody otherwise), its grant (Auth0), its type (Entra) or its user name (Keycloak). Where the settings
    name the claim, its presence in a token without a person says so.
    """
    if subject in (client, f"{client}@clients"):
        return True
    if claims.get("gty") == "client-credentials" or claims.get("idtyp") == "app":
        return True
    # Keycloak: only such tokens have the claim `client_id`; anybody might choose the user name.
    own = claims.get("client_id", claims.get("clientId"))
    if own == client and claims.get("preferred_username") == same(f"service-account-{client}"):
        return True
    person = (claims.get("email"), claims.get("preferred_username"), found(claims, issuer.claims.email), email, name)
    return (not subject or issuer.claims.client_id is not None) and not any(person)


def _email(claims: Mapping[str, Any], issuer: Issuer) -> str | Unfit | None:
    """The address, if the issuer has verified it, as names are compared: providers repeat it as it was typed."""
    email = _text(found(claims, issuer.claims.email))
    verified = claims.get("email_verified", True if issuer.email_assumed else None)
    # Some (Cognito) write the truth as text.
    if not email or "@" not in email or not (verified is True or verified == "true"):
        return None
    if not is_address(email):
        return unfit(
            issuer,
            f'its claim "{issuer.claims.email}" is no address of one person: it has white space, a comma, a character that '
            'cannot be shown, or not exactly one "@" with something on both sides; have it corrected at the issuer',
        )
    return same(email)


def _user(claims: Mapping[str, Any], issuer: Issuer, subject: str, email: str | None) -> str | Unfit:
    """What budgets know the person by."""
    named = issuer.claims.user
    if named is not None:
        user = email if named == issuer.claims.email else _text(found(claims, named))
        verified = " as a verified e-mail address" if named == issuer.claims.email else ""
        return (
            known_as(user)
            if user
            else unfit(
                issuer,
                f'it has no claim "{named}"{verified}, by which the settings know people; ask for one with the scopes that add it '
                "(openid, email, profile), or have the issuer add it",
            )
        )
    if email is None and "@" in subject and not issuer.email_assumed:
        # Whoever may choose their subject could choose another's address.
        return unfit(
            issuer,
            "its subject is an e-mail address that nobody says is verified; the administrator may trust it "
            '(claims: {user: sub}, or "email_verified: assumed")',
        )
    return email or known_as(subject)


def groups_in(claims: Mapping[str, Any], issuer: Issuer) -> tuple[str, ...] | Unfit | None:
    """The groups, each once: a list of texts, or one text for one group; of Cloudflare's get-identity, objects with a name.

    `None` where nothing is said. What is said in another way is unfit: rules go by groups, and somebody whose groups were
    misread would be in none of them.
    """
    claim = issuer.claims.groups
    listed = found(claims, claim)
    if listed is None and not _barred(claims, claim):
        return None
    if isinstance(listed, str):
        return (listed,) if listed else ()
    if not isinstance(listed, list):
        return _odd_groups(issuer, "is neither a list of texts nor a text")
    entries = cast(list[object], listed)
    if len(entries) > MOST_GROUPS:
        return _odd_groups(
            issuer, f"has {len(entries):,} groups, more than {MOST_GROUPS:,}", "only the groups of this application"
        )
    named: list[str] = []
    for one in entries:
        if issuer.kind == "cloudflare_access" and isinstance(one, dict):
            group = cast(dict[str, object], one)
            one = group.get("name") or group.get("id") or group.get("email")
        if not isinstance(one, str):
            return _odd_groups(issuer, "has an entry that is no text")
        if one:
            named.append(one)
    return tuple(dict.fromkeys(named))


def _groups(claims: Mapping[str, Any], issuer: Issuer, *, asked: bool) -> tuple[str, ...] | Unfit:
    """The groups, or why somebody without any cannot be let in. `asked`: the issuer was, so what is not there is not known."""
    groups = groups_in(claims, issuer)
    elsewhere = None if asked else groups_elsewhere(claims, issuer)
    if elsewhere is not None and elsewhere.overage:
        return unfit(issuer, "it has more groups than it can hold, and they were not asked for")
    if groups is None and (asked or issuer.claims.groups_required):
        return unfit(
            issuer,
            f'it has no claim "{issuer.claims.groups}", so the groups of its bearer are not known; ask for it with the scope that '
            "adds the claim, or have the issuer add it, as an empty list for whoever is in none",
        )
    return groups or ()


def _odd_groups(issuer: Issuer, how: str, instead: str = "a list of names") -> Unfit:
    return unfit(
        issuer,
        f'its claim "{issuer.claims.groups}" {how}, so the groups of its bearer are not known; have the issuer put {instead} into '
        "it, or name another claim in the settings (claims.groups)",
    )


def _barred(claims: Mapping[str, Any], path: str) -> bool:
    """Whether the way to a claim ends at something that has no names in it."""
    if path in claims or "://" in path:
        return False
    steps = path.split(".")[:-1]
    ways = (found(claims, ".".join(steps[:length])) for length in range(1, len(steps) + 1))
    return any(way is not None and not isinstance(way, dict) for way in ways)


def _country(value: Any) -> str | None:
    """ISO 3166-1, two letters."""
    return value.upper() if isinstance(value, str) and len(value) == 2 and value.isascii() and value.isalpha() else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(value: Any) -> tuple[str, ...]:
    """What a claim says, as texts: of a list, each."""
    if isinstance(value, list):
        return tuple(said for one in cast(list[object], value) if (said := _scalar(one)) is not None)
    said = _scalar(value)
    return () if said is None else (said,)


def _scalar(value: Any) -> str | None:
    """A claim as JSON would write it, a text without its quotes; `None` for what is no scalar."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def _some(names: Any) -> str:
    return ", ".join(f'"{name}"' for name in sorted(names))


def _shown(text: str) -> str:
    """What a stranger wrote, short enough to be repeated and harmless in a terminal."""
    return "".join(character for character in text[:80] if character.isprintable())


def unfit(issuer: Issuer, what: str) -> Unfit:
    """A token of `issuer` that cannot be accepted, for `what` is wrong with it."""
    return Unfit("token_invalid", f'The token of issuer "{issuer.name}" cannot be accepted: {what}.')
