"""Batches, their items and their results as JSON text."""

import json
from typing import Literal
from uuid import UUID

from typing_extensions import TypedDict

from agent_workers.domain.batch import BatchStatus, ItemStatus, OnError
from agent_workers.domain.ids import BATCH_ID, to_wire
from agent_workers.state.batches.reads import BatchSeen, ItemSeen, ResultSeen
from api.http.json_text import instant, raw, text, usd
from api.http.shapes import BatchId, Count, Instant, JobIdText, Strings, page_of


class BatchCountsReply(TypedDict):
    """How many items are in each status."""

    pending: Count
    running: Count
    succeeded: Count
    failed: Count
    canceled: Count


class BatchReply(TypedDict):
    """Many jobs that were asked for together."""

    id: BatchId
    object: Literal["batch"]
    status: BatchStatus
    reason: str | None
    concurrency: Count
    on_error: OnError
    item_count: Count
    counts: BatchCountsReply | None
    metadata: Strings
    created_at: Instant
    started_at: Instant | None
    finished_at: Instant | None
    deadline_at: Instant | None
    links: Strings


class BatchItemReply(TypedDict):
    object: Literal["batch.item"]
    number: Count
    custom_id: str
    status: ItemStatus
    agent: str
    job_id: JobIdText | None


class BatchUploadReply(TypedDict):
    """What became of an upload: `known` lines had been stored before."""

    object: Literal["batch.upload"]
    lines: Count
    stored: Count
    known: Count


BatchList = page_of("BatchList", BatchReply)
BatchItemList = page_of("BatchItemList", BatchItemReply)


def batch_text(batch: BatchSeen) -> str:
    wire = BATCH_ID.written(batch.batch_id)
    at = f'"/v1/batches/{wire}'
    counts = "null" if batch.counts is None else _counts(batch)
    return (
        f'{{"id":"{wire}","object":"batch","status":"{batch.status}",'
        f'"reason":{text(batch.reason)},"concurrency":{batch.concurrency},'
        f'"on_error":"{batch.on_error}","item_count":{batch.item_count},"counts":{counts},'
        f'"metadata":{batch.metadata},"created_at":{instant(batch.created_at)},'
        f'"started_at":{instant(batch.started_at)},"finished_at":{instant(batch.finished_at)},'
        f'"deadline_at":{instant(batch.deadline_at)},'
        f'"links":{{"self":{at}","items":{at}/items","results":{at}/results.jsonl",'
        f'"start":{at}/start","cancel":{at}/cancel"}}}}'
    )


def item_text(item: ItemSeen) -> str:
    return (
        f'{{"object":"batch.item","number":{item.number},"custom_id":{text(item.custom_id)},'
        f'"status":"{item.status}","agent":{text(item.agent)},"job_id":{_job(item.job_id)}}}'
    )


def result_line(result: ResultSeen) -> str:
    cost = "null" if result.spent_micro is None else f'"{usd(result.spent_micro)}"'
    return (
        f'{{"custom_id":{text(result.custom_id)},"status":"{result.status}",'
        f'"job_id":{_job(result.job_id)},"output":{raw(result.output)},'
        f'"error":{raw(result.error)},"cost_usd":{cost}}}\n'
    )


def _counts(batch: BatchSeen) -> str:
    counted = batch.counts or {}
    named = ("pending", "running", "succeeded", "failed", "canceled")
    return json.dumps({name: counted.get(name, 0) for name in named})


def _job(job_id: UUID | None) -> str:
    return "null" if job_id is None else f'"{to_wire(job_id)}"'
