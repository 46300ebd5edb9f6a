"""The catalogue is the only list of function names.

Outside it a string that is the name of a row may stand in two places: as the argument of a call,
where the function is applied (`Call("add", ...)`, `CATALOGUE["clamp"]`), and in a table that gives
rows a meaning in one arithmetic. A comparison with a name, or a set of names, is a trait that the
row should have: `Function.role` and the fields after it. A list with other words in it is a list of
something else.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import symdiff
from symdiff.catalogue import CATALOGUE

PACKAGE = Path(symdiff.__file__).parent

# Modules whose dicts at module level are columns: they say what rows mean in one arithmetic, by
# the catalogue's names or by those of the library that does the work.
ARITHMETICS = {
    "arithmetics/bounds/estimates.py",
    "arithmetics/bounds/jets.py",
    "arithmetics/bounds/models.py",
    "arithmetics/bounds/ties.py",
    "arithmetics/bounds/symbolic_balls.py",  # sympy's names
    "arithmetics/series/germ_choices.py",
    "arithmetics/series/germ_columns.py",
    "arithmetics/series/germ_values.py",  # messages
    "arithmetics/series/germs.py",  # messages
    "arithmetics/extended.py",
    "arithmetics/series/algebraic.py",  # of numbers given by a polynomial
    "arithmetics/series/exponentials.py",
    "arithmetics/series/growth.py",
    "arithmetics/series/oscillations.py",
    "arithmetics/series/order_columns.py",
    "truth/near.py",  # of bounds near a point
    "truth/selection_models.py",  # of first-order models
    "truth/smooth_models.py",  # likewise
    "arithmetics/casadi_expressions.py",
    "arithmetics/complex_arrays.py",
    "arithmetics/hips_arrays.py",
    "arithmetics/jax_arrays.py",
    "arithmetics/library_arrays.py",
    "arithmetics/bounds/corners.py",
    "arithmetics/bounds/slopes.py",
    "arithmetics/symbolic.py",
    "arithmetics/symengine.py",
    "grid/solve/polynomials.py",
    "program/latex_tokens.py",  # LaTeX's names
    "program/tangents.py",
    "program/folding.py",  # constants: Python's numbers
    "tracing/translations/__init__.py",  # torch's names
    "tracing/translations/arrangements.py",
    "tracing/translations/eigenvalues.py",
    "tracing/translations/matrices.py",
    "tracing/translations/reductions.py",
    "tracing/translations/sampling.py",
    "tracing/translations/scattering.py",
}
# Sets of rows that say something of an arithmetic's columns, not of the functions.
SETS = {
    "arithmetics/symengine.py": {"_SAME_IN_SYMENGINE"},  # whose columns have the same name
    "arithmetics/bounds/cached_arrays.py": {
        "_NO_UFUNCS",  # numpy's and scipy's columns that take no blocks
    },
    "arithmetics/bounds/models.py": {
        "_WITH_ZEROS",  # how scipy rounds
        "_INEXACT_BELOW_0",  # likewise
    },
    "arithmetics/bounds/tensor_estimates.py": {"_INSIDE"},  # whose domains have bounds
    "arithmetics/bounds/rounding.py": {"_ROOTS"},  # which rounding takes off their zeros
    "arithmetics/series/germs.py": {"_TAKES_INFINITE", "_CHECKED", "_SMOOTH"},
    "engines/sympy_code.py": {"_IN_NUMPY"},  # sympy's names
    "explanation/mechanisms.py": {"_CHOICE", "_ZERO_PROBABILITIES"},  # torch's names; losses
    "explanation/origins.py": {"_CHOICE"},  # torch's name
    "explanation/source_text.py": {"_CHOICES"},  # torch's names in the user's code
    "truth/local_models.py": {"_WITH_CONES"},  # whose column in jets is not used
}
# Words that are names of rows, and mean something else.
_ARITHMETIC = {"add", "subtract", "multiply", "divide", "negative", "power"}
HOMONYMS = {
    # operations of a Real
    "arithmetics/series/algebraic.py": {*_ARITHMETIC, "abs"},
    "arithmetics/series/exponents.py": {"add"},
    "arithmetics/series/identities.py": {*_ARITHMETIC, "cos", "exp", "sin", "sqrt"},
    "arithmetics/series/real_numbers.py": {"multiply"},
    "arithmetics/series/zero_tests.py": {"multiply"},
    "grid/grid.py": {"i1"},  # a dtype of numpy
    # kinds of an atom of a first-order model, and operations of a condition
    "truth/clarke.py": {"maximum"},
    "truth/convex_sets.py": {"logical_not", "logical_or", "positive"},
    "truth/first_order.py": {"maximum", "minimum", "negative", "norm", "positive"},
    "truth/gradient_sets.py": {"maximum", "norm"},
    "truth/selection_models.py": {"negative", "norm", "positive"},
    # other words
    "batch/packing.py": {"t"},  # the tag of a packed tuple
    "cli/app.py": {"dot"},  # a format of graphs
    "program/latex.py": {"cbrt", "log", "log10", "log2", "sqrt"},  # what LaTeX's commands become
    "printing/python_code.py": {"index", "tensor"},  # a kind of parameter, torch.tensor
    "printing/preparation.py": {"t"},  # the first letter of a name
    "tracing/translations/losses.py": {"mean", "sum"},  # values of `reduction`
    "tracing/translations/ordering.py": {"cummax", "cummin", "linear"},  # torch's names
    "tracing/translations/scattering.py": {"mean"},  # a value of `reduce`
    "tracing/branches.py": {"t"},  # the first letter of a name
    "tracing/recorder.py": {"t"},  # the first letter of a name
}


def misplaced_names(
    source: str, *, has_columns: bool = False, sets: set[str] = frozenset()
) -> Iterator[tuple[int, str]]:
    """Yield line and name where a module names a row outside calls, its columns and its sets."""
    tree = ast.parse(source)
    exempt = {id(s.value) for s in ast.walk(tree) if isinstance(s, ast.Expr)}  # docstrings
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            exempt.update(map(id, [*node.args, *(k.value for k in node.keywords)]))
        if isinstance(node, ast.Subscript):
            exempt.add(id(node.slice))
        items = node.keys if isinstance(node, ast.Dict) else getattr(node, "elts", [])
        words = [n for n in items if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        if any(n.value not in CATALOGUE for n in words):  # a list of something else
            exempt.update(map(id, words))
    for statement in tree.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        targets = [statement.target] if isinstance(statement, ast.AnnAssign) else targets
        parts = [*ast.walk(statement)]
        if {t.id for t in targets if isinstance(t, ast.Name)} & sets:
            exempt.update(map(id, parts))
        for table in parts if targets and has_columns else []:
            exempt.update(map(id, ast.walk(table) if isinstance(table, ast.Dict) else ()))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in exempt and node.value in CATALOGUE:
            yield node.lineno, node.value


def modules():
    paths = sorted(PACKAGE.rglob("*.py"))
    names = [path.relative_to(PACKAGE).as_posix() for path in paths]
    return [name for name in names if not name.startswith("catalogue/")]


@pytest.mark.parametrize("module", modules())
def test_no_module_outside_the_catalogue_lists_functions_by_name(module):
    source = (PACKAGE / module).read_text(encoding="utf-8")
    sets, words = SETS.get(module, set()), HOMONYMS.get(module, set())
    names = misplaced_names(source, has_columns=module in ARITHMETICS, sets=sets)
    misplaced = [(line, name) for line, name in names if name not in words]
    assert not misplaced, "give the rows a trait in symdiff/catalogue instead"


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ('if node.function == "power": pass', ["power"]),
        ('if row.name in ("floor", "ceil"): pass', ["floor", "ceil"]),
        ('_STEPS = frozenset({"floor", "round"})', ["floor", "round"]),
        ('_ROWS: Mapping[str, int] = {"abs": 1}', ["abs"]),
        ('def f():\n    columns = {"abs": abs}', ["abs"]),
        ('name = "detach"', ["detach"]),
        ('"""detach"""', []),
        ('builder.add(Call("add", (x, y)))', []),
        ('CATALOGUE["atan"]', []),
        ('f(name="abs")', []),
        ('if form not in {"dot", "text"}: pass', []),
    ],
)
def test_a_list_of_names_is_found(source, names):
    assert sorted(name for _, name in misplaced_names(source)) == sorted(names)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ('COLUMNS = {"abs": abs}', []),
        ('COLUMNS: Final = MappingProxyType({"abs": abs})', []),
        ('_ROUNDED = frozenset({"floor"})', []),
        ('_OTHER = frozenset({"floor"})', ["floor"]),
        ('if row.name == "power": pass', ["power"]),
        ('def f():\n    columns = {"abs": abs}', ["abs"]),
    ],
)
def test_an_arithmetic_may_name_rows_in_its_columns_only(source, names):
    found = misplaced_names(source, has_columns=True, sets={"_ROUNDED"})
    assert [name for _, name in found] == names


def test_every_exception_is_needed():
    needed = {}
    for module in sorted({*ARITHMETICS, *SETS, *HOMONYMS}):
        source = (PACKAGE / module).read_text(encoding="utf-8")
        sets, is_arithmetic = SETS.get(module, set()), module in ARITHMETICS
        names = [*misplaced_names(source, has_columns=is_arithmetic, sets=sets)]
        needed[module] = {name for _, name in names}
        if is_arithmetic:
            assert len([*misplaced_names(source, sets=sets)]) > len(names), module
        for one in sets:
            without = misplaced_names(source, has_columns=is_arithmetic, sets=sets - {one})
            assert len([*without]) > len(names), one
    assert {module: words for module, words in needed.items() if words} == HOMONYMS
