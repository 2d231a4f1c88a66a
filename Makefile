# `make demo` and `make test` need Python 3.10 or newer and a C compiler; they set up the rest.

PYTHON ?= python3
JOBS ?= 2
PYTEST_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
MODULES := $(VENV)/modules
NATIVE := CMakeLists.txt edge_naca/_build_core.py $(wildcard edge_naca/_batch.* host/_device.[ch]) \
	$(shell find firmware/core firmware/signal firmware/store firmware/link -type f)
C_FOLDERS := firmware host edge_naca tests/c tests/fuzz examples
C_FILES := $(shell find $(C_FOLDERS) -name '*.[ch]')
# What compilers of the host see; boards' code is for others, and an example's includes what it writes first.
C_HOST := $(filter-out firmware/boards/% examples/%,$(filter %.c,$(C_FILES)))

.PHONY: always help demo test slow-tests lint lint-c clang-tidy cppcheck misra format install size size-diff check \
	sanitize frameworks coverage ci-tools board-tools clean examples notebooks

help:
	@echo "make demo      teach a network digits, one class at a time"
	@echo "make examples  run all of examples/; make example-gestures runs one"
	@echo "make notebooks run examples/notebooks, results and pictures included, into build/notebooks"
	@echo "make test      lint, type check and test, but for what takes long"
	@echo "make lint      lint and type check only"
	@echo "make lint-c    let clang-tidy and cppcheck look at the C code (takes clang; under a minute)"
	@echo "make format    let ruff and clang-format lay out the code, and mend what ruff can"
	@echo "make size      measure text, RAM, stack and instructions of the C code, and write them down"
	@echo "make size-diff compare them with the figures that are committed"
	@echo "make coverage  say which lines of C and branches of Python the tests do not reach"
	@echo "make slow-tests  run the tests that take long: fuzzing, whole data sets, thousands of networks"
	@echo "make sanitize  run the C code under Python with AddressSanitizer and UBSan"
	@echo "make frameworks  run what works together with PyTorch, Avalanche, NeuroBench and the like, where these are"
	@echo "make check     what CI runs beside the tests: lint-c, docs, size-diff, slow-tests, sanitize, frameworks"
	@echo "make install   set up $(VENV), or bring it up to date"
	@echo "make board-tools  install what the emulated boards need (Debian, Ubuntu); make test tries"
	@echo "make quick     lint, type check and a telling share of the tests: under a minute"
	@echo "make debug     build the C core into $(VENV) for a debugger"
	@echo "make docs      build the site in build/docs, and fail on a link that leads nowhere"
	@echo "make ci-tools  install the compilers and emulators that some tests use (Debian, Ubuntu)"
	@echo "make clean     remove everything that was built, $(VENV) too"

demo: install
	$(BIN)/edge-naca demo

# Each folder of examples/ has a program, which writes to the folder that it is given.
EXAMPLES := $(patsubst examples/%/run.py,example-%,$(subst _,-,$(wildcard examples/*/run.py)))
.PHONY: $(EXAMPLES)
examples: $(EXAMPLES)

$(EXAMPLES): example-%: install
	@PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONPATH=examples \
		$(BIN)/python examples/$(subst -,_,$*)/run.py build/examples/$(subst -,_,$*)

example-front-end example-snntorch-nir: build/frameworks/torch/installed

notebooks: install
	@mkdir -p build/notebooks
	@cp examples/notebooks/*.ipynb build/notebooks
	@cd build/notebooks && PATH="$(CURDIR)/$(BIN):$$PATH" jupyter execute --inplace *.ipynb

# Without the boards' tools the rest is tested all the same; pytest's last lines name what was left out.
test: lint
	@$(MAKE) --no-print-directory board-tools || echo "Emulated boards whose tools are missing are left \
	out of the tests: 'make board-tools' brings them, as root or with sudo."
	$(BIN)/python -m pytest -n $(JOBS) -m "not slow" $(PYTEST_ARGS)

# What takes long and finds rarely: fuzzing, mutations, thousands of networks in every build, whole data sets,
# emulators that are slow.
slow-tests: install build/frameworks/torch/installed
	$(BIN)/python -m pytest -n $(JOBS) -m slow $(PYTEST_ARGS)

# export/ and host/ live inside edge_naca once installed; mypy has to see them where they will be.
lint: install
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	@$(BIN)/clang-format --dry-run -Werror $(C_FILES)
	$(BIN)/lizard -w -l c $(LIMITS) $(C_FOLDERS)
	$(BIN)/lizard -w -l python $(LIMITS) edge_naca export host tests benchmarks tools examples
	@rm -rf build/typing && mkdir -p build/typing/edge_naca
	@ln -s $(CURDIR)/edge_naca/* $(CURDIR)/export $(CURDIR)/host build/typing/edge_naca/
	@MYPYPATH=build/typing:tests:benchmarks:examples $(BIN)/mypy --explicit-package-bases build/typing/edge_naca \
		tests benchmarks examples
	@PYTHON=$(CURDIR)/$(BIN)/python tools/lint-imports

# Lines of code that a function may have; what else lizard measures is not judged.
LIMITS := -T nloc=60 -C 1000

# Side by side, since cppcheck's addon uses one processor only.
lint-c: install
	@$(MAKE) --no-print-directory --jobs --output-sync clang-tidy cppcheck misra

# What CMake's preset "lint" would build; .clang-tidy says what for.
clang-tidy:
	@mkdir -p build
	@$(BIN)/cmake --preset lint >build/lint.log || { cat build/lint.log; exit 1; }
	@printf '%s\n' $(C_HOST) | xargs -P $(JOBS) -n 1 $(BIN)/clang-tidy -p build/lint --quiet \
		2>build/lint.log || { cat build/lint.log; exit 1; }

cppcheck:
	@mkdir -p build/cppcheck
	@$(BIN)/cppcheck --enable=warning,style,performance,portability --inline-suppr --std=c99 --quiet \
		--error-exitcode=1 --suppressions-list=tools/cppcheck-suppressions -j $(JOBS) \
		--cppcheck-build-dir=build/cppcheck $(patsubst %,-I%,$(shell find firmware -name include) \
		firmware/boards/common host) $(C_FOLDERS)

misra:
	@PATH="$(CURDIR)/$(BIN):$$PATH" tools/misra

# Commit what `make size` writes together with the change that moves a figure by more than 2 %.
size: install
	PYTHONPATH=benchmarks $(BIN)/python -m size

size-diff: install
	PYTHONPATH=benchmarks $(BIN)/python -m size --diff

check: lint-c docs size-diff slow-tests sanitize frameworks

# Other frameworks, in environments of their own: their pins conflict, and torch is large. One is made anew when
# tools/frameworks/NAME.txt changes; `make build/frameworks/torch/installed` makes that of PyTorch alone.
FRAMEWORKS := build/frameworks
frameworks: $(FRAMEWORKS)/torch/installed $(FRAMEWORKS)/scikit-learn/installed
	$(FRAMEWORKS)/scikit-learn/bin/python -m pytest -q -n $(JOBS) -m "not slow" tests/test_classifier.py $(PYTEST_ARGS)

$(FRAMEWORKS)/torch/installed $(FRAMEWORKS)/scikit-learn/installed: $(FRAMEWORKS)/%/installed: \
		tools/frameworks/%.txt tools/make-framework | $(INSTALLED)
	tools/make-framework $* $(VENV)

# Branches of Python and lines of C that tests reach, in one table, one HTML page and one LCOV file. Floors are
# in pyproject.toml. An environment of its own has the C code built to count lines; what else it needs is
# in $(VENV). Left out are tests that run C code elsewhere than in the Python package (on emulated boards, in fuzz
# programs, in programs of other compilers), and what asks for a whole $(VENV). What processes of the tests reach
# counts: `subprocesses.pth` starts counting in each; it comes after `development.pth` by its name, which brings
# coverage. gcovr takes counts over 2^32 for errors of gcov unless told; inner loops of the core reach that.
COVERAGE := build/coverage
COVERAGE_PYTHON := $(COVERAGE)/venv/bin/python
NOT_COUNTED := boards counting cost fuzzing stm32_drivers size build mutations replay imports
coverage: $(COVERAGE)/installed
	@find $(COVERAGE) -name '*.gcda' -delete
	@rm -f $(COVERAGE)/data*
	PATH="$(CURDIR)/$(BIN):$$PATH" $(COVERAGE_PYTHON) -m coverage run -m pytest -q -n $(JOBS) -m "not slow" \
		$(NOT_COUNTED:%=--ignore=tests/test_%.py) --deselect "tests/test_snippets.py::test_blocks_run[CONTRIBUTING.md]" \
		$(PYTEST_ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage json --quiet -o $(COVERAGE)/python.json
	@$(BIN)/coverage xml --quiet -o $(COVERAGE)/python.xml
	@$(BIN)/gcovr --root . --filter 'firmware/(core|signal|store|link)/' --gcov-suspicious-hits-threshold 0 \
		--json $(COVERAGE)/c.json $(COVERAGE)/c
	@$(BIN)/gcovr --root . --add-tracefile $(COVERAGE)/c.json \
		--cobertura-add-tracefile $(COVERAGE)/python.xml --lcov $(COVERAGE)/coverage.lcov \
		--html-details $(COVERAGE)/index.html
	@$(BIN)/python tools/coverage-report $(COVERAGE)/python.json $(COVERAGE)/c.json
	@echo "$(COVERAGE)/index.html"

$(COVERAGE)/installed: $(INSTALLED)
	$(call own-build,$(COVERAGE),--config-settings=cmake.define.CMAKE_C_FLAGS='--coverage -fprofile-update=atomic')
	@site="$$($(COVERAGE_PYTHON) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"; \
		echo 'import coverage; coverage.process_startup()' >"$$site/subprocesses.pth"
	@touch $@

# $(call own-build,FOLDER,SETTINGS): an environment whose C code is built with other settings. What else it
# needs is in $(VENV), brought by `development.pth`.
define own-build
	@rm -rf $(1) && mkdir -p $(1)
	@$(BIN)/python -m venv --without-pip $(1)/venv
	@site="$$($(1)/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"; \
		$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' >"$$site/development.pth"
	@$(BIN)/python -m pip --python $(1)/venv/bin/python install --quiet --disable-pip-version-check \
		--ignore-installed --no-deps --no-build-isolation --config-settings=build-dir=$(1)/c \
		--config-settings=cmake.build-type=Debug --config-settings=install.strip=false $(2) --editable .
endef

# The C code under Python with AddressSanitizer and UndefinedBehaviorSanitizer, which see Python's own memory
# too. Left out are tests of what runs in other programs than this one, and those that only take long.
SANITIZED := build/sanitized
MEMORY_TESTS := memory threads classifier data fuzz_readers image image_file objects operations \
	recordings signal signal_link skipping stage_images stage_operations states tables
sanitize: $(SANITIZED)/installed
	LD_PRELOAD="$$($(SANITIZER) -print-file-name=libasan.so) $$($(SANITIZER) -print-file-name=libstdc++.so.6)" \
		PYTHONMALLOC=malloc ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 \
		$(SANITIZED)/venv/bin/python -m pytest -q -n $(JOBS) -m "not slow" $(MEMORY_TESTS:%=tests/test_%.py) $(PYTEST_ARGS)

SANITIZER := gcc
$(SANITIZED)/installed: $(INSTALLED)
	$(call own-build,$(SANITIZED),--config-settings=cmake.define.NACA_SANITIZE=ON \
		--config-settings=cmake.define.CMAKE_C_FLAGS=-O1 \
		--config-settings=cmake.define.CMAKE_C_COMPILER=$(SANITIZER))
	@touch $@

format: install
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/clang-format -i $(C_FILES)

install: $(INSTALLED)

# Python sources are used where they are; only C sources, settings and modules that come, go or move
# call for installing again. When settings stay, what the first installation brought is there to build with.
$(INSTALLED): pyproject.toml $(NATIVE) $(MODULES) | $(BIN)/pip
	@echo "Building and installing edge-naca into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable \
		$(if $(filter pyproject.toml,$?),'.[dev]','.' --no-deps --no-build-isolation)
	@touch $@

# Changes only when the list of modules does.
$(MODULES): always | $(BIN)/pip
	@find edge_naca export host -name '*.py' | sort | cmp -s - $@ || \
		find edge_naca export host -name '*.py' | sort >$@

$(BIN)/pip:
	@tools/make-venv '$(PYTHON)' $(VENV)

# gcc-multilib brings 32-bit x86 and exists there only. A Node.js from elsewhere has its npm with it. Where libclang-rt-dev does not exist, clang
# itself brings the sanitizers' run-time libraries.
ci-tools: board-tools
	@tools/apt-install clang 'libclang-rt-dev?' gcc libc6-dev make valgrind python3-dev python3-venv \
		$$(test "$$(dpkg --print-architecture)" != amd64 || echo gcc-multilib) \
		$$(command -v npm >/dev/null || echo nodejs npm)

# Compilers and emulators of the boards in firmware/boards.
board-tools:
	@tools/apt-install gcc-arm-none-eabi libnewlib-arm-none-eabi gcc-riscv64-unknown-elf \
		picolibc-riscv64-unknown-elf gcc-avr avr-libc qemu-system-arm qemu-system-misc \
		simavr libsimavr-dev libelf-dev

clean:
	rm -rf $(VENV) build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Before each commit: lint, types, and tests/quick.txt, which touches every part (under a minute on 2 cores).
.PHONY: quick debug
quick: lint
	$(BIN)/python -m pytest -q -n $(JOBS) @tests/quick.txt $(PYTEST_ARGS)

# The C core for a debugger. It counts as not installed, so that the next target brings the usual one back.
debug: install
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--config-settings=cmake.build-type=Debug --config-settings=install.strip=false --editable .
	@rm -f $(INSTALLED)

# The pages of docs/, README.md and benchmarks/, and the API from its docstrings. Strict: a link that leads
# nowhere fails. Nothing is fetched; docs-links alone needs the Internet, for links to other sites.
.PHONY: docs docs-links pictures
SPHINX = $(BIN)/python -m sphinx --conf-dir docs --doctree-dir build/doctrees --jobs $(JOBS) --quiet

docs: install
	$(SPHINX) -b html --nitpicky --fail-on-warning --keep-going . build/docs
	@echo "build/docs/index.html"

docs-links: install
	$(SPHINX) -b linkcheck . build/docs-links

# Drawn by Graphviz ('make ci-tools'); the SVG files are committed, so that nobody needs it to read or build.
pictures:
	for picture in docs/pictures/*.dot; do dot -Tsvg "$$picture" -o "$${picture%.dot}.svg" || exit 1; done
