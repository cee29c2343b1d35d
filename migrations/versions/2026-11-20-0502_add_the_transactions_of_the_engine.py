"""Add the engine's transactions: submit, claim, record, permit, evidence, stop, sweep."""

from alembic import op

from migrations.sql_files import run

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_FILES = (
    "session.sql",
    "ending.sql",
    "submitting.sql",
    "looking.sql",
    "turns.sql",
    "claiming.sql",
    "recording.sql",
    "control.sql",
    "effects.sql",
    "clocks.sql",
    "sweeping.sql",
    "reporting.sql",
)
_FUNCTIONS = (
    "wake_for_worker missing_worker ago forget_report living_reports"
    " look_around entries_passed pass_deadlines ring_again free_lost unlocked_workers is_acting free_expired free_step may_sweep"
    " vouch_quiet server_since extend_grants open_permits"
    " give_verdict doubt_effect doubt_open mark_doubt end_doubt add_evidence grant_permit ask_permit hush_permits quiet_of"
    " release_step resume_job status_of_live pause_job stop_job settles has_live_permit"
    " retry_step finish_record record_and_claim record_step claim_nudged is_more_due look_back_for claim_next claim_oldest remember_ready ready_passed ready_since claim_step is_claimable came_late take_step begin_call pay_for is_overdrawn"
    " others_wait take_turn turns_in turns_setting look_for_turns"
    " plain_job submit_once take_key reserve_allowance check_budgets left_in_budgets has_budgets submit_jobs bytes_of_new label_of end_stopped limit_reached stand_down end_job job_ended may_end lock_budgets"
    " settle_reservations note write_journal staged hold_briefly commit_durably"
).split()
_TYPES = "seen ring taken_evidence asked_permit recorded next_step claimed_step step_record submission".split()


def upgrade() -> None:
    run(*_FILES)


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for function in _FUNCTIONS:
        op.execute(f"drop function {function}")
    for name in _TYPES:
        op.execute(f"drop type {name}")
