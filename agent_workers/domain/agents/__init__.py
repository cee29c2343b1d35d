"""Agents: their declarations, versions and mistakes, and the tools that the engine gives to every agent."""
