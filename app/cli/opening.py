"""``imagegate ledger open``: the pictures of a request, for an owner, while its answer is kept."""

from pathlib import Path

import click

from app.cli.options import json_option, target_options
from app.cli.pictures import Answer, Destination
from app.cli.remote import Admin, Target, call, quoted
from app.cli.saving import bytes_of, echo_files, save_pictures
from app.cli.tables import echo_json


@click.command("open")
@click.argument("request")
@click.option("--team", required=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="[default: called after the request]")
@click.option("--force", is_flag=True, help="Overwrite the file.")
@json_option
@target_options
def open_answer(target: Target, request: str, *, team: str, output: Path | None, force: bool, as_json: bool) -> None:
    """Write the pictures of a REQUEST into files.

    REQUEST is its x-request-id. For owners only, and told in the audit log.
    """
    destination = Destination.of(output, request, overwrites=force)
    destination.check(1)

    async def work(admin: Admin) -> tuple[Answer, list[bytes]]:
        answer = Answer.of(await admin.answer(f"/ledger/requests/{quoted(request)}/answer", team=team))
        return answer, await bytes_of(answer)

    answer, pictures = call(target, work)
    files = save_pictures(pictures, destination, "Nothing is lost: ask again.")
    if as_json:
        echo_json({"request": request, "files": files, "usage": answer.usage or None})
    else:
        echo_files(files, answer.size)
