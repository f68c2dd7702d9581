"""What the reference pages are made from is complete."""

from __future__ import annotations

import ast
import re
import sys
from importlib import metadata
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "docs" / "_ext"))

import loader_pages  # noqa: E402
import pillar_page  # noqa: E402
from saltext.maas import pillar  # noqa: E402
from saltext.maas.resources import interfaces_schema  # noqa: E402
from saltext.maas.resources.table import Table  # noqa: E402


def functions():
    """Every public function that Salt loads: ``(kind, name, node, docstring)``."""
    for kind, path, tree in loader_pages.modules(REPOSITORY):
        for name, node in loader_pages.functions(tree).items():
            yield kind, f"{path.stem}.{name}", node, ast.get_docstring(node) or ""


def lacking(kind, node, text):
    """What a function's docstring does not say."""
    arguments = [one.arg for one in (*node.args.args, *node.args.kwonlyargs)]
    if kind == "grains":
        arguments = []  # Salt itself calls it
    if not text.partition("\n")[0].endswith((".", ":")):
        yield "a first sentence"
    yield from [] if "Returns:\n" in text else ["Returns"]
    yield from [] if "Args:\n" in text or not arguments else ["Args"]
    section = text.partition("Args:\n")[2].partition("\nReturns:")[0]
    for one in arguments:
        if not re.search(rf"^    {one}( \([^()]+\))?: ", section, re.M):
            yield one


@pytest.mark.parametrize("kind", loader_pages.KINDS)
def test_functions_say_what_they_take_and_return(kind):
    found = {called: list(lacking(kind, node, text))
             for one, called, node, text in functions() if one == kind}  # fmt: skip
    assert found
    assert {called: words for called, words in found.items() if words} == {}


@pytest.mark.parametrize("kind", ["states", "modules", "runners"])
def test_functions_have_an_example_that_calls_them(kind):
    if kind == "states":
        heading, call = ".. code-block:: yaml\n", "  {}:"
    else:
        heading, call = "CLI Example:\n\n.. code-block:: bash\n", "{}"
    found = [(called, text) for one, called, _, text in functions() if one == kind]
    assert found
    lacks = [
        called for called, text in found if call.format(called) not in text.partition(heading)[2]
    ]
    assert lacks == []


def test_every_module_says_what_it_is_for():
    for _, path, tree in loader_pages.modules(REPOSITORY):
        assert ast.get_docstring(tree), path.name


def test_the_pillar_reference_has_every_key():
    page = pillar_page.page()
    missing = [path for path in pillar_page.paths() if f"``{path}``" not in page]
    sections = [path for path in missing if f"\n{path}\n---" not in page]
    assert sections == []


def test_the_pillar_reference_has_known_keys():
    page = pillar_page.page()
    for path in (
        "maas:release",
        "maas:region:admin:password",
        "maas:settings:upstream_dns",
        "maas:fabrics:NAME:vlans:VID:dhcp:primary_rack",
        "maas:subnets:CIDR:ranges[]:start",
        "maas:clusters:MINION:interfaces:INTERFACE:dynamic_range:low",
    ):
        assert f"``{path}``" in page


def test_secrets_and_needed_keys_are_marked():
    lines = pillar_page.page().splitlines()
    start = next(
        n for n, line in enumerate(lines) if line.endswith("``maas:region:admin:password``")
    )
    about = " ".join(lines[start : start + 4])
    assert "*Secret.*" in about
    assert "**Required.**" in about


def test_links_between_pages_lead_somewhere():
    for page in [REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+?)\)", page.read_text()):
            if "reference/" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


PAGES = [
    *(REPOSITORY / name for name in ("README.md", "CHANGELOG.md", "emulator/README.md")),
    *sorted((REPOSITORY / "docs").glob("*.md")),
]
#: Where a path that a page names may begin.
FOLDERS = ("", "_utils/saltext/maas", "_utils/saltext/maas/resources", "_utils", "docs", "emulator",
           "emulator/maas_emulator", "emulator/tests", "emulator/tests/contract",
           "pillar/maas", "tests")  # fmt: skip
#: Files of MAAS's hosts, and of the reader's own.
ELSEWHERE = re.compile(
    r"top\.sls|maas_local_(settings|celeryconfig(_cluster)?)\.py|[a-z]+_cluster\.conf"
    r"|(txlongpoll|pserv|bootresources)\.yaml|init\.sls|sites\.yaml|FILE\..*|\.maas.*"
)
FUNCTION = re.compile(r"\b(maas(?:_[a-z]+)*)\.([a-z_]+)\b(?![./-])")
#: What may follow a module's name beside a function: ends of files, states of the tree, keys.
NO_FUNCTION = {
    "py", "md", "sls", "conf", "bak", "git", "io", "pem", "key",
    "fleet", "root", "common", "region", "region_host", "cluster", "site",
    "managed", "prom", "rules", "install", "removed", "postgresql", "mirror",
    "haproxy", "keepalived",
}  # fmt: skip


def code(page: Path) -> list[str]:
    """What a page shows as code of this project or of Salt: spans and blocks."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(r"```.*?```|`[^`\n]+`", text, re.S)
    return [piece for piece in found if not re.match(r"```(hcl|yaml\+jinja|console)\n", piece)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_functions_that_a_page_names_exist(page):
    known = {}
    for _, path, tree in loader_pages.modules(REPOSITORY):
        known.setdefault(path.stem, set()).update(loader_pages.functions(tree))
    unknown = {
        found[0]
        for piece in code(page)
        for found in FUNCTION.finditer(piece)
        if found[2] not in NO_FUNCTION and found[1] in known and found[2] not in known[found[1]]
    }
    modules = {
        found[1]
        for piece in code(page)
        for found in re.finditer(r"\b(maas_[a-z_]+)\.(?:present|absent|[a-z]+ed)\b", piece)
    }
    assert sorted(unknown) == []
    assert modules <= known.keys()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page):
    missing = []
    for piece in code(page):
        if piece.startswith("```"):
            continue
        for path in re.findall(r"^`((?:[\w.-]+/)*[\w.-]+\.(?:py|sls|md|toml|cfg|jinja))`$", piece):
            if ELSEWHERE.fullmatch(path.rpartition("/")[2]):
                continue
            if not any((REPOSITORY / folder / path).exists() for folder in FOLDERS):
                missing.append(path)
        for path in re.findall(r"^`((?:[\w.-]+/)+)`$", piece):
            begins = path.split("/")[0]
            if (REPOSITORY / begins).is_dir() and not (REPOSITORY / path).is_dir():
                missing.append(path)
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_that_a_page_names_exist(page):
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.M))
    named = {
        target
        for piece in code(page)
        for target in re.findall(r"(?:^|`)make ([a-z-]+)", piece, re.M)
    }
    assert named <= targets


def test_pillar_keys_that_pages_name_exist():
    known = {path.replace("[]", "") for path in pillar_page.paths()}
    known |= {":".join(path.split(":")[:depth]) for path in known for depth in range(1, 9)}
    named = {
        (page.name, path)
        for page in PAGES
        for piece in code(page)
        for path in re.findall(r"^`(maas:[a-z_:]+)`$", piece)
        if not path.startswith(("maas:api", "maas:maas"))  # a profile; owner and group
    }
    assert {(page, path) for page, path in named if path not in known} == set()


def test_attributes_and_hooks_that_the_architecture_names_exist():
    page = (REPOSITORY / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| `(table_\w+)\.py` \|(.*)\|$", page, re.M)
    assert rows
    for module, cells in rows:
        classes = [one for one in Table.__mro__ if one.__module__.endswith(f".{module}")]
        named = set(re.findall(r"`(\w+)`", cells))
        assert named <= {name for one in classes for name in vars(one)} | {"pillar"}, module


def test_a_page_stands_in_one_place_of_the_tree():
    docs = REPOSITORY / "docs"
    trees = re.findall(r"```\{toctree\}\n(.*?)```", (docs / "index.md").read_text(), re.DOTALL)
    entries = [line for tree in trees for line in tree.splitlines() if line and line[0] != ":"]
    pages = {path.stem for path in docs.glob("*.md")} - {"index"}
    assert sorted(entries) == sorted({*pages, "reference/index"})


def test_a_sync_is_told_which_libraries_salt_does_not_bring():
    page = (REPOSITORY / "docs" / "getting-started.md").read_text()
    named = re.findall(r"^salt-pip install ([a-z0-9 -]+?)(?: +#.*)?$", page, re.MULTILINE)
    project = (REPOSITORY / "pyproject.toml").read_text()
    block = re.search(r"^dependencies = \[\n(.*?)^\]", project, re.DOTALL | re.MULTILINE).group(1)
    needed = set(re.findall(r'^  "([A-Za-z0-9-]+)', block.lower(), re.MULTILINE))
    brought = {re.match(r"[\w.-]+", one).group().lower() for one in metadata.requires("salt")}
    assert set(" ".join(named).split()) == needed - brought - {"salt"} | {"drawsvg", "pyrage"}


@pytest.mark.parametrize("name", ["plan.svg", "plan-machine.svg"])
def test_the_picture_of_a_plan_is_what_is_drawn_now(name):
    pytest.importorskip("drawsvg", reason="drawsvg is not installed")
    from support import plan_picture

    drawn = plan_picture.PICTURES[name]()
    assert drawn == (plan_picture.DOCS / name).read_text(encoding="utf-8")


#: Words of our own, for which MAAS's and Salt's documentation have better ones.
OWN_WORDS = (
    r"\b(wish(es)?|told|promises?|anew|in vain|stand-ins?|hangs? on|the embedded region|whoever"
    r"|all the same|what there is|for ever|sorted into|takes? along|one's own|nobody else)\b"
)
FRAGMENTS = sorted((REPOSITORY / "changelog").glob("*.md"))


@pytest.mark.parametrize("page", [*PAGES, *FRAGMENTS], ids=lambda page: page.name)
def test_a_page_uses_the_terms_of_maas_and_salt(page):
    text = page.read_text(encoding="utf-8")
    assert re.findall(rf"^.*{OWN_WORDS}.*$", text, re.M | re.I) == []


@pytest.mark.parametrize("folder", ["_utils", "_states", "_modules", "_runners", "_resources"])
def test_the_library_uses_no_words_that_were_replaced(folder):
    old = re.compile(r"\b(wish|wished|wishes|in vain|sorted into|promised|stand-ins?)\b", re.I)
    found = {
        str(path.relative_to(REPOSITORY)): old.findall(path.read_text(encoding="utf-8"))
        for path in (REPOSITORY / folder).rglob("*.py")
    }
    assert found
    assert {path: words for path, words in found.items() if words} == {}


def test_the_pillar_reference_has_the_keys_of_interfaces_and_storage():
    within = {path.partition(":HOSTNAME:")[2] for path in pillar_page.paths()}
    assert {f"interfaces:INTERFACE:{name}" for name in interfaces_schema.ATTRIBUTES} <= within
    assert {"interfaces:INTERFACE:links[]:mode", "storage:disks:DISK:partitions[]:size",
            "storage:volume_groups:GROUP:volumes:VOLUME:mount"} <= within  # fmt: skip


@pytest.mark.parametrize("page", sorted((REPOSITORY / "docs").glob("*.md")), ids=lambda p: p.name)
def test_pillars_of_a_page_are_valid(page):
    for block in re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
        if block.startswith("maas:") and "..." not in block:
            described = yaml.safe_load(block)["maas"]
            if not {"url", "pkg.latest"} & described.keys():  # a profile, or a state
                assert pillar.problems(described, None) == []
