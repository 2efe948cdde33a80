"""Arguments in, exit code out; no logic.

Whatever a command needs is imported inside it, so that ``--help`` answers at once.
"""

from __future__ import annotations

import shlex
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

from evalskip.errors import (
    EvalskipError,
    Inconclusive,
    InputError,
    Interrupted,
    MeasurementError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_Parsed = TypeVar("_Parsed")

app = typer.Typer(
    name="evalskip",
    help="What does evaluation cost a fine-tuning job?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

# typer carries a click of its own in some versions and uses the installed one in others
_UsageError: Any = typer.BadParameter.__mro__[2]

DEFAULT_SPEC = Path("bench/quick.yaml")

SpecArgument = Annotated[
    Path,
    typer.Argument(
        help="A spec in YAML, or a LLaMA-Factory configuration as it is.", show_default=True
    ),
]
OutOption = Annotated[
    Path | None, typer.Option("--out", help="Result directory. [default: results/SPEC's name]")
]


SettingsOption = Annotated[
    list[str] | None, typer.Option("--set", help="Set a field: job.epochs=3. Repeatable.")
]
PythonOption = Annotated[
    str | None, typer.Option(help="The Python that has LLaMA-Factory, for such a job.")
]


@app.callback()
def _root() -> None:
    """What does evaluation cost a fine-tuning job?"""


@app.command()
def bench(
    spec: SpecArgument = DEFAULT_SPEC,
    out: OutOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Take up an interrupted experiment.")
    ] = False,
    budget: Annotated[
        str | None, typer.Option(help="Time after which no further block begins, such as 10m.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Run the job whole, however long one run takes.")
    ] = False,
    arms: Annotated[
        str | None,
        typer.Option(help="Arms to keep, by schedule or name: every_epoch,every_n_epochs:5@48."),
    ] = None,
    settings: SettingsOption = None,
    python: PythonOption = None,
    engine: Annotated[str, typer.Option(help="Where blocks run: local, ray or slurm.")] = "local",
    address: Annotated[
        str | None,
        typer.Option(help="Of the Ray cluster. [default: RAY_ADDRESS, or one on this machine]"),
    ] = None,
    gpus: Annotated[
        int | None,
        typer.Option(min=0, help="Of a node, for a block. [default: as the job says from here]"),
    ] = None,
    slurm: Annotated[
        list[str] | None,
        typer.Option(help="For sbatch: partition=gpu, gpus_per_node=1. Repeatable."),
    ] = None,
) -> None:
    """Run matched jobs with and without evaluation, and say what it costs."""
    from functools import partial

    from evalskip.engines import engine_for
    from evalskip.experiments.bench import bench as run_bench
    from evalskip.report.markdown import write_markdown
    from evalskip.report.progress import ProgressView
    from evalskip.report.terminal import console, print_summary
    from evalskip.results import open_results
    from evalskip.spec import load_spec

    loaded = load_spec(
        spec,
        settings=settings or [],
        arms=_names(arms),
        budget=budget,
        full=full or None,
        python=python,
        elsewhere=engine != "local",
    )
    if engine != "local" and "headroom" in loaded.measure:
        raise InputError("measure: expected no headroom, which is looked for on this machine only")
    directory = out or Path("results", spec.stem)
    if not directory.name or directory.name == "..":
        directory = directory.resolve()
    screen = console()
    for change in loaded.job.changes():
        screen.print(f"changed: {change}", highlight=False, markup=False)
    options = dict(_pair(setting) for setting in slurm or [])
    with open_results(directory, directory.name, loaded, resume=resume) as results:
        engine_of = partial(
            engine_for, engine, loaded, results.logs, address=address, gpus=gpus, options=options
        )
        try:
            with ProgressView(screen, loaded.design.budget) as progress:
                summary = run_bench(loaded, results, progress, engine_of)
            if "headroom" in loaded.measure:
                from evalskip.experiments.headroom import headroom as find_headroom

                screen.print("headroom: the largest batch of every arm")
                summary = find_headroom(
                    loaded, results, lambda line: screen.print(line, highlight=False)
                )
        except KeyboardInterrupt:
            again = shlex.join(argument for argument in sys.argv[1:] if argument != "--resume")
            raise Interrupted(
                f"interrupted; finished runs are in {directory}; to go on: "
                f"{sys.executable} -m evalskip {again} --resume"
            ) from None
        write_markdown(directory, [summary])
    print_summary(screen, summary)
    screen.print(f"\n{directory}/report.md says the same and more", highlight=False, markup=False)


@app.command()
def headroom(
    spec: SpecArgument = DEFAULT_SPEC,
    out: OutOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Add to the results that are there.")
    ] = False,
    memory: Annotated[
        str | None, typer.Option(help="The limit, such as 3GiB. [default: the spec's]")
    ] = None,
    arms: Annotated[str | None, typer.Option(help="Arms to keep, as of bench.")] = None,
    settings: SettingsOption = None,
    python: PythonOption = None,
    timing: Annotated[
        bool, typer.Option(help="Time the largest batch against the job's own.")
    ] = True,
    model: Annotated[
        str | None,
        typer.Option(help="Plan without the device: a packaged configuration, or a config.json."),
    ] = None,
    device_memory: Annotated[
        str | None, typer.Option(help="Of the card that is planned for, such as 80GiB.")
    ] = None,
    length: Annotated[int, typer.Option(min=2, help="Plan: tokens in a row.")] = 2048,
    evaluation_batch: Annotated[int, typer.Option(min=1, help="Plan: rows evaluated at once.")] = 8,
    evaluation_length: Annotated[
        int | None, typer.Option(min=2, help="Plan: tokens in an evaluated row. [default: length]")
    ] = None,
) -> None:
    """The largest batch of every arm within a limit, and whether it pays.

    With --model and --device-memory: the same for a card that is not there, from fake tensors.
    """
    if model is not None or device_memory is not None:
        _plan(
            model,
            device_memory,
            length=length,
            evaluation_batch=evaluation_batch,
            evaluation_length=evaluation_length or length,
        )
        return
    from evalskip.experiments.headroom import headroom as find_headroom
    from evalskip.report.markdown import write_markdown
    from evalskip.report.terminal import console, print_summary
    from evalskip.results import open_results
    from evalskip.spec import load_spec

    loaded = load_spec(
        spec,
        settings=[*(settings or []), *([f"limits.memory={memory}"] if memory else [])],
        arms=_names(arms),
        python=python,
    )
    directory = out or Path("results", f"{spec.stem}-headroom")
    screen = console()
    with open_results(directory, directory.name, loaded, resume=resume) as results:
        summary = find_headroom(
            loaded, results, lambda line: screen.print(line, highlight=False), timing=timing
        )
        write_markdown(directory, [summary])
    print_summary(screen, summary)


def _plan(
    model: str | None,
    device_memory: str | None,
    *,
    length: int,
    evaluation_batch: int,
    evaluation_length: int,
) -> None:
    """The largest batches on a card that is not there."""
    from evalskip.jobs.transformers.settings import fields_of
    from evalskip.report.terminal import console, print_plans
    from evalskip.spec.units import parse_size

    if device_memory is None:
        raise InputError("--device-memory: missing; expected that of the card, such as 80GiB")
    if model is None:
        raise InputError("--device-memory: expected --model as well, a configuration to plan for")
    device_bytes = _parsed("--device-memory", parse_size, device_memory)
    fields = fields_of(model, "--model")
    positions = fields.get("max_position_embeddings", fields.get("n_positions"))
    for option, tokens in (("--length", length), ("--evaluation-length", evaluation_length)):
        if isinstance(positions, int) and tokens > positions:
            raise InputError(f"{option}: expected at most {positions}, the model's, got {tokens}")
    from evalskip.memory.peaks import Workload
    from evalskip.memory.plan import plans

    work = Workload(length, evaluation_batch, evaluation_length)
    print_plans(console(), model, plans(fields, device_bytes, work), device_bytes, work)


@app.command()
def predict(
    spec: SpecArgument = DEFAULT_SPEC,
    out: OutOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Add to the results that are there.")
    ] = False,
    share: Annotated[
        str, typer.Option(help="Of T, the most that evaluation may take, for the recommendation.")
    ] = "5%",
    every: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Steps between evaluations to tell of as well. Repeatable."),
    ] = None,
    budget: Annotated[
        str, typer.Option(help="Time for the pilot, beside the start of its processes.")
    ] = "40s",
    arms: Annotated[str | None, typer.Option(help="Arms to keep, as of bench.")] = None,
    settings: SettingsOption = None,
    python: PythonOption = None,
) -> None:
    """What every schedule would cost, from a pilot of a few steps."""
    from evalskip.experiments.predict import predict_costs
    from evalskip.report.markdown import write_markdown
    from evalskip.report.terminal import console, print_predictions
    from evalskip.results import open_results
    from evalskip.spec import load_spec
    from evalskip.spec.units import parse_duration, parse_share

    within = _parsed("--share", parse_share, share)
    budget_s = _parsed("--budget", parse_duration, budget)
    loaded = load_spec(spec, settings=settings or [], arms=_names(arms), python=python)
    directory = out or Path("results", f"{spec.stem}-predict")
    screen = console()
    with open_results(directory, directory.name, loaded, resume=resume) as results:
        summary = predict_costs(
            loaded,
            results,
            lambda line: screen.print(line, highlight=False, markup=False),
            within=within,
            every=every or [],
            budget_s=budget_s,
        )
        write_markdown(directory, [summary])
    print_predictions(screen, summary)


@app.command()
def regret(
    spec: Annotated[
        Path,
        typer.Argument(
            help="A spec in YAML; or a past run's trainer_state.json or trainer_log.jsonl.",
            show_default=True,
        ),
    ] = Path("bench/overfit.yaml"),
    out: OutOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Add to the results that are there.")
    ] = False,
    share: Annotated[
        str, typer.Option(help="Of T, the most that evaluation may take, for the recommendation.")
    ] = "5%",
    metric: Annotated[
        str, typer.Option(help="Of a past run, what chooses checkpoints; less is better.")
    ] = "eval_loss",
    settings: SettingsOption = None,
) -> None:
    """What every schedule, and every substitute for evaluation, would have missed."""
    from evalskip.report.terminal import console, print_regret
    from evalskip.spec.units import parse_share

    within = _parsed("--share", parse_share, share)
    screen = console()
    if spec.suffix in (".json", ".jsonl"):
        from evalskip.experiments.past import past_summary
        from evalskip.spec.load import regret_design

        if resume:
            raise InputError("--resume: expected none with a past run's log")
        design = regret_design(settings or [])
        print_regret(screen, past_summary(spec, metric, design, within, out))
        return
    from evalskip.experiments.regret import find_regret
    from evalskip.report.markdown import write_markdown
    from evalskip.results import open_results
    from evalskip.spec import load_spec

    loaded = load_spec(spec, settings=settings or [])
    directory = out or Path("results", f"{spec.stem}-regret")
    with open_results(directory, directory.name, loaded, resume=resume) as results:
        summary = find_regret(
            loaded,
            results,
            lambda line: screen.print(line, highlight=False, markup=False),
            within_share=within,
        )
        write_markdown(directory, [summary])
    print_regret(screen, summary)


@app.command()
def report(
    directories: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Results.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Where it goes. [default: DIR; results/comparison for several]"),
    ] = None,
    lang: Annotated[str, typer.Option(help="Of the report: en or zh.")] = "en",
) -> None:
    """The report of a result, as a page and as Markdown; of several, one that compares them."""
    from evalskip.claims.ledger import retold
    from evalskip.messages import LANGUAGES, speaking
    from evalskip.report.html import write_page
    from evalskip.report.markdown import write_markdown
    from evalskip.summary import read_summary

    if lang not in LANGUAGES:
        raise InputError(f"--lang {lang}: expected one of {', '.join(LANGUAGES)}")
    summaries = [read_summary(directory) for directory in directories]
    target = out or (directories[0] if len(directories) == 1 else Path("results/comparison"))
    with speaking(lang):
        told = [retold(summary) for summary in summaries]
        typer.echo(write_page(target, told))
        typer.echo(write_markdown(target, told))


@app.command()
def gate(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Today's results.")],
    baseline: Annotated[
        Path | None, typer.Option(help="What they are held to; --add makes it.")
    ] = None,
    max_share: Annotated[
        str | None, typer.Option(help="Of T, the most that evaluation may take, such as 10%.")
    ] = None,
    history: Annotated[
        Path | None, typer.Option(help="All sessions, one per line; today's is appended.")
    ] = None,
    benchmark: Annotated[
        Path | None,
        typer.Option(help="What pytest-benchmark wrote. [default: DIR/benchmark.json, if it is]"),
    ] = None,
    add: Annotated[
        bool, typer.Option("--add", help="Add these results to the baseline, and judge nothing.")
    ] = False,
) -> None:
    """Fail (1) on a real regression, never on noise; 3 where noise hides whether there is one."""
    from evalskip.errors import Regression
    from evalskip.gate.run import add_to_baseline
    from evalskip.gate.run import gate as run_gate
    from evalskip.records import RecordStore
    from evalskip.report.gate import reason, write_gate
    from evalskip.report.terminal import console, print_gate
    from evalskip.spec.units import parse_share

    if add:
        if baseline is None:
            raise InputError("--add: expected --baseline as well, the file to add to")
        if max_share is not None:
            raise InputError("--add: judges nothing; expected no --max-share beside it")
        known = add_to_baseline(directory, baseline, history, benchmark)
        count = len(known.sessions)
        typer.echo(f"{baseline}: {count} session{'s' if count > 1 else ''}")
        return
    if baseline is None and max_share is None:
        raise InputError("gate: expected --baseline FILE, --max-share 10%, or both")
    budget = None if max_share is None else _parsed("--max-share", parse_share, max_share)
    result, today = run_gate(
        directory, baseline=baseline, max_share=budget, history=history, benchmark=benchmark
    )
    write_gate(directory / "gate", result, today, RecordStore(directory).read())
    print_gate(console(), result)
    if result.verdict == "regressed":
        raise Regression(f"worse: {reason(result)}")
    if result.verdict == "inconclusive":
        raise Inconclusive(f"cannot tell: {reason(result)}")


@app.command()
def claims(
    directories: Annotated[
        list[Path] | None, typer.Argument(metavar="[DIR...]", help="Results that hold verdicts.")
    ] = None,
    run: Annotated[
        bool, typer.Option("--run", help="Make the evidence, by real runs of LLaMA-Factory.")
    ] = False,
    job: Annotated[
        list[str] | None,
        typer.Option(help="What --run runs: llamafactory, ranks. Repeatable. [default: all]"),
    ] = None,
    python: Annotated[
        list[str] | None,
        typer.Option(help="A Python that has LLaMA-Factory. Repeatable. [default: those of make]"),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Where --run puts its result.")] = Path(
        "results/claims"
    ),
    require: Annotated[
        list[str] | None, typer.Option(help="Fail (3) unless this claim has a verdict. Repeatable.")
    ] = None,
) -> None:
    """The article's claims, and what became of each."""
    from evalskip.claims.ledger import collected, unsettled
    from evalskip.jobs.llamafactory.settings import built_interpreters
    from evalskip.report.markdown import write_markdown
    from evalskip.report.terminal import console, print_claims, print_observation
    from evalskip.results import fresh_directory
    from evalskip.summary import read_summary

    screen = console()
    found = [read_summary(directory) for directory in directories or []]
    if job and not run:
        raise InputError("--job: expected --run as well, which it is for")
    if run:
        from evalskip.experiments.claims import KINDS, make_claims

        for name in job or []:
            if name not in KINDS:
                raise InputError(f"--job {name}: expected one of {', '.join(KINDS)}")
        pythons = python or built_interpreters()
        if not pythons:
            raise InputError("--run: expected --python, or an interpreter from make llamafactory")
        with fresh_directory(out):
            kinds = job or list(KINDS)
            summary = make_claims(kinds, pythons, out, lambda seen: print_observation(screen, seen))
        write_markdown(out, [summary])
        found.append(summary)
    ledger = collected(found)
    print_claims(screen, ledger)
    if missing := unsettled(ledger, require or []):
        raise Inconclusive(missing)


@app.command()
def doctor() -> None:
    """Is this machine fit to measure on?"""
    from evalskip.machine.doctor import examine

    findings = examine()
    for finding in findings:
        mark = "ok " if finding.fit else "mend"
        advice = f"; {finding.advice}" if finding.advice else ""
        typer.echo(f"{mark:4} {finding.what}: {finding.seen}{advice}")
    unfit = sum(not finding.fit for finding in findings)
    typer.echo("fit to measure on" if not unfit else f"{unfit} to mend before measuring")


def _parsed(option: str, parse: Callable[[str], _Parsed], text: str) -> _Parsed:
    """What an option says.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return parse(text)
    except ValueError as error:
        raise InputError(f"{option}: {error}") from None


def _pair(setting: str) -> tuple[str, str]:
    """What an option of the form ``key=value`` says."""
    key, separator, value = setting.partition("=")
    if not separator or not key:
        raise InputError(f"--slurm {setting}: expected key=value, such as partition=gpu")
    return key, value


def _names(text: str | None) -> list[str]:
    """What an option lists, with commas between."""
    return [name.strip() for name in text.split(",")] if text is not None else []


def main() -> NoReturn:
    """Run the command line; every expected error is one line on stderr."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = app(standalone_mode=False)
    except EvalskipError as error:
        _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        _fail("interrupted", Interrupted.exit_code)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except _UsageError as error:
        _fail(error.format_message(), InputError.exit_code)
    except Exception:  # a mistake of ours must not look like a regression, which is 1
        traceback.print_exc()
        sys.exit(MeasurementError.exit_code)
    sys.exit(code if isinstance(code, int) else 0)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _fail(message: str, code: int) -> NoReturn:
    if message:  # none goes with the help that is shown where no command was given
        print(f"evalskip: {message}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
