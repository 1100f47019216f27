"""The texts that clients of the original know."""

from daytrader.domain import refusal


def test_the_texts_are_exactly_those_of_the_contract() -> None:
    """No text is added, dropped or reworded."""
    texts = {text for name, text in vars(refusal).items() if name.isupper()}
    assert texts == {
        "Invalid userid",
        "Invalid stock symbol",
        "Invalid amount",
        "Amount cannot be zero",
        "Amount is too large",
        "Invalid command",
        "User does not exist",
        "Quote price is higher than buy amount",
        "Quote price is higher than sell amount",
        "Insufficient funds",
        "Insufficient shares",
        "The specified stack is empty",
        "Too many pending orders",
        "An existing trigger on this stock has a higher trigger price than the set amount",
        "Either the trigger doesn't exist or the specified price is too high",
        "Trigger does not exist",
        "Trigger amount has not been set",
        "The specified price is higher than the set amount",
        "User does not have enough stocks",
        "Quote unavailable",
    }
