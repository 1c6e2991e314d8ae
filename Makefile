# Two commands for a newcomer: `make demo` and `make test`. Neither needs a key or a network (pytest is installed once).
PYTHON ?= python3
PORT ?= 8791

AGENT ?=
INSTALL = $(PYTHON) skills/install.py --agent "$(AGENT)" $(if $(SCOPE),--scope "$(SCOPE)") $(if $(DIR),--dir "$(DIR)") $(if $(FORCE),--force)

.PHONY: help demo test check pictures sync bench emulator install uninstall triggers clean

help:
	@echo "make demo      the real scripts against an emulator of the service; no key, no network (DIR=... keeps the results)"
	@echo "make test      all tests; installs pytest into .venv when it is not there"
	@echo "make check     house rules, and the core tests under every Python from 3.9 to 3.13 that is here"
	@echo "make pictures  draw docs/*.svg again, from the names in the code and from real output"
	@echo "make sync      copy shared/ into every skill"
	@echo "make bench     speed and memory, as ratios to a bare urllib script"
	@echo "make emulator  run the emulator alone (PORT=$(PORT))"
	@echo "make install   AGENT=claude|qwen|codex|gemini|opencode|agents [SCOPE=user|project] [DIR=...]: copy the skills there"
	@echo "make uninstall the same flags: remove them again"
	@echo "make triggers  requests and the skill that should answer each, for a reviewer"

demo:
	@$(PYTHON) -m tests.demo $(if $(DIR),"$(DIR)")

test:
	@$(PYTHON) -c "import pytest" 2>/dev/null || test -x .venv/bin/pytest || \
	  { $(PYTHON) -m venv .venv && .venv/bin/python -m pip install --quiet --disable-pip-version-check "pytest>=7,<10" \
	  || { echo "pytest could not be installed into .venv: install python3-venv, or pip install pytest"; exit 1; }; }
	@if $(PYTHON) -c "import pytest" 2>/dev/null; then $(PYTHON) -m tests.run $(ARGS); else .venv/bin/python -m tests.run $(ARGS); fi

check:
	@$(PYTHON) -m tests.check
	@$(PYTHON) -m tests.versions

pictures:
	@$(PYTHON) -m tests.pictures_way
	@$(PYTHON) -m tests.pictures_guard

sync:
	@$(PYTHON) -m tests.sync

bench:
	@$(PYTHON) -m tests.bench

emulator:
	@$(PYTHON) -m tests.emulator --port $(PORT)

install uninstall:
	@if [ -z "$(AGENT)" ]; then echo "which agent? For example: make $@ AGENT=claude (claude, qwen, codex, gemini, opencode, agents)"; exit 2; fi
	@$(INSTALL) $(if $(filter uninstall,$@),--uninstall)

triggers:
	@$(PYTHON) -m tests.triggers

clean:
	@rm -rf .venv .venv-check .pytest_cache && find . -name __pycache__ -type d -prune -exec rm -rf {} +
