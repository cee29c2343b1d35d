"""Who must go when there are too many connections, or when they hold too much."""

from dataclasses import dataclass

from api.process.crowd import Bounds, Crowd

HONEST, ATTACKER = "192.0.2.1", "198.51.100.1"


@dataclass(eq=False, kw_only=True)
class Client:
    """A connection, as the crowd sees it; `rank` is None while it waits for us."""

    crowd: Crowd["Client"]
    address: str = ATTACKER
    rank: int | None = 1
    waited_s: float = 0.0
    arrived: int = 0
    unsent: int = 0
    ended: bool = False

    def look(self, seconds: float) -> str | None:
        self.waited_s += seconds
        return None

    def end(self) -> None:
        self.ended = True
        self.crowd.leave(self)


def full(*clients: Client) -> None:
    for client in clients:
        assert client.crowd.join(client)


def test_room_is_made_by_those_who_waited_longest_of_the_address_that_has_most():
    crowd: Crowd[Client] = Crowd(Bounds(connections=64, per_address=63))
    honest = Client(crowd=crowd, address=HONEST, waited_s=100.0)
    attackers = [Client(crowd=crowd, waited_s=float(number)) for number in range(63)]
    full(honest, *attackers)
    assert crowd.join(Client(crowd=crowd, address=HONEST))
    assert not honest.ended
    assert [one for one in attackers if one.ended] == attackers[-2:]


def test_who_waits_for_us_stays_and_the_newcomer_is_refused():
    crowd: Crowd[Client] = Crowd(Bounds(connections=2, per_address=2))
    working = [Client(crowd=crowd, rank=None) for _ in range(2)]
    full(*working)
    assert not crowd.join(Client(crowd=crowd, address=HONEST))
    assert not any(one.ended for one in working)


def test_a_connection_that_is_idle_is_spared_before_one_that_sends():
    crowd: Crowd[Client] = Crowd(Bounds(connections=2, per_address=2))
    sending = Client(crowd=crowd, rank=2, waited_s=9.0)
    full(sending, Client(crowd=crowd, rank=0))
    assert crowd.join(Client(crowd=crowd))
    assert not sending.ended


def test_an_address_makes_room_for_itself_and_nobody_else_does():
    crowd: Crowd[Client] = Crowd(Bounds(connections=10, per_address=2))
    others = [Client(crowd=crowd, address=f"203.0.113.{number}") for number in range(5)]
    own = [Client(crowd=crowd), Client(crowd=crowd, waited_s=1.0)]
    full(*others, *own)
    assert crowd.join(Client(crowd=crowd))
    assert not any(one.ended for one in others)
    assert [one.ended for one in own] == [False, True]


def test_of_too_much_that_nobody_reads_the_largest_goes_first():
    crowd: Crowd[Client] = Crowd(Bounds(unsent=100))
    small, large = Client(crowd=crowd, unsent=60), Client(crowd=crowd, unsent=70)
    full(small, large)
    crowd.look(1.0)
    assert (small.ended, large.ended) == (False, True)


def test_of_bodies_that_are_too_much_those_that_we_wait_for_go_before_those_we_work_on():
    crowd: Crowd[Client] = Crowd(Bounds(arrived=100))
    working = Client(crowd=crowd, rank=None, arrived=70)
    sending = [Client(crowd=crowd, rank=2, arrived=size) for size in (30, 40)]
    full(working, *sending)
    crowd.look(1.0)
    assert (working.ended, *(one.ended for one in sending)) == (False, False, True)


def test_who_sends_large_bodies_is_spared_when_another_address_sends_more_in_all():
    crowd: Crowd[Client] = Crowd(Bounds(arrived=100))
    honest = Client(crowd=crowd, address=HONEST, rank=2, arrived=60)
    attackers = [Client(crowd=crowd, rank=2, arrived=20) for _ in range(4)]
    full(honest, *attackers)
    crowd.look(1.0)
    assert not honest.ended
    assert sum(one.ended for one in attackers) == 2
