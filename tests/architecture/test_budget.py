"""The tail is what separates the admired from the tolerated: no long function, no long file, few comments."""

import ast
import io
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FUNCTION_LINES = 30
FILE_LINES = 300
COMMENT_SHARE = 0.04
ROOMS = (
    "domain",
    "workflows",
    "activities",
    "storage",
    "starter",
    "catalogues",
    "observability",
    "tests",
    "benchmarks",
    "docs",
)
SOURCES = sorted([*ROOT.glob("*.py"), *(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))], key=str)
PRODUCT = [path for path in SOURCES if "tests" not in path.parts]


def name(path: Path) -> str:
    """A file's name from the root."""
    return str(path.relative_to(ROOT))


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    first = node.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (node.end_lineno or 0) - node.lineno + 1 - docstring


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_no_file_is_longer_than_300_lines(path):
    """Tests included, but for data."""
    allowed = FILE_LINES if path in PRODUCT else FILE_LINES + 150
    assert len(path.read_text(encoding="utf-8").splitlines()) <= allowed


@pytest.mark.parametrize("path", PRODUCT, ids=name)
def test_no_function_is_longer_than_30_lines(path):
    """Without its docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = {f.name: length(f) for f in functions if length(f) > FUNCTION_LINES}
    assert not long


def test_comments_are_few():
    """At most 4 % of the product's lines; what says what is a rename waiting."""
    comments = lines = 0
    for path in PRODUCT:
        text = path.read_text(encoding="utf-8")
        lines += len(text.splitlines())
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        said = [t.string for t in tokens if t.type == tokenize.COMMENT]
        comments += sum("noqa" not in comment and "type:" not in comment for comment in said)
    assert comments / lines <= COMMENT_SHARE


def test_only_settings_reads_the_environment():
    """settings.py is the one reader."""
    readers = [name(p) for p in PRODUCT if "os.environ" in p.read_text() or "getenv" in p.read_text()]
    assert set(readers) <= {"settings.py"}


def test_no_name_says_nothing():
    """Never utils, helpers, common, manager, data, process."""
    banned = {"utils", "helpers", "common", "manager", "data", "process"}
    assert not [name(p) for p in PRODUCT if p.stem in banned]


@pytest.mark.parametrize("path", [p for p in PRODUCT if "domain" in p.parts or "storage" in p.parts], ids=name)
def test_a_field_of_a_value_is_described_by_its_field(path: Path):
    """By `Field(description=…)`: pydantic would have to read the source of every class for what stands below one."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ClassDef) and any(ast.unparse(b).endswith(("Frozen", "Event")) for b in node.bases):
            below = [field for field, after in zip(node.body, node.body[1:], strict=False) if _says(field, after)]
            assert not below, node.name


def _says(field: ast.stmt, after: ast.stmt) -> bool:
    text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str)
    return isinstance(field, ast.AnnAssign) and text
