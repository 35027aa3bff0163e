"""The state diagram and the tables of docs/remediation.md, drawn from `threegrants.incidents.states`.

`make diagrams` writes them between the markers; a test fails when the page says something else.
"""

from pathlib import Path

from threegrants.incidents.states import SETS, TABLE, State

PAGE = Path(__file__).parents[2] / "docs" / "remediation.md"
BEGIN = "<!-- drawn from incidents/states.py by `make diagrams`: begin -->"
END = "<!-- end -->"
MEANINGS = {
    "RUN_IN_PROGRESS": "a run holds the leases of its targets; denials are only counted",
    "AWAITING_DECISION": "a person may approve or reject; the sweep analyzes it again",
    "APPROVED": "the same approval again changes nothing",
    "UNSUCCESSFUL": "the command line exits with an error",
    "CLOSED": "nobody has anything to do; it expires after 90 days",
    "REOPENED_BY_DENIAL": "a new denial opens it again (`rejected`: only with a new verdict)",
    "REOPENED_BY_PERSON": "a person may open it again (`threegrants reopen`)",
    "AWAITING_PEOPLE": "people are reminded until somebody acknowledges it; the daily digest lists it",
    "ALERTED_BY_COUNT": "the 10th, 100th, 1,000th … denial is alerted",
}


def diagram() -> str:
    """The moves as a Mermaid state diagram: an arrow for each move, labelled with who makes it."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.OPEN}"]
    for row in TABLE:
        who = row.by.partition(" (")[0].partition(",")[0]
        lines += [f"    {source} --> {row.target}: {who}" for source in row.sources]
    return "\n".join(["```mermaid", *lines, "```"])


def moves() -> str:
    """The moves as a table: from, to, who, condition."""
    rows = [
        f"| {', '.join(row.sources)} | {row.target} | {row.by} | {row.condition} |" for row in TABLE
    ]
    return "\n".join(["| from | to | who | condition |", "|---|---|---|---|", *rows])


def sets() -> str:
    """The named sets of states as a table."""
    rows = [
        f"| `{name}` | {', '.join(state for state in State if state in members)} "
        f"| {MEANINGS[name]} |"
        for name, members in SETS.items()
    ]
    return "\n".join(["| set | states | what it means |", "|---|---|---|", *rows])


def drawn(page: str) -> str:
    """The page's text with everything between the markers drawn anew."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no {BEGIN!r} and {END!r}")
    return "\n\n".join([before + begin, diagram(), moves(), sets(), end + after])


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text()))
