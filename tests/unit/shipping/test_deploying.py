"""What is given for deploying is sound, says every program that reads it and is here."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from agent_workers.cli.main import COMMANDS
from agent_workers.settings import Settings
from tests.support.certificates import certificate
from tests.support.repository import ROOT

UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
PROGRAM = "/opt/agent-workers/bin/agent-workers"
KNOWN = {f"AGENT_{name.upper()}" for name in Settings.model_fields} | {"AGENT_SECRETS_DIR"}


def found(*names: str) -> str:
    """Return the first program of these that is here."""
    beside = f"{Path(sys.executable).parent}"
    places = (None, beside, "/usr/sbin")
    here = [path for name in names for place in places if (path := shutil.which(name, path=place))]
    return here[0] if here else pytest.skip(f"{names[0]} is not here")


def judged(*command: str | Path) -> str:
    """Return what else it says of what it takes."""
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stderr


def composed() -> dict[str, dict[str, dict[str, object]]]:
    read: dict[str, dict[str, dict[str, object]]] = yaml.safe_load(
        (ROOT / "docker-compose.yml").read_text()
    )
    return read


def settings_given() -> Iterator[tuple[str, str]]:
    """Every variable and secret of ours that a file for deploying gives to a program."""
    compose = composed()
    for name, service in compose["services"].items():
        environment = service.get("environment", {})
        assert isinstance(environment, dict)
        yield from ((name, variable) for variable in environment)
    yield from (("secrets", name.upper()) for name in compose["secrets"])
    for file in (ROOT / "deploy/systemd").rglob("*"):
        if file.is_file():
            text = file.read_text()
            yield from ((file.name, name) for name in re.findall(r"\bAGENT_[A-Z_]+", text))


def test_every_setting_that_is_given_exists():
    given = [(where, name) for where, name in settings_given() if name.startswith("AGENT_")]
    assert {"api.env", "secrets", "worker-model"} <= {where for where, _ in given}
    assert [one for one in given if one[1] not in KNOWN] == []


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_runs_a_command_of_ours_with_files_that_are_there(unit: Path):
    text = unit.read_text()
    command = re.findall(rf"^ExecStart={PROGRAM} (\w+)", text, re.MULTILINE)
    assert set(command) <= set(COMMANDS)
    assert len(command) == 1
    required = re.findall(r"^EnvironmentFile=/etc/agent-workers/(.+)$", text, re.MULTILINE)
    assert required
    assert [name for name in required if not (unit.parent / "env" / name).is_file()] == []


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_that_stays_is_not_started_again_with_wrong_settings(unit: Path):
    text = unit.read_text()
    if "Type=oneshot" not in text:
        assert "\nRestart=always\n" in text
        assert "\nRestartPreventExitStatus=2\n" in text


def test_systemd_takes_the_units(tmp_path: Path):
    program = found("systemd-analyze")
    for unit in UNITS:
        text = unit.read_text().replace(PROGRAM, "/bin/sh")
        (tmp_path / unit.name.replace("@", "@1")).write_text(text)
    assert judged(program, "verify", "--man=no", *tmp_path.iterdir()) == ""


def test_nginx_takes_its_file(tmp_path: Path):
    program = found("nginx")
    pem = certificate(tmp_path, "agents.example.com")
    site = (ROOT / "deploy/proxy/nginx.conf").read_text()
    site = re.sub(r"/etc/ssl/\S+\.pem", str(pem), site)
    # It opens what it would listen on, which not everybody may.
    site = re.sub(r"listen (\d+)", rf"listen unix:{tmp_path}/\1", site)
    folders = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    written = "".join(f"{name}_temp_path {tmp_path}/{name};" for name in folders)
    beside = f"access_log off; {written}"
    config = tmp_path / "nginx.conf"
    config.write_text(f"pid {tmp_path}/pid; events {{}} http {{ {beside} {site} }}")
    judged(program, "-t", "-q", "-c", config)


def test_caddy_takes_its_file():
    command = ("validate", "--adapter", "caddyfile", "--config", "deploy/proxy/Caddyfile")
    judged(found("caddy"), *command)


def test_compose_takes_its_file():
    program = found("docker-compose")
    judged(program, "--profile", "*", "config", "--quiet")


def test_hadolint_finds_nothing_in_the_dockerfile():
    judged(found("hadolint"), ROOT / "Dockerfile")
