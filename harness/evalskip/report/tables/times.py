"""Where the time goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report import digits
from evalskip.report.tables.table import PHASES, WHO, Table, has, peak, schedule_of, who
from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.report.words import Language
    from evalskip.summary import ArmSummary, BenchSummary


def times(bench: BenchSummary, language: Language) -> Table:
    """Where each arm's time goes, and what memory it peaks at."""
    quantity = next((q for q in ("allocated", "resident") if has(bench, q)), None)
    rows: list[tuple[str, ...]] = []
    for name, arm in bench.arms.items():
        row: tuple[str, ...] = (
            *who(name, arm, language),
            digits.seconds(arm.wall_s),
            digits.seconds(arm.phases_s.get("train")),
            digits.seconds(arm.phases_s.get("evaluate")),
            digits.seconds(_rest(arm)),
            digits.percent(arm.share),
        )
        if quantity:
            row += tuple(peak(arm, phase, quantity) for phase in ("train", "evaluate"))
        rows.append(row)
    columns: tuple[str, ...] = language.texts(
        *WHO, N_("time s"), N_("train s"), N_("evaluate s"), N_("rest s"), N_("share %")
    )
    kept = language.texts(*WHO, N_("time s"), N_("share %"))
    note = language.gettext("Share: evaluation's share of the training time.")
    if quantity:
        columns += (language.gettext("train MiB"), language.gettext("evaluate MiB"))
        note += language.gettext(
            " MiB: peak {quantity} memory in that phase.", quantity=language.gettext(quantity)
        )
    spare = tuple(column for column in columns if column not in kept)
    return Table(language.gettext("Where the time goes"), note, columns, rows, spare)


def phases(bench: BenchSummary, language: Language) -> Table:
    """Mean seconds per phase; they sum to T."""
    # one process has none to wait for
    waits = any(arm.phases_s.get("wait") for arm in bench.arms.values())
    names = [phase for phase in PHASES if waits or phase != "wait"]
    rows = [
        (
            *who(name, arm, language),
            str(arm.runs),
            str(arm.evaluations),
            digits.seconds(arm.wall_s),
            *(digits.seconds(arm.phases_s.get(phase)) for phase in names),
            digits.seconds(arm.first_evaluation_s),
        )
        for name, arm in bench.arms.items()
    ]
    return Table(
        title=language.gettext("Every phase"),
        note=language.gettext(
            "Means over runs, in seconds. Phases never overlap and sum to the training time."
        ),
        columns=language.texts(
            *WHO, N_("runs"), N_("evaluations"), N_("training time"), *names, N_("first evaluation")
        ),
        rows=rows,
    )


def ranks(bench: BenchSummary, language: Language) -> Table:
    """Each of several ranks: what it does while others wait, and what it holds."""
    names = ("train", "evaluate", "wait", "save", "log", "other")
    quantity = next((q for q in ("allocated", "resident") if has(bench, q)), None)
    rows = []
    for name, arm in bench.arms.items():
        for rank in arm.ranks:
            row: tuple[str, ...] = (
                *who(name, arm, language),
                str(rank.rank),
                digits.seconds(rank.wall_s),
                *(digits.seconds(rank.phases_s.get(phase)) for phase in names),
            )
            if quantity:
                row += tuple(
                    digits.size(rank.peak_bytes.get(phase, {}).get(quantity))
                    for phase in ("train", "evaluate")
                )
            rows.append(row)
    columns: tuple[str, ...] = language.texts(*WHO, N_("rank"), N_("training time"), *names)
    note = language.gettext(
        "Means over runs, in seconds. Wait: in collectives called from Python, such as the "
        "gather at the end of an evaluation batch; gradient communication is part of train."
    )
    if quantity:
        columns += (language.gettext("train MiB"), language.gettext("evaluate MiB"))
        note += language.gettext(
            " MiB: peak {quantity} memory in that phase.", quantity=language.gettext(quantity)
        )
    return Table(language.gettext("Every rank"), note, columns, rows)


def per_token(bench: BenchSummary, language: Language) -> Table:
    """What a token costs to train on and to evaluate: what compares packed and padded samples."""
    rows = []
    for name, arm in bench.arms.items():
        trained = _each(arm.phases_s.get("train"), arm.train_tokens)
        evaluated = _each(arm.phases_s.get("evaluate"), arm.evaluation_tokens)
        rows.append(
            (
                *who(name, arm, language),
                digits.count(arm.train_tokens),
                digits.microseconds(trained),
                digits.count(arm.evaluation_tokens),
                digits.microseconds(evaluated),
                digits.percent(evaluated / trained if evaluated and trained else None),
            )
        )
    return Table(
        title=language.gettext("Per token"),
        note=language.gettext(
            "Tokens of a run, padding included, and microseconds per token; the last column is "
            "the cost of an evaluated token in per cent of a trained one."
        ),
        columns=language.texts(
            *WHO,
            N_("trained"),
            N_("µs per trained"),
            N_("evaluated"),
            N_("µs per evaluated"),
            N_("cost of evaluated/trained token %"),
        ),
        rows=rows,
    )


def evaluation_sets(bench: BenchSummary, language: Language) -> Table:
    """Each of several evaluation sets: its samples, and what it costs."""
    return Table(
        title=language.gettext("Each evaluation set"),
        note=language.gettext(
            "Several sets are evaluated one after the other and count as one evaluation. "
            "Seconds: all evaluations of the set in a run."
        ),
        columns=language.texts(
            N_("schedule"), N_("set"), N_("samples"), N_("seconds"), N_("share %")
        ),
        rows=[
            (
                schedule_of(arm, language),
                set_name,
                f"{evaluation_set.samples:,}",
                digits.seconds(evaluation_set.seconds),
                digits.percent(evaluation_set.seconds / arm.wall_s if arm.wall_s else None),
            )
            for arm in bench.arms.values()
            for set_name, evaluation_set in arm.evaluation_sets.items()
        ],
    )


def _each(seconds: float | None, count: int | None) -> float | None:
    return seconds / count if seconds and count else None


def _rest(arm: ArmSummary) -> float | None:
    if not arm.phases_s:
        return None
    return sum(s for phase, s in arm.phases_s.items() if phase not in ("train", "evaluate"))


REST = (phases, ranks, per_token, evaluation_sets)
