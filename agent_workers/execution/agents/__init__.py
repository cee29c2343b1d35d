"""Agents: read from files and modules, checked, bound to this process's tools, found by version."""
