"""Settings of what tools may do outside, of the sandbox, and of what is remembered."""

import json
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode

from agent_workers.domain.outside.email_message import is_address, is_recipient_pattern
from agent_workers.domain.outside.reach import is_host_pattern, networks_of

_PROXIES = ("http",)
_SMTP = ("smtp", "smtps", "smtp+starttls")
_IMAP = ("imap", "imaps", "imap+starttls")
_POSTGRES = ("postgresql", "postgres")


class ToolSettings(BaseSettings):
    """The part of the settings that is about doing and remembering."""

    # Hosts that the HTTP tools may call, as `api.example.com` or `*.example.com`; empty: any public.
    http_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    # Addresses that are not public and may be called all the same, as networks: `10.1.0.0/16`.
    http_private: Annotated[tuple[str, ...], NoDecode] = ()
    egress_proxy: str = Field(default="", repr=False)  # what all tools go out through

    # JSON: {"shop": "postgresql://reader:…@host/shop"}; each URL of a role that may only read.
    sql_sources: Annotated[dict[str, str], NoDecode] = Field(default_factory=dict, repr=False)

    smtp_url: str = Field(default="", repr=False)  # smtps://user:password@host, smtp+starttls://…
    imap_url: str = Field(default="", repr=False)  # where sent mail is looked up
    mail_from: str = ""
    mail_recipients: Annotated[tuple[str, ...], NoDecode] = ()  # `ann@example.com`, `*@example.com`

    sandbox: Literal["auto", "monty", "wasm", "bwrap", "container", "off"] = "auto"
    sandbox_image: str = "python:3.12-slim"  # of the container
    sandbox_wasm: str = "~/.cache/agent-workers/python.wasm"  # where `sandbox fetch` puts it

    job_mib: int = Field(default=64, ge=1, le=4_096)  # of one job, without its files
    workspace_mib: int = Field(default=64, ge=1, le=4_096)  # of all files of one job

    session_ttl_s: int = Field(default=3_600, ge=1)
    session_messages: int = Field(default=50, ge=1, le=10_000)
    session_tokens: int = Field(default=8_000, ge=100)

    # `wordllama` needs no network; else any embedding model of LiteLLM's, as openai/text-embedding-3-small
    embedding_model: str = "wordllama"
    memory_tokens: int = Field(default=1_000, ge=50, le=100_000)  # of what one recall may give

    @field_validator("http_hosts", "http_private", "mail_recipients", mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(word.strip() for word in value.split(",") if word.strip())
        return value

    @field_validator("http_hosts")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(is_host_pattern(one) for one in value):
            raise ValueError("must be hosts like api.example.com or *.example.com, not URLs")
        return value

    @field_validator("mail_recipients")
    @classmethod
    def _recipients(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(is_recipient_pattern(one) for one in value):
            raise ValueError("must be addresses like ann@example.com, or *@example.com")
        return value

    @field_validator("mail_from")
    @classmethod
    def _sender(cls, address: str) -> str:
        if address and not is_address(address):
            raise ValueError("must be an address like shop@example.com")
        return address

    @field_validator("http_private")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            networks_of(value)
        except ValueError as error:
            raise ValueError(f"must be networks like 10.1.0.0/16: {error}") from None
        return value

    @field_validator("egress_proxy", "smtp_url", "imap_url")
    @classmethod
    def _of_its_kind(cls, url: str, info: ValidationInfo) -> str:
        kinds = {"egress_proxy": _PROXIES, "smtp_url": _SMTP, "imap_url": _IMAP}
        return _checked_url(url, kinds[info.field_name or ""])

    @field_validator("sql_sources", mode="before")
    @classmethod
    def _sources(cls, value: object) -> object:
        try:
            return json.loads(value or "{}") if isinstance(value, str) else value
        except ValueError as error:
            raise ValueError(f"is not JSON: {error}") from None

    @field_validator("sql_sources")
    @classmethod
    def _databases(cls, sources: dict[str, str]) -> dict[str, str]:
        for url in sources.values():
            _checked_url(url, _POSTGRES)
        return sources


def _checked_url(url: str, schemes: tuple[str, ...]) -> str:
    """Refuse what is no URL of these schemes, without repeating it: it may hold a password."""
    if not url:
        return url
    try:
        parts = urlsplit(url)
        # A Postgres may listen on a socket in a folder, which is no host.
        has_place = bool(parts.hostname) or schemes is _POSTGRES
        is_url = has_place and parts.scheme in schemes and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        raise ValueError(f"must be a URL that begins with one of {', '.join(schemes)}")
    return url
