"""Money as people read it."""


def grouped(cents: int) -> str:
    """Write cents as dollars with the thousands apart: 123456 -> "1,234.56"; never rounded."""
    whole, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole:,}.{rest:02d}"
