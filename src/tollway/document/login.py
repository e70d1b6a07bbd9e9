"""How people sign in, from what is written to what is done."""

import re
from collections.abc import Collection, Sequence

from tollway.document.written import IssuerDocument, LoginDocument
from tollway.errors import SettingsInvalid
from tollway.identity.login import Login

SHORTEST_ACCESS_S = 60
LONGEST_ACCESS_S = 86_400
LONGEST_REFRESH_S = 31_536_000
# An origin and nothing behind it: paths of the OAuth endpoints are fixed (RFC 8414, 3).
_ORIGIN = re.compile(r"https://(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?")
_LOOPBACK = re.compile(r"http://(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]{1,5})?")


def read_login(
    written: LoginDocument | None, issuers: Sequence[IssuerDocument], gateways: Collection[str]
) -> Login | None:
    """The settings of signing in; `None` where nobody can. Raises SettingsInvalid naming the field and the way out."""
    if written is None:
        return None
    issuer = next((one for one in issuers if one.name == written.issuer), None)
    if issuer is None:
        known = ", ".join(sorted(one.name for one in issuers)) or "none"
        raise SettingsInvalid(
            f'login.issuer: there is no issuer "{written.issuer}" in the settings; there are: {known}.'
        )
    if issuer.client_id is None:
        raise SettingsInvalid(
            f'login.issuer: issuer "{issuer.name}" has no client_id; register this gateway there as a web application '
            "and write its client_id (and client_secret) to the issuer."
        )
    if not issuer.enabled:
        raise SettingsInvalid(f'login.issuer: issuer "{issuer.name}" is switched off; switch it on, or name another.')
    if "openid" not in issuer.scopes:
        raise SettingsInvalid(f'login.issuer: the scopes of issuer "{issuer.name}" lack "openid", so nobody is named.')
    public = written.public_url.rstrip("/") if written.public_url is not None else None
    if public is not None and not (_ORIGIN.fullmatch(public) or _LOOPBACK.fullmatch(public)):
        raise SettingsInvalid(
            f"login.public_url: {written.public_url!r} is not https:// and a host, such as https://ai.example.com "
            "(http only on this machine; no path)."
        )
    _check_length("access_token_s", written.access_token_s, SHORTEST_ACCESS_S, LONGEST_ACCESS_S)
    _check_length("refresh_token_s", written.refresh_token_s, written.access_token_s, LONGEST_REFRESH_S)
    for slug in written.gateways:
        if slug not in gateways:
            raise SettingsInvalid(f'login.gateways: no gateway "{slug}"; there are {", ".join(sorted(gateways))}.')
    return Login(
        issuer=written.issuer,
        public_url=public,
        device=written.device,
        access_token_ms=written.access_token_s * 1000,
        refresh_token_ms=written.refresh_token_s * 1000,
        gateways=tuple(written.gateways),
        forwarded_for=written.forwarded_for,
    )


def _check_length(field: str, seconds: int, least: int, most: int) -> None:
    if not least <= seconds <= most:
        raise SettingsInvalid(f"login.{field}: {seconds} seconds is not between {least:,} and {most:,}.")
