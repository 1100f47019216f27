"""What people type into the fields of a form, as the commands want it."""

import re

_is_money = re.compile(
    r"(?P<whole>[0-9]{1,16}|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.(?P<part>[0-9]{1,2}))?", re.ASCII
).fullmatch


def amount_of(typed: str) -> str:
    """Return an amount in dollars as commands take it: "1,250" and "1250.0" become "1250.00".

    What is no amount stays as it is: the command is refused, with its place in the log, as it is from anywhere else.
    """
    match = _is_money(typed.strip())
    if match is None:
        return typed.strip()
    return f"{match['whole'].replace(',', '')}.{match['part'] or '':0<2}"


def symbol_of(typed: str) -> str:
    """Return a stock symbol as commands take it: in capitals."""
    return typed.strip().upper()
