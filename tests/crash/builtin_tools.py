"""Every built-in tool that leaves a mark, with what it acts upon and how that is counted."""

from datetime import timedelta

from agent_workers.domain.outside.sending import http_sender
from agent_workers.execution.tools.builtin.http import http_send
from agent_workers.execution.tools.builtin.mail import mail_tool
from agent_workers.execution.tools.builtin.memory import remember
from agent_workers.execution.tools.builtin.workspace import delete_file, write_file
from agent_workers.state.database.engine import connect
from agent_workers.testing.effect_counter import EffectCounter
from agent_workers.testing.tries import Reach, Try
from agent_workers.testing.trying import Tried
from tests.support.mail_servers import Mail

# A host that honours keys, as an installation declares one.
order_goods = http_sender(name="order_goods", hosts=("127.0.0.1",), key_ttl=timedelta(hours=1))
# Without an IMAP server, and with one.
send_email = mail_tool(checks_mail=False)
send_checked_email = mail_tool(checks_mail=True)
_FEW = Reach(moments=4, lines=3, freezes=1, pairs=1)
# Each waits for seconds until nothing can come any more.
_SLOW = Reach(moments=3, lines=2, freezes=0, pairs=1)
# What is written in our own transaction has fewer moments that differ.
_FEWER = Reach(moments=3, lines=1, freezes=1, pairs=0)
_LOCAL = {"http_private": "127.0.0.0/8"}
_HTTP = ("agent_workers.domain.outside.sending", "agent_workers.execution.outside.calling")
_WRITTEN = """
select sum(octet_length(content)) from workspace_files
 where tenant_id = %s and job_id = %s and path = 'notes.txt'"""
_DELETED = """
select 1 - count(*) from workspace_files
 where tenant_id = %s and job_id = %s and path = 'old.txt'"""
# Every job begins with a file, so that there is one to delete.
OLD_FILES = (
    """
create function give_old_file() returns trigger language plpgsql as $$
begin
  perform write_workspace_file(
    new.tenant_id, new.job_id, 0, 'old.txt', 'old', true, false, '', 1000000);
  return null;
end $$""",
    """
create trigger jobs_old_file after insert on agent_workers.jobs for each row
  execute function give_old_file()""",
)
_REMEMBERED = "select count(*) from memories where tenant_id = %s and job_id = %s"


def sending(counter: EffectCounter) -> list[Try]:
    """Requests over HTTP: to whom keys mean nothing, and to whom they mean something."""
    return [
        Try(
            tool=http_send,
            arguments=lambda mark: {"url": counter.place(mark), "body": {"mark": mark}},
            happened=lambda tried: counter.happened(tried.mark),
            settings=_LOCAL,
            through=_HTTP,
            reach=_FEW,
        ),
        Try(
            tool=order_goods,
            arguments=lambda mark: {"url": counter.place(mark, keyed=True), "body": {"n": mark}},
            happened=lambda tried: counter.happened(tried.mark),
            settings=_LOCAL,
            through=_HTTP,
            reach=_FEW,
        ),
        Try(
            tool=order_goods,
            name="order_goods, its answer lost",
            arguments=lambda mark: _losing(counter, mark),
            happened=lambda tried: counter.happened(tried.mark),
            settings=_LOCAL,
            reach=Reach(moments=1, lines=0, freezes=0, pairs=0),
        ),
    ]


def writing(mail: Mail) -> list[Try]:
    """E-mail: where nobody can look up what was sent, and where somebody can."""
    sender = {"mail_from": "us@example.com", "mail_recipients": "*@example.com"}
    blind = sender | {"smtp_url": mail.smtp_url}
    return [
        Try(
            tool=send_email,
            arguments=_letter,
            happened=lambda tried: _taken(mail, tried),
            settings=blind,
            timeout=timedelta(seconds=2),
            through=("agent_workers.execution.outside.smtp",),
            reach=_SLOW,
        ),
        Try(
            tool=send_checked_email,
            name="send_email, looked up",
            arguments=_letter,
            happened=lambda tried: _taken(mail, tried),
            settings=blind | {"imap_url": mail.imap_url},
            through=("agent_workers.execution.outside.smtp",),
            timeout=timedelta(seconds=2),
            # What was taken is filed by then, on a busy machine too.
            settle=timedelta(seconds=1.5),
            reach=_SLOW,
        ),
    ]


def keeping() -> list[Try]:
    """What is written into our own database."""
    return [
        # Appended: what is written twice is twice as long.
        Try(
            tool=write_file,
            arguments=lambda mark: {"path": "notes.txt", "content": mark, "append": True},
            happened=lambda tried: _one(_WRITTEN, tried) // len(tried.mark),
            reach=_FEWER,
        ),
        # A second time there would be nothing to delete, and the job would fail.
        Try(
            tool=delete_file,
            arguments={"path": "old.txt"},
            happened=lambda tried: _one(_DELETED, tried),
            reach=_FEWER,
        ),
        Try(
            tool=remember,
            arguments=lambda mark: {"content": f"The mark is {mark}.", "subject": mark},
            happened=lambda tried: _one(_REMEMBERED, tried),
            settings={"embedding_model": "hashed"},
            reach=_FEWER,
        ),
    ]


def _letter(mark: str) -> dict[str, object]:
    return {"to": ["ann@example.com"], "subject": mark, "text": "Hello."}


def _taken(mail: Mail, tried: Tried) -> int:
    return sum(tried.mark.encode() in message for _, message in list(mail.taken))


def _losing(counter: EffectCounter, mark: str) -> dict[str, object]:
    counter.misbehave(mark, "lose", "fail")
    return {"url": counter.place(mark, keyed=True), "body": {"n": mark}}


def _one(query: str, tried: Tried) -> int:
    with connect(tried.database_url, name="test") as connection:
        row = connection.execute(query.encode(), (tried.tenant_id, tried.job_id)).fetchone()
    return int(row[0] or 0) if row else 0
