# Everything here works from a bare clone: each target first installs what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SAMPLE = $(shell $(BIN)/python -c "import importlib.util as u; print(u.find_spec('pyannote.audio').submodule_search_locations[0])")/sample/sample.wav

.PHONY: install demo test check bench ffmpeg

install: $(VENV)/installed ffmpeg

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11')"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

# A system ffmpeg, else Debian's, else the binary inside the package imageio-ffmpeg.
ffmpeg: $(VENV)/installed
	@command -v ffmpeg >/dev/null \
	|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq \
	     && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ffmpeg >/dev/null; } \
	|| $(BIN)/python -c "import imageio_ffmpeg; imageio_ffmpeg.get_ffmpeg_exe()" \
	|| { echo "ffmpeg is missing: install it with your package manager, then run make again"; exit 1; }

demo: install
	$(BIN)/stream-engine transcribe "$(SAMPLE)" --out out --fresh
	@ls -l out/sample

test: install
	$(BIN)/pytest -q

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: install
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m benches
