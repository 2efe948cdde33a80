"""Claims with their verdicts, what each result adds, and what real runs were observed to do."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from evalskip.report import digits
from evalskip.report.tables.table import Table
from evalskip.report.words import N_

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalskip.report.words import Language
    from evalskip.summary import ClaimsSummary, Observation


def verdicts(section: ClaimsSummary, language: Language) -> Table:
    """Each claim, and on what its verdict rests."""
    return Table(
        title=language.gettext("The claims"),
        note=language.gettext(
            "What is claimed, in our words, and what was measured of it. Supported: the whole "
            "interval lies in the claimed range; refuted: wholly outside; conditional: it depends, "
            "and the boundary is given."
        ),
        columns=language.texts(
            N_("claim"), N_("it says"), N_("verdict"), N_("measured"), N_("condition")
        ),
        rows=[
            (
                claim.id,
                language.note(claim.statement),
                language.gettext(claim.verdict),
                language.clauses(claim.measured) or language.gettext("nothing"),
                language.clauses(claim.condition) or digits.NOTHING,
            )
            for claim in section.claims
        ],
    )


def evidence(section: ClaimsSummary, language: Language) -> Table:
    """What each verdict holds for, and where in ``summary.json`` it comes from."""
    return Table(
        title=language.gettext("Evidence"),
        note=language.gettext(
            "The sections of summary.json that each verdict rests on, and what it holds for."
        ),
        columns=language.texts(N_("claim"), N_("scope"), N_("evidence")),
        rows=[
            (
                claim.id,
                language.clauses(claim.scope) or language.gettext("nothing was run"),
                language.clauses(claim.evidence) or digits.NOTHING,
            )
            for claim in section.claims
        ],
    )


def speeds(section: ClaimsSummary, language: Language) -> Table:
    """The gain at every point of every result."""
    claimed = section.claimed_gain
    return Table(
        title=language.gettext("How much faster, over evaluation load"),
        note=language.gettext(
            "Throughput gain of skipping, against evaluation every epoch, matched. "
            "Load: evaluated tokens over trained tokens. The claim is {claimed}.",
            claimed=digits.claimed(claimed) if claimed else digits.NOTHING,
        ),
        columns=language.texts(
            N_("result"), N_("scope"), N_("samples"), N_("load"), N_("gain %"), N_("verdict")
        ),
        rows=[
            (
                source.name,
                language.clauses(source.scope),
                digits.count(point.evaluation_samples),
                f"{point.evaluation_load:.2g}",
                digits.interval(point.throughput_gain),
                language.gettext(point.verdict),
            )
            for source in section.sources
            for point in source.points
        ],
    )


def verdicts_by_result(section: ClaimsSummary, language: Language) -> Table:
    """What each result says of a claim that several judge."""
    judged = Counter(claim.id for source in section.sources for claim in source.claims)
    return Table(
        title=language.gettext("Claims that several results judge"),
        note=language.gettext(
            "What each of them says; the verdict over all is conditional where they differ."
        ),
        columns=language.texts(
            N_("claim"), N_("result"), N_("verdict"), N_("measured"), N_("condition")
        ),
        rows=[
            (
                claim.id,
                source.name,
                language.gettext(claim.verdict),
                language.clauses(claim.measured),
                language.clauses(claim.condition) or digits.NOTHING,
            )
            for claim_id in (claim.id for claim in section.claims)
            if judged[claim_id] > 1
            for source in section.sources
            for claim in source.claims
            if claim.id == claim_id
        ],
    )


def truth(section: ClaimsSummary, language: Language) -> Table:
    """How often each trainer evaluated under each combination of the two switches."""
    behaviour = [
        observation for observation in section.observations if observation.what == "switch"
    ]
    trainers = list(dict.fromkeys(observation.trainer for observation in behaviour))
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for observation in behaviour:
        settings = tuple(
            language.gettext("not set")
            if key not in observation.settings
            else str(observation.settings[key]).lower()
            for key in ("do_eval", "eval_strategy")
        )
        cells.setdefault((settings[0], settings[1]), {})[observation.trainer] = _evaluated(
            observation, language
        )
    return Table(
        title=language.gettext("Which switch works"),
        note=language.gettext(
            "Evaluations in the loop + after training, of runs of two epochs of 4 steps; "
            "eval_steps is 5."
        ),
        columns=("do_eval", "eval_strategy", *trainers),
        rows=[
            (*settings, *(by_trainer.get(trainer, digits.NOTHING) for trainer in trainers))
            for settings, by_trainer in cells.items()
        ],
    )


def disagreements(section: ClaimsSummary, language: Language) -> Table:
    """What became of trainings on two ranks, alike and not alike, with the check and without."""
    rows = []
    for observation in section.observations:
        if observation.what == "ranks":
            settings = {
                k: v for k, v in observation.settings.items() if k not in ("rank 1", "check")
            }
            rows.append(
                (
                    observation.trainer,
                    _in_words(settings),
                    _in_words(observation.settings.get("rank 1", {}))
                    or language.gettext("the same"),
                    language.gettext("yes")
                    if observation.settings["check"]
                    else language.gettext("no"),
                    language.gettext(_ENDED[observation.behaviour["status"]]),
                    digits.seconds(observation.behaviour["seconds"]),
                )
            )
    return Table(
        title=language.gettext("Ranks that do not evaluate alike"),
        note=language.gettext(
            "Trainings on two ranks; seconds from start to end. Checked: by RanksAgree, "
            "before the first step. Timed out: it took at least four times as long as alike."
        ),
        columns=(
            language.gettext("trainer"),
            language.gettext("both ranks"),
            language.gettext("rank 1 otherwise"),
            language.gettext("checked"),
            language.gettext("ended"),
            "s",
        ),
        rows=rows,
    )


_ENDED = {
    "ok": N_("ok"),
    "out_of_memory": N_("out of memory"),
    "failed": N_("failed"),
    "timed_out": N_("timed out"),
}


def _in_words(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in settings.items())


def _evaluated(observation: Observation, language: Language) -> str:
    if "evaluations_inside" not in observation.behaviour:
        return language.gettext("refused")
    counts = (observation.behaviour[f"evaluations_{where}"] for where in ("inside", "after"))
    return " + ".join(map(str, counts))


FIRST = (speeds, truth, disagreements)
REST = (verdicts_by_result, evidence)
