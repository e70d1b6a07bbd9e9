import http.server
import json
import threading

import install
import measure
import pytest
from measure import Burst, Cores, Failed, Server
from targets import TARGETS, Place, Target, direct, free_port

UNPINNED = Cores(None, None)


def answers(**figures):
    return {"mode": "closed", "done": 1000, "late": 0, "unanswered": 0, "errs": 0, "non200": 0} | figures


def streams(**figures):
    return {"mode": "sse", "streams": 50, "finished": 50, "errs": 0, "non200": 0} | figures


@pytest.mark.parametrize(
    "figures",
    [answers(), answers(non200=1), answers(late=64), streams(), streams(finished=3)],
    ids=["all well", "one in a thousand", "some late", "all streams", "slow streams"],
)
def test_a_good_burst_has_no_problem(figures):
    assert measure.problem_of(figures) is None


@pytest.mark.parametrize(
    "figures",
    [
        answers(non200=2),
        answers(errs=2),
        answers(unanswered=2),
        answers(done=0),
        answers(done=500, non200=500),
        streams(non200=50, finished=0),
        streams(errs=1, finished=49),
    ],
    ids=[
        "two not 200",
        "two broken",
        "two unanswered",
        "nothing answered",
        "none good",
        "streams refused",
        "a stream broken",
    ],
)
def test_more_than_one_in_a_thousand_wrong_is_a_problem(figures):
    assert measure.problem_of(figures)


def test_the_problem_says_what_went_wrong():
    assert measure.problem_of(answers(non200=600)) == (
        "600 of 1,000 went wrong: 600 not 200, 0 broken connections, 0 without an answer"
    )


@pytest.mark.parametrize("kilobytes", [1, 20, 200])
def test_a_body_is_about_as_large_as_it_says(kilobytes):
    body = measure._body("gpt-4o-mini", kilobytes)
    assert 0.9 < len(body) / (1024 * kilobytes) < 1.15
    assert json.loads(body)["messages"][0]["role"] == "user"


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    build = tmp_path_factory.mktemp("build")
    return install.tool(build, "lg"), install.tool(build, "fakeup")


@pytest.fixture
def provider(tools, tmp_path):
    port = free_port()
    process = measure.start_provider(tools[1], port, chunks=5, folder=tmp_path, core=None)
    yield Place(tmp_path, tmp_path, port)
    process.terminate()
    process.wait()


def test_every_request_of_a_closed_burst_is_answered(tools, provider):
    server = Server(direct(provider), provider.folder, UNPINNED)
    figures = measure.run_burst(tools[0], server, Burst("c8", "closed", 8, 0.1))
    assert figures["done"] > 100
    assert figures["non200"] == figures["errs"] == figures["unanswered"] == 0
    assert figures["cpu_us"] is None


def test_a_large_body_is_taken_whole(tools, provider):
    server = Server(direct(provider), provider.folder, UNPINNED)
    figures = measure.run_burst(tools[0], server, Burst("200kb", "closed", 4, 0.1, body_kb=200))
    assert figures["done"] > 4


def test_an_open_burst_keeps_its_rate(tools, provider):
    server = Server(direct(provider), provider.folder, UNPINNED)
    figures = measure.run_burst(tools[0], server, Burst("open", "open", 16, 0.4))
    assert 120 < figures["done"] < 280


def test_every_chunk_of_every_stream_is_seen(tools, provider):
    server = Server(direct(provider), provider.folder, UNPINNED)
    figures = measure.run_burst(tools[0], server, Burst("sse", "sse", 10, 0.1))
    assert figures["finished"] == 10
    assert figures["seen"] == 10 * 5


def test_a_server_that_refuses_fails_its_burst_with_its_own_words(tools, tmp_path):
    class Refusing(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(429, "Slow down")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as refusing:
        threading.Thread(target=refusing.serve_forever, daemon=True).start()
        server = Server(Target(name="refusing", does="", port=refusing.server_port), tmp_path, UNPINNED)
        with pytest.raises(Failed, match="429 Slow down"):
            measure.run_burst(tools[0], server, Burst("c8", "closed", 2, 0.1))
        refusing.shutdown()


def test_a_command_that_ends_while_starting_is_reported_with_its_last_words(tmp_path):
    command = ("sh", "-c", "echo no such settings; exit 3")
    server = Server(Target(name="broken", does="", port=free_port(), command=command), tmp_path, UNPINNED)
    with pytest.raises(Failed, match=r"ended with 3 while starting: no such settings"):
        server.start()


def test_a_target_is_started_charged_for_its_work_and_stopped(tools, tmp_path):
    port = free_port()
    target = Target(name="stand-in", does="", port=port, command=(str(tools[1]), str(port), "5", "1000"))
    server = Server(target, tmp_path, UNPINNED)
    try:
        assert server.start() > 0
        assert server.is_alive()
        figures = measure.run_burst(tools[0], server, Burst("c8", "closed", 8, 0.1))
        assert figures["cpu_us"] * (figures["done"] + figures["late"]) == pytest.approx(figures["cpu_ns"] / 1000)
        assert 0.5 < figures["cpu_us"] < 1000
    finally:
        server.stop()
    assert not server.is_alive()
    assert server.tree() == []


def test_a_target_that_dies_under_load_fails_the_burst(tools, provider, tmp_path):
    target = Target(name="dying", does="", port=provider.upstream, command=("sh", "-c", "echo out of memory"))
    server = Server(target, tmp_path, UNPINNED)
    server.process = measure._spawn(target.command, {}, tmp_path, None)
    with pytest.raises(Failed, match="its process ended during the burst: out of memory"):
        measure.run_burst(tools[0], server, Burst("c8", "closed", 2, 0.1))


@pytest.mark.parametrize(
    ("answer", "spent"),
    [
        ([{"name": "company", "spent": 12}, {"name": "each user", "spent": 0}], 1),
        ({"budgets": [{"spent_usd": "0.000031", "children": [{"spent_usd": "0.000002"}]}]}, 2),
        ({"budgets": []}, 0),
    ],
)
def test_budgets_are_found_wherever_an_answer_says_what_was_spent(answer, spent):
    assert sum(map(measure._is_spent, measure._budgets_in(answer))) == spent


def test_the_default_targets_exist():
    assert {"direct", "nginx", "tollway", "tollway-unified", "litellm", "rolter"} <= TARGETS.keys()
