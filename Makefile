# Everything runs in a virtual environment of its own; `make help` lists what there is.

PYTHON  ?= python3
SALT    ?= $(DEFAULT_SALT)
RELEASE ?= 3.7
SEEDS   ?= 1000

DEFAULT_SALT := 3008.4
SALTS   := 3006.29 3008.4
UV      := 0.13.9
ifeq ($(SALT),$(DEFAULT_SALT))
VENV := .venv
else
VENV := .venv-$(SALT)
endif
PY   := $(VENV)/bin/python
LOCK := requirements/salt-$(SALT).txt
# Tools for releases, apart from Salt, which may hold packaging back to a version that knows no new metadata.
TOOLS := .venv-tools

SOURCES := $(shell find _modules _states _grains _runners _engines _beacons _pillar _roster _clouds _resources _utils -name '*.py' 2>/dev/null) \
	setup.cfg pyproject.toml MANIFEST.in README.md LICENSE
STYLE := .
# All that runs on somebody's hosts; tests are not looked at for weaknesses.
CODE := $(wildcard _[a-z]*) emulator/maas_emulator demo tools
COMMA := ,

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
export UV_COMPILE_BYTECODE := 1
export UV_LINK_MODE := copy
export PYTHONUNBUFFERED := 1
MAKEFLAGS += --no-print-directory

# uv is much faster than pip, but does not read pip's configuration; where it finds no
# packages, pip does.
install = { $(PY) -m uv pip install --quiet --python $(PY) $(1) 2>$(VENV)/uv.log \
	|| $(PY) -m pip install --quiet $(1); }

.PHONY: help
help: ## list what can be made
	@echo "Make one of these:"
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{printf "%-16s%s\n", $$1, $$2}'
	@echo "With SALT= one of $(SALTS) (now $(SALT)), PYTHON= an interpreter from 3.10 on."

.PHONY: demo
demo: $(VENV)/.demo ## from nothing to a region with two racks; RELEASE=1.7 for another MAAS
	@$(PY) -m demo --release $(RELEASE)

.PHONY: test
test: lint licenses build docs pytest ## all checks and tests: style, licences, packages, documentation, tests

.PHONY: pytest
pytest: $(VENV)/.tests ## all tests; ARGS= is handed to pytest
	@# More workers than cores, as most tests with Salt wait.
	@$(PY) -m pytest -n 4 --dist loadfile --no-loadscope-reorder --junitxml=$(VENV)/tests.xml $(ARGS)

.PHONY: contract
contract: $(VENV)/.tests ## the emulated region against recorded answers of running MAAS regions, with figures
	@$(PY) -m pytest -q emulator/tests/contract $(ARGS)

.PHONY: sweep
sweep: $(VENV)/.tests ## tests on more releases than `make test` takes: hosts with real debconf and dpkg
	@$(PY) -m pytest -m sweep --junitxml=$(VENV)/sweep.xml $(ARGS)

.PHONY: soak
soak: $(VENV)/.tests ## whole pillars through a network with faults; SEEDS= of each API (1,000), API= 1.0, 2.0 or machines
	@$(PY) tests/support/campaign.py $(if $(API),--api $(API)) $(SEEDS)

.PHONY: crash-sweep
crash-sweep: $(VENV)/.tests ## runs killed at each of their requests, and changes of hosts at each write; an hour
	@$(PY) tests/support/crashes.py
	@$(PY) tests/support/killing.py
	@$(PY) -m pytest -q -m sweep tests/unit/test_fleet.py

.PHONY: fuzz
fuzz: $(VENV)/.tests ## broken and hostile input of all kinds; EXAMPLES= inputs for each test, 5000 by default
	@EXAMPLES=$(EXAMPLES) $(PY) -m pytest -q --hypothesis-profile fuzz tests/fuzz $(ARGS)

.PHONY: races
races: $(VENV)/.tests ## another client acts at every boundary between two requests of a run; minutes
	@$(PY) -m pytest -q -m races $(ARGS)

.PHONY: life
life: $(VENV)/.tests ## a region's life on all releases, killed at each step: backup, restore …; minutes
	@$(PY) -m pytest -q -m life $(ARGS)

.PHONY: matrix
matrix: $(VENV)/.tests ## write docs/matrix.md: run every column on every release
	@PYTHONPATH=_utils:tests:. $(PY) -m support.matrix

.PHONY: test-salt
test-salt: $(VENV)/.tests ## the tests that involve Salt, on another one: SALT=3006.29
	@$(PY) -m pytest --junitxml=$(VENV)/tests.xml $(wildcard tests/integration) tests/packaging $(ARGS)

.PHONY: test-onboard
test-onboard: $(VENV)/.tests ## onboarding of whole fleets, and what can go wrong; minutes
	@$(PY) -m pytest --fleet $(wildcard tests/integration/test_onboarding*.py) $(ARGS)

.PHONY: generate
generate: $(VENV)/.tests ## from the tables of resource types: states, execution modules, rows of docs/resources.md
	@$(PY) tools/generate.py
	@$(PY) tests/support/resource_matrix.py docs/resources.md

.PHONY: lint
lint: $(VENV)/.tests $(TOOLS)/.ready ## style, types and weaknesses: ruff, mypy, salt-lint and bandit
	$(PY) -m ruff check $(STYLE)
	$(PY) -m ruff format --check $(STYLE)
	$(PY) -m mypy
	$(VENV)/bin/salt-lint $$(find salt pillar -name '*.sls' | sort)
	@# It warns of each part of an expression in which there is nothing to be silenced.
	$(TOOLS)/bin/bandit --quiet --configfile pyproject.toml --recursive $(CODE) 2>$(VENV)/bandit.log \
		|| { cat $(VENV)/bandit.log; exit 1; }

.PHONY: licenses
licenses: $(VENV)/.tests $(TOOLS)/.ready ## the licences of all that is installed; one that pyproject.toml does not list fails
	$(TOOLS)/bin/pip-licenses --python=$(PY) --summary --order=count

.PHONY: audit
audit: $(TOOLS)/.ready ## known vulnerabilities of all pinned versions; ADVISORIES= a clone of pypa/advisory-database, if offline
ifdef ADVISORIES
	$(TOOLS)/bin/python tools/audit.py $(ADVISORIES) requirements/*.txt
else
	@for one in requirements/*.txt; do echo "== $$one"; \
		$(TOOLS)/bin/pip-audit --strict --disable-pip --no-deps --requirement $$one $(ARGS) || failed=1; \
	done; test -z "$$failed"
endif

.PHONY: format
format: $(VENV)/.tests ## put the style right
	$(PY) -m ruff check --fix $(STYLE)
	$(PY) -m ruff format $(STYLE)

.PHONY: build
build: $(VENV)/.wheel $(TOOLS)/.ready ## wheel and source distribution in dist/
	@rm -rf build dist/*.tar.gz
	$(PY) -m build --no-isolation --sdist --outdir dist . >$(VENV)/build.log 2>&1 \
		|| { cat $(VENV)/build.log; exit 1; }
	$(TOOLS)/bin/twine check --strict dist/*.whl dist/*.tar.gz

.PHONY: sbom
sbom: $(VENV)/.wheel $(TOOLS)/.ready ## what the extension and Salt install: an SBOM and all licences, in dist/
	@rm -rf $(TOOLS)/installed
	@$(PYTHON) -m venv --without-pip $(TOOLS)/installed
	@$(PY) -m uv pip install --quiet --python $(TOOLS)/installed/bin/python -c $(LOCK) salt==$(SALT) dist/*.whl 2>/dev/null \
		|| $(PY) -m pip --python $(TOOLS)/installed/bin/python install --quiet -c $(LOCK) salt==$(SALT) dist/*.whl
	$(TOOLS)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --validate \
		--output-file dist/sbom.cdx.json $(TOOLS)/installed/bin/python
	$(TOOLS)/bin/pip-licenses --python=$(TOOLS)/installed/bin/python --ignore-packages= --allow-only= --with-urls --order=license \
		--format=markdown --output-file=dist/licenses.md

.PHONY: changelog
changelog: $(VENV)/.tests ## what the changelog fragments make; with VERSION= they become part of CHANGELOG.md
	@$(PY) -m towncrier build $(if $(VERSION),--yes --version $(VERSION),--draft --version next)

.PHONY: notes
notes: ## the notes of one release, out of CHANGELOG.md: VERSION=
	@awk '/^## /{on = index($$0, "[$(VERSION)]")} on && !/^## /' CHANGELOG.md

.PHONY: release
release: build sbom ## everything that a release consists of, in dist/; CONTRIBUTING.md says how it is made

.PHONY: docs
docs: $(VENV)/.tests ## the documentation in docs/_build/html; warnings are errors
	$(PY) -m sphinx -q -W --keep-going -b html docs docs/_build/html

.PHONY: bench
bench: $(VENV)/.tests ## measure again and write the tables of docs/performance.md; 20 min; ARGS= some parts alone
	$(PY) bench/document.py $(ARGS)

.PHONY: picture
picture: $(VENV)/.tests ## draw docs/plan.svg and docs/plan-machine.svg, the plans of the documentation
	$(PY) tests/support/plan_picture.py

.PHONY: resources
resources: $(VENV)/.tests ## try every resource type on every release and write docs/resources.md
	$(PY) tests/support/resource_matrix.py docs/resources.md --anew

.PHONY: bench-fleet
bench-fleet: $(VENV)/.tests ## the onboarding of 10, 100 and 1,000 clusters; half an hour
	$(PY) bench/fleet.py $(ARGS)

.PHONY: venv
venv: $(VENV)/.tests ## only the virtual environment, with all that tests and demo need

.PHONY: lock
lock: $(VENV)/.tools ## select all versions and write requirements/
	@for salt in $(SALTS); do \
		echo "salt==$$salt" | $(PY) -m uv pip compile --quiet --universal --upgrade \
			--python-version 3.10 --no-annotate --no-header --all-extras pyproject.toml emulator/pyproject.toml - \
			| { echo '# Exact versions for Python 3.10 and later on Linux; made by `make lock`.'; \
			    grep -v "sys_platform == 'win32'$$"; } > requirements/salt-$$salt.txt || exit 1; \
	done
	@printf '%s\n' bandit cyclonedx-bom pip-audit pip-licenses python-simplestreams twine | $(PY) -m uv pip compile --quiet --universal --upgrade \
		--python-version 3.10 --no-annotate --no-header --output-file requirements/tools.txt -

.PHONY: clean
clean: ## remove everything that was made
	rm -rf .venv .venv-* build dist docs/_build docs/reference *.egg-info
	rm -rf .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment, in steps that are only repeated when what they stand on has changed.

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
		echo "$(PYTHON) is older than Python 3.10, or missing; name another with PYTHON=" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments; run: apt install python3-venv" >&2; exit 1; }
	@echo "Making $(VENV) with Salt $(SALT); all in all that takes a minute or more."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.tools: $(VENV)/bin/python $(LOCK)
	@echo "Installing the tools that build packages into $(VENV)."
	@$(PY) -m pip install --quiet uv==$(UV) || echo "uv is not to be had; pip does its work." >&2
	@$(call install,-c $(LOCK) build setuptools wheel)
	@touch $@

$(TOOLS)/.ready: requirements/tools.txt $(VENV)/.tools
	@$(PYTHON) -m venv $(TOOLS)
	@$(PY) -m uv pip install --quiet --python $(TOOLS)/bin/python -r $< 2>/dev/null \
		|| $(TOOLS)/bin/python -m pip install --quiet -r $<
	@touch $@

$(VENV)/.wheel: $(VENV)/.tools $(SOURCES)
	@rm -rf build dist/*.whl
	@$(PY) -m build --no-isolation --wheel --outdir dist . >$(VENV)/build.log 2>&1 \
		|| { cat $(VENV)/build.log; exit 1; }
	@touch $@

$(VENV)/.demo: $(VENV)/.wheel emulator/pyproject.toml
	@echo "Installing Salt $(SALT) and the extension into $(VENV); about a minute the first time."
	@$(PY) -m pip uninstall --quiet --yes saltext.maas 2>/dev/null
	@$(call install,-c $(LOCK) salt==$(SALT) "saltext.maas[demo] @ file://$(CURDIR)/$$(echo dist/*.whl)")
	@$(call install,-c $(LOCK) --no-build-isolation --editable "./emulator[replica]")
	@touch $@

$(VENV)/.tests: $(VENV)/.demo
	@echo "Installing what tests and documentation need into $(VENV)."
	@$(call install,-c $(LOCK) "saltext.maas[demo$(COMMA)docs$(COMMA)tests] @ file://$(CURDIR)/$$(echo dist/*.whl)")
	@touch $@
