"""Settings of what tools may do outside, of the sandbox, and of what is remembered."""

import json
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode


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

    workspace_mib: int = Field(default=64, ge=1, le=4_096)  # of all files of one job

    session_ttl_s: int = Field(default=3_600, ge=1)
    session_messages: int = Field(default=50, ge=1, le=10_000)
    session_tokens: int = Field(default=8_000, ge=100)

    # `wordllama` needs no network; else any embedding model of LiteLLM's, as openai/text-embedding-3-small
    embedding_model: str = "wordllama"

    @field_validator("http_hosts", "http_private", "mail_recipients", mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(word.strip() for word in value.split(",") if word.strip())
        return value

    @field_validator("sql_sources", mode="before")
    @classmethod
    def _sources(cls, value: object) -> object:
        try:
            return json.loads(value or "{}") if isinstance(value, str) else value
        except ValueError as error:
            raise ValueError(f"is not JSON: {error}") from None
