"""The tools that every installation has, each with its honest effect class."""
