"""Tests of the evaluator: its checks, its verdicts, and when it asks a model."""
