"""Crash points by `sys.settrace`: the product has no hooks, and does not know that it is watched."""

import linecache
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from types import CodeType, FrameType
from typing import Any

from agent_workers.proving.process.orders import Blow, Said, Trip, write
from agent_workers.proving.process.points import BY_NAME, POINTS, STEP_PATH, Event, Point

# What sys.settrace wants and gives back; Any is its own word for what an event brings.
Tracer = Callable[[FrameType, str, Any], "Tracer | None"]
_SIGNALS = {Blow.KILL: signal.SIGKILL, Blow.STOP: signal.SIGSTOP}


class Tripwires:
    """Strikes at one trip after the other; or only says what it passes by."""

    def __init__(
        self,
        worker: str,
        trips: Sequence[Trip],
        *,
        watch: bool,
        pipe: int,
        files: Sequence[str] = (),
    ) -> None:
        self._worker = worker
        self._trips = list(trips)
        self._watch = watch
        self._pipe = pipe
        self._codes: dict[CodeType, tuple[Point, ...] | None] = {}
        self._passed: set[str] = set()
        self._lines = 0
        self._by_place: dict[tuple[str, str], list[Point]] = {}
        wanted = POINTS if watch else [BY_NAME[trip.point] for trip in trips if trip.point]
        for point in wanted:
            self._by_place.setdefault((_file(point.module), point.function), []).append(point)
        by_line = watch or any(trip.line or trip.place for trip in trips)
        own = {_tail(file) for file in files}
        self._says_places = watch and bool(own)
        self._files = (own or {_file(module) for module in STEP_PATH}) if by_line else set()

    def install(self) -> None:
        """Watch this thread and all threads that start from now on."""
        if self._trips or self._watch:
            threading.settrace(self._enter)
            sys.settrace(self._enter)

    def say_lines(self) -> None:
        if self._watch:
            self._say("passed", "", self._lines)

    def _enter(self, frame: FrameType, _event: str, _arg: object) -> Tracer | None:
        code = frame.f_code
        if code not in self._codes:
            place = (_tail(code.co_filename), code.co_qualname)
            points = tuple(self._by_place.get(place, ()))
            self._codes[code] = points if points or place[0] in self._files else None
        found = self._codes[code]
        if found is None:
            return None
        if not self._watch and not self._trips:
            sys.settrace(None)
            return None
        for point in found:
            if point.event is Event.CALL and _kind_fits(point, frame):
                self._reach(point)
        return self._local

    def _local(self, frame: FrameType, event: str, arg: object) -> Tracer | None:
        points = self._codes[frame.f_code] or ()
        if event == "line":
            self._count(frame)
            text = linecache.getline(frame.f_code.co_filename, frame.f_lineno) if points else ""
            for point in points:
                if point.event is Event.LINE and point.text in text and _kind_fits(point, frame):
                    self._reach(point)
        if event == "return":
            for point in points:
                fits = point.event is Event.RETURN and (arg or not point.truthy)
                if fits and _kind_fits(point, frame):
                    self._reach(point)
        return self._local

    def _count(self, frame: FrameType) -> None:
        """Lines are counted in the thread that does steps; the keeper's are not the same twice."""
        main = threading.get_ident() == threading.main_thread().ident
        file = _tail(frame.f_code.co_filename)
        if not main or file not in self._files:
            return
        self._lines += 1
        place = f"{file}:{frame.f_lineno}"
        if self._says_places and place not in self._passed:
            self._passed.add(place)
            self._say("passed", place, self._lines)
        if self._trips and (self._trips[0].line == self._lines or self._trips[0].place == place):
            self._strike(place)

    def _reach(self, point: Point) -> None:
        if self._watch and point.name not in self._passed:
            self._passed.add(point.name)
            self._say("passed", point.name, self._lines)
        if self._trips and self._trips[0].point == point.name:
            self._strike(point.name)

    def _strike(self, place: str) -> None:
        trip = self._trips.pop(0)
        self._say("tripped", place, 0)
        os.kill(os.getpid(), _SIGNALS[trip.blow])

    def _say(self, event: str, place: str, number: int) -> None:
        said = Said(worker=self._worker, event=event, place=place, number=number)
        os.write(self._pipe, write(said))


def _kind_fits(point: Point, frame: FrameType) -> bool:
    if not point.kind:
        return True
    claimed = frame.f_locals.get("claimed")
    return claimed is not None and claimed.kind == point.kind


def _file(module: str) -> str:
    return module.replace(".", "/") + ".py"


def _tail(filename: str) -> str:
    """The file from the package on, wherever it is installed."""
    at = filename.rfind("agent_workers/")
    return filename[at:] if at >= 0 else filename
