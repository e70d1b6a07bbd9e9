"""Where master keys come from, and that an old one goes only when another is kept."""

import stat
from base64 import b64encode
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tollway.errors import SettingsInvalid
from tollway.sealing import SealBroken, read_master, seal, unseal
from tollway.workers.masters import FILE, KmsMaster, Masters

KEY = b64encode(Random(1).randbytes(32)).decode()
OLD = b64encode(Random(2).randbytes(32)).decode()
ARN = "arn:aws:kms:eu-central-1:1:key/2"


def test_nothing_is_made_before_it_is_needed_and_then_only_its_owner_can_read_it(tmp_path: Path) -> None:
    masters = Masters(tmp_path, {})
    assert masters.all == () and not (tmp_path / FILE).exists()
    made = masters.current()
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert [each.id for each in Masters(tmp_path, {}).all] == [made.id] == [masters.current().id]


def test_a_new_one_stands_before_the_old_which_go_when_told(tmp_path: Path) -> None:
    masters = Masters(tmp_path, {})
    first = masters.current().id
    masters.renew()
    second = masters.current().id
    assert [each.id for each in masters.all] == [second, first] == [each.id for each in Masters(tmp_path, {}).all]
    assert (masters.forget(), masters.forget()) == (1, 0)
    assert [each.id for each in masters.all] == [second]


def test_a_key_from_the_environment_or_a_file_is_used_as_it_is_and_the_old_open_what_they_wrapped(
    tmp_path: Path,
) -> None:
    (tmp_path / "old").write_text(OLD)
    given = {
        "TOLLWAY_MASTER_KEY": "env:K",
        "K": KEY,
        "TOLLWAY_MASTER_KEY_PREVIOUS": f"file:{tmp_path / 'old'}, awskms:{ARN}",
    }
    masters = Masters(tmp_path, given)
    assert [each.id for each in masters.all] == [read_master(KEY, "").id, read_master(OLD, "").id, f"awskms:{ARN}"]
    with pytest.raises(SettingsInvalid, match="TOLLWAY_MASTER_KEY_PREVIOUS"):
        masters.renew()
    assert masters.forget() == 0 and not (tmp_path / FILE).exists()


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"TOLLWAY_MASTER_KEY": "env:K"}, "K is not set"),
        ({"TOLLWAY_MASTER_KEY": "file:/nowhere"}, "'/nowhere' cannot be read"),
        ({"TOLLWAY_MASTER_KEY": KEY}, "write env:NAME"),
        ({"TOLLWAY_MASTER_KEY": "awskms:key"}, "write env:NAME"),
        ({"TOLLWAY_MASTER_KEY": "env:K", "K": "secret"}, "TOLLWAY_MASTER_KEY, env:K: a master key is 32 bytes"),
    ],
)
def test_what_names_no_key_is_refused(tmp_path: Path, environment: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said) as refused:
        Masters(tmp_path, environment)
    assert KEY not in str(refused.value)


def test_a_broken_file_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(f"{KEY}\nnonsense\n")
    with pytest.raises(SettingsInvalid, match=r"master\.key, line 2"):
        Masters(tmp_path, {})


class _Kms:
    """What botocore's client answers, as far as it is used."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.down = False

    def encrypt(self, **asked: Any) -> dict[str, bytes]:
        self.asked.append(asked)
        return {"CiphertextBlob": asked["EncryptionContext"]["tollway"].encode() + b"|" + asked["Plaintext"]}

    def decrypt(self, **asked: Any) -> dict[str, bytes]:
        about, _, _ = asked["CiphertextBlob"].rpartition(b"|" + asked["CiphertextBlob"][-32:])
        if self.down or asked["EncryptionContext"]["tollway"].encode() != about:
            raise ConnectionError("sk-canary")
        return {"Plaintext": asked["CiphertextBlob"][-32:]}


def test_a_key_service_wraps_and_unwraps_and_its_failure_tells_no_secret() -> None:
    kms = _Kms()
    master = KmsMaster(ARN, kms)
    sealed = seal("sk-1", "openai/default", master, Random(3).randbytes)
    assert unseal(sealed, "openai/default", [master]) == "sk-1"
    assert {each["KeyId"] for each in kms.asked} == {ARN}
    kms.down = True
    with pytest.raises(SealBroken, match="says no: ConnectionError") as refused:
        unseal(sealed, "openai/default", [master])
    assert "canary" not in str(refused.value)
