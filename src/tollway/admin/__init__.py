"""The control plane: what is kept, shown and asked over HTTP, apart from model traffic.

One file a noun. Everything lies behind the administrator's token; money is an exact decimal string of US dollars,
instants are RFC 3339, unknown is null, and an error is an RFC 9457 problem that names the field and the way out.
"""

from typing import Any

from tollway.admin.runtime import Runtime

__all__ = ["Runtime", "create_admin"]


def create_admin(runtime: Runtime) -> Any:
    """The ASGI application of the control plane. Building it imports the web framework: half a second, so not at start."""
    from tollway.admin.api import build

    return build(runtime)
