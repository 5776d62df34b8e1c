# make demo: from nothing to a grid of drawn faces.  make test: from nothing to green.  make page: the page, built.
# Each line also works typed by hand; README.md has the same for Windows.

PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin/python
PAGE_PARTS = web/node_modules/.package-lock.json

.PHONY: demo test page lint clean

demo: $(VENV)/installed
	$(RUN) -m demo.cartoons --output data/cartoons --count 2000 --size 32
	$(RUN) train.py --data data/cartoons --recipe demo --minutes 1.5 --run results/demo
	$(RUN) generate.py --run results/demo --output results/demo/faces.png
	$(RUN) generate.py --run models/pretrained --output results/demo/anime.png
	$(RUN) encode.py docs/images/astronaut.jpg --run models/pretrained --variants 3 --output results/demo/astronaut.png
	@echo "Next, with pictures of your own: $(RUN) train.py --data FOLDER"

page: $(VENV)/installed $(PAGE_PARTS)
	$(RUN) page.py --build
	@echo "Next: $(RUN) page.py"

test: lint
	$(RUN) -m pytest --numprocesses 2 --dist worksteal

lint: $(VENV)/installed-dev $(if $(shell command -v npm),$(PAGE_PARTS))
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(if $(shell command -v npm),npm --prefix web run --silent lint)

$(VENV)/installed: requirements.txt requirements-draw.txt
	@$(PYTHON) -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))" || \
		{ echo "error: Python 3.11, 3.12 or 3.13 is needed: name it with make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --requirement requirements.txt
	touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	$(RUN) -m pip install --quiet --requirement requirements-dev.txt
	touch $@

$(PAGE_PARTS): web/package-lock.json
	cd web && npm ci --ignore-scripts --no-audit --no-fund --silent
	touch $@

clean:
	rm -rf $(VENV) data/cache data/cartoons results/demo
