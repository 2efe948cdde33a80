"""The words of the study: of what claims share, of its runs, and of every claim."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.article import answer, memory_evidence, observed, public_logs, regret_evidence
from evalskip.article.claims import WORDS as CLAIMS
from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.report.words import Template

WORDS: dict[str, Template] = {
    "measured_on": N_("{job}, {model}, on {device}"),
    "measured_on_cpu": N_("{job}, {model}, on {device} (not yet measured on a GPU)"),
    "verdict_by": N_("{verdict} by {result}"),
    "of_result": N_("{result}: {clause}"),
    "evidence_of": N_("{result}: {evidence}"),
    "article": N_(
        "“How skipping the evaluation phase is done in the LLaMA-Factory project” (in Chinese: "
        "LLaMA-Factory项目中跳过模型评估阶段的技术实现), an article of {date}; its author is "
        "not named"
    ),
    "truth_table": N_("truth table"),
    "claims": N_("claims"),
    "several": N_("several"),
    "all_results_read": N_("every result was read"),
    "all_combinations_run": N_("every combination was run"),
    **memory_evidence.WORDS,
    **observed.WORDS,
    **public_logs.WORDS,
    **regret_evidence.WORDS,
    **answer.WORDS,
    **CLAIMS,
}
"""Templates by the codes of notes."""
