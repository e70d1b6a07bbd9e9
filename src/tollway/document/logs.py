"""What a gateway keeps of its requests, read from what is written."""

from tollway.document.written_gateway import LogsDocument
from tollway.errors import SettingsInvalid
from tollway.logs.rules import LARGEST_BODY, Logs


def read_logs(written: LogsDocument | None, collect_logs: bool | None, where: str) -> Logs | None:
    """`None` where nothing is said of it. `collect_logs` is Cloudflare's name of `collect`.

    Raises SettingsInvalid naming the field (`where` is what it stands in), the value and the way out.
    """
    if written is None:
        return None if collect_logs is None else Logs(collect=collect_logs)
    if collect_logs is not None:
        raise SettingsInvalid(
            f"{where}: both logs and collect_logs are written; collect_logs is logs.collect, so take it out."
        )
    if not 1 <= written.max_body_bytes <= LARGEST_BODY:
        raise SettingsInvalid(
            f"{where}.logs.max_body_bytes: {written.max_body_bytes} is not 1 to {LARGEST_BODY:,} bytes; "
            "payload: false keeps no bodies."
        )
    if written.payload and not written.collect and written.by_headers != "more":
        raise SettingsInvalid(
            f"{where}.logs: payload: true keeps bodies beside the record of a request, and collect: false keeps no record; "
            "take one of them out."
        )
    return Logs(
        collect=written.collect,
        payload=written.payload,
        by_headers=written.by_headers,
        max_body_bytes=written.max_body_bytes,
        larger=written.larger,
        own_payload=written.own_payload,
    )
