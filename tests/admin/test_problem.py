import ast
import json
from pathlib import Path

from tollway.admin import problem
from tollway.admin.problem import Problem

ADMIN = Path(problem.__file__).parent


def test_every_code_that_is_raised_has_a_title() -> None:
    codes: set[str] = set()
    for path in ADMIN.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Problem":
                code = node.args[1]
                if isinstance(code, ast.Constant):
                    codes.add(code.value)
    assert len(codes) > 5
    for code in codes:
        assert json.loads(problem.body(Problem(400, code, "x")))["title"]


def test_a_problem_document_has_the_members_of_rfc_9457() -> None:
    said = json.loads(problem.body(Problem(404, "budget_unknown", 'No budget "x".')))
    assert said == {
        "type": "about:blank",
        "status": 404,
        "code": "budget_unknown",
        "title": "No such budget",
        "detail": 'No budget "x".',
    }


def test_a_401_names_the_scheme_and_a_503_when_to_come_back() -> None:
    assert problem.headers(Problem(401, "credential_missing", ""))["www-authenticate"] == 'Bearer realm="tollway admin"'
    assert problem.headers(Problem(503, "store_unavailable", ""))["retry-after"] == "1"
