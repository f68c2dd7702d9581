"""No module of the library needs itself, not even by an import inside a function."""

import ast
from pathlib import Path

import saltext.maas

ROOT = Path(saltext.maas.__file__).parent
NAME = "saltext.maas"


def modules():
    """Every module of the library with its file."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join((NAME, *(part for part in parts if part != "__init__")))] = path
    return found


def imported(tree, known):
    """The modules that a module imports, wherever in it; not what only types need."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for one in node.names:
                full = f"{node.module}.{one.name}"
                found = full if full in known else node.module
                if found in known:
                    yield found
        else:
            yield from imported(node, known)


def circles(graph):
    """Groups of modules that reach each other (Tarjan's strongly connected components)."""
    index, low, stack, found = {}, {}, [], []

    def visit(name):
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in graph[name]:
            if other not in index:
                visit(other)
            if other in stack:
                low[name] = min(low[name], low[other])
        if low[name] == index[name]:
            at = stack.index(name)
            group = stack[at:]
            del stack[at:]
            if len(group) > 1 or name in graph[name]:
                found.append(sorted(group))

    for name in graph:
        if name not in index:
            visit(name)
    return found


def test_no_module_of_the_library_is_part_of_an_import_circle():
    known = modules()
    graph = {
        name: sorted(set(imported(ast.parse(path.read_text(encoding="utf-8")), known)))
        for name, path in known.items()
    }
    assert len(graph) > 100
    assert circles(graph) == []


def test_a_circle_is_found():
    assert circles({"a": ["b"], "b": ["c"], "c": ["b"], "d": []}) == [["b", "c"]]
    known = {"saltext.maas.one", "saltext.maas"}
    source = """
from saltext.maas import one
def f():
    from saltext.maas.one import value
if TYPE_CHECKING:
    import saltext.maas
"""
    assert list(imported(ast.parse(source), known)) == ["saltext.maas.one"] * 2
