"""The reference store: everything in memory, nothing kept. For tests, `tollway demo` and `tollway explain`.

It answers as every store must (`conformance`), in the plainest way that is right.
"""

from tollway.storage.memory.cabinet import MemoryCabinet
from tollway.storage.memory.ledger import MemoryLedger
from tollway.storage.memory.outbox import MemoryOutbox
from tollway.storage.memory.records import MemoryRecords
from tollway.storage.memory.store import MemoryAudit, MemoryBudgets, MemoryConfig, MemoryJobs, MemoryStore

__all__ = [
    "MemoryAudit",
    "MemoryBudgets",
    "MemoryCabinet",
    "MemoryConfig",
    "MemoryJobs",
    "MemoryLedger",
    "MemoryOutbox",
    "MemoryRecords",
    "MemoryStore",
]
