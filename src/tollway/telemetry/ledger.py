"""Money as OpenTelemetry metrics, from the ledger: the same sums as in `/metrics`."""

from collections.abc import Sequence

from tollway.money import DOLLAR
from tollway.telemetry.instruments import Point, Series
from tollway.telemetry.names import provider_name
from tollway.telemetry.span import Attributes
from tollway.telemetry.sums import Sums


def money_series(spent: Sequence[Sums], at_ns: int) -> list[Series]:
    """What was charged and credited since the ledger began, in US dollars. Spend is one less the other."""
    charged: list[Point] = []
    credited: list[Point] = []
    for each in spent:
        attributes: Attributes = {
            "tollway.gateway": each.gateway,
            "gen_ai.provider.name": provider_name(each.provider),
            "gen_ai.request.model": each.model,
        }
        # One division of an exact sum: no error adds up. When the ledger began is not known: 0 says so.
        charged.append(Point(dict(attributes), 0, at_ns, each.charged / DOLLAR))
        if each.credited:
            credited.append(Point(dict(attributes), 0, at_ns, each.credited / DOLLAR))
    found = [
        Series("tollway.cost.charged", "{USD}", "Ledger entries that raise what is spent.", None, charged),
        Series("tollway.cost.credited", "{USD}", "Ledger entries that lower what is spent.", None, credited),
    ]
    return [series for series in found if series.points]
