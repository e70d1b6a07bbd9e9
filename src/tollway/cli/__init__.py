"""The command `tollway`. Each command imports what it needs when it is run, so that `tollway --help` is quick."""


def main() -> None:
    """The console script."""
    from tollway.cli.commands import app

    app()
