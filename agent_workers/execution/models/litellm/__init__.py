"""The gateway to providers through LiteLLM. Nothing outside this folder imports it."""
