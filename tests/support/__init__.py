"""What tests share: servers, databases, certificates, measuring. No tests."""
