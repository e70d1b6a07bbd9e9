"""Keys that decide money, for servers that read a key whatever its case, as those written in Go do."""

from collections.abc import Collection

from tollway.providers.body import Fields, Unfit


def refuse_other_spellings(fields: Fields, names: Collection[str]) -> None:
    """Raises Unfit for a key that is one of `names` (all in lower case) in another case: the server might obey it."""
    for name in fields:
        if name not in names and name.casefold() in names:
            raise Unfit(f"{name[:40]} is another spelling of {name.casefold()}; write it in lower case.")
