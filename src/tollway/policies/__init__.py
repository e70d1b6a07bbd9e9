"""Policies: who may use which model, and up to how much money; with the meaning of Cloudflare AI Gateway's policies.

A policy is an actor (the name of a bucket of money), a resource, a condition and an action. Where a gateway has any,
what none of them permits is refused. Decides and never counts: a `limit` becomes a claim on an account of the ledger,
held by the same reservation as budgets are.

Invariants: the order of policies decides nothing; a block cannot be overridden; what a block cannot judge it blocks.
"""
