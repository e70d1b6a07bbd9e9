"""Tokens that open nothing, each with what is wrong with it, and tokens that are good: the corpus.

The issuer they are for publishes RSA key "a", EC key "e" and Ed25519 key "o", and takes RS256, ES256, PS256 and EdDSA.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from made_tokens import AUDIENCE, ISSUER, NOW, b64, claims, jwk, part, private_key, sign, token

SECOND = NOW // 1000
PUBLISHED = (jwk("RS256", "a"), jwk("ES256", "e"), jwk("EdDSA", "o"))


def _head(header: dict[str, Any] | str, payload: Any = None, *, algorithm: str = "RS256", name: str = "a") -> str:
    """A token with exactly this header, rightly signed."""
    signed = f"{part(header)}.{part(claims() if payload is None else payload)}"
    return signed + "." + b64(sign(algorithm, private_key(algorithm, name), signed.encode()))


def _hmac(secret: bytes, algorithm: str = "HS256", header: dict[str, Any] | None = None) -> str:
    """A token that is "signed" with what everybody knows."""
    signed = f"{part({'alg': algorithm, 'kid': 'a', 'typ': 'JWT', **(header or {})})}.{part(claims())}"
    size = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}[algorithm]
    return signed + "." + b64(hmac.digest(secret, signed.encode(), size))


def _tampered(text: str, **changed: Any) -> str:
    """Other claims under the old signature."""
    head, _, signature = text.split(".")
    return f"{head}.{part(claims(**changed))}.{signature}"


def _raw(payload: str) -> str:
    return token(payload.encode())


def bad() -> Iterator[tuple[str, str]]:
    """What is wrong, and the token."""
    yield from _shapes()
    yield from _headers()
    yield from _signatures()
    yield from _claims()
    yield from _json()


def _shapes() -> Iterator[tuple[str, str]]:
    good = token()
    head, body, signature = good.split(".")
    yield "one part", head
    yield "two parts", f"{head}.{body}"
    yield "four parts", f"{good}.{signature}"
    yield (
        "five parts (JWE)",
        f"{part({'alg': 'RSA-OAEP', 'enc': 'A256GCM'})}.{b64(b'k')}.{b64(b'i')}.{b64(b'c')}.{b64(b't')}",
    )
    yield (
        "JWE direct",
        f"{part({'alg': 'dir', 'enc': 'A128GCM', 'zip': 'DEF'})}..{b64(b'i')}.{b64(b'c' * 40)}.{b64(b't')}",
    )
    yield "no signature", f"{head}.{body}."
    yield "no payload", f"{head}..{signature}"
    yield "no header", f".{body}.{signature}"
    yield "only dots", ".."
    yield "padded", f"{head}=.{body}.{signature}"
    yield "padded signature", good + "=="
    yield "standard base64", f"{head}.{body}.{signature[:-2]}+/"
    yield "white space inside", f"{head}. {body}.{signature}"
    yield "line break inside", f"{head}.\n{body}.{signature}"
    yield "line break behind", good + "\n"
    yield "comma behind", good + ","
    yield "two tokens", f"{good} {good}"
    yield "not ASCII", f"{head}.{body}é.{signature}"
    yield "NUL inside", f"{head}.{body}\0.{signature}"
    yield "signature cut", good[:-20]
    yield "signature too long", good + "AAAA"
    yield "signature with loose bits", good[:-1] + ("B" if good[-1] != "B" else "C")
    yield "too long", token(claims(filler="x" * 17_000))
    yield "much too long", "eyJ" + "A" * 200_000 + ".e30.AA"
    yield "JSON serialization", json.dumps({"protected": head, "payload": body, "signature": signature})
    yield "header is a list", f"{part(b'[]')}.{body}.{signature}"
    text = part(b'"x"')
    yield "header is text", f"{text}.{body}.{signature}"
    yield "header is empty", f"{part(b'{}')}.{body}.{signature}"
    yield "payload is a list", token(b'[{"iss":"x"}]')
    yield "payload is text", token(b'"x"')
    yield "payload is null", token(b"null")
    yield "payload is a number", token(b"1")
    yield "payload is not JSON", token(b"iss=x")
    yield "payload is empty", token(b"{}")
    yield "payload is UTF-16", token(json.dumps(claims()).encode("utf-16"))
    yield "payload is Latin-1", token(json.dumps(claims(name="é"), ensure_ascii=False).encode("latin-1"))
    yield "payload with a byte order mark", token(b"\xef\xbb\xbf" + json.dumps(claims()).encode())
    yield "payload is deep", token(b'{"iss":"' + ISSUER.encode() + b'","a":' + b"[" * 3_000 + b"]" * 3_000 + b"}")


def _headers() -> Iterator[tuple[str, str]]:
    plain = {"alg": "RS256", "kid": "a", "typ": "JWT"}
    for name in (
        "none",
        "None",
        "NONE",
        "nOnE",
        "",
        "RS256 ",
        "rs256",
        "RS1",
        "RS384",
        "RS512",
        "ES384",
        "PS512",
        "A128KW",
        "dir",
    ):
        yield f"alg {name!r}", _head({**plain, "alg": name})
    for odd in (None, 1, True, ["RS256"], {"a": "RS256"}):
        yield f"alg is {odd!r}", _head({**plain, "alg": odd})
    yield "no alg", _head({"kid": "a", "typ": "JWT"})
    unsigned = f"{part({**plain, 'alg': 'none'})}.{part(claims())}."
    yield "alg none, unsigned", unsigned
    yield "alg none, with a signature", unsigned + b64(b"x" * 256)
    for critical in (["exp"], ["b64"], [], ["http://example.com/x"], "exp", ["kid", "kid"], None):
        yield f"crit {critical!r}", _head({**plain, "crit": critical, "exp": SECOND})
    yield "b64 false", _head({**plain, "b64": False})
    yield "b64 false, critical", _head({**plain, "b64": False, "crit": ["b64"]})
    yield "compressed", _head({**plain, "zip": "DEF"})
    yield "enc", _head({**plain, "enc": "A128GCM"})
    yield "nested", _head({**plain, "cty": "JWT"})
    yield "nested, spelt out", _head({**plain, "cty": "application/jwt"})
    for kind in ("JWE", "secevent+jwt", "dpop+jwt", "logout+jwt", "JOSE", "application/secevent+jwt", ""):
        yield f"typ {kind!r}", _head({**plain, "typ": kind})
    yield "typ is a list", _head({**plain, "typ": ["JWT"]})
    for key_id in (
        "../../../dev/null",
        "/dev/null",
        "a' OR '1'='1",
        "a\0",
        "A",
        " a",
        "a ",
        "http://evil.example/keys",
        "",
        "b",
    ):
        yield f"kid {key_id!r}", _head({**plain, "kid": key_id})
    for odd in (1, ["a"], {"kid": "a"}, True):
        yield f"kid is {odd!r}", _head({**plain, "kid": odd})
    yield "kid is too long", _head({**plain, "kid": "a" * 257})
    yield "kid is too long in UTF-8", _head({**plain, "kid": "é" * 129})
    yield "kid of a key of another kind", _head({**plain, "kid": "e"})
    yield "alg of a key of another kind", _head({**plain, "alg": "ES256"})
    yield "alg that the key does not name", token(algorithm="PS256", key=private_key("RS256", "a"), name="a")


def _signatures() -> Iterator[tuple[str, str]]:
    stranger = private_key("RS256", "stranger")
    good = token()
    head, body, signature = good.split(".")
    yield "another's key", token(key=stranger)
    own = jwk("RS256", "stranger")
    yield "another's key, brought along (jwk)", token(key=stranger, header={"jwk": own})
    yield "another's key, brought along, without kid", token(key=stranger, header={"jwk": own, "kid": None})
    yield "another's key, brought along, by its name", token(key=stranger, header={"jwk": own, "kid": "stranger"})
    yield "another's key set (jku)", token(key=stranger, header={"jku": "https://evil.example/keys"})
    yield "another's certificate (x5u)", token(key=stranger, header={"x5u": "https://evil.example/cert"})
    yield "another's certificate (x5c)", token(key=stranger, header={"x5c": ["MIIB"]})
    public = private_key("RS256", "a").public_key()
    for shape, encoding, kind in (
        ("PEM", Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        ("DER", Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        ("PKCS1 PEM", Encoding.PEM, PublicFormat.PKCS1),
    ):
        secret = public.public_bytes(encoding, kind)
        yield f"HS256 with the public key ({shape})", _hmac(secret)
        yield f"HS512 with the public key ({shape})", _hmac(secret, "HS512")
    yield "HS256 with the key set", _hmac(json.dumps(PUBLISHED[0]).encode())
    yield "HS256 with the modulus", _hmac(base64.urlsafe_b64decode(PUBLISHED[0]["n"] + "=="))
    yield "HS256 with nothing", _hmac(b"")
    yield "HS384 with nothing", _hmac(b"", "HS384")
    yield "HS256 with a secret of its own (jwk)", _hmac(b"k" * 32, header={"jwk": {"kty": "oct", "k": b64(b"k" * 32)}})
    yield "an empty ES256 signature", f"{part({'alg': 'ES256', 'kid': 'e'})}.{part(claims())}." + b64(b"\0" * 64)
    yield (
        "an ES256 signature in DER",
        (f"{part({'alg': 'ES256', 'kid': 'e'})}.{part(claims())}." + b64(b"\x30\x06\x02\x01\x01\x02\x01\x01")),
    )
    yield "an Ed25519 signature of zeros", f"{part({'alg': 'EdDSA', 'kid': 'o'})}.{part(claims())}." + b64(b"\0" * 64)
    yield "an RSA signature of zeros", f"{head}.{body}." + b64(b"\0" * 256)
    yield "another token's signature", f"{head}.{body}." + token(claims(sub="u-2")).split(".")[2]
    yield (
        "a bit of the signature turned",
        f"{head}.{body}." + b64(bytes([_bytes(signature)[0] ^ 1]) + _bytes(signature)[1:]),
    )
    for name, changed in {
        "sub": {"sub": "u-2"}, "email": {"email": "ceo@example.com"}, "exp": {"exp": SECOND + 80_000}, "aud": {"aud": ["tollway", "x"]},
        "groups": {"groups": ["admins"]},
    }.items():  # fmt: skip
        yield f"{name} changed under the signature", _tampered(good, **changed)
    yield "the header changed under the signature", f"{part({'alg': 'RS256', 'kid': 'a'})}.{body}.{signature}"


def _claims() -> Iterator[tuple[str, str]]:
    def with_claims(**others: Any) -> str:
        return token(claims(**others))

    for iss in (
        None, "", "https://evil.example.com", ISSUER + "/", ISSUER.upper(), ISSUER + ".evil.example", " " + ISSUER, "http://login.example.com",
        ISSUER + "\0", ISSUER + "?x", "https://login.example.com:443", 1, [ISSUER], {"iss": ISSUER}, True,
    ):  # fmt: skip
        yield f"iss {iss!r}", with_claims(iss=iss)
    for aud in (
        None,
        "",
        "other",
        "Tollway",
        "tollway ",
        "tollway/x",
        [],
        ["other"],
        [["tollway"]],
        {"tollway": 1},
        1,
        ["tollway", 1],
        True,
    ):
        yield f"aud {aud!r}", with_claims(aud=aud)
    for exp in (None, SECOND - 61, SECOND - 3_600, 0, -1, "1782867600", "never", [SECOND + 60], True, 10**18, 1e300):
        yield f"exp {exp!r}", with_claims(exp=exp)
    for iat in (
        None,
        SECOND + 61,
        SECOND + 3_600,
        SECOND - 86_400 - 61,
        0,
        -5,
        "1782864000",
        True,
        10**18,
        {"at": SECOND},
    ):
        yield f"iat {iat!r}", with_claims(iat=iat)
    for nbf in (SECOND + 61, SECOND + 9_999, "soon", True, -1, [SECOND], 10**18):
        yield f"nbf {nbf!r}", with_claims(nbf=nbf)
    for sub in (None, "", 1, ["u-1"], {"id": "u-1"}, True):
        yield f"sub {sub!r}", with_claims(sub=sub, email=None)
    yield "sub is an address that nobody has verified", with_claims(sub="ceo@example.com", email=None)
    yield "sub is an address, and the e-mail is not verified", with_claims(sub="ceo@example.com", email_verified=False)
    yield "sub with a line break", with_claims(sub="u-1\nroot")
    yield "sub with a control character", with_claims(sub="u-1\x1b[2J")
    yield "a user with a right-to-left mark", with_claims(email="a‮b@example.com")
    yield "a group with a line break", with_claims(groups=["eng\nadmins"])
    yield "a very long sub", with_claims(sub="x" * 2_000)
    yield "groups that are only referred to", with_claims(groups=None, _claim_names={"groups": "src1"})
    yield "more groups than it holds", with_claims(groups=None, hasgroups=True)
    for groups in (
        {"eng": {}},
        [["eng"]],
        [{"name": "eng"}],
        ["eng", 1],
        ["eng", None],
        7,
        True,
        [f"g{n}" for n in range(2_001)],
    ):
        yield f"groups {str(groups)[:32]}", with_claims(groups=groups)
    for address in (
        " alice@example.com",
        "alice@example.com,bob@example.com",
        "alice@bob@example.com",
        "alice@example.com\u200b",
        "@x",
    ):
        yield f"e-mail {address!r}", with_claims(email=address)


def _json() -> Iterator[tuple[str, str]]:
    rest = f'"iss":"{ISSUER}","aud":"{AUDIENCE}","iat":{SECOND},"exp":{SECOND + 60}'
    yield "sub twice", _raw(f'{{{rest},"sub":"u-1","sub":"u-2"}}')
    yield "iss twice", _raw(f'{{"iss":"x",{rest},"sub":"u-1"}}')
    yield "exp twice", _raw(f'{{{rest},"sub":"u-1","exp":{SECOND + 600}}}')
    yield "sub twice, once escaped", _raw(f'{{{rest},"sub":"u-1","s\\u0075b":"u-2"}}')
    yield "a name twice within a claim", _raw(f'{{{rest},"sub":"u-1","x":{{"a":1,"a":2}}}}')
    yield "exp NaN", _raw(f'{{"iss":"{ISSUER}","aud":"{AUDIENCE}","sub":"u-1","iat":{SECOND},"exp":NaN}}')
    yield "exp Infinity", _raw(f'{{"iss":"{ISSUER}","aud":"{AUDIENCE}","sub":"u-1","iat":{SECOND},"exp":Infinity}}')
    yield "exp 1e999", _raw(f'{{"iss":"{ISSUER}","aud":"{AUDIENCE}","sub":"u-1","iat":{SECOND},"exp":1e999}}')
    yield "more behind the object", _raw(f'{{{rest},"sub":"u-1"}} {{}}')
    yield "a comma too many", _raw(f'{{{rest},"sub":"u-1",}}')
    yield "a comment", _raw(f'{{{rest},"sub":"u-1"/*x*/}}')
    yield "a lone surrogate in sub", _raw(f'{{{rest},"sub":"\\ud800"}}')
    yield "alg twice", _head('{"alg":"none","alg":"RS256","kid":"a"}')
    yield "kid twice", _head('{"alg":"RS256","kid":"b","kid":"a"}')
    yield "alg twice, once escaped", _head('{"alg":"RS256","\\u0061lg":"none","kid":"a"}')


def good() -> Iterator[tuple[str, str]]:
    """What is unusual about it, and the token."""

    def with_claims(**others: Any) -> str:
        return token(claims(**others))

    yield "plain", token()
    yield "ES256", token(algorithm="ES256", name="e")
    yield "EdDSA", token(algorithm="EdDSA", name="o")
    yield "no typ", token(header={"typ": None})
    for kind in ("JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "application/jwt"):
        yield f"typ {kind}", token(header={"typ": kind})
    yield "no kid", token(header={"kid": None})
    yield "no kid, ES256", token(algorithm="ES256", name="e", header={"kid": None})
    for name, value in {
        "jku": "https://evil.example/keys", "x5u": "https://evil.example/cert", "x5c": ["MIIB"], "x5t": "abc",
        "jwk": jwk("RS256", "stranger"),
        "nonce": "abc", "cty": "json", "unknown": {"deep": [1]},
    }.items():  # fmt: skip
        yield f"{name}, which is not looked at", token(header={name: value})
    yield "several audiences", with_claims(aud=["other", AUDIENCE])
    yield "one audience in a list", with_claims(aud=[AUDIENCE])
    yield "just expired, within the leeway", with_claims(exp=SECOND - 59)
    yield "just issued by a clock ahead", with_claims(iat=SECOND + 59)
    yield "not before, within the leeway", with_claims(nbf=SECOND + 59)
    yield "not before, long ago", with_claims(nbf=0)
    yield "fractions of seconds", with_claims(exp=SECOND + 60.5, iat=SECOND - 0.25)
    yield "exact now", with_claims(iat=SECOND, nbf=SECOND)
    yield "almost a day old", with_claims(iat=SECOND - 86_400 + 5)
    yield "good for a year, and new", with_claims(exp=SECOND + 365 * 86_400)
    yield "no e-mail", with_claims(email=None, email_verified=None)
    yield "an e-mail that is not verified", with_claims(email_verified=False)
    yield "an e-mail of which nothing is said", with_claims(email_verified=None)
    yield "no groups", with_claims(groups=None)
    yield "empty groups", with_claims(groups=[])
    yield "one group as text", with_claims(groups="eng")
    yield "200 groups", with_claims(groups=[f"g{number}" for number in range(200)])
    yield "a name in another script", with_claims(name="Аліса 愛麗絲 🙂")
    yield "a long token", with_claims(filler="x" * 10_000)
    yield "an odd order and white space", _raw(json.dumps(claims(), indent=2, sort_keys=True))
    yield "escaped names", _raw(json.dumps(claims()).replace('"sub"', '"s\\u0075b"'))
    yield "a subject of a URL", with_claims(sub="repo:org/name:ref:refs/heads/main")
    yield "a client that asks for itself", with_claims(sub="ci", client_id="ci", email=None, name=None)
    yield "a client of Auth0", with_claims(sub="ci@clients", azp="ci", gty="client-credentials", email=None)
    yield "a client of Entra", with_claims(sub="0a1b", azp="ci", idtyp="app", email=None, name=None)


def named(corpus: Callable[[], Iterator[tuple[str, str]]]) -> list[tuple[str, str]]:
    """The corpus as a list; two of a name would hide one another."""
    found = list(corpus())
    assert len({name for name, _ in found}) == len(found)
    return found


def _bytes(part_: str) -> bytes:
    return base64.urlsafe_b64decode(part_ + "==")
