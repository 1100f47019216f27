"""What the web service lets whom do, and what hostile requests cost it."""
