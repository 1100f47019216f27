"""The texts with which commands are refused: exactly what clients see and the log says."""

from typing import Final

INVALID_USER: Final = "Invalid userid"
INVALID_SYMBOL: Final = "Invalid stock symbol"
INVALID_AMOUNT: Final = "Invalid amount"
AMOUNT_ZERO: Final = "Amount cannot be zero"
AMOUNT_TOO_LARGE: Final = "Amount is too large"
INVALID_COMMAND: Final = "Invalid command"

NO_USER: Final = "User does not exist"
BUY_BELOW_PRICE: Final = "Quote price is higher than buy amount"
SELL_BELOW_PRICE: Final = "Quote price is higher than sell amount"
NO_FUNDS: Final = "Insufficient funds"
NO_SHARES: Final = "Insufficient shares"
STACK_EMPTY: Final = "The specified stack is empty"
STACK_FULL: Final = "Too many pending orders"
AMOUNT_BELOW_TRIGGER: Final = "An existing trigger on this stock has a higher trigger price than the set amount"
NO_BUY_TRIGGER: Final = "Either the trigger doesn't exist or the specified price is too high"
NO_TRIGGER: Final = "Trigger does not exist"
NO_SELL_AMOUNT: Final = "Trigger amount has not been set"
PRICE_ABOVE_AMOUNT: Final = "The specified price is higher than the set amount"
NO_STOCKS: Final = "User does not have enough stocks"

NO_QUOTE: Final = "Quote unavailable"
"""The one refusal that is decided and logged but answered 503: nobody's fault, and worth another try."""
