"""Rings, profiles and seals, without a broker."""
