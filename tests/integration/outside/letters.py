"""People to write to, and a letter."""

from agent_workers.domain.outside.email_message import Email

ANN, BOB = "ann@example.com", "bob@example.org"
LETTER = Email(to=(ANN,), subject="Your order", text="It is on its way.")
