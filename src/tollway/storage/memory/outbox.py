"""Alert events and their deliveries in memory."""

from collections.abc import Sequence

from tollway.alerts import Delivery, Event, Snooze


class MemoryOutbox:
    """`protocol.Outbox` over dicts."""

    def __init__(self) -> None:
        self._events: dict[str, Event] = {}
        """By their key."""
        self._deliveries: dict[tuple[str, str], Delivery] = {}
        """By event and channel."""
        self._snoozes: dict[str, Snooze] = {}

    async def raise_(self, *events: Event) -> Sequence[Event]:
        new: list[Event] = []
        for event in events:
            if event.key not in self._events:
                self._events[event.key] = event
                new.append(event)
                for channel in event.channels:
                    self._deliveries[event.id, channel] = Delivery(event=event, channel=channel, due_at=event.at)
        return new

    async def due(self, now: int, limit: int) -> Sequence[Delivery]:
        due = [
            each
            for each in self._deliveries.values()
            if each.arrived_at is None and not each.given_up and each.due_at <= now
        ]
        return sorted(due, key=lambda each: (each.due_at, each.event.id, each.channel))[:limit]

    async def tried(self, delivery: Delivery) -> None:
        place = (delivery.event.id, delivery.channel)
        if place in self._deliveries:
            self._deliveries[place] = delivery

    async def events(self, *, limit: int, before: str | None = None, budget: str | None = None) -> Sequence[Event]:
        found = [
            event
            for event in self._events.values()
            if (before is None or event.id < before) and (budget is None or event.budget == budget)
        ]
        return sorted(found, key=lambda event: event.id, reverse=True)[:limit]

    async def deliveries(self, *event_ids: str) -> Sequence[Delivery]:
        found = [each for (event, _), each in self._deliveries.items() if event in event_ids]
        return sorted(found, key=lambda each: (each.event.id, each.channel))

    async def snooze(self, snooze: Snooze) -> None:
        self._snoozes[snooze.target] = snooze

    async def snoozes(self, now: int) -> Sequence[Snooze]:
        return sorted((each for each in self._snoozes.values() if each.until > now), key=lambda each: each.target)
