"""Matching the log with what a client was told: every acknowledged command took effect once, in the user's order."""

from array import array
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from daytrader.domain import refusal
from daytrader.domain.command import ANSWERED_ANEW, COMMAND_NAMES, Command, parse
from daytrader.domain.money import dollars
from daytrader.workload.history import Sent
from daytrader.workload.request import CODES, FORMS
from daytrader.workload.verify.findings import Findings
from daytrader.workload.verify.numbers import NumberSet
from daytrader.workload.verify.told import Told

_NAMES: Final = list(COMMAND_NAMES)
_ACCEPTED, _REFUSED, _FAILED = 0, 1, 2

_decode = msgspec.json.Decoder(Sent).decode


class HistoryError(Exception):
    """A line of the history is none; the text says which."""


class _Sendings:
    """The commands of one user as the client sent them, one after the other: 22 bytes each."""

    __slots__ = ("codes", "commands", "lines", "outcomes", "places", "sound", "taken")

    def __init__(self) -> None:
        self.commands = array("q")
        """A hash of the name and the checked fields."""
        self.outcomes = array("q")
        """A hash of the text of the outcome."""
        self.lines = array("I")
        """The line in the workload file."""
        self.codes = bytearray()
        """The command's name and whether it was accepted, refused, or failed."""
        self.places: tuple[int, ...] = (0,)
        """How many were found in the log so far; several readings while it is open which failed ones took effect."""
        self.sound = True
        """False once history and log have parted."""

    def order_by_line(self, start: int) -> None:
        """Bring what was added from `start` on into the order of the workload file.

        It is the order in which the commands were sent, but several processes write a history side by side.
        """
        places = sorted(range(start, len(self.lines)), key=self.lines.__getitem__)
        for column in (self.commands, self.outcomes, self.lines):
            column[start:] = array(column.typecode, [column[place] for place in places])
        self.codes[start:] = bytes(self.codes[place] for place in places)

    def failed(self, place: int) -> bool:
        return self.codes[place] % 3 == _FAILED

    def after(self, command: int, outcome: int) -> set[int]:
        """Return the places after which the history may stand when the log goes on with `command`."""
        found: set[int] = set()
        for start in self.places:
            for place in range(start, len(self.codes)):
                failed = self.failed(place)
                if self.commands[place] == command and (failed or self.outcomes[place] == outcome):
                    found.add(place + 1)
                if not failed:
                    break
        return found

    def missing(self) -> int:
        """Return the first acknowledged command that is missing at the end of the log, -1 where none is."""
        first = -1
        for start in self.places:
            rest = (place for place in range(start, len(self.codes)) if not self.failed(place))
            first = next(rest, -1)
            if first < 0:
                return -1
        return first

    def name(self, place: int) -> str:
        """Say which command it is."""
        return f"{_NAMES[self.codes[place] // 3]} of line {self.lines[place]}"


class Acknowledged:
    """The client-side history, and how far the log has told the same.

    Commands without a (valid) userid have no order: their outcomes are counted. Commands that only ask may be in the
    log more often than the client knows: they are answered anew when they are sent again.
    """

    def __init__(self, findings: Findings, before: NumberSet | None = None) -> None:
        """`before`: what the log held before the histories' first command. None: it tells of nothing but them.

        Where it is given, the log may tell of more: earlier runs, and users of other clients, whom no history names.
        """
        self._findings = findings
        self._before = before
        self.others: set[str] = set()
        """Users whom no history names, and who sent commands since `before`."""
        self._users: dict[str, _Sendings] = {}
        self._nameless: Counter[tuple[int, int]] = Counter()
        self._nameless_failed: Counter[int] = Counter()

    def read(self, path: Path, progress: Callable[[int], None]) -> None:
        """Read a history, or one more that follows on the last; tell `progress` how many more bytes have been read.

        Raises:
            OSError: the file cannot be read.
            HistoryError: a line is something else.
        """
        before = {user: len(sendings.codes) for user, sendings in self._users.items()}
        with path.open("rb") as file:
            for n, line in enumerate(file, 1):
                try:
                    self._add(_decode(line))
                except (msgspec.MsgspecError, KeyError) as error:
                    raise HistoryError(f"{path}:{n}: no line of a history ({error}): {line[:100]!r}") from error
                progress(len(line))
        for user, sendings in self._users.items():
            sendings.order_by_line(before.get(user, 0))

    def _add(self, sent: Sent) -> None:
        form = FORMS[CODES[sent.command.encode(), len(sent.args)]]
        fields = dict(zip(form.parameters, sent.args, strict=True))
        name = COMMAND_NAMES[sent.command]
        command = parse(name, fields.get("userid", ""), fields.get("stockSymbol", ""), fields.get("amount", ""))
        self._findings.checked["commands of the history"] += 1
        kind = _ACCEPTED if sent.status == 200 else _REFUSED if sent.status == 400 else _FAILED
        if name == "DUMPLOG" and not command.user:
            kind = _FAILED  # it may be the one that asked for this log, which need not tell of it
        shown = sent.body or "" if kind == _REFUSED or (kind == _ACCEPTED and name == "QUOTE") else ""
        if command.user:
            sendings = self._users.setdefault(command.user, _Sendings())
            sendings.commands.append(_hash(command))
            sendings.outcomes.append(_outcome(kind == _REFUSED, shown))
            sendings.lines.append(sent.line)
            sendings.codes.append(_NAMES.index(name) * 3 + kind)
        elif kind == _FAILED:
            self._nameless_failed[_hash(command)] += 1
        else:
            self._nameless[_hash(command), _outcome(kind == _REFUSED, shown)] += 1

    def take(self, command: Command, told: Told) -> None:
        """Match the next command of the log."""
        if self._before is not None and self._is_of_others(command, told, self._before):
            self._findings.checked["commands of others or of before"] += 1
            return
        outcome = told.refusal
        known = _outcome(told.error is not None, outcome)
        if command.name == "QUOTE" and not outcome and told.price is not None:
            known = _outcome(False, dollars(told.price))
        if not command.user:
            self._take_nameless(command, known, told)
            return
        sendings = self._users.get(command.user)
        if sendings is None:
            sendings = self._users[command.user] = _Sendings()
        if not sendings.sound:
            return
        places = sendings.after(_hash(command), known)
        if places and outcome != refusal.NO_QUOTE:
            self._findings.checked["commands of the history found in the log"] += 1
            sendings.places = tuple(places)
        elif outcome == refusal.NO_QUOTE and _hash(command) in sendings.commands:
            self._findings.checked["commands that got no quote"] += 1
        elif self._unknown(command, told, _difference(sendings, _hash(command), known)):
            sendings.sound = False

    def _is_of_others(self, command: Command, told: Told, before: NumberSet) -> bool:
        if told.number in before:
            return True
        if command.user and command.user not in self._users:
            self.others.add(command.user)
            return True
        return False

    def _take_nameless(self, command: Command, outcome: int, told: Told) -> None:
        known = _hash(command)
        if self._nameless[known, outcome]:
            self._nameless[known, outcome] -= 1
        elif self._nameless_failed[known]:
            self._nameless_failed[known] -= 1
        elif self._before is not None:
            self._findings.checked["commands of others or of before"] += 1
            return
        else:
            self._unknown(command, told, "no such command without a valid userid was sent")
            return
        self._findings.checked["commands of the history found in the log"] += 1

    def _unknown(self, command: Command, told: Told, why: str) -> bool:
        """Note a command that the history does not lead to; return whether that is a violation."""
        if command.name in ANSWERED_ANEW:
            self._findings.checked["questions beyond the history"] += 1
            return False
        what = f"number {told.number}, {command.name} of {command.user or 'nobody'} ({told.refusal or 'accepted'})"
        self._findings.violation("history", f"{what}: {why}")
        return True

    def finish(self) -> None:
        """Note what is missing at the end of the log."""
        for user, sendings in self._users.items():
            place = sendings.missing() if sendings.sound else -1
            if place >= 0:
                self._findings.violation(
                    "history", f"{sendings.name(place)} ({user}) was acknowledged, but is not in the log"
                )
        lost = sum((+self._nameless).values())
        if lost:
            self._findings.violation(
                "history", f"{lost} commands without a valid userid were answered, but are not in the log"
            )


def _hash(command: Command) -> int:
    return hash((command.name, command.symbol, command.cents))


def _outcome(refused: bool, text: str) -> int:
    return hash((refused, text))


def _difference(sendings: _Sendings, command: int, outcome: int) -> str:
    """Say how the log parts from what was sent: a lost command, a doubled one, or another outcome."""
    place = max(sendings.places)
    for lost in range(place + 1, min(place + 10, len(sendings.codes))):
        if sendings.commands[lost] == command and sendings.outcomes[lost] == outcome:
            return f"{sendings.name(place)} should stand before it, and is missing"
    for earlier in range(max(place - 10, 0), place):
        if sendings.commands[earlier] == command:
            return f"{sendings.name(earlier)} took effect already"
    if place == len(sendings.codes):
        return "the user sent no more" if place else "the user sent nothing"
    if sendings.commands[place] == command:
        return f"{sendings.name(place)} was answered otherwise"
    return f"{sendings.name(place)} should stand here"
