"""Tests of agents as declarations: prompts, mistakes, documents, versions."""
