"""How many steps an evaluation may still take; every operation pays before it is done."""

from agent_workers.expressions.errors import TooCostly

# So much of a text or of a list of texts is copied or compared in the time of one step.
BYTES_PER_STEP = 64


class Budget:
    """A step takes a tenth to a third of a microsecond, so a million of them at most a third of a second."""

    __slots__ = ("left",)

    def __init__(self, steps: int) -> None:
        self.left = steps

    def spend(self, steps: int) -> None:
        """Pay for work that is about to be done, or raise TooCostly."""
        self.left -= steps
        if self.left < 0:
            raise TooCostly

    def spend_on_text(self, length: int) -> None:
        """Pay for reading, comparing or copying so many characters."""
        self.spend(1 + length // BYTES_PER_STEP)
