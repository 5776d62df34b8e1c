# make demo: from nothing to a grid of drawn faces.  make test: from nothing to green.
# Each line also works typed by hand; README.md has the same for Windows.

PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin/python

.PHONY: demo test lint clean

demo: $(VENV)/installed
	$(RUN) -m demo.cartoons --output data/cartoons --count 2000 --size 32
	$(RUN) train.py --data data/cartoons --recipe demo --minutes 1.5 --run results/demo
	$(RUN) generate.py --run results/demo --output results/demo/faces.png
	$(RUN) generate.py --run models/pretrained --output results/demo/anime.png
	$(RUN) encode.py docs/images/astronaut.jpg --run models/pretrained --variants 3 --output results/demo/astronaut.png
	@echo "Next, with pictures of your own: $(RUN) train.py --data FOLDER"

test: lint
	$(RUN) -m pytest --numprocesses 2 --dist worksteal

lint: $(VENV)/installed-dev
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

$(VENV)/installed: requirements.txt
	@$(PYTHON) -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))" || \
		{ echo "error: Python 3.11, 3.12 or 3.13 is needed: name it with make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --requirement requirements.txt
	touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	$(RUN) -m pip install --quiet --requirement requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV) data/cache data/cartoons results/demo
