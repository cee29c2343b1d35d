"""Tests of the expression language: its meaning, and what it may cost."""
