"""Numbers that are measured, as short as they can be read."""


def amount(value: float) -> str:
    """Return a number with as many digits as one looks at: 12,345, 12.3, 0.12."""
    if abs(value) >= 100 or value == round(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def shown(value: float | None, unit: str = "") -> str:
    """Return a number with its unit, or a dash where there is none."""
    return "-" if value is None else f"{amount(value)} {unit}".rstrip()
