"""Gating: permissions, approvals and costs, as rules and their Protocols."""
