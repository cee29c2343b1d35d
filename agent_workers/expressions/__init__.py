"""The Common Expression Language, with a limit on what an untrusted expression may cost."""
