"""How a price list says which names mean a model: small rules on the name in lower case."""

import re

import msgspec


class Equals(msgspec.Struct, frozen=True, array_like=True, tag="equals"):
    text: str

    def holds(self, name: str) -> bool:
        return name == self.text


class StartsWith(msgspec.Struct, frozen=True, array_like=True, tag="starts_with"):
    text: str

    def holds(self, name: str) -> bool:
        return name.startswith(self.text)


class EndsWith(msgspec.Struct, frozen=True, array_like=True, tag="ends_with"):
    text: str

    def holds(self, name: str) -> bool:
        return name.endswith(self.text)


class Contains(msgspec.Struct, frozen=True, array_like=True, tag="contains"):
    text: str

    def holds(self, name: str) -> bool:
        return self.text in name


class Matches(msgspec.Struct, frozen=True, array_like=True, tag="regex"):
    pattern: str

    def holds(self, name: str) -> bool:
        return re.search(self.pattern, name) is not None


class AnyOf(msgspec.Struct, frozen=True, array_like=True, tag="any"):
    rules: tuple["Rule", ...]

    def holds(self, name: str) -> bool:
        return any(rule.holds(name) for rule in self.rules)


class AllOf(msgspec.Struct, frozen=True, array_like=True, tag="all"):
    rules: tuple["Rule", ...]

    def holds(self, name: str) -> bool:
        return all(rule.holds(name) for rule in self.rules)


Rule = Equals | StartsWith | EndsWith | Contains | Matches | AnyOf | AllOf
