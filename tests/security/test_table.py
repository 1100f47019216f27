"""Every endpoint, asked by everybody."""

from tests.security.asking import status_of_line
from tests.security.callers import EVERYBODY, Who
from tests.security.conftest import Kept
from tests.security.table import TABLE, Row

CHALLENGED = (401, 403)


def _refused(row: Row, who: Who) -> bool:
    return row.gets[who] in CHALLENGED or (row.lines is not None and row.lines[who] in CHALLENGED)


async def test_everybody_gets_what_the_table_says_and_a_refusal_changes_nothing(kept: Kept) -> None:
    """Each status is as it is written; of what is refused no trace is in journal, identities or tokens."""
    wrong = []
    for who in EVERYBODY:
        for row in TABLE:
            before = kept.stored() if _refused(row, who) else None
            answer = await kept.ask(row, who)
            got, wanted = [answer.status], [row.gets[who]]
            if row.lines is not None and answer.status == 200:
                got.append(status_of_line(answer.body))
                wanted.append(row.lines[who])
            if got != wanted:
                wrong.append(f"{who}: {row.name}: {got}, not {wanted}: {answer.body[:200]!r}")
            if before is not None and kept.stored() != before:
                wrong.append(f"{who}: {row.name}: was refused and left something in the stores")
    assert not wrong, "\n".join(wrong)


async def test_after_all_refusals_accounts_and_logs_are_as_they_were(kept: Kept) -> None:
    """What the program itself tells of all accounts is the same, and nobody's history is longer."""
    before = await kept.accounts()
    length = len(kept.stored()["entries"])
    refused = [(who, row) for who in EVERYBODY for row in TABLE if _refused(row, who)]
    assert len(refused) > 200
    for who, row in refused:
        await kept.ask(row, who)
    assert len(kept.stored()["entries"]) == length
    after = await kept.accounts()
    assert after == before


async def test_an_accepted_command_is_seen_in_the_stores(kept: Kept) -> None:
    """The comparison of the tests above does see what is written."""
    before = kept.stored()
    accepted = next(row for row in TABLE if row.route == "/command/ADD")
    assert (await kept.ask(accepted, "trader")).status == 200
    assert kept.stored() != before


async def test_a_cookie_or_a_parameter_is_no_bearer_token(kept: Kept) -> None:
    """An admin's token that is shown anywhere but in the Authorization header counts as none, at every endpoint."""
    token = kept.tokens["admin"]
    for row in TABLE:
        for header in (f"Cookie: daytrader_session={token}; token={token}", f"X-Authorization: Bearer {token}"):
            assert (await kept.ask(row, "nobody", header)).status == row.gets["nobody"], row.name
