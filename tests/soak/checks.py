"""What must hold at the end of a soak run: each check is a plain function of the facts, and gives its numbers."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isinf

from tests.soak.client import PATIENCE_SECONDS
from tests.soak.facts import Answer, Facts, Kind, Purchase
from tests.soak.memory import longest
from tests.soak.observing import DESCRIPTORS

EXAMPLES = 3
"""Of what went wrong, in a line of the report."""
UNTOLD = {"content=not_completed"}
"""A stream that ends in good order behind the first of two pictures: nothing tells that the second was billed, too."""
GROWTH_BYTES = 8e6
"""What memory may go up and down by without being on its way anywhere."""
GROWTH_BYTES_PER_SECOND = 30e6 / 3600
"""Of a long run: 30 MB an hour."""
THREADS = 64
"""Beyond those before: Python's pool for work beside the loop has up to 32, the stores' one for each core and some."""

TASKS = 8
"""Beyond those before: connections kept by the client that looks, work begun by the first request."""


@dataclass(frozen=True, slots=True)
class Check:
    """The verdict on one thing."""

    what: str
    holds: bool
    found: str
    """The numbers behind it."""


def judge(facts: Facts) -> list[Check]:
    """All checks, in the order of the report."""
    return [check(facts) for check in CHECKS]


def answers_are_sound(facts: Facts) -> Check:
    """Every answer has a status that fits, OpenAI's form, a request id; every picture in it can be decoded."""
    wrong = [answer for answer in facts.answers if answer.complaint]
    pictures = sum(answer.pictures for answer in facts.answers)
    found = f"{len(facts.answers):,} exchanges, {pictures:,} pictures; {len(wrong)} are wrong"
    return Check("every answer is one that may be given", not wrong, found + _examples(wrong, _complaint))


def all_are_answered(facts: Facts) -> Check:
    """Nobody waits for longer than a retry may have to."""
    silent = [answer for answer in facts.answers if answer.ended == "silence"]
    first = max((answer.seconds for answer in facts.answers if answer.attempt == 0), default=0)
    again = max((answer.seconds for answer in facts.answers if answer.attempt), default=0)
    found = f"the slowest after {first:.1f} s, of those who ask again after {again:.1f} s"
    found += f"; not within {PATIENCE_SECONDS:.0f} s: {len(silent)}"
    return Check("everybody is answered", not silent, found + _examples(silent, _place))


def breaks_have_a_cause(facts: Facts) -> Check:
    """Only who was with a replica that ended, or met a fault upstream, may find a connection broken."""
    broken = [
        answer
        for answer in facts.answers
        if answer.ended in ("cut", "no head", "no connection")
        and not facts.orders[answer.errand].fault
        and not _is_struck(facts, answer)
    ]
    number = sum(answer.ended in ("cut", "no head", "no connection") for answer in facts.answers)
    found = f"{number} connections broke, {len(broken)} of them without a cause"
    return Check("connections break only where something was broken", not broken, found + _examples(broken, _break))


def delivered_is_booked(facts: Facts) -> Check:
    """Whoever has a whole answer finds its pictures in the ledger, charged."""
    bought = _by_errand(facts)
    handed: dict[int, int] = defaultdict(int)
    for answer in facts.answers:
        if answer.ended == "whole":
            handed[answer.errand] = max(handed[answer.errand], answer.pictures)
    missing = [
        errand
        for errand, pictures in handed.items()
        if pictures and not any(one.images >= pictures and one.cost > 0 for one in bought[errand])
    ]
    parts = [
        answer.errand
        for answer in facts.answers
        if answer.ended != "whole" and answer.pictures and not any(one.cost > 0 for one in bought[answer.errand])
    ]
    found = f"{sum(handed.values()):,} pictures in whole answers; not in the ledger: {len(missing) + len(parts)}"
    return Check("what was delivered is in the ledger", not missing + parts, found + _examples(missing + parts, str))


def charged_was_made(facts: Facts) -> Check:
    """What the ledger calls delivered was drawn; what was charged and not drawn is marked `unknown`."""
    charged = [one for one in facts.books.purchases if one.cost > 0]
    unmade = [one for one in charged if one.images > _drawn(facts, one.errand) or not _drawn(facts, one.errand)]
    wrong = [one for one in unmade if one.outcome != "unknown"]
    wrong += [one for one in charged if one.outcome not in ("delivered", "unknown")]
    found = f"{len(charged):,} charged; {len(unmade)} of them never made, {len(wrong)} of those not marked unknown"
    return Check("what was charged was made, or is marked unknown", not wrong, found + _examples(wrong, _request))


def billed_is_charged(facts: Facts) -> Check:
    """Order by order, the ledger charges at least what the upstream bills for it, as far as it ever said so."""
    bought = _by_errand(facts)
    charged = {errand: sum(one.cost for one in found) for errand, found in bought.items()}
    less = {errand for errand, drawn in facts.drawn.items() if charged.get(errand, 0) < drawn.nanos}
    untold = {errand for errand in less if charged.get(errand) and facts.orders[errand].fault in UNTOLD}
    short = sorted(less - untold)
    billed, all_charged = sum(drawn.nanos for drawn in facts.drawn.values()), sum(charged.values())
    found = f"${billed / 1e9:.4f} billed, ${all_charged / 1e9:.4f} charged; charged too little: {len(short)} orders"
    if untold:
        found += f", beside {len(untold)} streams that ended as if their first picture were all that was billed"
    return Check("what the upstream bills is charged", not short, found + _examples(short, str))


def bought_once(facts: Facts) -> Check:
    """One order is charged once and drawn once, however often it is sent under its name; always the same answer."""
    charges = Counter(one.errand for one in facts.books.purchases if one.cost > 0 and one.errand >= 0)
    digests: dict[int, set[str]] = defaultdict(set)
    for answer in facts.answers:
        if answer.digest:
            digests[answer.errand].add(answer.digest)
    twice = {errand for errand, number in charges.items() if number > 1}
    twice |= {
        errand
        for errand, drawn in facts.drawn.items()
        if drawn.exchanges > 1 and facts.orders[errand].kind != "fan-out"
    }
    twice |= {errand for errand, found in digests.items() if len(found) > 1}
    named = sum(order.is_named for order in facts.orders.values())
    replayed = sum(answer.is_replayed for answer in facts.answers)
    found = f"{named} named orders, {replayed} answers given once more; bought or answered twice: {len(twice)}"
    return Check("an order is bought once", not twice, found + _examples(sorted(twice), str))


def books_agree(facts: Facts) -> Check:
    """`imagegate ledger verify` finds nothing, and neither does our own sum."""
    books = facts.books
    teams = books.verified.count(" 0 differences")
    holds = books.verify_status == 0 and books.differences == 0 and teams == len(books.verified.splitlines()) > 0
    found = f"status {books.verify_status}, {teams} teams without a difference; {books.differences} nano-dollars off"
    return Check("imagegate ledger verify", holds, found)


def budgets_hold(facts: Facts) -> Check:
    """No budget was exceeded, neither in the end nor, with what was held, at any moment that was looked at."""
    over = [one for one in facts.books.spendings if max(one.spent, one.most) > one.limit]
    used = ", ".join(f"{max(one.spent, one.most) / one.limit:.1%}" for one in facts.books.spendings)
    holds = bool(facts.books.spendings) and not over
    return Check("no budget is exceeded", holds, f"used at most: {used or 'there are none'}")


def comes_to_rest(facts: Facts) -> Check:
    """Nothing is held, no journal has anything, nobody is busy, both replicas are ready."""
    left = [rest for rest in facts.after if rest.busy or rest.journal]
    holds = not isinf(facts.rest_seconds) and not left and not facts.books.held and bool(facts.after)
    after = "never" if isinf(facts.rest_seconds) else f"{facts.rest_seconds:.0f} s after the last answer"
    found = f"{after}; {facts.books.held} teams with holds" + "".join(
        f"; {rest.replica}: {rest.busy} in flight, {rest.journal} in the journal" for rest in facts.after
    )
    return Check("everything comes to rest", holds, found)


def no_own_faults(facts: Facts) -> Check:
    """No replica logged a fault of its own, or failed to start or to stop."""
    found = "; ".join(facts.own_faults[:EXAMPLES]) or "none"
    return Check("no fault of the gateway's own", not facts.own_faults, found)


def memory_is_steady(facts: Facts) -> Check:
    """Once it is warm the longest life of a replica grows no more than memory goes up and down by itself."""
    found = [life for rest in facts.before if (life := longest(facts.samples, rest.replica))]
    growing = [
        life for life in found if life.grown_bytes > max(GROWTH_BYTES, GROWTH_BYTES_PER_SECOND * life.measured_seconds)
    ]
    told = "; ".join(
        f"{life.replica}: {life.megabytes_an_hour:+.0f} MB an hour over {life.measured_seconds:.0f} s"
        if life.measured_seconds
        else f"{life.replica}: not told, its longest life was {life.seconds:.0f} s"
        for life in found
    )
    told += (
        f"; allowed: {GROWTH_BYTES / 1e6:.0f} MB, in a long life {GROWTH_BYTES_PER_SECOND * 3600 / 1e6:.0f} MB an hour"
    )
    return Check("memory does not grow", not growing and bool(found), told)


def nothing_stays_open(facts: Facts) -> Check:
    """At rest a replica has about as many files, threads and tasks as before the traffic, and no spooled picture."""
    before = {rest.replica: rest for rest in facts.before}
    wrong = [
        rest.replica
        for rest in facts.after
        if rest.unlinked
        or rest.descriptors > before[rest.replica].descriptors + DESCRIPTORS
        or rest.threads > before[rest.replica].threads + THREADS
        or rest.tasks > before[rest.replica].tasks + TASKS
    ]
    told = "; ".join(
        f"{rest.replica}: {before[rest.replica].descriptors} → {rest.descriptors} descriptors, {rest.unlinked} of them"
        f" spooled pictures, {before[rest.replica].threads} → {rest.threads} threads,"
        f" {before[rest.replica].tasks} → {rest.tasks} tasks"
        for rest in facts.after
    )
    told += f"; allowed more: {DESCRIPTORS} descriptors, {THREADS} threads, {TASKS} tasks"
    return Check("nothing stays open", not wrong and bool(facts.after), told)


def was_hard(facts: Facts) -> Check:
    """Everything that was to be broken was, and there were answers all the same: else the rest shows little."""
    kinds = Counter(fault.kind for fault in facts.faults)
    missing = [kind for kind in facts.wanted_faults if not kinds[kind]]
    good = sum(answer.status == 200 for answer in facts.answers)
    found = f"{len(facts.faults)} faults of {len(kinds)} kinds, {good:,} answers with 200"
    return Check("everything was broken at least once", not missing and good > 0, found + _examples(missing, str))


def _by_errand(facts: Facts) -> Mapping[int, list[Purchase]]:
    found: dict[int, list[Purchase]] = defaultdict(list)
    for purchase in facts.books.purchases:
        found[purchase.errand].append(purchase)
    return found


def _drawn(facts: Facts, errand: int) -> int:
    drawn = facts.drawn.get(errand)
    return drawn.pictures if drawn else 0


def _is_struck(facts: Facts, answer: Answer) -> bool:
    """Whether the replica of an answer was ended while it was under way, or the upstream was away."""
    ended = answer.at_seconds + answer.seconds
    return any(
        fault.at_seconds <= ended and answer.at_seconds <= fault.until_seconds
        for fault in facts.faults
        if fault.replica == answer.replica or fault.kind is Kind.UPSTREAM_AWAY
    )


def _examples(found: Sequence[object], told: Callable[..., str]) -> str:
    if not found:
        return ""
    return ": " + "; ".join(told(one) for one in found[:EXAMPLES]) + (" …" if len(found) > EXAMPLES else "")


def _complaint(answer: Answer) -> str:
    return f"{_place(answer)}: {answer.complaint}"


def _place(answer: Answer) -> str:
    return f"errand {answer.errand} ({answer.kind}, try {answer.attempt}) at {answer.at_seconds:.1f} s, {answer.label}"


def _break(answer: Answer) -> str:
    return f"{_place(answer)}, {answer.request_id or 'without a head'}, {answer.broken_by}"


def _request(purchase: Purchase) -> str:
    return f"{purchase.request} of errand {purchase.errand}, {purchase.outcome}"


CHECKS: tuple[Callable[[Facts], Check], ...] = (
    answers_are_sound,
    all_are_answered,
    breaks_have_a_cause,
    delivered_is_booked,
    charged_was_made,
    billed_is_charged,
    bought_once,
    books_agree,
    budgets_hold,
    comes_to_rest,
    memory_is_steady,
    nothing_stays_open,
    no_own_faults,
    was_hard,
)
