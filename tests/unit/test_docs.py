"""What the documentation names exists, and every module says what it is and where its rules come from."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "functions" / "threegrants"
MODULES = sorted(PACKAGE.rglob("*.py"))
SOURCES = sorted(
    path
    for folder in ("functions", "tests", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
)
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "events").glob("*.md")]
)
GLOSSARY = ROOT / "docs" / "glossary.md"
BACKTICKS = re.compile(r"`([^`\n]+)`")
A_PATH = re.compile(r"[\w./-]+\.(?:py|md|yaml|toml|json|jsonl\.gz|in|txt|mjs)")


def named(path):
    return str(path.relative_to(ROOT))


def defined():
    """Every name that the package defines: classes, functions, methods, fields, parameters."""
    classes, others = set(), set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                classes.add(node.name)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                others.add(node.name)
            elif isinstance(node, ast.Name):
                (classes if node.id[0].isupper() else others).add(node.id)
            elif isinstance(node, ast.arg):
                others.add(node.arg)
            elif isinstance(node, ast.Attribute):
                others.add(node.attr)
    return classes, others


def exists(text, page):
    """Whether a path that a page mentions is there: from the root, the package, or the page."""
    return any(
        (base / text).exists()
        for base in (ROOT, PACKAGE, PACKAGE.parent, page.parent, ROOT / "docs")
    )


def glossary_names():
    for line in GLOSSARY.read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 6 and cells[2] not in ("in the code", "---"):  # a row has four cells
            for name in BACKTICKS.findall(cells[2]):
                yield pytest.param(name, id=f"{cells[1]}: {name}")


CLASSES, OTHERS = defined()


@pytest.mark.parametrize("name", list(glossary_names()))
def test_a_name_of_the_glossary_is_in_the_code(name):
    if A_PATH.fullmatch(name):
        assert exists(name, GLOSSARY)
    else:
        assert name in (CLASSES if name[0].isupper() else OTHERS)


def test_the_glossary_has_a_word_once():
    words = re.findall(r"^\| ([^|]+) \| `", GLOSSARY.read_text(), re.MULTILINE)
    assert len(words) > 30
    assert sorted(words) == sorted(set(words))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_path_that_a_page_names_exists(page):
    text = page.read_text()
    spoken = [name for name in BACKTICKS.findall(text) if A_PATH.fullmatch(name)]
    linked = [
        link.partition("#")[0]
        for link in re.findall(r"\]\(([^)\s]+)\)", text)
        if not link.startswith(("http", "#"))
    ]
    wanted = {name for name in spoken if "/" in name} | set(linked)
    assert sorted(name for name in wanted if not exists(name, page)) == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_make_target_that_a_page_names_exists(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    wanted = set(re.findall(r"(?:`|^ {4}|&& )make ([a-z-]+)", page.read_text(), re.MULTILINE))
    assert sorted(wanted - targets) == []


def test_every_decision_is_listed():
    folder = ROOT / "docs" / "adr"
    listed = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (folder / "README.md").read_text())
    assert listed == sorted(path.name for path in folder.glob("[0-9]*.md"))


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_a_module_begins_with_a_sentence(path):
    said = ast.get_docstring(ast.parse(path.read_text())) or ""
    first = said.split("\n\n")[0]
    assert re.search(r"[.:;)](\s|$)", first), "the docstring's first paragraph is no sentence"


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*/__init__.py")), ids=named)
def test_a_package_says_what_comes_in_and_what_goes_out(path):
    said = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert re.search(r"\bIn: ", said)
    assert re.search(r"\bOut: ", said)


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_a_page_of_aws_is_a_full_link(path):
    text = path.read_text()
    bare = re.findall(r"(?<!https://)\bdocs\.aws\.amazon\.com\S*", text)
    broken = re.findall(r"https://docs\.aws\.amazon\.com/\S*(?:…|\.\.\.)\S*|/ \w+\.html", text)
    assert [*bare, *broken] == []


A_TEST = re.compile(r"(tests/[\w/]+\.py)::(\w+)")
THREATS = ROOT / "docs" / "threat-model.md"


def cases_of(path):
    """The tests that a file defines, and those of them that are attacks, with their item."""
    found = {}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            items = [
                ast.literal_eval(one.args[0]).partition(".")[0]
                for one in node.decorator_list
                if isinstance(one, ast.Call) and getattr(one.func, "id", "") == "attack"
            ]
            found[node.name] = items[0] if items else None
    return found


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_test_that_a_page_names_exists(page):
    wanted = sorted(set(A_TEST.findall(page.read_text())))
    missing = [
        f"{path}::{name}"
        for path, name in wanted
        if not (ROOT / path).exists() or name not in cases_of(ROOT / path)
    ]
    assert missing == []


def rows_of_threats():
    """The table of attacks: its item and its test's cell, row by row."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in THREATS.read_text().splitlines()
    ]
    return [(row[0], row[5]) for row in rows if len(row) == 6 and row[0].isdigit()]


def test_every_item_has_a_row_and_every_row_a_test_or_an_admission():
    rows = rows_of_threats()
    assert {item for item, _ in rows} == {str(number) for number in range(1, 20)}
    assert [
        item for item, shown in rows if not A_TEST.search(shown) and shown != "**not yet**"
    ] == []


def test_every_attack_is_in_the_page():
    """Each item that has an attack in the tests has a row that names one of its tests."""
    shown = {(item, name) for item, cell in rows_of_threats() for _, name in A_TEST.findall(cell)}
    attacks = {
        (item, name)
        for folder in ("attacks", "service")
        for path in (ROOT / "tests" / folder).glob("test_*.py")
        for name, item in cases_of(path).items()
        if item
    }
    assert sorted({item for item, _ in attacks} - {item for item, _ in shown}) == []
    assert sorted(shown - attacks) == []
