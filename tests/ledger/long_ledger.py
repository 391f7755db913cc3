"""A ledger as a busy team has it after a month, with spend and roll-ups that agree; written in a few seconds."""

from collections import Counter, defaultdict
from itertools import islice

from app.keyspace import TEAM_SCOPE, hour_of, key_scope
from app.ledger.models import Entry
from app.ledger.periods import DAY_MS
from app.ledger.usage import measures_of
from tests.ledger.scene import Scene, now_ms

MODELS = ("gpt-image-2", "gpt-image-1-mini", "qwen-image")
USERS = ("ana", "ben", "")
COST = 41_200_000
_AT_ONCE = 250
"""Few enough to be answered in time on a busy machine."""
_NUMBERS = ("cost", "quote", "images", "text_input", "image_input", "text_output", "image_output")


async def write_ledger(
    scene: Scene, number: int, days: float = 29, cost: int = COST, until_ms: int | None = None
) -> list[str]:
    """So many entries, evenly spread over so many days until now; every tenth failed. Their ids, oldest first.

    ``until_ms`` (Unix ms) is another end of that time than now.
    """
    end = await now_ms(scene.datastore) if until_ms is None else until_ms
    step = days * DAY_MS / number
    entries = iter([_entry(scene, at, int(end - (number - at) * step), cost) for at in range(number)])
    spend: Counter[str] = Counter()
    roll_ups: dict[str, Counter[str]] = defaultdict(Counter)
    ids = []
    while part := list(islice(entries, _AT_ONCE)):
        ids += [entry.id for entry in part]
        await scene.datastore.commands([("XADD", scene.names.ledger, entry.id, *_words(entry)) for entry in part])
        for entry in part:
            spend[f"{TEAM_SCOPE}:total"] += entry.cost
            spend[f"{key_scope(entry.key)}:total"] += entry.cost
            of = roll_ups[scene.names.usage(hour_of(entry.resolved_ms))]
            for measure, amount in measures_of(entry).items():
                of[f"{entry.key}|{entry.model}|{measure}"] += amount
    for name, sums in [(scene.names.spend, spend), *roll_ups.items()]:
        words = [word for pair in sums.items() if pair[1] for word in pair]
        await scene.datastore.command("HSET", name, *words)
    return ids


def _entry(scene: Scene, at: int, time_ms: int, cost: int) -> Entry:
    came = at % 10 != 9
    user = USERS[at % len(USERS)]
    return Entry(
        id=f"{time_ms}-{at}",
        kind="settle" if came else "release",
        request=f"req_{at:020d}",
        outcome="delivered" if came else "failed",
        key=scene.keys[at % len(scene.keys)].id,
        model=MODELS[at % len(MODELS)],
        cost=cost * came,
        quote=cost,
        images=int(came),
        text_input=0,
        image_input=0,
        text_output=0,
        image_output=0,
        team_period="total",
        key_period="total",
        admitted_ms=time_ms - 12_000,
        resolved_ms=time_ms,
        flags="",
        note={"user": user} if user else {},
    )


def _words(entry: Entry) -> list[str]:
    note = f'{{"user":"{entry.note["user"]}"}}' if entry.note else "{}"
    texts = {name: str(getattr(entry, name)) for name in _NUMBERS} | {"note": note}
    for name in ("kind", "request", "outcome", "key", "model", "team_period", "key_period", "flags"):
        texts[name] = getattr(entry, name)
    texts |= {"admitted_ms": str(entry.admitted_ms), "resolved_ms": str(entry.resolved_ms)}
    return [word for pair in texts.items() for word in pair]
