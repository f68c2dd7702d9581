"""A page for each module that Salt loads, with functions named as a person calls them."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

from saltext.maas import cloud, documentation
from saltext.maas.resources import BY_NAME

#: Folder in the repository, what its modules are, and the heading of their list.
KINDS = {
    "modules": ("execution module", "Execution modules"),
    "states": ("state module", "State modules"),
    "grains": ("grain", "Grains"),
    "runners": ("runner", "Runners"),
    "engines": ("engine", "Engines"),
    "beacons": ("beacon", "Beacons"),
    "pillar": ("external pillar", "External pillars"),
    "roster": ("roster", "Rosters"),
    "clouds": ("salt-cloud driver", "salt-cloud drivers"),
}


def modules(repository: Path):
    """Every loader module: ``(kind, path, syntax tree)``, sorted."""
    for kind in KINDS:
        for path in sorted((repository / f"_{kind}").glob("*.py")):
            text = path.read_text(encoding="utf-8")
            tree = ast.parse(text)
            if "\ndocumentation.complete(" in text:
                _complete(BY_NAME[path.stem.removeprefix("maas_")], tree)
            if kind == "clouds":
                _complete_actions(tree)
            yield kind, path, tree


def _complete_actions(tree):
    """Complete the docstrings of the salt-cloud driver's actions, as it does itself."""
    for name, node in functions(tree).items():
        if name in cloud.ACTIONS:
            constant = node.body[0].value
            constant.value = documentation.of_action(cloud.ACTIONS[name], constant.value)


def _complete(table, tree):
    """Complete the docstrings of a module as it does itself when it is loaded."""
    whole = tree.body[0].value
    whole.value = documentation.of_module(table, whole.value)
    for name, node in functions(tree).items():
        constant, names = node.body[0].value, [one.arg for one in node.args.args]
        constant.value = documentation.docstring(table, name, names, constant.value)


def functions(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    """The public functions of a module by the names under which Salt offers them."""
    alias = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__func_alias__":
            alias = ast.literal_eval(node.value)
    return {
        alias.get(node.name, node.name): node
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }


def pages(repository: Path) -> dict[str, str]:
    """The pages of all modules and a list of them for each kind."""
    found, listed, taken = {}, {}, set()
    for kind, path, tree in modules(repository):
        name = f"{kind}-{path.stem}"
        found[name] = _page(kind, path.stem, tree, taken)
        listed.setdefault(kind, []).append(name)
    for kind, names in listed.items():
        entries = [f"   {name}" for name in names]
        tree = [".. toctree::", "   :maxdepth: 1", "", *entries]
        found[kind] = "\n".join([*_heading(KINDS[kind][1], "="), *tree, ""])
    return found


def _page(kind, module, tree, taken):
    lines = [*_heading(module, "="), f"*{KINDS[kind][0].capitalize()}.*", ""]
    lines += [*(ast.get_docstring(tree) or "").splitlines(), ""]
    for name, node in functions(tree).items():
        lines += _function(f"{module}.{name}", node, taken)
    return "\n".join(lines)


def _function(name, node, taken):
    # An execution and a state module may have functions of the same name; one is indexed.
    noindex = ["   :no-index:"] if name in taken else []
    taken.add(name)
    body = _napoleon(ast.get_docstring(node) or "")
    indented = [f"   {line}".rstrip() for line in body]
    return [f".. py:function:: {name}({_signature(node)})", *noindex, "", *indented, ""]


def _signature(node):
    """The arguments as written, without annotations."""
    for argument in ast.walk(node.args):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    return ast.unparse(node.args)


def _napoleon(docstring):
    from sphinx.ext.napoleon import Config, GoogleDocstring

    # What an argument may be is no name of a type, so nothing is to be looked up.
    config = Config(napoleon_use_rtype=False, napoleon_use_param=False)
    text = inspect.cleandoc(docstring)
    return GoogleDocstring(text, config, what="function").lines()


def _heading(text, line):
    return [text, line * len(text), ""]
