"""One write to a server and the replies to it, in time: a reply, an error or its absence for every command."""

import asyncio
from collections.abc import Sequence
from typing import Any

import redis.asyncio as redis
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import RedisError

from app.datastore.replies import Unanswered, is_reply, is_servers_fault

Argument = str | bytes | int
Command = tuple[Argument, ...]


async def round_trip(client: redis.Redis, commands: Sequence[Command], deadline: float) -> list[Any]:
    """Send commands in one write; what came back, as long as the list of commands. ``deadline`` is of the loop's clock.

    Error replies stand in the list, and `Unanswered` for each command whose reply did not come. Nothing is sent twice.
    """
    replies: list[Any] = []
    sent = False
    try:
        async with asyncio.timeout_at(deadline):
            pool: ConnectionPool = client.connection_pool
            connection: AbstractConnection = await pool.get_connection()  # type: ignore[no-untyped-call] # redis-py's
            try:
                packed = connection.pack_commands(commands)
                sent = True
                await connection.send_packed_command(packed, check_health=False)
                for words in commands:
                    replies.append(await _reply(client, connection, str(words[0])))  # noqa: PERF401 - what came stays
                if any(map(is_servers_fault, replies)):
                    await connection.disconnect(nowait=True)  # the next one may lead to a server that serves
            except BaseException:
                await connection.disconnect(nowait=True)  # a late reply must not meet another question
                raise
            finally:
                await pool.release(connection)
    except Exception as error:  # noqa: BLE001 - whatever it is, these commands have no reply
        replies += [Unanswered(error, sent=sent)] * (len(commands) - len(replies))
    return replies


async def _reply(client: redis.Redis, connection: AbstractConnection, name: str) -> Any:
    """The next reply, as redis-py reads it; an error reply is one too, and those after it are still to come."""
    try:
        reply = await connection.read_response(disconnect_on_error=False)
    except RedisError as error:
        if is_reply(error):
            return error
        raise
    callback = client.response_callbacks.get(name)
    return reply if callback is None else callback(reply)
