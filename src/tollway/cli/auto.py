"""`tollway auto`: how the router of `tollway/auto` judges prompts."""

import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any, TextIO, cast

import typer

auto = typer.Typer(help="How automatic routing judges prompts.", no_args_is_help=True)

_PLACES = 6


@auto.callback()
def group() -> None:
    """How automatic routing judges prompts."""


@auto.command("score")
def score(
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE.jsonl", help='Rows of {"id": ..., "prompt": ...}; - for standard input.', show_default=False
        ),
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Score this text instead.", show_default=False)
    ] = None,
) -> None:
    """Print {"id", "score"} a row: 0 to 1, the higher the more the prompt needs the stronger model.

    Only the prompt's text is read; other fields of a row are not. No gateway is asked, and nothing leaves the machine.
    """
    raise typer.Exit(show_scores(file, prompt))


def show_scores(file: str | None, prompt: str | None) -> int:
    """0 once every row is scored; 2 where there is nothing to score, or a row is not one. Rows before it are printed."""
    from tollway.autorouting.scorer import Scorer
    from tollway.cli.shown import complain

    if (file is None) == (prompt is None):
        complain("Name either a file of prompts or --prompt TEXT: tollway auto score prompts.jsonl")
        return 2
    scorer = Scorer.load()
    if prompt is not None:
        print(json.dumps({"score": round(scorer.score(prompt), _PLACES)}))
        return 0
    assert file is not None
    try:
        with nullcontext(sys.stdin) if file == "-" else Path(file).open(encoding="utf-8") as opened:
            for name, text in _rows(opened):
                print(json.dumps({"id": name, "score": round(scorer.score(text), _PLACES)}, ensure_ascii=False))
    except (OSError, ValueError) as error:
        complain(f"{file!r} cannot be scored: {error}")
        return 2
    return 0


def _rows(opened: TextIO) -> Iterator[tuple[str | int, str]]:
    """(id, prompt) of each line that is not empty. Raises ValueError naming the line."""
    for number, line in enumerate(opened, 1):
        if not line.strip():
            continue
        try:
            row: Any = json.loads(line)
        except ValueError as error:
            raise ValueError(f"line {number} is not JSON: {error}") from None
        if not isinstance(row, dict):
            raise ValueError(f'line {number} is not an object; write {{"id": "a", "prompt": "..."}}')
        fields = cast(dict[str, Any], row)
        name, text = fields.get("id"), fields.get("prompt")
        if not isinstance(name, str | int) or isinstance(name, bool):
            raise ValueError(f"line {number} has the id {json.dumps(name)}; give it one that is text or a whole number")
        if not isinstance(text, str):
            raise ValueError(f"line {number} ({name}) has the prompt {json.dumps(text)}; it must be text")
        yield name, text
