"""Alerts: what somebody wants to know of money, the events that tell it, and their deliveries.

Pure: `workers/alerts.py` asks the ledger and `workers/deliver.py` sends. An event is told once: its `key` names the rule,
the account, the window and the threshold, and the store keeps each key once.
"""

from tollway.alerts.event import AlertKind, Delivery, Event, Snooze
from tollway.alerts.rule import Channel, ChannelKind, Rule

__all__ = ["AlertKind", "Channel", "ChannelKind", "Delivery", "Event", "Rule", "Snooze"]
