import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tollway.autorouting.scorer import Scorer
from tollway.cli.commands import app

EASY = "What is the capital of France?"
HARD = "A train leaves at 9:40 and runs at 84 km/h for 35 minutes, then at 120 km/h for 3/4 of an hour. How far does it go?"


def run(*words: str, given: str | None = None) -> Result:
    return CliRunner().invoke(app, ["auto", "score", *words], input=given)


def write(folder: Path, *lines: str) -> str:
    path = folder / "prompts.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


def test_each_row_is_printed_with_its_id_and_the_score_of_its_prompt(tmp_path: Path) -> None:
    path = write(
        tmp_path, json.dumps({"id": "easy", "prompt": EASY}), "", json.dumps({"id": 2, "prompt": HARD, "source": "x"})
    )
    result = run(path)
    assert result.exit_code == 0
    scorer = Scorer.load()
    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        {"id": "easy", "score": round(scorer.score(EASY), 6)},
        {"id": 2, "score": round(scorer.score(HARD), 6)},
    ]


def test_other_fields_of_a_row_change_nothing(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        json.dumps({"id": "a", "prompt": HARD}),
        json.dumps({"id": "b", "prompt": HARD, "source": "gsm8k", "category": "law", "strong_correct": 1}),
    )
    bare, rich = (json.loads(line)["score"] for line in run(path).stdout.splitlines())
    assert bare == rich


def test_rows_may_come_from_standard_input() -> None:
    result = run("-", given=json.dumps({"id": "é", "prompt": EASY}) + "\n")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["id"] == "é"


def test_one_prompt_can_be_scored_alone() -> None:
    result = run("--prompt", HARD)
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"score": round(Scorer.load().score(HARD), 6)}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2 is not JSON"),
        ("[1]", "line 2 is not an object"),
        ('{"prompt": "x"}', "line 2 has the id null"),
        ('{"id": true, "prompt": "x"}', "line 2 has the id true"),
        ('{"id": "b", "prompt": 7}', "line 2 (b) has the prompt 7; it must be text"),
        ('{"id": "b"}', "line 2 (b) has the prompt null"),
    ],
)
def test_a_row_that_is_none_is_named_after_the_rows_before_it(tmp_path: Path, line: str, said: str) -> None:
    result = run(write(tmp_path, json.dumps({"id": "a", "prompt": EASY}), line))
    assert result.exit_code == 2
    assert said in result.stderr
    assert [json.loads(row)["id"] for row in result.stdout.splitlines()] == ["a"]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.jsonl")
    result = run(missing)
    assert result.exit_code == 2
    assert missing in result.stderr


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "prompts.jsonl"
    path.write_bytes(b"\xff\xfe\x00")
    result = run(str(path))
    assert result.exit_code == 2
    assert "prompts.jsonl" in result.stderr


@pytest.mark.parametrize("words", [[], ["rows.jsonl", "--prompt", "x"]])
def test_neither_or_both_of_file_and_prompt_is_an_error(words: list[str]) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert "--prompt TEXT" in result.stderr
