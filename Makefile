# Each command is done by tools/dev.py, which runs without make too: python3 tools/dev.py run
# Another interpreter: make run PYTHON=python3.12. Another port: make run PORT=8100. One test: make test ARGS="-k rename".
PYTHON ?= python3

.PHONY: run test serve worker migrate lock screenshots bench audit sbom
run test serve worker migrate lock screenshots bench audit sbom:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) here: install Python 3.11 or newer (Debian: apt install python3 python3-venv), or name one: make $@ PYTHON=python3.12" >&2; exit 1; }
	@exec $(PYTHON) tools/dev.py $@
