"""What goes wrong in one story, drawn from its seed."""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Plan:
    """What goes wrong in this story, and how big it is."""

    partitions: int
    replicas: int
    users: int
    seconds: float
    faults: float
    """How much of what can go wrong on the way to the store does, 0 to 1."""
    freezes: bool
    kills: bool
    outages: bool
    moves: bool
    network: float
    quotes: float
    fixed_price: bool
    memory: int
    batching: bool
    checkpoint_records: int

    @classmethod
    def of(cls, random: Random) -> "Plan":
        """Draw a plan."""
        calm = random.random() < 0.1
        return cls(
            partitions=random.choice((1, 2, 4)),
            replicas=random.choice((2, 2, 3)),
            users=random.randint(2, 6),
            seconds=random.choice((15.0, 30.0, 60.0)),
            faults=0 if calm else random.choice((0, 0.3, 1.0)),
            freezes=not calm and random.random() < 0.5,
            kills=not calm and random.random() < 0.5,
            outages=not calm and random.random() < 0.4,
            moves=random.random() < 0.7,
            network=0 if calm else random.choice((0, 0.5, 1.0)),
            quotes=random.choice((0, 0.3, 1.0)),
            fixed_price=random.random() < 0.3,
            memory=random.choice((0, 4_000, 60_000, 10**9)),
            batching=random.random() < 0.9,
            checkpoint_records=random.choice((8, 40, 10_000)),
        )
