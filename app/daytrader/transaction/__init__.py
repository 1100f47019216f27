"""The transaction service: decides commands, and has them made durable before it answers."""
