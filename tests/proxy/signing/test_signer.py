"""Which signer an `auth` gives, and what is said where its library is not installed."""

import subprocess
import sys

import pytest

from tollway.clock import Clock
from tollway.errors import SettingsInvalid
from tollway.gateway import Auth, AwsAuth, AzureAuth, GoogleAuth, Secret
from tollway.proxy.signing.aws import AwsSigner
from tollway.proxy.signing.oauth import Bearer
from tollway.proxy.signing.signer import signer_for

AUTHS: list[tuple[Auth, type]] = [
    (AwsAuth(region="us-east-1"), AwsSigner),
    (GoogleAuth(), Bearer),
    (AzureAuth(tenant="t", client_id="c", client_secret=Secret("s")), Bearer),
]


@pytest.mark.parametrize(("auth", "kind"), AUTHS, ids=lambda value: type(value).__name__)
def test_each_way_to_identify_has_its_signer(auth: Auth, kind: type) -> None:
    assert isinstance(signer_for(auth, clock=Clock()), kind)
    assert isinstance(signer_for(auth), kind)


@pytest.mark.parametrize(
    ("auth", "library", "module", "extra"),
    [
        (AwsAuth(region="us-east-1"), "botocore", "botocore.auth", "aws"),
        (GoogleAuth(), "google.auth", "google.auth", "google"),
        (GoogleAuth(), "requests", "google.auth.transport.requests", "google"),
    ],
)
def test_a_library_that_is_missing_is_named_with_the_way_to_it(
    monkeypatch: pytest.MonkeyPatch, auth: Auth, library: str, module: str, extra: str
) -> None:
    monkeypatch.delitem(sys.modules, f"tollway.proxy.signing.{extra}", raising=False)
    monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(SettingsInvalid) as raised:
        signer_for(auth)
    assert str(raised.value).endswith(f'pip install "tollway[{extra}]".')
    assert library in str(raised.value)


def test_no_library_is_loaded_before_an_auth_asks_for_it() -> None:
    program = (
        "import sys; from tollway.gateway import *; from tollway.proxy.signing.signer import signer_for; "
        "signer_for(AzureAuth(tenant='t', client_id='c', client_secret=Secret('s'))); "
        "print([name for name in sys.modules if name.split('.')[0] in ('botocore', 'google', 'requests')])"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


def test_the_gateway_starts_without_what_only_some_providers_need() -> None:
    blocked = "botocore", "google.auth", "requests", "boto3"
    script = f"import sys; sys.modules.update(dict.fromkeys({blocked!r})); import tollway.app, tollway.cli.serve"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
