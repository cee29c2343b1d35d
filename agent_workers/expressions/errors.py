"""Why an expression has no value."""


class Malformed(Exception):
    """A text is no expression; the message says what is wrong with it, and where."""


class NoValue(Exception):
    """An expression has no value here: a member is missing, or an operation has no meaning."""


class TooCostly(Exception):
    """An evaluation was ended because it took more steps than it may."""

    def __init__(self) -> None:
        super().__init__("it takes too many steps")
