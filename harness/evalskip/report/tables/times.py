"""Where the time goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip import digits
from evalskip.messages import say
from evalskip.report.tables.table import PHASES, WHO, Table, has, peak, schedule_of, who

if TYPE_CHECKING:
    from evalskip.summary import ArmSummary, Summary


def times(summary: Summary) -> Table:
    """Where each arm's time goes, and what memory it peaks at."""
    quantity = next((q for q in ("allocated", "resident") if has(summary, q)), None)
    rows: list[tuple[str, ...]] = []
    for name, arm in summary.arms.items():
        row: tuple[str, ...] = (
            *who(name, arm),
            digits.seconds(arm.wall_s),
            digits.seconds(arm.phases_s.get("train")),
            digits.seconds(arm.phases_s.get("evaluate")),
            digits.seconds(_rest(arm)),
            digits.percent(arm.share),
        )
        if quantity:
            row += tuple(peak(arm, phase, quantity) for phase in ("train", "evaluate"))
        rows.append(row)
    columns: tuple[str, ...] = (
        *map(say, WHO),
        say("T s"),
        say("train s"),
        say("evaluate s"),
        say("rest s"),
        say("share %"),
    )
    note = say("Share: evaluate / T.")
    if quantity:
        columns += (say("train MiB"), say("evaluate MiB"))
        note += say(" MiB: peak {quantity} memory in that phase.", quantity=say(quantity))
    return Table(say("Where the time goes"), note, columns, rows)


def phases(summary: Summary) -> Table:
    """Mean seconds per phase; they sum to T."""
    # one process has none to wait for
    waits = any(arm.phases_s.get("wait") for arm in summary.arms.values())
    names = [phase for phase in PHASES if waits or phase != "wait"]
    rows = [
        (
            *who(name, arm),
            str(arm.runs),
            str(arm.evaluations),
            digits.seconds(arm.wall_s),
            *(digits.seconds(arm.phases_s.get(phase)) for phase in names),
            digits.seconds(arm.first_evaluation_s),
        )
        for name, arm in summary.arms.items()
    ]
    return Table(
        title=say("Every phase"),
        note=say("Means over runs, in seconds. Phases never overlap and sum to T."),
        columns=(
            *map(say, WHO),
            say("runs"),
            say("evaluations"),
            say("T"),
            *map(say, names),
            say("first evaluation"),
        ),
        rows=rows,
    )


def ranks(summary: Summary) -> Table:
    """Each of several ranks: what it does while others wait, and what it holds."""
    names = ("train", "evaluate", "wait", "save", "log", "other")
    quantity = next((q for q in ("allocated", "resident") if has(summary, q)), None)
    rows = []
    for name, arm in summary.arms.items():
        for found in arm.ranks:
            row: tuple[str, ...] = (
                *who(name, arm),
                str(found.rank),
                digits.seconds(found.wall_s),
                *(digits.seconds(found.phases_s.get(phase)) for phase in names),
            )
            if quantity:
                row += tuple(
                    digits.size(found.peak_bytes.get(phase, {}).get(quantity))
                    for phase in ("train", "evaluate")
                )
            rows.append(row)
    columns: tuple[str, ...] = (*map(say, WHO), say("rank"), say("T"), *map(say, names))
    note = say(
        "Means over runs, in seconds. Wait: at collectives that Python code calls, such as those "
        "that end an evaluation batch; gradients travel within train."
    )
    if quantity:
        columns += (say("train MiB"), say("evaluate MiB"))
        note += say(" MiB: peak {quantity} memory in that phase.", quantity=say(quantity))
    return Table(say("Every rank"), note, columns, rows)


def per_token(summary: Summary) -> Table:
    """What a token costs to train on and to evaluate: what compares packed and padded rows."""
    rows = []
    for name, arm in summary.arms.items():
        trained = _each(arm.phases_s.get("train"), arm.train_tokens)
        evaluated = _each(arm.phases_s.get("evaluate"), arm.evaluation_tokens)
        rows.append(
            (
                *who(name, arm),
                digits.count(arm.train_tokens),
                digits.microseconds(trained),
                digits.count(arm.evaluation_tokens),
                digits.microseconds(evaluated),
                digits.percent(evaluated / trained if evaluated and trained else None),
            )
        )
    return Table(
        title=say("Per token"),
        note=say(
            "Tokens of a run, padding included, and microseconds for each; the last column is "
            "what an evaluated token costs in per cent of a trained one."
        ),
        columns=(
            *map(say, WHO),
            say("trained"),
            say("µs per trained"),
            say("evaluated"),
            say("µs per evaluated"),
            say("evaluated to trained %"),
        ),
        rows=rows,
    )


def evaluation_sets(summary: Summary) -> Table:
    """Each of several evaluation sets: its rows, and what it costs."""
    return Table(
        title=say("Each evaluation set"),
        note=say(
            "Several sets are evaluated one after the other and count as one evaluation; seconds "
            "are those of all its evaluations in a run."
        ),
        columns=(say("schedule"), say("set"), say("rows"), say("seconds"), say("share of T %")),
        rows=[
            (
                schedule_of(arm),
                set_name,
                f"{found.rows:,}",
                digits.seconds(found.seconds),
                digits.percent(found.seconds / arm.wall_s if arm.wall_s else None),
            )
            for arm in summary.arms.values()
            for set_name, found in arm.evaluation_sets.items()
        ],
    )


def _each(seconds: float | None, count: int | None) -> float | None:
    return seconds / count if seconds and count else None


def _rest(arm: ArmSummary) -> float | None:
    if not arm.phases_s:
        return None
    return sum(s for phase, s in arm.phases_s.items() if phase not in ("train", "evaluate"))
