from tollway.storage.bodies import Room


def test_there_is_room_for_so_many_bytes_and_no_more() -> None:
    room = Room(10)
    assert room.hold(6) and not room.hold(5) and room.hold(4)
    assert room.held == 10
    room.let_go(6)
    assert room.held == 4 and room.hold(5)
