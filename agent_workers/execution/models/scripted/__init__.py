"""Models without a provider: scripted and recorded ones."""
