"""The claim that ``do_eval`` is a setting like learning rate and batch size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.article import observed
from evalskip.notes import note
from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.notes import Note
    from evalskip.summary import Claim, Observation, Summary

ID, PLACE = "config", 30
WORDS = {
    "config.says": N_(
        "do_eval is a top-level setting, beside the learning rate and the batch size."
    ),
    "config.counts": N_("{trainer}: {file} and {option}, {count} where it is not set"),
    "config.from_file": N_("{count} evaluation(s) with do_eval: true from a YAML file"),
    "config.as_option": N_("{count} evaluation(s) with do_eval: true as an option"),
    "config.refused": N_("refused ({error})"),
    "config.after_only": N_("alone it brings an evaluation after training, and none during it"),
}


def judge(summary: Summary) -> Claim | None:
    """Is it taken at the top level, from a file and a command line, and does it change a run?"""
    on = observed.observations_of(summary, "switch", do_eval=True, eval_strategy=None)
    off = observed.observations_of(summary, "switch", do_eval=None, eval_strategy=None)
    options = observed.observations_of(summary, "command_line")
    triples = list(zip(on, off, options, strict=False))
    return observed.judged(
        ID,
        [*on, *options],
        [
            not observed.error(a)
            and not observed.error(c)
            and observed.evaluations(a) == observed.evaluations(c) != observed.evaluations(b)
            for a, b, c in triples
        ],
        measured=[
            note(
                "config.counts",
                trainer=a.trainer,
                file=_outcome(a, "config.from_file"),
                option=_outcome(c, "config.as_option"),
                count=observed.evaluations(b),
            )
            for a, b, c in triples
        ],
        condition=[note("config.after_only")],
    )


def _outcome(observation: Observation, code: str) -> Note:
    if error := observed.error(observation):
        return note("config.refused", error=error)
    return note(code, count=observed.evaluations(observation))
