"""Claims about behaviour: judged by what runs were seen to do, and seen in real runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from evalskip.article.claims import CLAIMS
from evalskip.article.ledger import across, judged, ledger
from evalskip.article.source import conditions_on
from evalskip.article.words import WORDS
from evalskip.errors import InputError
from evalskip.jobs.llamafactory.settings import built_interpreters
from evalskip.notes import note
from evalskip.report.words import Language
from evalskip.summary import (
    Claim,
    ClaimsSummary,
    Effort,
    Made,
    Observation,
    Scope,
    Summary,
    read_summary,
)
from support import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TRAINER = "LLaMA-Factory 1.0"
ENGLISH = Language("en", WORDS)
REFERENCE = ROOT / "results" / "reference"
PUBLISHED = {
    "claims": {
        "default_on": "refuted",
        "switch": "refuted",
        "config": "supported",
        "message": "refuted",
        "logging": "supported",
        "checkpoints": "supported",
        "early_stopping": "supported",
        "distributed": "conditional",
    },
    "headroom-full-h100": {"batch": "refuted", "completion": "refuted"},
    "llamafactory-lora-h200": {
        "speed": "refuted",
        "memory": "refuted",
        "released": "refuted",
    },
    "memory/evaluation-batch-cpu": {
        "memory": "conditional",
        "released": "refuted",
        "batch": "conditional",
        "completion": "conditional",
    },
    "memory/generation-cpu": {
        "memory": "supported",
        "released": "refuted",
        "batch": "conditional",
        "completion": "conditional",
    },
    "memory/logits-cpu": {
        "memory": "conditional",
        "released": "refuted",
        "batch": "conditional",
        "completion": "conditional",
    },
    "memory/long-samples-cpu": {
        "memory": "conditional",
        "released": "refuted",
        "batch": "conditional",
        "completion": "conditional",
    },
    "overfit-cpu": {
        "mixed": "conditional",
        "overfitting": "supported",
        "final_eval": "refuted",
        "holdout": "inconclusive",
        "train_loss": "refuted",
        "debug_use": "supported",
    },
    "quick-cpu": {
        "speed": "conditional",
        "memory": "refuted",
        "released": "refuted",
        "batch": "refuted",
        "completion": "refuted",
    },
    "smollm2-cpu": {"speed": "refuted", "memory": "inconclusive", "released": "inconclusive"},
}
"""Verdicts by reference result and claim."""


def saw(what: str, behaviour: dict[str, Any], **settings: Any) -> Observation:
    return Observation(what=what, trainer=TRAINER, settings=settings, behaviour=behaviour)


def counted(inside: int, after: int, **settings: Any) -> Observation:
    found = {"steps": 8, "evaluations_inside": inside, "evaluations_after": after}
    return saw("switch", found, **settings)


def real_behaviour() -> list[Observation]:
    """As LLaMA-Factory was seen to be."""
    log = [[step, 1.0 / step] for step in range(1, 9)]
    files = {"log": log, "checkpoints": ["checkpoint-4", "checkpoint-8"], "final_model": True}
    source = {"files": 9, "if": ["sft.py:3"], "if_else": [], "says_skip": []}
    return [
        counted(0, 0),
        counted(0, 1, do_eval=True),
        counted(0, 0, do_eval=False),
        counted(0, 0, eval_strategy="no"),
        counted(0, 1, do_eval=True, eval_strategy="no"),
        counted(0, 0, do_eval=False, eval_strategy="no"),
        counted(2, 1, do_eval=False, eval_strategy="epoch"),
        saw("early_stopping", {"error": "AssertionError: needs eval"}, eval_strategy="no"),
        saw("early_stopping_on", {"steps": 8}, eval_strategy="epoch"),
        saw("best_at_end", {"error": "ValueError: strategies differ"}),
        saw("save_best", {"steps": 8}),
        saw("files_on", files),
        saw("files_off", files),
        saw("resume", {"steps": 4}),
        saw("load", {"steps": 8}),
        saw("source", source),
        saw("command_line", {"evaluations_inside": 0, "evaluations_after": 1}, do_eval=True),
    ]


def claims_of(observations: list[Observation]) -> list[Claim]:
    effort = Effort(runs=0, seconds=0, stopped=note("running"))
    summary = Summary(
        name="seen",
        made=Made(at="", evalskip=""),
        scope=Scope(job="seen", model="tiny", parameters=0, device="cpu"),
        claims=ClaimsSummary(claims=[], observations=observations, effort=effort),
    )
    return judged(summary)


def verdicts(observations: list[Observation]) -> dict[str, str]:
    return {claim.id: claim.verdict for claim in claims_of(observations)}


def test_what_was_seen_settles_every_claim_about_behaviour() -> None:
    assert verdicts(real_behaviour()) == {
        "default_on": "refuted",
        "switch": "refuted",
        "config": "supported",
        "message": "refuted",
        "logging": "supported",
        "checkpoints": "supported",
        "early_stopping": "supported",
    }
    switch = claims_of(real_behaviour())[1]
    measured, condition = map(ENGLISH.clauses, (switch.measured, switch.condition))
    assert "eval_strategy epoch: 2 in the loop and 1 after it" in measured
    assert 'the switch that works is eval_strategy: "no"' in condition
    assert "do_eval: true evaluates once more, after training" in condition


@pytest.mark.parametrize(
    ("claim", "what", "change"),
    [
        ("default_on", "switch", {"evaluations_inside": 2}),
        ("config", "command_line", {"evaluations_after": 0}),
        ("config", "command_line", {"error": "ValueError: no such option"}),
        ("early_stopping", "early_stopping", {"error": None, "steps": 8}),
        ("logging", "files_off", {"log": [[1, 1.0], [3, 0.3]]}),
        ("checkpoints", "files_off", {"checkpoints": []}),
        ("checkpoints", "resume", {"steps": 0}),
        ("checkpoints", "best_at_end", {"error": None, "steps": 8}),
    ],
)
def test_other_behaviour_gives_another_verdict(
    claim: str, what: str, change: dict[str, Any]
) -> None:
    observations = real_behaviour()
    place = next(i for i, found in enumerate(observations) if found.what == what)
    found = observations[place]
    observations[place] = found.model_copy(update={"behaviour": {**found.behaviour, **change}})
    before, after = verdicts(real_behaviour())[claim], verdicts(observations)[claim]
    assert {before, after} == {"supported", "refuted"}


def test_who_has_no_early_stopping_says_nothing_of_it() -> None:
    observations = [
        found.model_copy(update={"behaviour": {"error": "ValueError: unknown"}})
        if found.what == "early_stopping_on"
        else found
        for found in real_behaviour()
    ]
    assert "early_stopping" not in verdicts(observations)


def test_a_check_that_ends_what_would_end_well_is_told_of() -> None:
    def ranks(status: str, *, check: bool, strategy: str) -> Observation:
        settings = {"eval_strategy": strategy, "rank 1": {"do_eval": False}, "check": check}
        behaviour = {"status": status, "seconds": 6.0}
        if status == "failed":
            behaviour["error"] = "the ranks do not evaluate alike"
        return Observation(
            what="ranks", trainer="Trainer 5", settings=settings, behaviour=behaviour
        )

    observations = [
        ranks("ok", check=False, strategy="no"),
        ranks("failed", check=True, strategy="no"),
        ranks("timed_out", check=False, strategy="epoch"),
        ranks("failed", check=True, strategy="epoch"),
    ]
    (claim,) = claims_of(observations)
    measured = ENGLISH.clauses(claim.measured)
    assert "RanksAgree ended 1 of the 1 that hang or fail" in measured
    assert "and 1 of the 1 that end well without it" in measured


def test_without_observations_nothing_is_judged() -> None:
    assert verdicts([]) == {}
    nothing = ledger("nothing", []).claims
    assert nothing
    assert {claim.verdict for claim in nothing.claims} == {"not_run"}
    assert [claim.id for claim in nothing.claims] == [claim.ID for claim in CLAIMS]
    assert [claim.ID for claim in CLAIMS][:3] == ["default_on", "switch", "config"]


def test_verdicts_on_the_references_stay() -> None:
    """What was published of each is what its figures say today."""
    found = {
        str(path.parent.relative_to(REFERENCE)): {
            claim.id: claim.verdict for claim in judged(read_summary(path.parent))
        }
        for path in REFERENCE.rglob("summary.json")
        if path.parent.name != "article"
    }
    assert {name: verdicts for name, verdicts in found.items() if verdicts} == PUBLISHED
    whole = read_summary(REFERENCE / "article").claims
    assert whole
    published = {claim.id: claim.verdict for claim in whole.claims}
    sources = [path.parent for path in REFERENCE.rglob("summary.json")]
    again = ledger("again", [read_summary(s) for s in sources if s.name != "article"]).claims
    assert again
    assert {claim.id: claim.verdict for claim in again.claims} == published


@pytest.mark.parametrize(
    ("verdicts_of", "expected"),
    [
        (["supported", "supported"], "supported"),
        (["refuted", "inconclusive", "not_run"], "refuted"),
        (["supported", "refuted"], "conditional"),
        (["conditional", "supported"], "conditional"),
        (["not_run", "inconclusive"], "inconclusive"),
        (["not_run"], "not_run"),
        ([], "not_run"),
    ],
)
def test_one_verdict_over_several_results(verdicts_of: list[Any], expected: str) -> None:
    assert across(verdicts_of) == expected


def test_a_ledger_has_every_claim_once_and_says_where_it_comes_from(
    tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    reference = ROOT / "results" / "reference"
    places = [reference / name for name in ("claims", "quick-cpu", "smollm2-cpu")]
    out = tmp_path / "whole"
    ended = evalskip("claims", *places, "--report", out)
    assert ended.returncode == 0, ended.stderr
    whole = read_summary(out).claims
    assert [claim.id for claim in whole.claims] == [claim.ID for claim in CLAIMS]
    found = {claim.id: claim for claim in whole.claims}
    not_run = {name for name, claim in found.items() if claim.verdict == "not_run"}
    assert not_run == {claim.id for claim in judged(read_summary(reference / "overfit-cpu"))}
    one, other = (read_summary(place) for place in places[1:3])
    (alone,) = (claim for claim in judged(other) if claim.id == "speed")
    assert (alone.verdict, found["speed"].verdict) == ("refuted", "conditional")
    assert alone.scope[0] in found["speed"].scope
    assert f"refuted by {other.name}" in ENGLISH.clauses(found["speed"].measured)
    evidence = map(ENGLISH.note, found["speed"].evidence)
    assert all(each.startswith((one.name, other.name)) for each in evidence)
    report = (out / "report.md").read_text()
    answer = report.split("**")[1]
    points = [point for source in whole.sources for point in source.points]
    met = [point for point in points if point.verdict == "supported"]
    assert f"met at {len(met)} of {len(points)} points" in answer
    assert "do\\_eval: false alone does not skip evaluation" in answer
    assert " overfitting: " in report
    badge = (out / "badge.svg").read_text()
    assert f"{len(CLAIMS)} claims" in badge
    assert f"{sum(claim.verdict == 'refuted' for claim in whole.claims)} do not" in badge
    for claim in whole.claims:
        assert ENGLISH.note(claim.statement) in (out / "report.html").read_text()


def test_source_is_read_as_python_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "somebodys"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "a.py").write_text(
        "# if do_eval: a comment is no condition\n"
        "def f(args, do_eval):\n"
        "    if args.do_eval:\n"
        "        pass\n"
        "    if not do_eval:\n"
        "        pass\n"
        "    else:\n"
        "        print('Skipping the evaluation')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert conditions_on("do_eval", sys.executable, "somebodys") == {
        "files": 2,
        "if": ["a.py:3", "a.py:5"],
        "if_else": ["a.py:5"],
        "says_skip": ["a.py:8"],
    }
    with pytest.raises(InputError, match="has no nobodys"):
        conditions_on("do_eval", sys.executable, "nobodys")


def test_the_ledger_is_printed_and_may_be_required(evalskip: Callable[..., Any]) -> None:
    ended = evalskip("claims")
    assert ended.returncode == 0
    assert "speed: not_run" in ended.stdout
    reference = ROOT / "results" / "reference" / "quick-cpu"
    ended = evalskip("claims", reference, "--require", "speed")
    assert ended.returncode == 0, ended.stderr
    assert "speed: conditional" in ended.stdout
    ended = evalskip("claims", reference, "--require", "speed", "--require", "switch")
    assert ended.returncode == 3
    assert ended.stderr == "evalskip: no verdict on switch: not_run\n"
    ended = evalskip("claims", reference, reference)
    assert "was met at 1 of 3 points" in " ".join(ended.stdout.split())
    ended = evalskip("claims", reference.parent / "article")
    assert (ended.returncode, ended.stderr) == (
        2,
        "evalskip: article: is a ledger; expected the results that it rests on\n",
    )
    ended = evalskip("claims", "--require", "no_such")
    assert ended.returncode == 2
    assert "--require no_such: expected one of default_on, switch" in ended.stderr
    ended = evalskip("claims", "--run", "--python", "python", "--job", "no_such")
    assert (ended.returncode, ended.stderr) == (
        2,
        "evalskip: --job no_such: expected one of llamafactory, ranks\n",
    )
    ended = evalskip("claims", "--job", "ranks")
    assert (ended.returncode, ended.stderr) == (
        2,
        "evalskip: --job: expected --run as well, which it is for\n",
    )


@pytest.mark.slow
@pytest.mark.skipif(not built_interpreters(), reason="make llamafactory builds what this needs")
@pytest.mark.nightly
def test_the_truth_table_of_the_real_thing(tmp_path: Path, evalskip: Callable[..., Any]) -> None:
    out = tmp_path / "claims"
    ended = evalskip(
        "claims", "--run", "--job", "llamafactory", "--out", out, "--require", "switch", timeout=900
    )
    assert ended.returncode == 0, ended.stderr
    summary = read_summary(out)
    found = {claim.id: claim.verdict for claim in summary.claims.claims}
    assert found["default_on"] == found["switch"] == found["message"] == "refuted"
    assert found["config"] == found["logging"] == found["checkpoints"] == "supported"
    table = {
        (o.trainer.split()[0], o.settings.get("do_eval"), o.settings.get("eval_strategy")): (
            o.behaviour.get("evaluations_inside"),
            o.behaviour.get("evaluations_after"),
        )
        for o in summary.claims.observations
        if o.what == "switch"
    }
    for do_eval in (None, True, False):
        assert table["LLaMA-Factory", do_eval, None] == (0, int(do_eval is True))
        assert table["LLaMA-Factory", do_eval, "no"] == (0, int(do_eval is True))
        assert table["LLaMA-Factory", do_eval, "epoch"] == (2, 1)
        assert table["Trainer", do_eval, None] == (0, 0)
        assert table["Trainer", do_eval, "epoch"] == (2, 0)
    report = (out / "report.md").read_text()
    assert "Which switch works" in report
