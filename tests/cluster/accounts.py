"""Some users with money and shares, whose balances are looked at again later."""

import json

from tests.cluster.installation import Installation
from tests.cluster.reach import Client, ways
from tests.cluster.shell import require


async def trade(installation: Installation, users: list[str]) -> None:
    """Have each of these users add money and buy."""
    async with Client(ways(installation)[0], token=installation.token("broker")) as client:
        for number, user in enumerate(users, 1):
            for name, amount in (("ADD", f"{number}000.00"), ("BUY", f"{number}00.00"), ("COMMIT_BUY", "")):
                params = {"userid": user, "stockSymbol": "DOG", **({"amount": amount} if amount else {})}
                status, body = await client.command(name, **params)
                require(status == 200, f"{name} of {user}: {status} {body}")


async def balances(installation: Installation, users: list[str]) -> dict[str, object]:
    """Return cents and shares of these users."""
    found: dict[str, object] = {}
    async with Client(ways(installation)[0], token=installation.token("broker")) as client:
        for user in users:
            status, body = await client.command("DISPLAY_SUMMARY", userid=user)
            require(status == 200, f"DISPLAY_SUMMARY of {user}: {status} {body}")
            shown = json.loads(body)
            found[user] = (shown["cents"], shown["investments"])
    return found
