"""How much there is in a JSON value."""


def holds_more_than(most: int, value: object) -> bool:
    """Say whether there are more values within one another than this; it looks no further."""
    left, count = [value], 0
    while left and count <= most:
        one = left.pop()
        count += 1
        if isinstance(one, dict):
            left += one.values()
        elif isinstance(one, list):
            left += one
    return count > most
