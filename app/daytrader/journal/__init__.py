"""The journal: where commands become durable, and what everything else is read off."""
