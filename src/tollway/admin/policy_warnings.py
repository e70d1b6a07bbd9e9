"""What in the policies is allowed and probably not meant: resources that nothing here is."""

import difflib
from collections.abc import Iterable, Sequence

from tollway.budgets.unseen import may_mean
from tollway.gateway import Provider
from tollway.match import Attribute, Match
from tollway.policies.policy import Policy
from tollway.snapshot import Snapshot


def policy_warnings(snapshot: Snapshot, now: int) -> list[str]:
    """Sentences, each naming the policy and what it names that nothing here is. `now`: Unix milliseconds, for prices."""
    return [warning for policy in snapshot.policies if policy.enabled for warning in _of(policy, snapshot, now)]


def _of(policy: Policy, snapshot: Snapshot, now: int) -> Iterable[str]:
    known = sorted({name.lower() for provider in snapshot.providers.values() for name in _names(provider)})
    for name in policy.resource.providers:
        if name not in known:
            yield f'Policy "{policy.name}": no provider "{name}" is configured, so it is about nothing there.{_near(name, known)}'
    for pattern in policy.resource.models:
        named = snapshot.provider(pattern.partition("/")[0]) if "/" in pattern else None
        candidates = [named] if named is not None else snapshot.providers.values()
        serving = [provider for provider in candidates if _may_serve(provider, pattern)]
        if not serving:
            head = pattern.partition("/")[0]
            yield (
                f'Policy "{policy.name}": no provider "{head}" is configured, so "{pattern}" is about nothing.'
                f"{_near(head, known)}"
            )
        elif "*" not in pattern and all(_does_not_know(provider, pattern, snapshot, now) for provider in serving):
            models = sorted({name for provider in serving for name in _models(provider, pattern, snapshot)})
            yield (
                f'Policy "{policy.name}": no model "{pattern}" is known to a provider that is configured, so it is probably '
                f"about nothing.{_near(pattern, models)}"
            )


def _names(provider: Provider) -> Sequence[str]:
    return provider.names or (provider.slug,)


def _may_serve(provider: Provider, pattern: str) -> bool:
    return may_mean((pattern,), {"provider": Attribute(tuple(_names(provider)), "gateway")})


def _does_not_know(provider: Provider, name: str, snapshot: Snapshot, now: int) -> bool:
    """Whether a provider, all of whose models are known by its price list, has none of that name."""
    model = _own(provider, name)
    if (
        Match("model", provider.models).holds({"model": Attribute((model,), "gateway")})
        or model in provider.deployments
    ):
        return False
    listed = snapshot.listed(provider, model, now)
    if listed.price_list is None or not snapshot.book.lists(listed.price_list):
        return False
    book = snapshot.book
    if book.find(listed.provider, listed.model) is not None:
        return False
    # A list may have a model by its versions alone: "codestral-2508". A rule about "codestral" is about those.
    plain, *versions = book.versions(listed.provider, listed.model)
    return plain != listed.model.lower() or not any(book.find(listed.provider, one) for one in versions)


def _own(provider: Provider, name: str) -> str:
    head, slash, rest = name.partition("/")
    return rest if slash and head in {known.lower() for known in _names(provider)} else name


def _models(provider: Provider, pattern: str, snapshot: Snapshot) -> Sequence[str]:
    known = snapshot.book.models(provider.price_list) if provider.price_list is not None else ()
    return [f"{provider.slug}/{name}" for name in known] if "/" in pattern else known


def _near(name: str, known: Sequence[str]) -> str:
    near = [one for one in difflib.get_close_matches(name, known, n=2) if one != name]
    return f' Did you mean "{near[0]}"?' if near else ""
