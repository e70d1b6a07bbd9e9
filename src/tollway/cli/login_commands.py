"""The commands of signing in; what each does is in `login.py`, imported when it is run."""

from typing import Annotated

import typer

from tollway.cli.options import Json

login_commands = typer.Typer()

_Where = Annotated[
    str | None,
    typer.Option("--url", help="The gateway. [TOLLWAY_URL; the one you signed in at last]", show_default=False),
]


@login_commands.command()
def login(
    url: Annotated[
        str | None, typer.Option("--url", help="The gateway. [TOLLWAY_URL; http://127.0.0.1:8787]", show_default=False)
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser", help="Sign in with a browser on this machine; no code to type.")
    ] = False,
    opens: Annotated[
        bool | None,
        typer.Option(
            "--open/--no-open",
            help="Open the browser, or only say where to go. [at a terminal: yes]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Sign in at a gateway, with your company's account.

    Prints a code and where to type it; any browser will do, on any machine.
    """
    from tollway.cli.login import sign_in

    raise typer.Exit(sign_in(url, browser=browser, opens=opens))


@login_commands.command()
def logout(url: _Where = None) -> None:
    """Sign out: every token of the login ends."""
    from tollway.cli.login import sign_out

    raise typer.Exit(sign_out(url))


@login_commands.command()
def whoami(url: _Where = None, json: Json = False) -> None:
    """Who is signed in, and what they may still spend."""
    from tollway.cli.login import show_who

    raise typer.Exit(show_who(url, as_json=json))


@login_commands.command()
def env(
    url: _Where = None,
    shell: Annotated[
        str | None, typer.Option(metavar="sh|fish|powershell", help="[as $SHELL says]", show_default=False)
    ] = None,
) -> None:
    """Print what the SDKs of OpenAI, Anthropic and Google read.

    eval "$(tollway env)"
    """
    from tollway.cli.login import show_environment

    raise typer.Exit(show_environment(url, shell=shell))


@login_commands.command()
def token(url: _Where = None) -> None:
    """Print an access token that is good now, refreshed if need be.

    For Claude Code's apiKeyHelper, and anything else that runs a command for a key.
    """
    from tollway.cli.login import show_token

    raise typer.Exit(show_token(url))
