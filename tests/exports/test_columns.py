from tollway.exports.columns import Column, Table


def test_things_become_their_rows_in_order() -> None:
    table = Table[int]("numbers", (Column("n", "integer", "a number"),), lambda n: [(n,)] * n)
    assert table.rows_of([2, 0, 1]) == [(2,), (2,), (1,)]
