"""What is written as properties of elements: amounts, windows, models, budgets, each read or told why not."""

import difflib
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, cast, get_args

from tollway import money
from tollway.errors import MoneyInvalid
from tollway.routes.conditions import read_condition
from tollway.routes.facts import LISTS, read_path
from tollway.routes.graph import Node
from tollway.routes.problem import Known
from tollway.routes.route import MOST_SHARES, MOST_TARGETS, WHOLE, LimitType, Rate, Target, Technique

PROPERTIES: Mapping[str, tuple[str, ...]] = {
    "start": (),
    "conditional": ("conditions", "condition"),
    "percentage": ("sticky",),
    "rate": ("limitType", "limit_type", "key", "limit", "window", "interval", "technique"),
    "model": ("provider", "model", "timeout", "retries", "exempt"),
    "pool": ("targets", "order", "timeout", "retries", "exempt"),
    "end": (),
}
OF_TARGET = ("provider", "model", "weight")

LONGEST_TIMEOUT_MS = 3_600_000
MOST_RETRIES = 5
LONGEST_WINDOW_S = 366 * 86_400
MOST_COUNTED = 10**12
MOST_WEIGHT = 1_000_000
LONGEST_MODEL = 256
MOST_EXEMPT = 50
SHARE = re.compile(r"(?:100(?:\.0*)?|[0-9]{1,2}(?:\.[0-9]*)?)%")

Report = Callable[[str, str], None]
"""(field, what is wrong there)"""


class Properties:
    def __init__(self, properties: Mapping[str, object], known: Known, report: Report) -> None:
        self._properties = properties
        self._known = known
        self._report = report
        self.failed = False

    def wrong(self, name: str, said: str) -> None:
        self.failed = True
        self._report(name if name.startswith("outputs") else f"properties.{name}" if name else "properties", said)

    def unknown(self, kind: str, name: str) -> None:
        there = PROPERTIES[kind]
        near = difflib.get_close_matches(name, there, n=1)
        meant = f'did you mean "{near[0]}"?' if near else f"it has {', '.join(there)}." if there else "leave it out."
        self.wrong(name[:64], f"{kind} has no such property; {meant}")

    def condition(self) -> Any:
        names = [name for name in ("conditions", "condition") if name in self._properties]
        if len(names) != 1:
            said = "write it once, as conditions." if names else 'add one, such as {"metadata.plan": {"$eq": "free"}}.'
            self.wrong("conditions", f"a conditional has one condition; {said}")
            return None
        at = names[0]

        def told(place: str, said: str) -> None:
            self.wrong(f"{at}.{place}" if place else at, said)

        return read_condition(self._properties[at], told)

    def shares(self, outputs: Mapping[str, str]) -> tuple[tuple[int, str], ...]:
        found: list[tuple[int, str]] = []
        for name, following in outputs.items():
            if name == "else":
                continue
            if SHARE.fullmatch(name) is None:
                self.wrong(f"outputs.{name}", f'"{name[:32]}" is no share; write one such as "10%", or else.')
                continue
            points = Decimal(name[:-1]) * (WHOLE // 100)
            if points != int(points):
                self.wrong(
                    f"outputs.{name}", f"{name} has more than two places; write hundredths of a percent at most."
                )
                continue
            found.append((int(points), following))
        if len(found) > MOST_SHARES:
            self.wrong(
                "outputs", f"there are {len(found)} shares; write {MOST_SHARES} at most, and split further behind one."
            )
        total = sum(points for points, _ in found)
        if self.failed:
            return ()
        if not found:
            self.wrong("outputs", 'there is no share; write at least one, such as {"10%": ..., "else": ...}.')
        elif total > WHOLE or (total < WHOLE and "else" not in outputs):
            way = "make them 100%" if total > WHOLE else 'make them 100%, or add an output "else" for the rest'
            self.wrong(
                "outputs", f"the shares add up to {percent(total)}, not 100%; {way}. (Two equal ones: 50% and 50.0%.)"
            )
        elif total == WHOLE and "else" in outputs:
            self.wrong("outputs.else", "the shares add up to 100% already, so nothing is left for it; leave it out.")
        return tuple(found)

    def key(self, name: str) -> str | None:
        given = self._properties.get(name)
        if given is None:
            return None
        path = read_path(given) if isinstance(given, str) else f"{given!r:.64} is no name of a field."
        if isinstance(path, str):
            self.wrong(name, path)
            return None
        if given in LISTS or path == ("body",):
            self.wrong(name, f"{given} has many values, and a counter one name; use key or user.id.")
        return str(given)

    def rate(self, node: Node) -> Rate | None:
        kind_at = "limit_type" if "limit_type" in self._properties else "limitType"
        if kind_at not in self._properties:
            self.wrong("limitType", "add it: count (requests) or cost (US dollars).")
        kind: LimitType = self.choice(kind_at, get_args(LimitType), "count")
        technique: Technique = self.choice("technique", get_args(Technique), "fixed")
        names = [name for name in ("window", "interval") if name in self._properties]
        if len(names) != 1:
            said = "window and interval are the same; write one." if names else "add it, in seconds."
            self.wrong("window", said)
        window_s = self.whole(names[0], 1, LONGEST_WINDOW_S, "seconds") if len(names) == 1 else None
        limit = self._amount() if kind == "cost" else self.whole("limit", 1, MOST_COUNTED, "requests", needed=True)
        key = self.key("key")
        if self.failed or limit is None or window_s is None:
            return None
        outputs = node.outputs
        return Rate(node.id, kind, key, limit, window_s, technique, outputs.get("success", ""), outputs.get("fallback"))

    def _amount(self) -> int | None:
        given = self._properties.get("limit")
        # Cloudflare writes it as a JSON number; its shortest decimal form is what was meant.
        text = format(Decimal(repr(given)), "f") if isinstance(given, float) else str(given)
        try:
            amount = money.parse(text)
        except (MoneyInvalid, ArithmeticError):
            amount = 0
        if isinstance(given, bool) or amount <= 0:
            self.wrong("limit", f'{given!r:.64} is no amount of US dollars above zero; write one such as 5 or "2.50".')
            return None
        return amount

    def target(self, written: Mapping[str, object], at: str) -> Target | None:
        """The model of an element, or of an entry of a pool: `provider` and `model`, or `provider/model` in one."""
        provider, model = written.get("provider"), written.get("model")
        place = at.removeprefix("properties").removeprefix(".")
        prefix = f"{place}." if place else ""
        if not isinstance(model, str) or not 0 < len(model) <= LONGEST_MODEL or not model.isprintable():
            self.wrong(f"{prefix}model", f"{model!r:.64} is no name of a model; write 1 to {LONGEST_MODEL} characters.")
            return None
        if provider is None:
            provider, slash, rest = model.partition("/")
            if not slash or not provider or not rest:
                self.wrong(f"{prefix}provider", f'add it, or write the model as "provider/{model}".')
                return None
            model = rest
        if not isinstance(provider, str) or not 0 < len(provider) <= 64:
            self.wrong(f"{prefix}provider", f"{provider!r:.64} is no name of a provider.")
            return None
        there = self._known.providers
        if there is not None and provider not in there:
            near = difflib.get_close_matches(provider, list(there), n=1)
            meant = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(sorted(there)[:20]) or 'none'}."
            self.wrong(f"{prefix}provider", f'no provider "{provider}" is configured; {meant}')
        return Target(provider, model)

    def targets(self) -> tuple[Target, ...]:
        given = self._properties.get("targets")
        entries = cast("list[object]", given) if isinstance(given, list) else []
        if not 1 <= len(entries) <= MOST_TARGETS:
            self.wrong("targets", f'write 1 to {MOST_TARGETS} of them: [{{"model": "provider/model", "weight": 3}}].')
            return ()
        found: list[Target] = []
        for number, entry in enumerate(entries):
            at = f"targets[{number}]"
            if not isinstance(entry, dict):
                self.wrong(at, 'it is no target; write {"model": "provider/model"}.')
                continue
            fields = cast("dict[str, object]", entry)
            for name in fields:
                if name not in OF_TARGET:
                    self.wrong(f"{at}.{str(name)[:64]}", f"a target has no such field; it has {', '.join(OF_TARGET)}.")
            target = self.target(fields, f"properties.{at}")
            weight = fields.get("weight", 1)
            if isinstance(weight, bool) or not isinstance(weight, int) or not 1 <= weight <= MOST_WEIGHT:
                self.wrong(f"{at}.weight", f"{weight!r:.64} is not a whole number from 1 to {MOST_WEIGHT:,}.")
                continue
            if target is None:
                continue
            if any((one.provider, one.model) == (target.provider, target.model) for one in found):
                self.wrong(at, f'"{target.provider}/{target.model}" is there already; give it a higher weight instead.')
            found.append(Target(target.provider, target.model, weight))
        return tuple(found)

    def timeout(self) -> int | None:
        # Cloudflare's own routes have 0 for no timeout.
        return self.whole("timeout", 0, LONGEST_TIMEOUT_MS, "milliseconds") or None

    def retries(self) -> int | None:
        return self.whole("retries", 0, MOST_RETRIES, "tries after the first")

    def exempt(self) -> tuple[str, ...]:
        given = self._properties.get("exempt", [])
        names = [given] if isinstance(given, str) else given
        if not isinstance(names, list) or len(cast("list[object]", names)) > MOST_EXEMPT:
            self.wrong("exempt", f"it is a list of ids or names of budgets, {MOST_EXEMPT} at most.")
            return ()
        found: list[str] = []
        there = self._known.budgets
        for name in cast("list[object]", names):
            if not isinstance(name, str) or not name:
                self.wrong("exempt", f"{name!r:.64} is no id of a budget.")
            elif there is not None and name not in there:
                near = difflib.get_close_matches(name, list(there), n=1)
                meant = (
                    f'did you mean "{near[0]}"?' if near else f"there are {', '.join(sorted(there)[:20]) or 'none'}."
                )
                self.wrong("exempt", f'there is no budget "{name[:64]}"; {meant}')
            elif name not in found:
                found.append(name)
        return tuple(found)

    def choice(self, name: str, choices: tuple[Any, ...], default: Any) -> Any:
        given = self._properties.get(name, default)
        if given not in choices:
            self.wrong(name, f"{given!r:.64} is not {', '.join(choices[:-1])} or {choices[-1]}.")
            return default
        return given

    def whole(self, name: str, least: int, most: int, unit: str, *, needed: bool = False) -> int | None:
        given = self._properties.get(name)
        if given is None and not needed:
            return None
        if isinstance(given, float) and given.is_integer():
            given = int(given)
        if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= most:
            self.wrong(name, f"{given!r:.64} is not a whole number of {unit} from {least:,} to {most:,}.")
            return None
        return given


def percent(points: int) -> str:
    """Basis points as people write them: "12.5%"."""
    return f"{Decimal(points).scaleb(-2).normalize():f}%"
