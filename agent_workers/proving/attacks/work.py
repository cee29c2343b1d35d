"""Work that takes places and turns: floods, schedules, tools that hang or end their process."""

from agent_workers.proving.attacks.connection import Connection
from agent_workers.proving.attacks.hostile import Attack, Hostile, post
from agent_workers.proving.attacks.hosts import silent, trickling
from agent_workers.proving.outside.hostile import NAME

HIGHEST = 100


def flood(*, jobs: int, seconds: float, every_s: float = 0.0) -> Attack:
    """Many jobs."""

    def attack(hostile: Hostile, connection: Connection) -> None:
        body = job("doze", seconds=seconds)
        for _ in range(jobs):
            post(connection, "/v1/jobs", body)
            if hostile.over.wait(every_s):
                return

    return attack


def schedules(count: int) -> Attack:
    """Schedules that are due each second."""

    def attack(_: Hostile, connection: Connection) -> None:
        target = {"job": job("doze", seconds=0)}
        body = {"type": "interval", "interval_s": 1, "overlap": "allow", "target": target}
        for _number in range(count):
            post(connection, "/v1/schedules", body)

    return attack


def calls(tool: str, *, every_s: float) -> Attack:
    """One job after the other that calls a tool of bad manners."""

    def attack(hostile: Hostile, connection: Connection) -> None:
        while True:
            post(connection, "/v1/jobs", job(tool))
            hostile.did[f"calls of {tool}"] += 1
            if hostile.over.wait(every_s):
                return

    return attack


def silent_callbacks(count: int) -> Attack:
    """Jobs whose end is told to a host that takes connections and never answers."""

    def attack(hostile: Hostile, connection: Connection) -> None:
        with silent() as port:
            body = job("doze", seconds=0) | {"callback_url": f"http://127.0.0.1:{port}/"}
            for _ in range(count):
                post(connection, "/v1/jobs", body)
            hostile.over.wait()

    return attack


def tar_pits(*, every_s: float) -> Attack:
    """Jobs that fetch a page from a host that sends a byte a second."""

    def attack(hostile: Hostile, connection: Connection) -> None:
        with trickling() as port:
            while not hostile.over.wait(every_s):
                post(connection, "/v1/jobs", job("http_get", url=f"http://127.0.0.1:{port}/"))

    return attack


def job(tool: str, **arguments: object) -> dict[str, object]:
    """A job of the highest priority that calls this tool."""
    wish = {"tool": tool, "with": arguments}
    return {"agent": NAME, "input": wish, "priority": HIGHEST}
