"""The syntaxes of MAAS's files: what is changed, and what stays."""

from __future__ import annotations

import ast

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from saltext.maas.host import formats
from saltext.maas.host.errors import HostError

REGIOND = """\
# by hand
database_host: localhost
database_pass: 'a: b'   # quoted

maas_url: http://a/MAAS
unknown:
  - 1
  - 2
"""
SETTINGS = """\
import os
DEBUG = True
DEFAULT_MAAS_URL = "http://old/MAAS"
DATABASES = {
    'default': {
        # the region's own
        'ENGINE': 'django.db.backends.postgresql_psycopg2',
        'NAME': 'maasdb',
        'USER': 'maas',
        'PASSWORD': 'old',
        'HOST': 'localhost',
        'OPTIONS': {'isolation_level': os.getpid},
    }
}
LOGGING = {'version': 1}
"""


@pytest.mark.parametrize("text", ["a = " + "(" * 3000, "-" * 30_000, "a" + ".a" * 9000, "a\0", "]"])
def test_python_that_cannot_be_read(text):
    with pytest.raises(HostError, match="the file is not readable as Python"):
        formats.python_read(text)


class TestYaml:
    def test_a_line_changes_and_the_others_stay(self):
        new = formats.yaml_update(REGIOND, {"maas_url": "http://b/MAAS", "debug": True})
        assert new == REGIOND.replace("http://a/", "http://b/") + "debug: true\n"

    def test_a_key_of_several_lines_is_replaced_as_a_whole(self):
        new = formats.yaml_update(REGIOND, {"unknown": None})
        assert new == REGIOND.partition("unknown")[0]

    def test_no_file_is_an_empty_one(self):
        assert formats.yaml_update(None, {"a": 1}) == "a: 1\n"
        assert formats.yaml_read(None) == {}

    @pytest.mark.parametrize(
        "text", ["{a: 1, b: 2}", "---\na: 1\nb: 2\n...\n", "'a': 1\n\"b\": 2", "a:\n- 1\nb: 2\n"]
    )
    def test_other_layouts_come_out_right(self, text):
        new = formats.yaml_update(text, {"a": "x"})
        assert yaml.safe_load(new) == {"a": "x", "b": 2}

    def test_an_empty_value_stays_with_all_around_it(self):
        new = formats.yaml_update("# mine\na:\nb: 2\n", {"b": 3})
        assert new == "# mine\na:\nb: 3\n"

    @pytest.mark.parametrize(
        "text", ["- a", "a: [", "just text", "a: 2020-13-45", "a: " + "[" * 5000, "a: &a [*a]"]
    )
    def test_what_is_no_mapping_is_refused(self, text):
        with pytest.raises(HostError, match="the file"):
            formats.yaml_update(text, {"a": 1})

    @given(
        st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.text(), max_size=5),
        st.dictionaries(
            st.from_regex(r"[a-z_]{1,8}", fullmatch=True),
            st.one_of(st.text(), st.integers(), st.booleans(), st.lists(st.text())),
            max_size=4,
        ),
    )
    def test_any_values_are_read_back(self, before, changes):
        text = yaml.safe_dump(before, default_flow_style=False)
        new = formats.yaml_update(text, changes)
        assert formats.yaml_read(new) == {**before, **changes}
        assert formats.yaml_update(new, changes) == new


class TestShell:
    TEXT = "# x\nMAAS_URL=http://a/MAAS\nOTHER='1'\nexport CLUSTER_UUID='u-1' # mine\n"

    def test_reading(self):
        assert formats.shell_read(self.TEXT, "MAAS_URL") == "http://a/MAAS"
        assert formats.shell_read(self.TEXT, "CLUSTER_UUID") == "u-1"
        assert formats.shell_read(self.TEXT, "URL") is None
        assert formats.shell_read('A=""', "A") is None
        assert formats.shell_read("A=1\nA=2\n", "A") == "2"  # as a shell would

    def test_setting(self):
        new = formats.shell_set(self.TEXT, "MAAS_URL", "http://b/MAAS")
        assert new == self.TEXT.replace("http://a/MAAS", '"http://b/MAAS"')
        new = formats.shell_set(self.TEXT, "CLUSTER_UUID", "u-2")
        assert 'export CLUSTER_UUID="u-2" # mine\n' in new
        assert formats.shell_set("A=1", "B", "2") == 'A=1\nB="2"\n'

    @pytest.mark.parametrize("bad", ['a"b', "$(id)", "`id`", "a b", "a\nb", "\\"])
    def test_nothing_that_a_shell_would_run(self, bad):
        with pytest.raises(HostError):
            formats.shell_set("", "A", bad)


class TestPython:
    def test_reading_runs_nothing(self):
        assert formats.python_read(SETTINGS) == {
            "debug": True,
            "url": "http://old/MAAS",
            "database_name": "maasdb",
            "database_user": "maas",
            "database_password": "old",
            "database_host": "localhost",
        }

    def test_the_shapes_that_package_upgrades_look_for(self):
        new = formats.python_update(
            SETTINGS,
            {"url": "http://192.0.2.1/MAAS", "database_password": "N3w", "database_host": "db"},
        )
        assert '\nDEFAULT_MAAS_URL = "http://192.0.2.1/MAAS"\n' in new
        assert "\n        'PASSWORD': 'N3w',\n" in new
        expected = SETTINGS.replace("http://old/", "http://192.0.2.1/")
        expected = expected.replace("'old'", "'N3w'").replace("'localhost'", "'db'")
        assert new == expected

    def test_a_missing_key_gets_a_line(self):
        new = formats.python_update(SETTINGS, {"database_port": 5433})
        assert "\n        'PORT': '5433',\n        'ENGINE'" in new
        assert formats.python_read(new)["database_port"] == "5433"

    def test_the_form_in_one_line(self):
        text = "DATABASES = {'default': {'NAME': 'é', 'PASSWORD': 'x', }}\n"
        new = formats.python_update(text, {"database_password": "y", "database_name": "n"})
        assert new == "DATABASES = {'default': {'NAME': 'n', 'PASSWORD': 'y', }}\n"

    @given(st.text())
    def test_any_password_is_read_back(self, password):
        new = formats.python_update(SETTINGS, {"database_password": password})
        assert formats.python_read(new)["database_password"] == password
        assert len(ast.parse(new).body) == len(ast.parse(SETTINGS).body)

    @pytest.mark.parametrize("bad", ['http://a/"; import os #', "http://a/\nX = 1", "http://a\\"])
    def test_a_url_cannot_break_out(self, bad):
        with pytest.raises(HostError):
            formats.python_update(SETTINGS, {"url": bad})

    @pytest.mark.parametrize("text", ["print 'x'", "DATABASES = other()", ""])
    def test_what_cannot_be_edited_is_reported(self, text):
        with pytest.raises(HostError, match="settings"):
            formats.python_update(text, {"database_host": "db"}, "settings")


class TestPserv:
    @pytest.mark.parametrize(
        "line",
        [
            "  # generator: http://localhost/MAAS/api/1.0/pxeconfig/",
            "  generator: http://localhost/MAAS/api/1.0/pxeconfig/",
        ],
    )
    def test_the_generator_comes_to_life(self, line):
        new = formats.pserv_set_generator(f"tftp:\n{line}\n  # port: 69\n", "http://b/MAAS")
        assert new == "tftp:\n  generator: http://b/MAAS/api/1.0/pxeconfig/\n  # port: 69\n"
        assert formats.pserv_generator(new) == "http://b/MAAS/api/1.0/pxeconfig/"

    def test_a_comment_beside_a_living_one_stays(self):
        both = "tftp:\n  # generator: http://a/\n  generator: http://a:5240/\n"
        assert formats.pserv_set_generator(both, "http://b/MAAS") == (
            "tftp:\n  # generator: http://a/\n  generator: http://b/MAAS/api/1.0/pxeconfig/\n"
        )

    def test_a_comment_is_none(self):
        assert formats.pserv_generator("tftp:\n  # generator: http://a/\n") is None

    def test_a_file_without_one_is_reported(self):
        with pytest.raises(HostError, match="no generator"):
            formats.pserv_set_generator("tftp:\n", "http://b/MAAS")
