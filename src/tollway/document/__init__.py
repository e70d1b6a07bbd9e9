"""The settings document: what people write in `tollway.yaml`, and the snapshot it means.

One set of types serves the file, the admin API and the JSON schema for editors. An unknown field is an error that
names it; a money amount is a decimal string; a secret is a reference (`env:NAME`, `file:PATH`) that is resolved here
and never echoed.
"""

from tollway.document.compiled import ResolveSecret, compile_document
from tollway.document.names import slug_of
from tollway.document.written import (
    BudgetDocument,
    Document,
    KeyDocument,
    ProviderDocument,
    read_document,
)
from tollway.document.written_gateway import GatewayDocument, SpendLimitDimension, SpendLimitRule, SpendLimits

__all__ = [
    "BudgetDocument",
    "Document",
    "GatewayDocument",
    "KeyDocument",
    "ProviderDocument",
    "ResolveSecret",
    "SpendLimitDimension",
    "SpendLimitRule",
    "SpendLimits",
    "compile_document",
    "read_document",
    "slug_of",
]
