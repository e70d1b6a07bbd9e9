"""Tollway: a self-hosted AI gateway that keeps AI spend inside dollar budgets. ARCHITECTURE.md is the map."""

__version__ = "0.1.0"
