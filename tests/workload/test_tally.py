"""What a process counts."""

import msgspec

from daytrader.workload.request import CODES
from daytrader.workload.tally import Failure, PackedTally, Tally

ADD, BUY = CODES[b"ADD", 2], CODES[b"BUY", 3]


def counted() -> Tally:
    """A tally with something of everything."""
    tally = Tally()
    tally.accepted[ADD] += 2
    tally.latencies[ADD].extend((0.25, 0.5))
    tally.refuse(BUY, b"Insufficient funds")
    tally.latencies[BUY].append(0.125)
    tally.fail(BUY, 7, "answered 500 oops", server_error=True)
    tally.fail(ADD, 3, "no answer within 1 s")
    tally.retried, tally.resent, tally.unanswered, tally.cpu_s, tally.sending_cpu_s = 1, 2, 3, 0.5, 0.25
    return tally


def test_a_tally_survives_the_way_to_another_process() -> None:
    """Packed, sent as msgpack and unpacked it is what it was."""
    packed = msgspec.msgpack.decode(msgspec.msgpack.encode(counted().pack()), type=PackedTally)
    assert vars(Tally.unpack(packed)) == vars(counted())


def test_tallies_add_up() -> None:
    """Merging adds all counts, keeps all latencies and names the first failures by line."""
    tally = counted()
    tally.merge(counted())
    assert tally.done == 10
    assert list(tally.latencies[ADD]) == [0.25, 0.5, 0.25, 0.5]
    assert tally.refusals == {"Insufficient funds": 2}
    assert tally.failures == {"answered 500 oops": 2, "no answer within 1 s": 2}
    assert tally.named_failures[0] == Failure(3, "ADD", "no answer within 1 s")
    assert (tally.server_errors, tally.retried, tally.resent, tally.unanswered) == (2, 2, 4, 6)
    assert (tally.cpu_s, tally.sending_cpu_s) == (1.0, 0.5)


def test_texts_and_named_failures_are_bounded() -> None:
    """However many different texts there are, all are counted and a bounded number is kept."""
    tally = Tally()
    for number in range(1_000):
        tally.refuse(BUY, b"text %d" % number)
        tally.fail(BUY, number, "gone")
    assert sum(tally.refusals.values()) == 1_000
    assert len(tally.refusals) == 201
    assert len(tally.named_failures) == 20
