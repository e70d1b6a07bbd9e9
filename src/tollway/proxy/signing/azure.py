"""Microsoft Entra: a client's token for its secret, or for the token a platform puts in a file (workload identity)."""

import asyncio
from pathlib import Path
from urllib.parse import quote

from tollway.clock import Clock
from tollway.errors import SettingsInvalid
from tollway.gateway import AzureAuth
from tollway.proxy.signing.oauth import Bearer, endpoint_url, token_from
from tollway.proxy.signing.renewed import Fresh, Renewed
from tollway.proxy.signing.signer import CredentialsUnavailable, Header

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523, 2.2


def azure_signer(auth: AzureAuth, clock: Clock) -> Bearer:
    """Raises SettingsInvalid for settings with neither a secret nor a file, or an authority without TLS."""
    if auth.client_secret is None and auth.federated_token_file is None:
        raise SettingsInvalid(
            f'Azure client "{auth.client_id}" has nothing to show: set "client_secret", or "federated_token_file" to the '
            "file that the platform writes (AZURE_FEDERATED_TOKEN_FILE)."
        )
    authority = auth.authority.rstrip("/")
    url = endpoint_url(f"{authority}/{quote(auth.tenant, safe='')}/oauth2/v2.0/token", field="authority")

    def fetch() -> Fresh[tuple[Header, ...]]:
        at = clock.now()
        shown = _shown(auth)
        form = {"grant_type": "client_credentials", "client_id": auth.client_id, "scope": auth.scope, **shown}
        return token_from(url, form, at=at, secrets=[shown.get("client_secret") or shown["client_assertion"]])

    name = f'The Microsoft Entra token of client "{auth.client_id}" in tenant "{auth.tenant}"'
    return Bearer(Renewed(lambda: asyncio.to_thread(fetch), name=name, clock=clock))


def _shown(auth: AzureAuth) -> dict[str, str]:
    """What proves that we are the client, as fields of the form."""
    if auth.client_secret is not None:
        return {"client_secret": auth.client_secret.reveal()}
    path = auth.federated_token_file
    assert path is not None
    try:
        # Read each time: the platform exchanges it every hour or so.
        token = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is not text"
        raise CredentialsUnavailable(f'the federated token file "{path}" cannot be read: {why}') from error
    if not token:
        raise CredentialsUnavailable(f'the federated token file "{path}" is empty')
    return {"client_assertion_type": _ASSERTION, "client_assertion": token}
