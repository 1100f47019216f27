"""The web service: HTTP in, commands checked and sent to the transaction replica that decides them."""
