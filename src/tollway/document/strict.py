"""The shape of everything people write."""

import msgspec


class Written(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What people write: an unknown field is an error."""
