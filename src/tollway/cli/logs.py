"""`tollway logs`: its options. What it does is in `questions` and `logs_asked`, imported when it is run."""

from typing import Annotated

import typer

from tollway.cli.options import Data, Json, Since, Token, Until, Url, Where


def logs(
    request_id: Annotated[
        str | None, typer.Argument(help="One request, with everything that is kept of it.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=500)] = 20,
    status: Annotated[int | None, typer.Option(help="Only answers of this HTTP status.", show_default=False)] = None,
    code: Annotated[
        str | None, typer.Option(help="Only this reason, such as budget_exceeded.", show_default=False)
    ] = None,
    text: Annotated[str | None, typer.Option(help="Only with this somewhere in it.", show_default=False)] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with each request as it is logged.")] = False,
    body: Annotated[bool, typer.Option("--body", help="Of one request: what was asked, sent and returned.")] = False,
    good: Annotated[
        bool | None, typer.Option("--good/--bad", help="Say of one request that it was.", show_default=False)
    ] = None,
    score: Annotated[float | None, typer.Option(help="Say of one request how good it was.", show_default=False)] = None,
    note: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help="Something one request is to be found by; may be repeated.", show_default=False
        ),
    ] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Take those out of the log; the ledger stays.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="With --delete, where nothing narrows it down.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    since: Since = None,
    until: Until = None,
    where: Where = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """What happened to requests, newest first; or to one."""
    from tollway.cli import logs_asked
    from tollway.cli.questions import Asking, show_log, show_logs

    asking, fields = Asking(url, token, data, json), where or []
    says = good is not None or score is not None or bool(note)
    chosen = [name for name, given in (("--follow", follow), ("--body", body), ("--delete", delete)) if given]
    chosen += ["--good, --bad, --score or --note"] if says else []
    if len(chosen) > 1:
        raise typer.BadParameter(f"{' and '.join(chosen)} are different things; choose one")
    if (body or says) and request_id is None:
        raise typer.BadParameter(f"{chosen[0]} is of one request; give its id")
    if (follow or delete) and request_id is not None:
        raise typer.BadParameter(f"{chosen[0]} is of many requests; leave the id out, or write --where request_id=...")
    if request_id is not None:
        if body:
            raise typer.Exit(logs_asked.show_bodies(asking, request_id))
        if says:
            feedback = None if good is None else 1 if good else -1
            raise typer.Exit(logs_asked.remark(asking, request_id, feedback=feedback, score=score, notes=note or []))
        raise typer.Exit(show_log(asking, request_id))
    given = {"status": str(status) if status is not None else None, "code": code, "text": text}
    if follow:
        raise typer.Exit(logs_asked.follow(asking, given=given, since=since, until=until, where=fields))
    if delete:
        raise typer.Exit(
            logs_asked.erase(
                asking,
                given=given,
                since=since,
                until=until,
                where=fields,
                everything=everything,
                confirm=lambda question: yes or (logs_asked.is_terminal() and typer.confirm(question)),
            )
        )
    raise typer.Exit(show_logs(asking, limit=limit, given=given, since=since, until=until, where=fields))
