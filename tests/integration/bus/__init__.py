"""Tests of events in and out on real brokers."""
