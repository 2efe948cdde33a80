"""Claims with their verdicts, what each result adds, and what real runs were observed to do."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from evalskip.report import digits
from evalskip.report.tables.table import Linked, Table
from evalskip.report.words import N_

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalskip.report.words import Language
    from evalskip.summary import Claim, ClaimsSummary, Observation


MARKS = {"supported": "✓", "refuted": "✗", "conditional": "◐", "inconclusive": "?", "not_run": "–"}
"""A verdict is never told by its colour alone."""

_MOST_VALUES = 2


def verdicts(section: ClaimsSummary, language: Language) -> Table:
    """Each claim with its verdict, and the values that each result has for it."""
    return Table(
        title=language.gettext("The claims"),
        note=language.sentences(
            [
                language.gettext("Claimed in {study}.", study=section.study)
                if section.study
                else "",
                language.gettext(
                    "The claims are in our words. Supported: the whole confidence interval lies "
                    "in the claimed range. Refuted: the whole interval lies outside. "
                    "Conditional: the claim holds only under the stated condition."
                ),
            ]
        ),
        columns=language.texts(N_("verdict"), N_("claim"), N_("measured"), N_("condition")),
        rows=[
            (
                f"{MARKS[claim.verdict]} {language.gettext(claim.verdict)}",
                f"{claim.id}: {language.note(claim.statement)}",
                _values(section, claim, language),
                language.clauses(claim.condition[:_MOST_VALUES]) or digits.NOTHING,
            )
            for claim in section.claims
        ],
    )


def _values(section: ClaimsSummary, claim: Claim, language: Language) -> str:
    """What each result has measured of a claim, the first values of each, with a link to it."""
    lines = [
        (source.name, source.path, language.clauses(own.measured[:_MOST_VALUES]))
        for source in section.sources
        for own in source.claims
        if own.id == claim.id
    ]
    beside = list(map(language.note, section.public_beside.get(claim.id, ())))
    if claim.id == _OF_GAIN and (gain := _public_line(section, language)):
        beside.insert(0, gain)
    if lines and beside:
        public = language.gettext("; ").join(beside)
        lines.append((language.gettext("public logs of GPUs, no verdict"), "", public))
    if lines:
        return Linked(*lines)
    return language.clauses(claim.measured) or language.gettext("nothing")


_OF_GAIN = "speed"
"""The claim that the gain in public logs stands beside."""


def _public_line(section: ClaimsSummary, language: Language) -> str:
    """How often public logs lie in the claimed range, in short: kinds on their clock alone."""
    return language.gettext("; ").join(
        language.gettext(
            "{kind}: {inside} of {units} {unit} inside ({saved} as time saved)",
            kind=each.kind,
            inside=each.by_gain[1],
            units=each.units,
            unit=each.unit,
            saved=each.by_time_saved[1],
        )
        for each in section.public
        if each.kind.code in ("mlperf_lora", "peft", "community")
    )


def public(section: ClaimsSummary, language: Language) -> Table:
    """What public logs say of the claimed gain, beside the verdict."""
    claimed = section.claimed_gain
    return Table(
        title=language.gettext("What public logs of GPUs say of the claimed speed-up"),
        note=language.gettext(
            "Read off logs of other people's runs: nothing here was measured by us, and none of it "
            "is a verdict. Evaluation share: quartiles over units, each with the median of its "
            "runs. Below / inside / above {claimed}, as speed-up and as time saved. Systems are "
            "not users, repositories are a convenience sample, and AlgoPerf's evaluation is off "
            "its clock by rule.",
            claimed=digits.claimed(claimed) if claimed else digits.NOTHING,
        ),
        columns=language.texts(
            N_("kind"),
            N_("runs"),
            N_("units"),
            N_("evaluation share %"),
            N_("units, as speed-up"),
            N_("units, as time saved"),
            N_("runs %, as speed-up"),
        ),
        rows=[
            (
                language.note(each.kind),
                f"{each.runs:,}",
                language.gettext("{count} {unit}", count=each.units, unit=each.unit),
                f"{100 * each.low:.1f} / {100 * each.median:.1f} / {100 * each.high:.1f}",
                " / ".join(map(str, each.by_gain)),
                " / ".join(map(str, each.by_time_saved)),
                " / ".join(
                    f"{100 * count / sum(each.runs_by_gain):.0f}" for count in each.runs_by_gain
                ),
            )
            for each in section.public
        ],
        spare=language.texts(N_("units, as time saved"), N_("runs %, as speed-up")),
    )


def speeds(section: ClaimsSummary, language: Language) -> Table:
    """The gain at every point of every result."""
    claimed = section.claimed_gain
    return Table(
        title=language.gettext("Speed-up over the eval/train token ratio"),
        note=language.gettext(
            "Speed-up from skipping, compared with evaluation every epoch: matched estimates. "
            "Eval/train tokens: tokens evaluated per token trained. The claim is {claimed}.",
            claimed=digits.claimed(claimed) if claimed else digits.NOTHING,
        ),
        columns=language.texts(
            N_("result"),
            N_("scope"),
            N_("samples"),
            N_("eval/train tokens"),
            N_("speed-up %"),
            N_("verdict"),
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
        spare=language.texts(N_("scope")),
    )


def verdicts_by_result(section: ClaimsSummary, language: Language) -> Table:
    """What each result says of a claim that several judge."""
    judged = Counter(claim.id for source in section.sources for claim in source.claims)
    return Table(
        title=language.gettext("Claims that several results judge"),
        note=language.gettext(
            "What each result says; where results differ, the overall verdict is conditional."
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
            "Evaluations during + after training, in runs of two epochs of 4 steps with "
            "eval_steps 5."
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
            "Training on two ranks; seconds from start to end. Checked: by RanksAgree, before "
            "the first step. Timed out: it took at least four times as long as with equal "
            "settings."
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


FIRST = (verdicts, speeds, public, truth, disagreements)
REST = (verdicts_by_result,)
