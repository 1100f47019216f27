"""A line of a batch, and a line of its answer."""

from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from daytrader.domain.command import AccountCommand
from daytrader.web.api.bodies import Cents, Symbol, User
from daytrader.web.api.problems import Problem

NDJSON: Final = "application/x-ndjson"
"""Lines of JSON, each ended by a line feed."""


class BatchLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One line of a batch: a command with what it takes. DUMPLOG is none: its answer is a stream of its own."""

    command: AccountCommand
    user: User
    symbol: Symbol | None = None
    amount_cents: Annotated[Cents | None, Meta(description="The amount, or a trigger's price.")] = None
    idempotency_key: Annotated[str | None, Meta(description="As the header Idempotency-Key.")] = None


class BatchAnswer(msgspec.Struct, frozen=True):
    """One line of the answer: what became of a command."""

    line: Annotated[int, Meta(description="The number of the line that it answers, from 1.")]
    status: Annotated[
        int, Meta(description="The HTTP status that the command by itself would have been answered with.")
    ]
    request_id: Annotated[str | UnsetType, Meta(description="Absent where the line became no command.")] = UNSET
    answer: Annotated[object, Meta(description="As the command by itself is answered.")] = UNSET
    problem: Annotated[Problem | UnsetType, Meta(description="Why it was not done.")] = UNSET
