"""What is measured: each target's settings, command and request.

A target is started as its own documentation says for one worker, in front of the same fake provider, and gets the same
requests. What each does for a request beyond forwarding it differs; `does` says so, and stands in the results.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import install

TOKEN = "tw_bench_0123456789abcdef0123456789abcdef"
MODEL = "gpt-4o-mini"


@dataclass(frozen=True, kw_only=True)
class Target:
    """How to start one target and how to ask it.

    `open_rate` is the arrivals per second of the open loop; `stretch` lengthens the closed bursts of a target that is
    too slow to give enough samples; `budgets_path` answers with the budgets and what was spent on each, where there is
    such a path.
    """

    name: str
    does: str
    version: str = ""
    command: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict[str, str])
    port: int
    token: str = TOKEN
    path: str = "/v1/chat/completions"
    stream_path: str = ""
    model: str = MODEL
    open_rate: int = 500
    stretch: float = 1.0
    budgets_path: str = ""


@dataclass(frozen=True)
class Place:
    """Where a target's files go, and the port of the fake provider behind it."""

    build: Path
    folder: Path
    upstream: int

    def write(self, name: str, text: str) -> str:
        """Writes a file of settings and returns its path."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / name
        path.write_text(text)
        return str(path)


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def direct(place: Place) -> Target:
    return Target(name="direct", does="the fake provider itself", port=place.upstream)


def nginx(place: Place) -> Target:
    port = free_port()
    binary = install.nginx(place.build)
    settings = NGINX_SETTINGS.format(port=port, upstream=place.upstream, folder=place.folder)
    if os.geteuid() == 0:
        settings = "user root;\n" + settings  # the default user may not enter the build folder
    answer = subprocess.run([binary, "-v"], capture_output=True, text=True, check=True)
    return Target(
        name="nginx",
        does="forwards; one worker, keep-alive to the provider, no access log",
        version=answer.stderr.strip().rpartition("/")[2],
        command=(str(binary), "-p", str(place.folder), "-e", "error.log", "-c", place.write("nginx.conf", settings)),
        port=port,
        stream_path="/stream/v1/chat/completions",
    )


NGINX_SETTINGS = """\
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_max_body_size 10m;
  client_body_buffer_size 1m;
  keepalive_requests 100000000;
  upstream provider {{
    server 127.0.0.1:{upstream};
    keepalive 512;
    keepalive_requests 100000000;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    location / {{ proxy_pass http://provider; }}
    location /stream/ {{ proxy_pass http://provider; proxy_buffering off; }}
  }}
}}
"""


def tollway(place: Place) -> Target:
    return _tollway(place, name="tollway", path="/openai/v1/chat/completions", model=MODEL)


def tollway_unified(place: Place) -> Target:
    return _tollway(place, name="tollway-unified", path="/v1/chat/completions", model=f"openai/{MODEL}")


def _tollway(
    place: Place, *, name: str, path: str, model: str, more: str = "", gateway: str = "", does: str = ""
) -> Target:
    own = install.SOURCES.parent / ".venv" / "bin" / "python"
    python = own if own.exists() else Path(sys.executable)
    version = install.ask_python(python, "import tollway; print(tollway.__version__)")
    program = python.with_name("tollway")
    # A checkout that is only on the path has no script; the script does no more than this.
    start = (str(program),) if program.exists() else (str(python), "-c", "from tollway.cli import main; main()")
    port = free_port()
    settings = place.write("tollway.yaml", TOLLWAY_SETTINGS.format(upstream=place.upstream, gateway=gateway) + more)
    address = ("--host", "127.0.0.1", "--port", str(port))
    return Target(
        name=name,
        does=f"key, 5 budgets held and settled, ledger and request log{does}",
        version=version,
        command=(*start, "serve", "--config", settings, *address, "--data", str(place.folder / "data")),
        environment={"TOLLWAY_BENCH_KEY": TOKEN, "TOLLWAY_BENCH_PROVIDER_KEY": "sk-fake-provider"},
        port=port,
        path=path,
        model=model,
        budgets_path="/v1/budget",
    )


def tollway_feature(name: str) -> Callable[[Place], Target]:
    """Tollway with one thing more switched on, to see what that costs a request."""
    feature = FEATURES[name]

    def target(place: Place) -> Target:
        return _tollway(
            place,
            name=f"tollway-{name}",
            path=feature.path,
            model=feature.model,
            more=feature.settings,
            gateway=feature.gateway,
            does=f"; {feature.does}",
        )

    return target


@dataclass(frozen=True)
class Feature:
    """What is switched on: whole sections of the settings, and fields of the gateway."""

    does: str
    settings: str = ""
    gateway: str = ""
    path: str = "/v1/chat/completions"
    model: str = f"openai/{MODEL}"


FEATURES = {
    "rates": Feature(
        "two rate limits that never refuse",
        "rate_limits:\n"
        "  - {name: each user, split_by: [user], requests: 100000000, window_s: 60}\n"
        "  - {name: tokens, tokens: 100000000000, window_s: 60, technique: fixed}\n",
    ),
    "cache": Feature("every answer from the cache", gateway=", cache: {ttl_s: 3600}"),
    "retries": Feature("three tries, none of them needed", gateway=", retry: {max_attempts: 3}, timeout_ms: 30000"),
    "route": Feature(
        "a dynamic route of a condition, a percentage and a model",
        "routes:\n"
        "  - name: bench\n"
        "    elements:\n"
        "      - {id: start, type: start, outputs: {next: {elementId: if}}}\n"
        "      - {id: if, type: conditional, properties: {conditions: {metadata.team: {$eq: ml}}}, "
        "outputs: {'true': {elementId: split}, 'false': {elementId: end}}}\n"
        "      - {id: split, type: percentage, outputs: {'50%': {elementId: one}, '50.0%': {elementId: one}}}\n"
        f"      - {{id: one, type: model, properties: {{provider: openai, model: {MODEL}, timeout: 30000, retries: 1}}, "
        "outputs: {success: {elementId: end}, fallback: {elementId: end}}}\n"
        "      - {id: end, type: end, outputs: {}}\n",
        model="dynamic/bench",
    ),
    "translation": Feature("an Anthropic caller of an OpenAI model, translated both ways", path="/v1/messages"),
}
"""Each beside "tollway-unified", which has none of them."""


# Five budgets, none of which refuses: everybody, each user, a family of models, a team by its metadata, a provider.
TOLLWAY_SETTINGS = """\
providers:
  openai: {{base_url: "http://127.0.0.1:{upstream}/v1", api_key: "env:TOLLWAY_BENCH_PROVIDER_KEY"}}
keys:
  - name: bench
    secret: "env:TOLLWAY_BENCH_KEY"
    user: bench@example.com
    groups: [engineering]
    metadata: {{team: ml}}
gateways:
  - {{slug: default, authentication: required{gateway}}}
budgets:
  - {{name: company, limit: "1000000", window: {{period: month, timezone: UTC}}}}
  - {{name: each user, split_by: [user], limit: "1000000", window: {{period: month, timezone: UTC}}}}
  - {{name: gpt-4o, where: {{model: ["openai/gpt-4o*"]}}, limit: "1000000", window: {{period: day, timezone: UTC}}}}
  - {{name: team ml, where: {{metadata.team: [ml]}}, limit: "1000000", window: {{period: week, timezone: UTC}}}}
  - {{name: openai, where: {{provider: [openai]}}, limit: "1000000", window: {{period: month, timezone: UTC}}}}
"""


def litellm(place: Place) -> Target:
    programs, version = install.peer(place.build, "litellm", ("litellm[proxy]==1.106.2", "litellm[proxy]"))
    port = free_port()
    provider = {"model": f"openai/{MODEL}", "api_base": f"http://127.0.0.1:{place.upstream}/v1", "api_key": "sk-fake"}
    settings = {
        "model_list": [{"model_name": MODEL, "litellm_params": provider}],
        "general_settings": {"master_key": f"sk-{TOKEN}"},
        "litellm_settings": {"telemetry": False},
    }
    # JSON is YAML.
    command = (str(programs / "litellm"), "--config", place.write("litellm.yaml", json.dumps(settings)))
    return Target(
        name="litellm",
        does="master key, routing, cost of each answer; no database, so no budgets",
        version=version,
        command=(*command, "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"),
        # Else it asks the network for a price list, several times, before it starts.
        environment={"LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        port=port,
        token=f"sk-{TOKEN}",
        open_rate=50,
        stretch=3.0,
    )


def rolter(place: Place) -> Target:
    programs, version = install.peer(place.build, "rolter", ("rolter==0.1.0", "rolter"))
    port = free_port()
    settings = place.write("rolter.toml", ROLTER_SETTINGS.format(port=port, upstream=place.upstream, token=TOKEN))
    return Target(
        name="rolter",
        does="key, routing, cost of each answer; no Redis, so no budgets (Rust)",
        version=version,
        command=(str(programs / "rolter"), "gateway", "-c", settings),
        environment={"ROLTER_UPDATE_CHECK": "false"},
        port=port,
    )


ROLTER_SETTINGS = """\
[server]
host = "127.0.0.1"
port = {port}
[[providers.readonly]]
name = "fake"
kind = "openai_compatible"
api_base = "http://127.0.0.1:{upstream}"
[[routes]]
model = "gpt-4o-mini"
strategy = "round_robin"
[[routes.targets]]
provider = "fake"
model = "gpt-4o-mini"
[[virtual_keys]]
key = "{token}"
name = "bench"
models = []
[[model_prices]]
model = "gpt-4o-mini"
input_per_mtok = 0.15
output_per_mtok = 0.6
"""


def smg(place: Place) -> Target:
    programs, version = install.peer(place.build, "smg", ("smg==1.13.0", "smg"))
    port = free_port()
    command = (str(programs / "smg"), "launch", "--host", "127.0.0.1", "--port", str(port), "--backend", "openai")
    rest = ("--worker-urls", f"http://127.0.0.1:{place.upstream}", "--prometheus-port", str(free_port()))
    return Target(
        name="smg",
        does="routing, metrics; no keys, no budgets (Rust)",
        version=version,
        command=(*command, *rest, "--history-backend", "none", "--log-level", "warn"),
        port=port,
    )


def ferrogw(place: Place) -> Target:
    programs, version = install.peer(place.build, "ferrogw", ("ferrogw==1.5.10", "ferrogw"))
    port = free_port()
    settings = place.write("ferrogw.yaml", "strategy: {mode: single}\ntargets: [{virtual_key: openai}]\n")
    return Target(
        name="ferrogw",
        does="master key, routing, metrics; no budgets (Go)",
        version=version,
        command=(str(programs / "ferrogw"), "serve"),
        environment={
            "PORT": str(port),
            "GATEWAY_CONFIG": settings,
            "OPENAI_BASE_URL": f"http://127.0.0.1:{place.upstream}/v1",
            "OPENAI_API_KEY": "sk-fake-provider",
            "MASTER_KEY": TOKEN,
            "LOG_LEVEL": "error",
            # By default it answers 429 long before its core is full.
            "RATE_LIMIT_RPS": "10000000",
            "RATE_LIMIT_BURST": "10000000",
            "GOMAXPROCS": "1",
        },
        port=port,
    )


TARGETS: dict[str, Callable[[Place], Target]] = {
    "direct": direct,
    "nginx": nginx,
    "tollway": tollway,
    "tollway-unified": tollway_unified,
    **{f"tollway-{name}": tollway_feature(name) for name in FEATURES},
    "litellm": litellm,
    "rolter": rolter,
    "smg": smg,
    "ferrogw": ferrogw,
}
