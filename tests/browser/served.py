"""A gateway with a month behind it, in a process of its own: `python served.py FOLDER` prints its address and ends with its
standard input."""

import asyncio
import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent)]

import seeded  # noqa: E402
from tests.admin.gateways import gateway  # noqa: E402

PASSWORD = "a-long-password"


async def serve(folder: Path) -> None:
    text = seeded.settings("{url}").replace("{", "{{").replace("}", "}}").replace("{{url}}", "{url}")
    async with gateway(folder, text) as caller:
        await seeded.seed(caller.runtime)
        for name, role in (("root", "owner"), ("fiona", "finance")):
            made = await caller.admin("/api/v1/users", {"name": name, "password": PASSWORD, "roles": [role]})
            assert made.status == 201, made.json
        assert (await caller.chat()).status == 200
        await caller.logged("/api/v1/logs", 1)
        print(json.dumps({"url": caller.url}), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
