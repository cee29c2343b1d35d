"""How much of a conversation is shown: the newest, in whole turns, calls only with their results."""

from agent_workers.domain.memory.session import (
    Role,
    SaidCall,
    SessionMessage,
    SessionTerms,
    conversation_of,
    tokens_of,
)

FEW = SessionTerms(messages=4, tokens=10_000)


def turn(number: int, asked: str = "ask", answered: str = "answer") -> list[SessionMessage]:
    return [
        SessionMessage(turn=number, role=Role.USER, text=asked),
        SessionMessage(turn=number, role=Role.ASSISTANT, text=answered),
    ]


def calling(number: int, *ids: str) -> SessionMessage:
    calls = tuple(SaidCall(id=one, name="add", arguments="{}") for one in ids)
    return SessionMessage(turn=number, role=Role.ASSISTANT, text="", calls=calls)


def result(number: int, call_id: str) -> SessionMessage:
    return SessionMessage(turn=number, role=Role.TOOL, text="3", call_id=call_id)


def turns(messages: tuple[SessionMessage, ...]) -> list[int]:
    return [message.turn for message in messages]


def test_all_of_a_short_conversation_is_shown_and_nothing_is_to_be_summed_up() -> None:
    read = conversation_of([*turn(1), *turn(2)], FEW)
    assert turns(read.messages) == [1, 1, 2, 2]
    assert read.to_fold == ()


def test_the_newest_are_shown_and_half_the_room_is_made_by_a_summary() -> None:
    read = conversation_of([*turn(1), *turn(2), *turn(3)], FEW)
    assert turns(read.messages) == [2, 2, 3, 3]
    assert turns(read.to_fold) == [1, 1, 2, 2]


def test_a_turn_is_never_cut_in_two() -> None:
    read = conversation_of([*turn(1), *turn(2)], SessionTerms(messages=3, tokens=10_000))
    assert turns(read.messages) == [2, 2]


def test_what_does_not_fit_the_tokens_is_left_out_with_all_that_is_older() -> None:
    long, most = "x" * 4_000, tokens_of(turn(1)[0]) * 4
    said = [*turn(1), *turn(2, asked=long), *turn(3)]
    assert turns(conversation_of(said, SessionTerms(tokens=most)).messages) == [3, 3]


def test_nothing_at_all_is_shown_of_a_turn_that_is_longer_than_all_that_may_be() -> None:
    read = conversation_of(turn(1, asked="x" * 4_000), SessionTerms(tokens=100))
    assert read.messages == ()
    assert turns(read.to_fold) == []


def test_a_call_is_shown_with_its_results_or_not_at_all() -> None:
    said = [calling(1, "a", "b"), result(2, "a"), result(3, "b"), *turn(4)]
    assert turns(conversation_of(said, SessionTerms(messages=5)).messages) == [1, 2, 3, 4, 4]
    assert turns(conversation_of(said, FEW).messages) == [4, 4]


def test_calls_without_results_and_results_without_calls_are_left_out() -> None:
    said = [result(1, "z"), calling(2, "a", "b"), result(3, "a"), *turn(4), calling(5, "c")]
    assert turns(conversation_of(said, SessionTerms()).messages) == [4, 4]
