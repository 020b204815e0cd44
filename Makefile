# Verbs only; the build is CMake's (CMakeLists.txt, CMakePresets.json).
.PHONY: help run build test test-unit test-sanitized test-end-to-end check format bench fuzz clean

VENV := .venv
PYTHON := $(VENV)/bin/python
JOBS ?= $(shell nproc)

help:
	@echo "make run     build and serve on http://127.0.0.1:8001 (installs what is missing)"
	@echo "make build   build build/imgrouter"
	@echo "make test    every test; prints what it skipped and why"
	@echo "make check   format, static analysis, layers"
	@echo "make bench   compare with PyTorch, ONNX Runtime and OpenVINO on this machine"
	@echo "make fuzz    run every fuzz target for a minute (SECONDS=60)"
	@echo "make clean   remove what was built"

run: build
	@tools/get_models.sh build/imgrouter
	@exec build/imgrouter serve

build:
	@tools/install_packages.sh build
	@cmake --preset release -DIMGROUTER_TESTS=OFF >build.log 2>&1 || { cat build.log; rm -f build.log; exit 1; }
	@rm -f build.log
	@cmake --build --preset release -- -j $(JOBS)

# Fast ones first. The tokenizer's test against the published vocabulary needs the Python packages,
# so these are installed before.
test: $(VENV)/.ready test-unit test-sanitized test-end-to-end

test-unit:
	@tools/install_packages.sh build test
	cmake --preset release -DIMGROUTER_TESTS=ON -DIMGROUTER_WERROR=ON
	cmake --build --preset release -- -j $(JOBS)
	@merges=$$(ls $(CURDIR)/$(VENV)/lib/python3*/site-packages/open_clip/bpe_simple_vocab_16e6.txt.gz 2>/dev/null); \
		if [ -n "$$merges" ]; then export IMGROUTER_CLIP_MERGES=$$merges; fi; \
		ctest --preset release -j $(JOBS)

test-sanitized:
	@tools/install_packages.sh build test
	cmake --preset asan
	cmake --build --preset asan -- -j $(JOBS)
	ctest --preset asan -j $(JOBS)
	cmake --preset tsan
	cmake --build --preset tsan -- -j $(JOBS)
	ctest --preset tsan -j $(JOBS) -L threads

test-end-to-end: $(VENV)/.ready
	$(PYTHON) -m pytest tests -q -rs

# Without PyTorch (several GB) the comparison at full size is skipped, and says so.
$(VENV)/.ready: tests/requirements.txt tests/requirements-reference.txt
	@tools/install_packages.sh test
	python3 -m venv $(VENV)
	$(PYTHON) -m pip install -q --disable-pip-version-check -r tests/requirements.txt
	$(PYTHON) -m pip install -q --disable-pip-version-check -r tests/requirements-reference.txt || \
		echo "PyTorch and the reference libraries could not be installed: their tests will be skipped."
	@touch $@

check:
	@tools/install_packages.sh build test check
	@git ls-files 'src/*.[ch]' 'tests/*.[ch]' | xargs clang-format --dry-run --Werror
	@python3 tools/check_source.py
	@cmake --preset debug >/dev/null
	@git ls-files 'src/*.c' ':!src/kernels/*_neon*.c' | xargs -P $(JOBS) -n 8 clang-tidy -p build-debug --quiet \
		--extra-arg=-Wno-unknown-warning-option

format:
	@git ls-files 'src/*.[ch]' 'tests/*.[ch]' | xargs clang-format -i

# Peers that cannot be installed are left out, and the comparison says so.
bench: build $(VENV)/.ready
	@$(PYTHON) -m pip install -q --disable-pip-version-check -r tests/requirements-bench.txt || true
	$(PYTHON) bench/compare.py --out build/bench.json

SECONDS ?= 60
fuzz:
	@tools/install_packages.sh build check
	cmake --preset fuzz
	cmake --build --preset fuzz -- -j $(JOBS)
	@for target in build-fuzz/tests/fuzz/fuzz_*; do \
		test -x $$target || continue; \
		name=$$(basename $$target); corpus=build-fuzz/corpus-$$name; mkdir -p $$corpus; \
		echo "== $$name"; $$target -max_total_time=$(SECONDS) -rss_limit_mb=4096 \
			-artifact_prefix=build-fuzz/ $$corpus >build-fuzz/$$name.log 2>&1 || \
			{ tail -40 build-fuzz/$$name.log; exit 1; }; \
		tail -1 build-fuzz/$$name.log; \
	done

clean:
	rm -rf build build-debug build-asan build-tsan build-fuzz $(VENV)
