"""In which order several targets are tried."""

from collections.abc import Sequence

from tollway.exchange.retry import CHANCES
from tollway.exchange.steps import Seen
from tollway.routes.route import Order


def ordered(
    order: Order,
    weights: Sequence[int],
    seen: Sequence[Seen],
    costs: Sequence[int | None],
    chances: Sequence[int],
) -> tuple[int, ...]:
    """The indexes of targets, the first to be tried first; those that rest come last, and are tried where nothing else answers.

    `weights`: of each, not negative; 0 is only tried behind the others. `costs`: nanodollars of the bound, `None` where no price is
    known: those come behind. `chances`: a number from 0 to below `CHANCES` for each, which decide by weight, and between equals.
    """
    places = {index: place for place, index in enumerate(_by_weight(weights, chances))}

    def rank(index: int) -> tuple[int, ...]:
        match order:
            case "weighted":
                return (places[index],)
            case "least_latency":
                latency = seen[index].latency_ms
                # One that was never called is found out about first.
                return (latency if latency is not None else -1, places[index])
            case "cheapest":
                cost = costs[index]
                return (cost is None, cost or 0, places[index])
            case "in_order":
                return (index,)

    return tuple(sorted(range(len(weights)), key=lambda index: (seen[index].resting, *rank(index))))


def _by_weight(weights: Sequence[int], chances: Sequence[int]) -> list[int]:
    """Drawn one after the other without replacement, each as likely as its part of the weight that is left."""
    left = [index for index, weight in enumerate(weights) if weight > 0]
    found: list[int] = []
    for chance in chances:
        if not left:
            break
        point = sum(weights[index] for index in left) * chance // CHANCES
        for index in left:
            if point < weights[index]:
                found.append(index)
                left.remove(index)
                break
            point -= weights[index]
    return [*found, *(index for index, weight in enumerate(weights) if weight <= 0)]
