"""`up` says once that all is ready, and what is missing while it takes long."""

from agent_workers.cli.start.running import SAID_EVERY_S, Ready


def test_what_is_missing_is_said_now_and_then_and_ready_once() -> None:
    missing, said, now = ["the API", "a worker for effect"], list[str](), [0.0]
    ready = Ready(lambda: missing, say=said.append, next_step=["next"], clock=lambda: now[0])
    ready.look()
    assert said == []
    now[0] = SAID_EVERY_S
    ready.look()
    ready.look()
    assert said == ["still waiting for the API; a worker for effect"]
    missing.clear()
    ready.look()
    ready.look()
    assert said[1:] == ["ready: everything answers", "next"]
