"""Arguments in, exit code out; no logic. A command is a file.

Whatever a command needs is imported inside it, so that ``--help`` answers at once.
"""

from __future__ import annotations

import signal
import sys
import traceback
from importlib import metadata
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from evalskip.cli.audit import audit
from evalskip.cli.bench import bench
from evalskip.cli.claims import claims
from evalskip.cli.doctor import doctor
from evalskip.cli.evaluate import evaluate
from evalskip.cli.gate import gate
from evalskip.cli.headroom import headroom
from evalskip.cli.predict import predict
from evalskip.cli.regret import regret
from evalskip.cli.report import report
from evalskip.cli.train import train
from evalskip.errors import EvalskipError, InputError, Interrupted, MeasurementError

if TYPE_CHECKING:
    from collections.abc import Sequence

app = typer.Typer(
    name="evalskip",
    help="What does evaluation cost a fine-tuning job?",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

# typer carries a click of its own in some versions and uses the installed one in others
_UsageError: Any = typer.BadParameter.__mro__[2]


_QUESTIONS = """\
evalskip: what does evaluation cost a fine-tuning job?

  What did evaluation cost my past runs?     evalskip audit outputs/
  What does evaluation cost my job?          evalskip bench job.yaml
  What would another schedule cost?          evalskip predict job.yaml
  What would less evaluation have missed?    evalskip regret job.yaml, or a log
  Does evaluation limit my batch size?       evalskip headroom job.yaml
  ... and on a card that I do not have?      evalskip headroom --model MODEL --device-memory 80GiB
  Which of my checkpoints is best?           evalskip evaluate outputs/ job.yaml
  Has evaluation become more expensive?      evalskip gate results/job --baseline baseline.json
  Can I see a result again, or compare?      evalskip report results/job [results/other]
  Is this machine fit to measure on?         evalskip doctor

job.yaml is a LLaMA-Factory configuration as it is, or a spec: evalskip COMMAND --help.
A first look in a second: evalskip audit --sample; in ten: evalskip bench bench/demo.yaml\
"""


def _version(flag: bool) -> None:
    if flag:
        typer.echo(f"evalskip {metadata.version('evalskip')}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Say which version this is."
        ),
    ] = False,
) -> None:
    """What does evaluation cost a fine-tuning job?"""
    if context.invoked_subcommand is None:
        typer.echo(_QUESTIONS)


for command in (
    audit,
    bench,
    headroom,
    predict,
    regret,
    report,
    gate,
    claims,
    train,
    evaluate,
    doctor,
):
    app.command()(command)


def main() -> NoReturn:
    """Run the command line; every expected error is one line on stderr.

    Below it stand the job's own last lines, where those are the cause.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = app(standalone_mode=False)
    except EvalskipError as error:
        _fail(str(error), error.exit_code, error.below)
    except KeyboardInterrupt:
        _fail("interrupted", Interrupted.exit_code)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except _UsageError as error:
        _fail(error.format_message(), InputError.exit_code)
    except Exception:  # a mistake of ours must not look like a regression, which is 1
        traceback.print_exc()
        sys.exit(MeasurementError.exit_code)
    if code == Interrupted.exit_code:  # what typer makes of an interrupt
        _fail("interrupted", code)
    sys.exit(code if isinstance(code, int) else 0)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _fail(message: str, code: int, below: Sequence[str] = ()) -> NoReturn:
    if message:  # none goes with the help that is shown where no command was given
        print("\n  ".join([f"evalskip: {message}", *below]), file=sys.stderr)
    sys.exit(code)
