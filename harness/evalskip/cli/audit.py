"""What evaluation cost in runs that are over: ``evalskip audit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evalskip.cli.options import parsed
from evalskip.errors import Inconclusive, InputError, Regression


def audit(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH...",
            help="Logs, folders (searched), globs, or - for standard input.",
            show_default=False,
        ),
    ] = None,
    sample: Annotated[
        bool, typer.Option("--sample", help="Audit the log that this package ships.")
    ] = False,
    share: Annotated[
        str, typer.Option(help="Share of the training time that evaluation should keep to.")
    ] = "5%",
    target: Annotated[
        str | None,
        typer.Option(help="Such training stops at this: eval_loss=0.925.", show_default=False),
    ] = None,
    max_share: Annotated[
        str | None, typer.Option(help="Exit with 1 if evaluation took more than this, such as 10%.")
    ] = None,
    per_hour: Annotated[
        float | None, typer.Option(min=0, help="Price of an hour, to say what it cost.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print all figures as JSON, and nothing else.")
    ] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print a line per run as CSV, and nothing else.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write summary.json and the report there.")
    ] = None,
    lang: Annotated[str, typer.Option(help="Language, such as en or zh.")] = "en",
) -> None:
    """Read what evaluation cost off the logs of runs that are over."""
    from evalskip.experiments.audit import audit_logs, near
    from evalskip.logs import sample_logs
    from evalskip.report.words import LANGUAGES, Language
    from evalskip.spec.units import parse_share
    from evalskip.targets import Target

    if as_json and as_csv:
        raise InputError("--json and --csv: expected one of them")
    if lang not in LANGUAGES:
        raise InputError(f"--lang {lang}: expected one of {', '.join(LANGUAGES)}")
    named = [*(paths or []), *([near(str(sample_logs()))] if sample else [])]
    if not named:
        raise InputError("no PATH; expected logs, folders or -, or --sample for a first look")
    within = parsed("--share", parse_share, share)
    limit = parsed("--max-share", parse_share, max_share) if max_share is not None else None
    stop_at = parsed("--target", Target.from_text, target) if target is not None else None
    summary, unread = audit_logs(named, within, per_hour, out, stop_at)
    section = summary.audit
    if section is None:
        raise InputError(f"{', '.join(named)}: nothing was read")
    language = Language(lang)
    if as_json:
        typer.echo(section.model_dump_json(indent=2))
    elif as_csv:
        from evalskip.analysis.frames import frame_of_audit

        typer.echo(frame_of_audit(section).to_csv(index=False), nl=False)
    else:
        from evalskip.report.terminal import console, print_report_path, print_summary

        screen = console()
        print_summary(screen, summary, language)
        if out:
            from evalskip.report.html import write_page
            from evalskip.report.markdown import write_markdown

            for write in (write_page, write_markdown):
                path = write(out, [summary], language, [out])
            print_report_path(screen, path)
    for reason in unread[:_FEW]:
        typer.echo(f"evalskip: {reason}", err=True)
    if len(unread) > _FEW:
        typer.echo(f"evalskip: and {len(unread) - _FEW} more logs could not be read", err=True)
    if limit is None:
        return
    if not section.shared:
        raise Inconclusive("--max-share: no log says what training took; expected one that does")
    over = [run for run in section.shared if (run.share or 0.0) > limit]
    if over:
        worst = max(over, key=lambda run: run.share or 0.0)
        raise Regression(
            f"--max-share {max_share}: evaluation took {100 * (worst.share or 0):.1f}% of "
            f"{worst.name}; {len(over)} of {len(section.shared)} runs are above"
        )


_FEW = 5
"""Reasons that are printed one by one."""
