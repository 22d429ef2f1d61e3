# The only front door. Every target does its own set-up; what that means is told in compose/local/__main__.py.
#
#   make demo  [JSON=FILE] [GENOMES=DIR]   the main job, told as it happens
#   make test  [ARGS="-k name"]            the tests; all of them, with the coverage of what decides
#   make check                             style, types, import rules
#   make fix                               put style right
#   make bench [JSON=FILE] [ONLY=a,b]      the figures, each beside its baseline
#   make bench PRIVACY=1                   the long audits of privacy, and how often intervals cover
#   make bench CHAOS=1                     200 jobs under kills, freezes, floods and losses, on each database
#   make images                            build the images of a deployment (compose/README.md)
#   make clean                             undo all set-up

PYTHON ?= python3
SETUP = $(PYTHON) -I compose/local
SET = . ./.run/env &&

.PHONY: demo test check fix bench images clean up tests-up python

demo: up
	@$(SET) exec safeconduct demo $(if $(JSON),--json-file '$(JSON)') $(if $(GENOMES),--genomes '$(GENOMES)')

# Most tests wait more than they compute and run side by side; what measures chambers runs by itself afterwards.
# They keep their order, in which the long ones come first, so that short ones fill the end.
ALONE = $(wildcard tests/attacks/test_*.py) tests/contract $(wildcard tests/integration/test_chamber_*.py) \
        tests/integration/test_compose.py tests/integration/test_two_machines.py tests/privacy/test_release_times.py
BESIDE = -n 3 --dist loadfile --no-loadscope-reorder $(ALONE:%=--ignore=%) --cov --cov-report= --cov-fail-under=0

test: tests-up
ifdef ARGS
	@$(SET) exec python -m pytest $(ARGS)
else
	@$(SET) python -m pytest $(BESIDE)
	@$(SET) exec python -m pytest --cov --cov-append $(ALONE)
endif

bench: up
	@$(SET) exec python -m benches $(if $(JSON),--json-file '$(JSON)') $(if $(ONLY),--only '$(ONLY)') $(if $(PRIVACY),--privacy) $(if $(CHAOS),--chaos)

check: python
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/mypy compose/local
	.venv/bin/lint-imports

fix: python
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

clean:
	@$(SETUP) clean

up images python:
	@$(SETUP) $@

tests-up:
	@$(SETUP) tests
