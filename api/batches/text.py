"""Batches, their items and their results as JSON text."""

import json
from uuid import UUID

from agent_workers.domain.batch import to_wire
from agent_workers.domain.ids import to_wire as job_wire
from agent_workers.state.batches.reads import BatchSeen, ItemSeen, ResultSeen
from api.http.json_text import instant, raw, text, usd


def batch_text(batch: BatchSeen) -> str:
    wire = to_wire(batch.batch_id)
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
    return "null" if job_id is None else f'"{job_wire(job_id)}"'
