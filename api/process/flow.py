"""Whether a connection is read; while it is held back, nobody can turn that on again."""

from typing_extensions import override
from uvicorn.protocols.http.flow_control import FlowControl


class Flow(FlowControl):
    """Uvicorn's, which whoever asks for a body turns on, though many requests wait already."""

    is_held = False

    @override
    def resume_reading(self) -> None:
        if not self.is_held:
            super().resume_reading()
