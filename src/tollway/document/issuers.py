"""Identity providers, from what is written to what tokens are judged by."""

import re
from collections.abc import Callable, Collection, Sequence
from urllib.parse import urlsplit

from tollway.document.names import check_slug
from tollway.document.providers import check_secret
from tollway.document.written import ClaimsDocument, IssuerDocument
from tollway.errors import SettingsInvalid
from tollway.gateway import Secret
from tollway.identity.attributes import LONGEST_NAME
from tollway.identity.issuer import SAFE_ALGORITHMS, ClaimMap, Issuer, Trusted

LONGEST_LEEWAY_S = 60
LONGEST_AGE_S = 86_400
_URL = re.compile(r"(https?)://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?(?:/(?:(?![#?\\])[!-~])*)?")
# RFC 9110, 5.6.2: a field name is a token.
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^`|~-]+")
_TAKEN_HEADERS = frozenset(
    [
        "host",
        "content-length",
        "content-type",
        "content-encoding",
        "transfer-encoding",
        "connection",
        "upgrade",
        "user-agent",
        "cookie",
        "origin",
        "tollway-metadata",
        "cf-aig-metadata",
        "tollway-gateway-id",
        "cf-aig-gateway-id",
        "sec-fetch-site",
    ]
)
_RESERVED = ("cf.", "tollway.")
_TYPICAL = "https://login.example.com"


def read_issuers(
    written: Sequence[IssuerDocument], gateways: Collection[str], resolve: Callable[[str, str], str]
) -> Trusted:
    """The issuers. Raises SettingsInvalid naming the issuer, the value and the way out."""
    found: dict[str, Issuer] = {}
    for one in written:
        where = f'issuer "{one.name}"'
        check_slug(one.name, f"{where}, name")
        if one.name in found:
            raise SettingsInvalid(f"{where}: the name is used twice; names of issuers are unique.")
        issuer = _issuer(one, where, gateways, resolve)
        for other in found.values():
            shared = set(other.audiences) & set(issuer.audiences)
            if other.issuer == issuer.issuer and shared:
                raise SettingsInvalid(
                    f'{where}: "{other.name}" has the same issuer and the audience "{min(shared)}" too, so nobody can tell '
                    "whose token it is; give each its own audience, or write one of them."
                )
        found[one.name] = issuer
    return Trusted(tuple(found.values()))


def _issuer(
    written: IssuerDocument, where: str, gateways: Collection[str], resolve: Callable[[str, str], str]
) -> Issuer:
    _check_url(written.issuer, f"{where}, issuer", written)
    if written.jwks_url is not None:
        _check_url(written.jwks_url, f"{where}, jwks_url", written)
    if written.userinfo_url is not None:
        _check_url(written.userinfo_url, f"{where}, userinfo_url", written)
    access = written.kind == "cloudflare_access"
    if access and urlsplit(written.issuer).path not in ("", "/"):
        raise SettingsInvalid(
            f'{where}: the issuer of Cloudflare Access is "https://<team>.cloudflareaccess.com", without a path; '
            f"{written.issuer!r} has one."
        )
    for slug in written.gateways:
        if slug not in gateways:
            raise SettingsInvalid(f'{where}: no gateway "{slug}"; there are {", ".join(sorted(gateways))}.')
    if not 0 <= written.leeway_s <= LONGEST_LEEWAY_S:
        raise SettingsInvalid(f"{where}: leeway_s is {written.leeway_s}; write 0 to {LONGEST_LEEWAY_S}.")
    if not 0 < written.max_age_s <= LONGEST_AGE_S:
        raise SettingsInvalid(f"{where}: max_age_s is {written.max_age_s}; write 1 to {LONGEST_AGE_S} (a day).")
    base = written.issuer.rstrip("/")
    return Issuer(
        name=written.name,
        issuer=written.issuer,
        audiences=_audiences(written, where),
        kind=written.kind,
        # Cloudflare's documentation, "Validate JWTs": where an application's keys and a person's groups are told.
        jwks_url=written.jwks_url or (f"{base}/cdn-cgi/access/certs" if access else None),
        userinfo_url=written.userinfo_url or (f"{base}/cdn-cgi/access/get-identity" if access else None),
        algorithms=_algorithms(written, where),
        token_types=frozenset(kind.lower().removeprefix("application/") for kind in written.token_types),
        headers=_headers(written, where),
        claims=_claims(written.claims, where),
        groups_from=written.groups_from,
        require=_required(written, where),
        gateways=tuple(written.gateways),
        # Access lets nobody in whose address its identity provider, or a code sent there, has not proven.
        email_assumed=access or written.email_verified == "assumed",
        leeway_ms=written.leeway_s * 1000,
        max_age_ms=written.max_age_s * 1000,
        allow_private=written.allow_private,
        allow_http=written.allow_http,
        client_id=written.client_id,
        client_secret=_secret(written, where, resolve),
        scopes=tuple(written.scopes),
        priority=written.priority,
        enabled=written.enabled,
    )


def _check_url(url: str, where: str, written: IssuerDocument) -> None:
    shape = _URL.fullmatch(url)
    if shape is None or not 0 < int(shape[2] or 443) < 65_536:
        raise SettingsInvalid(f"{where}: {url!r} is not an https URL without user and query, such as {_TYPICAL}.")
    if shape[1] == "http" and not written.allow_http:
        raise SettingsInvalid(
            f'{where}: {url!r} has no TLS, so anybody on the way could hand out keys. Use https, or set "allow_http: true" '
            "(and allow_private) for a provider on your own network."
        )
    if shape[1] == "http" and not written.allow_private:
        raise SettingsInvalid(
            f'{where}: without TLS only a private address is asked; set "allow_private: true" as well, or use https.'
        )


def _audiences(written: IssuerDocument, where: str) -> tuple[str, ...]:
    audiences = (written.audience,) if isinstance(written.audience, str) else tuple(written.audience)
    if not audiences or not all(audiences):
        raise SettingsInvalid(
            f'{where}: "audience" is empty, so tokens meant for any other service would open this one; write what its '
            "tokens have in `aud` for this gateway."
        )
    return audiences


def _algorithms(written: IssuerDocument, where: str) -> frozenset[str]:
    if not written.algorithms:
        raise SettingsInvalid(
            f'{where}: "algorithms" is empty; leave it out, or write some of {_some(SAFE_ALGORITHMS)}.'
        )
    for algorithm in written.algorithms:
        if algorithm not in SAFE_ALGORITHMS:
            weak = algorithm.lower() == "none" or algorithm.upper().startswith("HS")
            why = "is no proof of who signed" if weak else "is not known here"
            raise SettingsInvalid(
                f"{where}: the algorithm {algorithm!r} {why}; write some of {_some(SAFE_ALGORITHMS)}."
            )
    return frozenset(written.algorithms)


def _headers(written: IssuerDocument, where: str) -> tuple[bytes, ...]:
    found: list[bytes] = []
    for header in written.headers:
        name = header.lower()
        if _HEADER.fullmatch(header) is None or name in _TAKEN_HEADERS:
            raise SettingsInvalid(
                f"{where}: {header!r} cannot carry a token; write the name of a header such as X-Id-Token."
            )
        found.append(name.encode())
    return tuple(found)


def _claims(written: ClaimsDocument, where: str) -> ClaimMap:
    for field in ("subject", "email", "name", "groups", "country"):
        if not getattr(written, field):
            raise SettingsInvalid(f"{where}, claims.{field}: it is empty; leave it out, or name a claim.")
    for attribute in written.lists:
        if attribute in written.metadata:
            raise SettingsInvalid(
                f'{where}, claims.lists: "{attribute}" is in claims.metadata too; it has one value or several, so leave one out.'
            )
    named = [("metadata", *entry) for entry in written.metadata.items()]
    named += [("lists", *entry) for entry in written.lists.items()]
    for field, attribute, claim in named:
        if not attribute or attribute.startswith(_RESERVED) or len(attribute) > LONGEST_NAME or not claim:
            raise SettingsInvalid(
                f"{where}, claims.{field}: {attribute!r}: {claim!r} is reserved, empty or longer than {LONGEST_NAME} "
                'characters; write an attribute and a claim, such as "department: dept".'
            )
    return ClaimMap(
        subject=written.subject,
        user=written.user,
        email=written.email,
        name=written.name,
        groups=written.groups,
        groups_required=written.groups_required,
        client_id=written.client_id,
        country=written.country,
        metadata=dict(written.metadata),
        lists=dict(written.lists),
    )


def _required(written: IssuerDocument, where: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for claim, values in written.require.items():
        found[claim] = (values,) if isinstance(values, str) else tuple(values)
        if not found[claim]:
            raise SettingsInvalid(
                f"{where}, require: {claim!r} has no value that would do; write one, or leave it out."
            )
    return found


def _secret(written: IssuerDocument, where: str, resolve: Callable[[str, str], str]) -> Callable[[], str] | None:
    if written.client_secret is None:
        return None
    if written.client_id is None:
        raise SettingsInvalid(f'{where}: there is a client_secret without a client_id; add "client_id".')
    secret = resolve(written.client_secret, f"{where}, client_secret")
    check_secret(secret, f"{where}, client_secret")
    return Secret(secret).reveal


def _some(names: Sequence[str]) -> str:
    return ", ".join(names)
