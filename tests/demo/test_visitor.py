import asyncio
import json
import re
from pathlib import Path

from tollway.demo import visitor
from tollway.demo.gateway import running_gateway
from tollway.proxy.transport import NoAnswer, NotSent, UpstreamRequest, parse_url
from tollway.proxy.upstream.client import HttpTransport


async def test_a_visitor_is_told_where_to_sign_in_and_may_see_everything(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, "budgets: []") as gateway:
        where, how = await visitor.let_in(gateway)
        assert where == f"Its dashboard: {gateway.url}/dashboard"
        found = re.fullmatch(r"  sign in as (\w+) with the password (\S{16})", how)
        assert found is not None
        body = json.dumps({"name": found[1], "password": found[2]}).encode()
        transport = HttpTransport()
        try:
            answer = await transport.send(
                UpstreamRequest(
                    "POST",
                    parse_url(gateway.url).at(b"/api/v1/session"),
                    [(b"content-type", b"application/json")],
                    body,
                )
            )
            assert not isinstance(answer, NotSent | NoAnswer), answer
            said = b""
            while piece := await asyncio.wait_for(answer.read(), 10):
                said += piece
        finally:
            await transport.aclose()
        assert answer.status == 200, said
        assert json.loads(said)["roles"] == ["owner"]
