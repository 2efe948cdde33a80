"""JUnit XML, which most CI systems show: a test case per figure of a gate."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

from evalskip.report.tables.gate import in_words

if TYPE_CHECKING:
    from evalskip.gate.judge import GateResult


def junit(result: GateResult) -> str:
    """One suite; what regressed is a failure, what cannot be told or compared is skipped."""
    failures = result.having("regressed")
    skipped = [*result.having("cannot_tell"), *result.having("not_compared")]
    suite = ElementTree.Element(
        "testsuite",
        name=f"evalskip gate: {_clean(result.name)}",
        tests=str(len(result.changes)),
        failures=str(len(failures)),
        errors="0",
        skipped=str(len(skipped)),
    )
    for change in result.changes:
        case = ElementTree.SubElement(
            suite, "testcase", classname=change.kind, name=f"{change.what}: {_clean(change.of)}"
        )
        said = _clean(in_words(change))
        if change.outcome == "regressed":
            ElementTree.SubElement(case, "failure", message=said)
        elif change in skipped:
            ElementTree.SubElement(case, "skipped", message=said)
        else:
            ElementTree.SubElement(case, "system-out").text = said
    suites = ElementTree.Element("testsuites")
    suites.append(suite)
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _clean(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(sign for sign in text if sign.isprintable())
