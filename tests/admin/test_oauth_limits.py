from tollway.admin.oauth_limits import MOST_PLACES, Tries, place_of


def test_after_so_many_an_address_waits_until_its_time_is_over_and_nobody_else() -> None:
    tries = Tries(2, 10_000)
    for _ in range(2):
        assert tries.wait("192.0.2.1", 1_000) is None
        tries.count("192.0.2.1", 1_000)
    assert tries.wait("192.0.2.1", 1_001) == 10
    assert tries.wait("192.0.2.1", 10_500) == 1
    assert tries.wait("192.0.2.2", 1_001) is None
    assert tries.wait("192.0.2.1", 11_000) is None


def test_asking_whether_one_has_to_wait_counts_nothing() -> None:
    tries = Tries(1, 10_000)
    for _ in range(5):
        assert tries.wait("192.0.2.1", 1) is None
    assert len(tries) == 0


def test_memory_is_bounded() -> None:
    tries = Tries(1, 10_000)
    for number in range(MOST_PLACES + 50):
        tries.count(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 1)
    assert len(tries) == MOST_PLACES


def test_a_network_of_sixty_four_bits_is_one_place() -> None:
    assert place_of("2001:db8::1") == place_of("2001:db8::ffff:1") != place_of("2001:db8:0:1::1")
    assert place_of("::ffff:192.0.2.1") == "192.0.2.1"
    assert place_of("nonsense") == "nonsense"
