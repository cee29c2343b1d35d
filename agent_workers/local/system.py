"""A whole system in one folder: servers of its own where none are given, and every program."""

import os
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from agent_workers.domain.agents.version import EVERYBODY
from agent_workers.domain.ids import TenantId
from agent_workers.embedded.leftovers import FolderLock
from agent_workers.embedded.ports import LOOPBACK, free_port
from agent_workers.embedded.postgres import EmbeddedPostgres
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.local import programs
from agent_workers.local.agents.applying import apply_files
from agent_workers.local.agents.folder import AgentsFolder, settings_with
from agent_workers.local.agents.registry import registry_of
from agent_workers.local.database import database_at
from agent_workers.local.folder import DataFolder
from agent_workers.local.leftovers import end_guardian, end_programs
from agent_workers.local.migrations import upgrade
from agent_workers.local.output import Lines
from agent_workers.local.ports import port_of
from agent_workers.local.supervisor import Supervisor
from agent_workers.local.surroundings import API_URL, ApiPlace, is_live
from agent_workers.settings import PREFIX, Settings
from agent_workers.state.access.grants import Role, grant_in
from agent_workers.state.access.keys import Keys
from agent_workers.state.access.roles import make_roles
from agent_workers.state.awaiting import await_database

TENANT = TenantId("default")
_LIVE_AFTER_S = 60.0
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a system shall be: settings, folders of agents, how slow the demo's refund server is."""

    settings: Settings
    folders: tuple[AgentsFolder, ...] = ()
    # None: there is no such server.
    refund_slow_s: float | None = None


class System:
    """Starts everything in order and stops it in reverse, whatever happened in between."""

    def __init__(
        self, folder: DataFolder, wanted: Wanted, *, lines: Lines | None, say: Say
    ) -> None:
        self.folder = folder
        self._lock = FolderLock(folder.path)
        self.supervisor = Supervisor(folder, lines=lines, say=say)
        self._refund_port = free_port()
        self._settings = settings_with(wanted.settings, wanted.folders)
        self._wanted = wanted
        self._say = say
        self._undo = ExitStack()
        self._variables: dict[str, str] = {}
        # With a server of our own, where each role finds it; else all are the one that was given.
        self._databases: dict[Role, str] = {}
        self._servers: dict[str, EmbeddedPostgres | EmbeddedRedis] = {}
        # What the user's modules and folders declare; the demo's own are not counted.
        self.agents: list[str] = []

    @property
    def place(self) -> ApiPlace:
        return ApiPlace(url=self._variables[API_URL], key=self.folder.read("api_key"))

    @property
    def database_url(self) -> str:
        return self._variables[f"{PREFIX}DATABASE_URL"]

    @property
    def flower_place(self) -> str:
        """Where it answers from here, whatever people are told."""
        host = _reachable(self._settings.flower_address)
        return f"http://{host}:{self._variables[f'{PREFIX}FLOWER_PORT']}"

    @property
    def flower_url(self) -> str:
        return self._variables[f"{PREFIX}FLOWER_URL"]

    @property
    def refund_url(self) -> str:
        return f"http://{LOOPBACK}:{self._refund_port}"

    def start(self) -> None:
        """Return once the API answers; what was started is stopped by `stop`, even half of it."""
        self._take_folder()
        ports = [self._port(what) for what in ("API", "Flower")]
        self._start_servers()
        self._set_variables(*ports)
        direct_url = self._variables[f"{PREFIX}DIRECT_DATABASE_URL"]
        await_database(direct_url, patience_s=self._settings.start_wait_s)
        upgrade(direct_url)
        grant_in(direct_url)
        self._find_key()
        self._check_agents()
        self._undo.callback(self.folder.forget_surroundings)
        self.folder.tell_surroundings(self._variables)
        self._start_programs()

    def look_after_servers(self) -> None:
        """Start servers of our own again that have died; they keep their ports and their data."""
        for name, server in self._servers.items():
            if not server.is_running:
                self._say(f"{name} ended; starting it again")
                server.start()

    def stop(self) -> None:
        self._undo.close()

    def delete_data(self) -> None:
        """Forget everything that an earlier start kept here, wherever its data lies."""
        self.folder.make()
        self._lock.take()
        EmbeddedPostgres(self.folder.postgres).destroy()
        EmbeddedRedis(self.folder.redis).destroy()

    def _take_folder(self) -> None:
        self.folder.make()
        self._lock.take()
        self._undo.callback(self._say, "stopped; nothing is left running")
        self._undo.callback(self._lock.let_go)
        end_guardian(self.folder)
        if found := end_programs(self.folder):
            self._say(f"stopped what an earlier run had left running: {', '.join(found)}")
        self._undo.callback(self.supervisor.dismiss_guardian)
        self.supervisor.post_guardian()

    def _start_servers(self) -> None:
        given = self._settings
        found: dict[str, str] = {}
        if not given.database_url:
            postgres = EmbeddedPostgres(self.folder.postgres)
            self._undo.callback(postgres.stop)
            self._databases = make_roles(postgres.start().url, self._passwords())
            url = self._databases[Role.OWNER]
            self._servers["Postgres"] = postgres
            found |= {"database_url": url, "direct_database_url": url}
            self._say(f"Postgres on port {postgres.port}")
            if account := postgres.shared_account:
                self._say(f"Postgres runs as {account}, a shared account: see docs/operating.md")
        if not given.broker_url:
            redis = EmbeddedRedis(self.folder.redis)
            self._undo.callback(redis.stop)
            url = redis.start().agent_url
            self._servers["Redis"] = redis
            found |= {"broker_url": url, "redis_url": given.redis_url or url}
            self._say(f"Redis on port {redis.port}")
        self._variables = programs.variables_of(given, **found)

    def _port(self, what: str) -> int:
        return port_of(what, self._settings, held=self._undo, say=self._say)

    def _set_variables(self, api: int, flower: int) -> None:
        given = self._settings
        secrets = {
            "secret_pepper": given.secret_pepper or self.folder.secret("pepper"),
            "flower_password": given.flower_password or self.folder.secret("flower_password"),
        }
        self._set(api_port=api, flower_port=flower, **secrets)
        self._set(
            data_folder=str(self.folder.path),
            tools=",".join(given.tools) or programs.DEMO_TOOLS,
            worker_name="",
            # People read what `up` prints; whoever wants JSON says so.
            log_json=os.environ.get(f"{PREFIX}LOG_JSON", "false"),
            flower_url=given.flower_url or f"http://{LOOPBACK}:{flower}",
        )
        if self._wanted.refund_slow_s is not None:
            self._variables[programs.DEMO_REFUND_URL] = self.refund_url
        for folder in self._wanted.folders:
            self._variables |= folder.variables
        self._variables[API_URL] = f"http://{_reachable(given.api_host)}:{api}"

    def _find_key(self) -> None:
        """Make the first API key; a key of another database or pepper is no key here."""
        with database_at(self.database_url, "up") as database:
            keys = Keys(database, pepper=self._variables[f"{PREFIX}SECRET_PEPPER"])
            if keys.caller(self.folder.read("api_key")) is None:
                key = keys.create(TENANT, name=f"up on {socket.gethostname()}")
                self.folder.write("api_key", key.token)
                # Not the key itself: what is said here is kept, copied, and shown to others.
                self._say(f"made an API key for tenant {TENANT!r}: {self.folder.path / 'api_key'}")

    def _check_agents(self) -> None:
        """Load what workers would refuse, and make the agents of the folders known."""
        settings = self._settings.model_copy(update={"database_url": self.database_url})
        if settings.tools:
            self.agents += [one.declared.name for one in registry_of(settings).agents]
        files = [file for folder in self._wanted.folders for file in folder.definitions]
        if files:
            for kept in apply_files(files, settings, tenant_id=EVERYBODY):
                self._say(f"agent {kept.name}, version {kept.version}")
                self.agents.append(kept.name)

    def _start_programs(self) -> None:
        supervisor, work = self.supervisor, self._told(Role.WORKER)
        self._undo.callback(supervisor.stop)
        patience_s = programs.STEPS_MAY_FINISH_S
        self._undo.callback(self._say, f"stopping; running steps may finish (up to {patience_s} s)")
        slow_s = self._wanted.refund_slow_s
        if slow_s is not None:
            port = self._refund_port
            supervisor.start([programs.refund_server(work, port, slow_s=slow_s)], stage=0)
        for folder in self._wanted.folders:
            supervisor.start(folder.programs(work), stage=0)
        supervisor.keep()
        supervisor.start([programs.model_worker(work), programs.effect_worker(work)], stage=1)
        url = self._variables[API_URL]
        supervisor.start([programs.api(self._told(Role.API), url=url)], stage=2)
        self._wait_for_api()
        supervisor.start(
            [programs.webhooks(work), programs.beat(work), programs.flower(work)], stage=3
        )

    def _told(self, role: Role) -> dict[str, str]:
        """Return the variables of a program that connects to the database as this role."""
        url = self._databases.get(role)
        names = (f"{PREFIX}DATABASE_URL", f"{PREFIX}DIRECT_DATABASE_URL")
        return {**self._variables, **(dict.fromkeys(names, url) if url else {})}

    def _passwords(self) -> dict[Role, str]:
        return {role: self.folder.secret(f"password_of_{role}") for role in Role}

    def _wait_for_api(self) -> None:
        for _ in range(round(_LIVE_AFTER_S / 0.05)):
            self.supervisor.wait(0.05)
            if is_live(self.place.url):
                return
        self._say("the API does not answer yet; still trying")

    def _set(self, **changed: str | int) -> None:
        self._variables |= {f"{PREFIX}{name.upper()}": str(v) for name, v in changed.items()}


def _reachable(host: str) -> str:
    return LOOPBACK if host in {"0.0.0.0", "::", ""} else host  # noqa: S104 (it is compared with)
