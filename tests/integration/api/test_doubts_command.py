"""`agent-workers doubts resolve` says what was recorded, and what follows from it."""

import pytest

from agent_workers.cli.main import main
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.ids import TenantId
from tests.integration.api.live import Live
from tests.integration.state.acting import allow, doubt
from tests.integration.state.world import World


@pytest.fixture(autouse=True)
def _api(live: Live, tenant: TenantId, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_API_URL", live.url)
    monkeypatch.setenv("AGENT_API_KEY", live.token(tenant))


def doubted(world: World) -> str:
    """Return the key of an effect of which nobody knows whether it happened."""
    claimed = world.acting(EffectClass.UNSAFE)
    key = str(allow(world, claimed))
    doubt(world, claimed)
    return key


@pytest.mark.parametrize(
    ("verdict", "told"),
    [
        (
            ("--happened", "--result", '"paid"'),
            "Recorded: it happened. Its job goes on with that result",
        ),
        (("--abandon",), "Recorded: nobody knows what became of it. The step fails with"),
    ],
)
def test_a_verdict_says_what_follows(
    world: World, capsys: pytest.CaptureFixture[str], verdict: tuple[str, ...], told: str
) -> None:
    key = doubted(world)
    assert main(["doubts", "resolve", key, *verdict, "--reason", "the shop says so"]) == 0
    assert capsys.readouterr().out.startswith(told)


def test_a_doubt_is_shown_with_the_ways_to_resolve_it(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    key = doubted(world)
    assert main(["doubts", "show", key]) == 0
    assert (
        f"  agent-workers doubts resolve {key} --not-happened --reason" in capsys.readouterr().out
    )
    assert main(["doubts", "resolve", key, "--abandon", "--reason", "the shop"]) == 0
    capsys.readouterr()
    assert main(["doubts", "show", key]) == 0
    assert "doubts resolve" not in capsys.readouterr().out


def test_what_happened_is_not_recorded_without_its_result(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    key = doubted(world)
    assert main(["doubts", "resolve", key, "--happened", "--reason", "the shop says so"]) == 2
    assert "--happened needs --result" in capsys.readouterr().err
    assert main(["doubts", "list", "--json"]) == 0
    assert key in capsys.readouterr().out
