"""``imagegate ledger list | show``: entries of a ledger, and everything that is known of one request."""

from datetime import datetime
from typing import Any

import click

from app.cli.changes import changes_in_words
from app.cli.options import iso_time, json_option, target_options
from app.cli.remote import Admin, Target, call, quoted
from app.cli.tables import echo_json, echo_table, moment_text, printable, readable_dollars

_MOST_AT_ONCE = 1000


@click.command("list")
@click.option("--team", required=True)
@click.option("--key", help="Id, public id or alias.")
@click.option("--model")
@click.option("--outcome", type=click.Choice(["delivered", "refused", "failed", "unknown"]))
@click.option("--user", help="What requests named as their user.")
@click.option("--since", type=click.DateTime(), help="Local time.")
@click.option("--until", type=click.DateTime(), help="[default: now]")
@click.option("--limit", type=click.IntRange(1, 100_000), default=20, show_default=True)
@json_option
@target_options
def list_entries(
    target: Target, *, since: datetime | None, until: datetime | None, limit: int, as_json: bool, **wanted: str | None
) -> None:
    """The newest entries of a team's ledger."""
    query = wanted | {"since": iso_time(since), "until": iso_time(until)}

    async def work(admin: Admin) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = []
        cursor = None
        while len(entries) < limit:
            most = min(limit - len(entries), _MOST_AT_ONCE)
            page = await admin.get("/ledger/entries", cursor=cursor, limit=most, **query)
            entries += page["entries"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        return entries

    entries = call(target, work)
    if as_json:
        echo_json(entries)
        return
    _echo_entries(entries)


@click.command("show")
@click.argument("request")
@click.option("--team", required=True)
@json_option
@target_options
def show_request(target: Target, request: str, team: str, as_json: bool) -> None:
    """What became of one REQUEST (its x-request-id).

    Its entries, and for a day its stages and its error.
    """
    told = call(target, lambda admin: admin.get(f"/ledger/requests/{quoted(request)}", team=team))
    if as_json:
        echo_json(told)
        return
    record = told["record"]
    if record:
        stages = ", ".join(f"{name} {milliseconds:.1f} ms" for name, milliseconds in record["stages"].items())
        error = f"{record['error']['status']} {record['error'].get('message', '')}" if record["error"] else None
        facts = {
            "state": record["state"],
            "key": record["alias"],
            "model": f"{record['model']} ({record['operation']})",
            "quote": readable_dollars(record["quote"], 9),
            "stages": stages,
            "changed": changes_in_words(record["normalized"]),
            "upstream": record["upstream_id"],
            "error": error,
            "answer": "kept" if record["result"] and record["result"]["kept"] else "not kept",
        }
        for name, fact in facts.items():
            if fact:
                click.echo(f"{name + ':':10}{printable(str(fact))}")
        click.echo()
    _echo_entries(told["entries"])


def _echo_entries(entries: list[dict[str, Any]]) -> None:
    if not entries:
        click.echo("No entries.")
        return
    rows = [
        (
            moment_text(entry["resolved_at"]),
            entry["request"] or "-",
            entry["kind"],
            entry["outcome"],
            entry["alias"] or entry["key"],
            entry["model"],
            entry["images"],
            readable_dollars(entry["cost"], 9),
        )
        for entry in entries
    ]
    echo_table(("TIME", "REQUEST", "KIND", "OUTCOME", "KEY", "MODEL", "PICTURES", "COST"), rows, numbers=(6, 7))
