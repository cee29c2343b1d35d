"""Loads litellm: the one import inside a function in this product.

It costs seconds of CPU and some 170 MiB, so a worker's parent does it at boot, before it forks
and outside any deadline, and only when an agent that it serves uses a model.
"""

import importlib
import logging
import os
import warnings
from contextlib import suppress

from agent_workers.execution.models.litellm.shape import LiteLLM

# Read by litellm at import. Without them it fetches its price list from the network, loads the
# `.env` of the working directory into the environment, and prints.
_ENVIRONMENT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_OFFLINE_MODE": "true",
    "LITELLM_LOG": "ERROR",
}
# What its first call would import: most of a second, inside somebody's deadline.
_FIRST_CALL = (
    "litellm.litellm_core_utils.default_encoding",
    "litellm.responses.mcp.chat_completions_handler",
    "litellm.responses.mcp.litellm_proxy_mcp_handler",
    "litellm.proxy._experimental.mcp_server.utils",
    "litellm.proxy._types",
    "litellm._service_logger",
    "openai.resources",
)
# Of a call that was cut while litellm prepared it on a thread: it is not a line for our logs.
_DROPPED = r"coroutine '.*completion.*' was never awaited"
_LOGGERS = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy")


def load_litellm() -> LiteLLM:
    """Import litellm, quiet and offline; it makes no call and starts no thread."""
    os.environ.update(_ENVIRONMENT)  # noqa: TID251 - litellm takes these from nowhere else
    import litellm  # noqa: PLC0415 - the documented lazy import, see the top of this file

    litellm.suppress_debug_info = True
    litellm.telemetry = False
    # Of a stream that does not say what it used, litellm would give its own guess as the truth.
    litellm.disable_token_counter = True
    warnings.filterwarnings("ignore", _DROPPED, RuntimeWarning)
    for module in _FIRST_CALL:
        with suppress(ImportError):  # another version may have moved it; then it is only slower
            importlib.import_module(module)
    for name in _LOGGERS:
        _tame(logging.getLogger(name))
    loaded: LiteLLM = litellm
    return loaded


def _tame(logger: logging.Logger) -> None:
    """Hand a logger of litellm's to the process's own logging, and keep prompts out of it."""
    for handler in tuple(logger.handlers):
        logger.removeHandler(handler)
    logger.propagate = True
    logger.setLevel(logging.WARNING)
