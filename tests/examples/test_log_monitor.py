"""The log monitor: an event starts it, a person decides, and a restart happens once."""

from tests.examples.running import Running


def test_what_a_restart_would_not_mend_becomes_a_ticket_at_once(examples: Running):
    alarm = {"service": "checkout", "lines": ["12:00 ERROR disk full: /var", "12:01 INFO retry"]}
    job = examples.wait(examples.client.submit("log_monitor", alarm))
    assert job.status == "succeeded", job.error
    assert job.output["outcome"] == "file_ticket"
    subjects = [ticket["subject"] for ticket in examples.outside("log_monitor")["tickets"]]
    assert subjects == ["the disk is full (disk full: /var)"]
