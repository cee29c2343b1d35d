"""Tests of agents as versions: files that are applied, versions side by side, jobs that keep theirs."""
