"""The table of docs/doctor.md, drawn from the kinds of findings; `make doctor-page` writes it."""

from pathlib import Path

from threegrants.doctor import KINDS

PAGE = Path(__file__).parents[2] / "docs" / "doctor.md"
BEGIN = "<!-- drawn from doctor/kinds.py by `make doctor-page`: begin -->"
END = "<!-- end -->"


def table() -> str:
    """A row for each kind of finding."""
    rows = "\n".join(
        f"| `{one.code}` | {one.severity.value} | {one.why} | {one.fix} | "
        f"[more]({one.link.removeprefix('docs/')}) |"
        for one in KINDS.values()
    )
    return f"| code | severity | what follows | what to do | |\n|---|---|---|---|---|\n{rows}"


def drawn(page: str) -> str:
    """The page's text with the table drawn anew."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no {BEGIN!r} and {END!r}")
    return f"{before}{begin}\n\n{table()}\n\n{end}{after}"


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text()))
