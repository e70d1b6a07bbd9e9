"""The rate limits of a document: those written as such, and the one that a gateway may have in Cloudflare's words."""

from collections.abc import Mapping, Sequence

from tollway.document.budget_rules import read_match, read_split_by
from tollway.document.names import check_slug, slug_of
from tollway.document.written import Document
from tollway.document.written_gateway import GatewayDocument
from tollway.document.written_rates import RateLimitDocument
from tollway.errors import SettingsInvalid
from tollway.gateway import Gateway
from tollway.rates.limit import RateLimit

LONGEST_NAME = 200
LONGEST_WINDOW_S = 31 * 86_400
"""What is counted lives in memory; whoever wants to count for longer wants a budget."""
LARGEST = 10**15 - 1
"""RFC 9651, 3.3.1: the integers that a header can tell."""


def limit_id(written: RateLimitDocument) -> str:
    """The id of a limit as it is written: its own, or one made of its name."""
    return written.id or slug_of(written.name)


def read_rates(document: Document, gateways: Mapping[str, Gateway]) -> tuple[RateLimit, ...]:
    """All of them, those of gateways last. Raises SettingsInvalid naming the limit, the value and the way out."""
    found = [_limit(written) for written in document.rate_limits]
    found += [limit for gateway in document.gateways if (limit := _of_gateway(gateway)) is not None]
    ids: dict[str, str] = {}
    names: set[str] = set()
    for limit in found:
        where = f'rate limit "{limit.name}"'
        if limit.id in ids:
            raise SettingsInvalid(
                f'{where}: the id "{limit.id}" is that of rate limit "{ids[limit.id]}"; give one of them another "id".'
            )
        if limit.name in names:
            raise SettingsInvalid(f"{where}: the name is used twice; names of rate limits are unique.")
        if limit.gateway is not None and limit.gateway not in gateways:
            raise SettingsInvalid(f'{where}: no gateway "{limit.gateway}"; there are {", ".join(sorted(gateways))}.')
        ids[limit.id] = limit.name
        names.add(limit.name)
    return tuple(found)


def rates_by_gateway(
    limits: Sequence[RateLimit], gateways: Mapping[str, Gateway]
) -> Mapping[str, tuple[RateLimit, ...]]:
    """The limits in force on each gateway that has any: its own and those of all."""
    found = {slug: tuple(one for one in limits if one.enabled and one.gateway in (None, slug)) for slug in gateways}
    return {slug: limited for slug, limited in found.items() if limited}


def _limit(written: RateLimitDocument) -> RateLimit:
    if not 1 <= len(written.name) <= LONGEST_NAME or not written.name.isprintable() or not written.name.strip():
        raise SettingsInvalid(
            f"rate_limits: the name {written.name[:64]!r} is empty, longer than {LONGEST_NAME} characters or not on one "
            "line."
        )
    where = f'rate limit "{written.name}"'
    identifier = limit_id(written)
    check_slug(identifier, f"{where}, id")
    if written.requests is None and written.tokens is None:
        raise SettingsInvalid(f"{where}: it limits nothing; add requests: 60, tokens: 100000, or both.")
    return RateLimit(
        id=identifier,
        name=written.name,
        gateway=written.gateway,
        where=tuple(read_match(name, values, where) for name, values in written.where.items()),
        split_by=read_split_by(written.split_by, where),
        requests=_most(written.requests, f"{where}, requests"),
        tokens=_most(written.tokens, f"{where}, tokens"),
        window_s=_window(written.window_s, f"{where}, window_s"),
        technique=written.technique,
        untagged=written.untagged,
        attributes=written.attributes,
        mode=written.mode,
        enabled=written.enabled,
    )


def _of_gateway(written: GatewayDocument) -> RateLimit | None:
    """Cloudflare's three fields; 0 or null in one of them is off, in its words and in ours."""
    where = f"gateways.{written.slug}"
    limit, interval = written.rate_limiting_limit, written.rate_limiting_interval
    if limit is None and interval is None:
        return None
    if limit == 0 or interval == 0:
        return None
    if limit is None or interval is None:
        missing, there = (
            ("rate_limiting_limit", "rate_limiting_interval")
            if limit is None
            else ("rate_limiting_interval", "rate_limiting_limit")
        )
        raise SettingsInvalid(f"{where}: {there} is written without {missing}; add it, or leave both out.")
    return RateLimit(
        id=f"{written.slug}.rate-limit",
        name=f"gateway {written.slug}",
        gateway=written.slug,
        requests=_most(limit, f"{where}.rate_limiting_limit"),
        window_s=_window(interval, f"{where}.rate_limiting_interval"),
        technique=written.rate_limiting_technique,
    )


def _most(written: int | None, where: str) -> int | None:
    if written is not None and not 1 <= written <= LARGEST:
        raise SettingsInvalid(
            f"{where}: {written} is not between 1 and {LARGEST:,}; to refuse everything write a policy of type block, to "
            "limit nothing leave it out."
        )
    return written


def _window(written: int, where: str) -> int:
    if not 1 <= written <= LONGEST_WINDOW_S:
        raise SettingsInvalid(
            f"{where}: {written} is not between 1 and {LONGEST_WINDOW_S:,} seconds (31 days); a budget counts for longer."
        )
    return written
