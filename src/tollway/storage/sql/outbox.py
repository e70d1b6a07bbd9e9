"""Alert events and their deliveries in SQLite: an event is there once by its key, and a delivery until it is finished."""

from collections.abc import Sequence

import msgspec

from tollway.alerts import Delivery, Event, Snooze
from tollway.storage.sql.database import Database
from tollway.storage.sql.driver import Connection

# An event, unless its key is known. (id, key, at, budget, record)
_RAISE = """
INSERT INTO alerts (id, "key", at, budget, record) VALUES (?, ?, ?, ?, ?) ON CONFLICT ("key") DO NOTHING
"""
# A delivery that has not been tried. (alert_id, channel, due_at)
_DELIVER = """
INSERT INTO deliveries (alert_id, channel, due_at, finished, attempts, arrived_at, error)
VALUES (?, ?, ?, 0, 0, NULL, '')
ON CONFLICT DO NOTHING
"""
_COLUMNS = "record, channel, attempts, due_at, arrived_at, finished, error"
# What may be tried at ?1, the oldest first.
_DUE = f"""
SELECT {_COLUMNS} FROM deliveries JOIN alerts ON alerts.id = alert_id
WHERE finished = 0 AND due_at <= ?1 ORDER BY due_at, alert_id, channel LIMIT ?2
"""
_OF_EVENTS = f"""
SELECT {_COLUMNS} FROM deliveries JOIN alerts ON alerts.id = alert_id
WHERE alert_id IN (SELECT value FROM json_each(?)) ORDER BY alert_id, channel
"""
# (due_at, finished, attempts, arrived_at, error, alert_id, channel)
_TRIED = """
UPDATE deliveries SET due_at = ?, finished = ?, attempts = ?, arrived_at = ?, error = ? WHERE alert_id = ? AND channel = ?
"""
_EVENTS = """
SELECT record FROM alerts
WHERE (CAST(?1 AS TEXT) IS NULL OR id < ?1) AND (CAST(?2 AS TEXT) IS NULL OR budget = ?2) ORDER BY id DESC LIMIT ?3
"""
_SNOOZE = """
INSERT INTO snoozes (target, until, "by") VALUES (?, ?, ?)
ON CONFLICT (target) DO UPDATE SET until = excluded.until, "by" = excluded."by"
"""
_SNOOZES = 'SELECT target, until, "by" FROM snoozes WHERE until > ? ORDER BY target'

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Event).decode


class SqlOutbox:
    """`protocol.Outbox` in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def raise_(self, *events: Event) -> Sequence[Event]:
        def work(writing: Connection) -> list[Event]:
            new: list[Event] = []
            for event in events:
                before = writing.total_changes()
                writing.execute(_RAISE, (event.id, event.key, event.at, event.budget, _pack(event)))
                if writing.total_changes() != before:
                    new.append(event)
                    writing.executemany(_DELIVER, [(event.id, channel, event.at) for channel in event.channels])
            return new

        return await self._database.change(work) if events else []

    async def due(self, now: int, limit: int) -> Sequence[Delivery]:
        found = await self._database.query(lambda reading: reading.execute(_DUE, (now, limit)).fetchall())
        return [_delivery(*row) for row in found]

    async def tried(self, delivery: Delivery) -> None:
        """Raises StoreUnavailable."""
        finished = delivery.given_up or delivery.arrived_at is not None
        row = (
            delivery.due_at,
            int(finished),
            delivery.attempts,
            delivery.arrived_at,
            delivery.error,
            delivery.event.id,
            delivery.channel,
        )

        def work(writing: Connection) -> None:
            writing.execute(_TRIED, row)

        await self._database.change(work)

    async def events(self, *, limit: int, before: str | None = None, budget: str | None = None) -> Sequence[Event]:
        found = await self._database.query(lambda reading: reading.execute(_EVENTS, (before, budget, limit)).fetchall())
        return [_unpack(record) for (record,) in found]

    async def deliveries(self, *event_ids: str) -> Sequence[Delivery]:
        asked = msgspec.json.encode(event_ids).decode()
        found = await self._database.query(lambda reading: reading.execute(_OF_EVENTS, (asked,)).fetchall())
        return [_delivery(*row) for row in found]

    async def snooze(self, snooze: Snooze) -> None:
        """Raises StoreUnavailable."""

        def work(writing: Connection) -> None:
            writing.execute(_SNOOZE, (snooze.target, snooze.until, snooze.by))

        await self._database.change(work)

    async def snoozes(self, now: int) -> Sequence[Snooze]:
        found = await self._database.query(lambda reading: reading.execute(_SNOOZES, (now,)).fetchall())
        return [Snooze(target=target, until=until, by=by) for target, until, by in found]


def _delivery(
    record: bytes, channel: str, attempts: int, due_at: int, arrived_at: int | None, finished: int, error: str
) -> Delivery:
    return Delivery(
        event=_unpack(record),
        channel=channel,
        attempts=attempts,
        due_at=due_at,
        arrived_at=arrived_at,
        given_up=bool(finished) and arrived_at is None,
        error=error,
    )
