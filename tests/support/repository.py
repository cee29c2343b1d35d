"""Where the repository is: every test that reads a file of it begins here."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
