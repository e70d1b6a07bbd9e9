"""What must be true in every world is true where its books are in PostgreSQL, whatever becomes of the connections to it."""

import contextlib
from collections.abc import Iterator
from unittest.mock import PropertyMock, patch

import pytest
from server_world import ServerWorld
from simulated import Violation
from tests.postgres import PostgresServer

from tollway.storage.postgres.writer import PostgresWriter

SEEDS = 12


@pytest.mark.parametrize("first", range(0, SEEDS, 4))
def test_what_must_be_true_is_true_over_a_server(
    first: int, postgres_server: PostgresServer, postgres_url: str
) -> None:
    answered = broken = deaths = 0
    for seed in range(first, first + 4):
        world = ServerWorld(seed, postgres_server, postgres_url).run()
        answered += sum(status == 200 for status in world.statuses)
        broken += world.breaks
        deaths += world.deaths
    assert answered > 10 and broken > 4 and deaths > 0


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_what_must_be_true_is_true_over_a_server_in_three_hundred_worlds(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    for seed in range(SEEDS, 300):
        ServerWorld(seed, postgres_server, postgres_url).run()


@contextlib.contextmanager
def what_is_in_doubt_is_let_be() -> Iterator[None]:
    """Who was told that nothing was written does not see to it that it is so."""
    with patch.object(PostgresWriter, "doubtful", PropertyMock(return_value=False)):
        yield


def test_a_world_notices_what_is_left_in_doubt(postgres_server: PostgresServer, postgres_url: str) -> None:
    with pytest.raises(Violation, match=r"is open in the store, but not in memory|was booked"):
        for seed in range(SEEDS):
            ServerWorld(seed, postgres_server, postgres_url, what_is_in_doubt_is_let_be).run()
