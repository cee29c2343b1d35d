"""`agent-workers webhooks`: endpoints, what was delivered to them, and doing it again."""

import argparse
from collections.abc import Iterator
from itertools import islice

from agent_workers.cli.start.becoming import become
from agent_workers.cli.verbs import Verbs, run_verb, verbs_of
from agent_workers.cli.webhooks.listening import add_listen
from agent_workers.client.client import Client
from agent_workers.client.http import Json
from agent_workers.local import programs
from agent_workers.terminal.printing import add_json, counted, print_json, print_rows, print_thing
from agent_workers.terminal.times import instant

_ENDPOINTS = ("id", "status", "name", "events", "disabled_reason", "url")
_DELIVERIES = ("id", "created_at", "event_type", "status", "tries", "last_status_code", "what")
_DELIVERY = "its id, as `webhooks deliveries` shows it"
_STATUSES = ("pending", "sending", "succeeded", "failed")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = verbs_of(parser)
    deliver = add("deliver", "run a process that delivers webhooks; any number may run", _delivered)
    deliver.add_argument("--slots", help="deliveries at once (AGENT_WEBHOOK_SLOTS, 64)")
    deliver.set_defaults(delivers=True)
    add_listen(add)
    _add_endpoints(add)
    _add_deliveries(add)


def run(arguments: argparse.Namespace) -> int:
    if getattr(arguments, "delivers", False):
        return become(programs.WEBHOOKS, {"WEBHOOK_SLOTS": arguments.slots})
    return run_verb(arguments)


def _add_endpoints(add: Verbs) -> None:
    add_json(add("endpoints", "list endpoints, the newest first", _endpoints))
    create = add("create", "send events to a URL; prints the id and the signing secret", _create)
    create.add_argument("url", help="where events are sent: https://…")
    create.add_argument(
        "--events", help="types, separated by commas, like job.failed,batch.* (all)"
    )
    create.add_argument("--name", default="", help="what people call it")
    create.add_argument(
        "--payload", choices=("thin", "full"), help="full includes a job's output (thin)"
    )
    rotate = _of_endpoint(add("rotate", "sign with a new secret, and print it", _rotate))
    rotate.add_argument(
        "--end-old", action="store_true", help="otherwise the old one is valid for another day"
    )
    _of_endpoint(add("enable", "send events to an endpoint again", _enable))
    disable = _of_endpoint(add("disable", "send no events to an endpoint for now", _disable))
    disable.add_argument("--reason", default="", help="kept with the endpoint, and shown")
    test = _of_endpoint(add("test", "send a test event to an endpoint", _test))
    test.add_argument("--type", default="webhook_endpoint.test", help="the type of the event")
    _of_endpoint(add("delete", "delete an endpoint; its deliveries are kept", _delete))


def _add_deliveries(add: Verbs) -> None:
    listing = add("deliveries", "list deliveries, the newest first", _deliveries)
    listing.add_argument(
        "endpoint_id", nargs="?", help="by default deliveries to callback URLs of jobs"
    )
    listing.add_argument("--status", choices=_STATUSES, help="only deliveries with this status")
    listing.add_argument("--type", help="only events of this type")
    listing.add_argument(
        "--limit", type=int, default=20, metavar="N", help="at most N deliveries (20)"
    )
    add_json(listing)
    show = add("show", "print a delivery with all its attempts", _show)
    show.add_argument("delivery_id", metavar="DELIVERY", help=_DELIVERY)
    add_json(show)
    replay = add("replay", "deliver again, under the same webhook-id", _replay)
    replay.add_argument("delivery_id", nargs="+", metavar="DELIVERY", help=_DELIVERY)
    recover = _of_endpoint(
        add("recover", "deliver events again that could not be delivered", _recover)
    )
    recover.add_argument(
        "--since",
        type=instant,
        required=True,
        metavar="TIME",
        help="2026-01-31, or with a time and a zone",
    )
    recover.add_argument(
        "--until", type=instant, metavar="TIME", help="only events before this time (now)"
    )
    recover.add_argument(
        "--missing",
        action="store_true",
        help="also events from while the endpoint was disabled",
    )


def _of_endpoint(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument(
        "endpoint_id", metavar="ENDPOINT", help="its id, as `webhooks endpoints` shows it"
    )
    return parser


def _endpoints(client: Client, arguments: argparse.Namespace) -> int:
    found = client.webhooks.all()
    if arguments.json:
        print_json(found)
    else:
        rows = [one | {"events": ",".join(one["event_types"])} for one in found]
        print_rows(
            rows, _ENDPOINTS, none="no endpoints; make one with `agent-workers webhooks create URL`"
        )
    return 0


def _create(client: Client, arguments: argparse.Namespace) -> int:
    members: Json = {"name": arguments.name}
    if arguments.events:
        members["event_types"] = arguments.events.split(",")
    if arguments.payload:
        members["payload"] = arguments.payload
    made = client.webhooks.create(arguments.url, **members)
    print(f"{made['id']} {made['signing_secret']}")
    return 0


def _rotate(client: Client, arguments: argparse.Namespace) -> int:
    made = client.webhooks.rotate(arguments.endpoint_id, keep_old=not arguments.end_old)
    print(made["signing_secret"])
    return 0


def _enable(client: Client, arguments: argparse.Namespace) -> int:
    return _said(client.webhooks.enable(arguments.endpoint_id))


def _disable(client: Client, arguments: argparse.Namespace) -> int:
    return _said(client.webhooks.disable(arguments.endpoint_id, reason=arguments.reason))


def _test(client: Client, arguments: argparse.Namespace) -> int:
    return _said(client.webhooks.test(arguments.endpoint_id, arguments.type))


def _delete(client: Client, arguments: argparse.Namespace) -> int:
    client.webhooks.delete(arguments.endpoint_id)
    return 0


def _deliveries(client: Client, arguments: argparse.Namespace) -> int:
    asked = {"status": arguments.status, "event_type": arguments.type}
    filters = {name: value for name, value in asked.items() if value}
    every: Iterator[Json] = client.webhooks.deliveries(arguments.endpoint_id, **filters)
    found = list(islice(every, arguments.limit))
    if arguments.json:
        print_json(found)
    else:
        rows = [one | {"what": one["last_error"] or one["job_id"]} for one in found]
        print_rows(rows, _DELIVERIES, none="no deliveries")
    return 0


def _show(client: Client, arguments: argparse.Namespace) -> int:
    print_thing(client.webhooks.delivery(arguments.delivery_id), as_json=arguments.json)
    return 0


def _replay(client: Client, arguments: argparse.Namespace) -> int:
    for delivery_id in arguments.delivery_id:
        _said(client.webhooks.replay(delivery_id))
    return 0


def _recover(client: Client, arguments: argparse.Namespace) -> int:
    span = (arguments.endpoint_id, arguments.since, arguments.until)
    count = client.webhooks.recover(*span)
    if arguments.missing:
        count += client.webhooks.replay_missing(*span)
    print(f"{counted(count, 'delivery', 'deliveries')} queued")
    return 0


def _delivered(client: Client, arguments: argparse.Namespace) -> int:
    raise AssertionError(f"{arguments} become another process than {client}")


def _said(thing: Json) -> int:
    print(f"{thing['id']} is {thing['status']}")
    return 0
