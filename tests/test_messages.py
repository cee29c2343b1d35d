"""Every text that people may read stands in one list, which is reviewed, and is plain English."""

import re
from pathlib import Path

from tests.support.messages import LIST, messages

# What a reader trips over, and what to write instead.
CLUMSY = {
    r"\bmend": "fix, or correct",
    r"\b(of|is|are) (yours|ours)\b": "your …, our …, or which one it is",
    r"\breckon": "count, or compute",
    r"\bmust lie\b": "must be",
    r"\bwhom\b": "the user, the agent: say who",
    r"\bto its end\b": "until it ends",
    r"\bheld against\b": "checked against",
    r"\bstands? at\b": "is at",
    r"\b(names|says|holds|has|of) none\b": "does not name one, or has no …",
    r"\b(so (much|many) (later|after)|at most so)\b": "after this time, at most this many",
    r"\bthose too\b|\bbe(fell|fall)\b|\bbegins? like\b": "also …, hit, begins with",
    r"\bshall\b": "should, will, or to …",
    r"\binstant like\b": "a time like …",
    r"\blastly\b": "the last one was …",
    r"(?<!there )\b(is|are) no (?!longer|more|such)\w": "is not a …",
    r"\bour (tables|settings|options|schema|login)\b": "the tables of agent_workers",
    r"\blooked into\b": "checked",
    r"\banew\b": "again",
    r"\bway through\b": "trace",
    r"\bdo you mean\b": "did you mean",
    r"\belse than\b": "other than",
    r"\bcannot be seen\b": "invisible",
    r"\bmust not lie\b": "must not be",
}


def test_the_list_of_messages_is_complete_and_up_to_date() -> None:
    assert LIST.read_text("utf-8") == messages(), (
        "texts have changed: run `make messages`, and read what changed in docs/messages.txt"
    )


def test_no_message_has_a_word_that_a_reader_trips_over() -> None:
    found = [
        f"{line[2:]!r}: write {better!r}"
        for line in LIST.read_text("utf-8").splitlines()
        for word, better in CLUMSY.items()
        if line.startswith("- ") and re.search(word, line, re.IGNORECASE)
    ]
    assert not found, "\n".join(found)


def test_a_new_text_anywhere_in_the_product_makes_the_list_incomplete(tmp_path: Path) -> None:
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "door.py").write_text(
        '"""A docstring is no message."""\nraise ValueError(f"{name!r} is closed: open it first")\n'
    )
    told = messages(tmp_path)
    assert "\napi/door.py\n- {name} is closed: open it first\n" in told
    assert "docstring" not in told
