"""JUnit XML, which most CI systems show: a test case per figure of a gate."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

from evalskip.report.digits import printable
from evalskip.report.tables.gate import figure_of, in_words

if TYPE_CHECKING:
    from evalskip.gate.judge import GateResult
    from evalskip.report.words import Language


def junit(result: GateResult, language: Language) -> str:
    """One suite; what regressed is a failure, what is inconclusive or not compared is skipped."""
    failures = result.having("regressed", "over_budget")
    skipped = result.having("inconclusive", "not_compared")
    suite = ElementTree.Element(
        "testsuite",
        name=f"evalskip gate: {printable(result.name)}",
        tests=str(len(result.changes)),
        failures=str(len(failures)),
        errors="0",
        skipped=str(len(skipped)),
    )
    for change in result.changes:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=change.kind,
            name=f"{figure_of(change, language)}: {printable(change.subject)}",
        )
        text = printable(in_words(change, language))
        if change in failures:
            ElementTree.SubElement(case, "failure", message=text)
        elif change in skipped:
            ElementTree.SubElement(case, "skipped", message=text)
        else:
            ElementTree.SubElement(case, "system-out").text = text
    suites = ElementTree.Element("testsuites")
    suites.append(suite)
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"
