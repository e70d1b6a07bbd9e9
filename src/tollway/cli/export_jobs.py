"""`tollway export-jobs`: what leaves on a schedule, how it goes; and reading what was sealed."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from tollway.cli.options import By, Data, Json, Token, Url

export_jobs = typer.Typer(
    help="Scheduled exports: list them, write one, run it now, pause it, see how it went; read what was sealed.",
    invoke_without_command=True,
)

_PATH = "/api/v1/export-jobs"
_LOOK_EVERY_S = 0.25

_Job = Annotated[str, typer.Argument(metavar="JOB", help="Its id.", show_default=False)]


@export_jobs.callback()
def all_jobs(
    context: typer.Context, url: Url = None, token: Token = None, data: Data = None, json: Json = False
) -> None:
    """Every scheduled export, and how it stands."""
    if context.invoked_subcommand is None:
        list_jobs(url=url, token=token, data=data, json=json)


@export_jobs.command("list")
def list_jobs(url: Url = None, token: Token = None, data: Data = None, json: Json = False) -> None:
    """Every scheduled export, and how it stands."""
    from tollway.cli.questions import Asking, answer_with

    asking = Asking(url, token, data, json)
    raise typer.Exit(answer_with(asking, lambda client: client.get(_PATH), _show_list))


@export_jobs.command("show")
def show_job(job: _Job, url: Url = None, token: Token = None, data: Data = None, json: Json = False) -> None:
    """One of them, with its settings."""
    from tollway.cli.questions import Asking, answer_with

    asking = Asking(url, token, data, json)
    raise typer.Exit(answer_with(asking, lambda client: client.get(_at(job)), _show_one))


@export_jobs.command("set")
def set_job(
    job: _Job,
    settings: Annotated[
        Path, typer.Argument(metavar="FILE", help="An entry of exports:, in YAML or JSON.", show_default=False)
    ],
    by: By = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Write a job into the settings, in the place of the one of its id."""
    import yaml

    from tollway.cli.questions import Asking, answer_with

    try:
        written: Any = yaml.safe_load(settings.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise typer.BadParameter(f"{settings}: {' '.join(str(error).split())}") from None
    if not isinstance(written, dict):
        raise typer.BadParameter(f"{settings}: it is no entry of exports:, such as {{what: logs, every: 1h, to: ...}}.")
    asking = Asking(url, token, data, json)
    raise typer.Exit(answer_with(asking, lambda client: client.put(_at(job), written, actor=by), _show_change))


@export_jobs.command("pause")
def pause(
    job: _Job, by: By = None, url: Url = None, token: Token = None, data: Data = None, json: Json = False
) -> None:
    """Switch a job off. It goes on later from where it had come, as long as the log is kept."""
    _switch(job, False, by, url, token, data, json)


@export_jobs.command("resume")
def resume(
    job: _Job, by: By = None, url: Url = None, token: Token = None, data: Data = None, json: Json = False
) -> None:
    """Switch a job on."""
    _switch(job, True, by, url, token, data, json)


@export_jobs.command("delete")
def delete(
    job: _Job, by: By = None, url: Url = None, token: Token = None, data: Data = None, json: Json = False
) -> None:
    """Take a job out of the settings, and forget where it stood. What it has sent stays where it is."""
    from tollway.cli.questions import Asking, answer_with

    asking = Asking(url, token, data, json)
    raise typer.Exit(answer_with(asking, lambda client: client.delete(_at(job), actor=by), _show_change))


@export_jobs.command("run")
def run(
    job: _Job,
    wait: Annotated[int, typer.Option(help="Seconds to wait for its end; 0: none.", min=0, max=86_400)] = 60,
    by: By = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Run a job now, whatever its schedule says. Exit code 1 where it failed or has not ended in time."""
    from tollway.cli.questions import Asking, answered
    from tollway.cli.shown import complain, say, show_json

    def ask(client: Any) -> Any:
        import time

        before = client.get(f"{_at(job)}/runs")["items"]
        asked = client.post(f"{_at(job)}/run", {}, actor=by)
        ends = time.monotonic() + wait
        while time.monotonic() < ends:
            found = client.get(f"{_at(job)}/runs")
            if not found["running"] and found["items"][:1] != before[:1]:
                return found["items"][0]
            time.sleep(_LOOK_EVERY_S)
        return asked

    answer = answered(Asking(url, token, data, json), ask)
    if answer is None:
        raise typer.Exit(1)
    if json:
        show_json(answer)
    elif "ok" not in answer:
        say(f"{job} was asked to run; see tollway export-jobs runs {job}.")
    elif answer["ok"]:
        say(_done(answer))
    else:
        complain(f"{job} failed, and is tried again: {answer['error']}")
    raise typer.Exit(1 if answer.get("ok") is False or (wait and "ok" not in answer) else 0)


@export_jobs.command("runs")
def runs(job: _Job, url: Url = None, token: Token = None, data: Data = None, json: Json = False) -> None:
    """How a job went, the newest first."""
    from tollway.cli.questions import Asking, answer_with

    asking = Asking(url, token, data, json)
    raise typer.Exit(answer_with(asking, lambda client: client.get(f"{_at(job)}/runs"), _show_runs))


@export_jobs.command("open")
def open_sealed(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Exported files of logs.", show_default=False)],
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="The private key, in PEM.", show_default=False)],
) -> None:
    """Print the rows of sealed files as NDJSON, opened and checked. Nothing is asked of a gateway.

    An encrypted private key is opened with the passphrase in TOLLWAY_EXPORT_KEY_PASSPHRASE. Exit code 1 where a column was
    changed or sealed for another key.
    """
    from tollway.cli.export_jobs_opened import print_opened

    raise typer.Exit(print_opened(files, key))


def _at(job: str) -> str:
    return f"{_PATH}/{quote(job, safe='')}"


def _switch(
    job: str, enabled: bool, by: str | None, url: str | None, token: str | None, data: str | None, json: bool
) -> None:
    from tollway.cli.questions import Asking, answer_with

    asking = Asking(url, token, data, json)
    raise typer.Exit(
        answer_with(asking, lambda client: client.patch(_at(job), {"enabled": enabled}, actor=by), _show_change)
    )


def _show_list(answer: Any) -> None:
    from tollway.cli.shown import count, instant, rows, say, table

    if not answer["items"]:
        say("No export jobs. Write one: tollway export-jobs set nightly job.yaml")
        return
    made = table("Export jobs", ("id", "left"), ("what", "left"), ("to", "left"), ("state", "left"), ("next", "left"),
                 ("behind", "right"), ("arrived", "right"), ("last success", "left"))  # fmt: skip
    cells = [
        [
            one["id"],
            f"{one['what']}, sealed" if one["sealed"] else one["what"],
            one["destination"],
            _state(one),
            instant(one["retry_at"] or one["due_at"]) if one["due_at"] else "-",
            count(one["behind"]) if one["behind"] is not None else "-",
            count(one["rows"]),
            instant(one["succeeded_at"]) if one["succeeded_at"] else "never",
        ]
        for one in answer["items"]
    ]
    rows(made, cells)
    say(*(f"{one['id']}: {one['error']}" for one in answer["items"] if one["error"]))


def _state(one: Any) -> str:
    if not one["enabled"]:
        return "paused"
    if one["running"]:
        return "runs"
    return f"failed {one['failures']} times" if one["failures"] else "waits"


def _show_one(answer: Any) -> None:
    from json import dumps

    from tollway.cli.shown import say

    _show_list({"items": [answer]})
    if answer["gone"]:
        say(f"{answer['gone']:,} rows had left the log before they were exported.")
    say(*(f"  {name}: {dumps(value, ensure_ascii=False)}" for name, value in answer["written"].items()))


def _show_change(answer: Any) -> None:
    from tollway.cli.shown import say

    if not answer["changed"]:
        say(f"{answer['id']} was so already.")
    elif answer["after"] is None:
        say(f"{answer['id']} is gone. The settings are at revision {answer['revision']}.")
    else:
        say(f"{answer['id']} is in the settings, which are at revision {answer['revision']}.")
    say(*(f"Note: {one}" for one in answer["warnings"]))


def _show_runs(answer: Any) -> None:
    from tollway.cli.shown import count, instant, rows, say, table

    if not answer["items"]:
        say(f"{answer['job']} has not run yet.")
        return
    made = table(f"Runs of {answer['job']}, newest first", ("started", "left"), ("by", "left"), ("rows", "right"),
                 ("objects", "right"), ("bytes", "right"), ("result", "left"))  # fmt: skip
    cells = [
        [
            instant(one["started_at"]),
            one["by"],
            count(one["rows"]),
            count(one["objects"]),
            count(one["bytes_sent"]),
            "done" if one["ok"] else one["error"],
        ]
        for one in answer["items"]
    ]
    rows(made, cells)


def _done(run: Any) -> str:
    if not run["objects"]:
        return "Nothing had come since the last run."
    return f"{run['rows']:,} rows in {run['objects']:,} objects, {run['bytes_sent']:,} bytes, have arrived."
