# SPDX-License-Identifier: Apache-2.0
# The two commands of a fresh machine are `make demo` and `make test`; the rest is their parts.
# Everything is built in the release configuration, so that the demo and the tests share one build.

SWIFT ?= swift
# `make test FILTER=Safetensors` runs the tests whose names match.
FILTER ?=
# `make install PREFIX=$HOME/.local` installs there.
PREFIX ?= /usr/local
# `make test-mutations ONLY=gguf` plants the faults whose name, file or tests hold the word.
ONLY ?=

release := .build/release
ingot := $(release)/ingot

# Warnings are errors in CI; Package.swift reads this. On a user's newer compiler a new warning is no obstacle.
ifdef CI
export INGOT_WARNINGS_AS_ERRORS := 1
endif

# `ingot --version` names it.
export INGOT_COMMIT := $(shell git rev-parse --short=12 HEAD 2> /dev/null)

MAKEFLAGS += --no-print-directory
.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help setup build install build-tests build-examples demo test test-levels test-mutations test-page test-peers test-sanitizers fuzz bench bench-peers build-benchmarks format lint clean

help: ## List these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'

setup: ## Install the system packages that are missing
	@Scripts/setup

build: setup ## Build the program: .build/release/ingot
	@$(SWIFT) build -c release --product ingot

install: build ## Install program, man pages and completions below PREFIX (/usr/local), with DESTDIR before it
	@Scripts/install $(ingot) '$(DESTDIR)$(PREFIX)'

build-tests: setup ## Build the program and the tests
	@$(SWIFT) build -c release --build-tests

build-examples: setup ## Build the package in Examples, which uses the library as others do
	@$(SWIFT) build --package-path Examples --scratch-path .build/examples

demo: build ## Show what ingot does, on fixtures/kjv-gpt2
	@Scripts/demo $(ingot)

test: setup lint build-tests build-examples ## Run every test that needs no heavy peer
	@python=$$(Scripts/make-peers light) && INGOT_PEERS_PYTHON=$$python \
	  $(SWIFT) test -c release --skip-build --disable-xctest $(if $(FILTER),--filter '$(FILTER)')

test-levels: setup build-tests build-examples ## Run the tests with the kernels of each CPU level; compile those of 64-bit ARM
	@Scripts/compile-arm64
	@python=$$(Scripts/make-peers light) && for level in portable avx2 avx512; do echo "INGOT_CPU=$$level" && \
	  INGOT_CPU=$$level INGOT_PEERS_PYTHON=$$python $(SWIFT) test -c release --skip-build --disable-xctest || exit 1; done

test-mutations: setup ## Plant faults one at a time, and see that tests notice each: under an hour
	@python=$$(Scripts/make-peers light) && INGOT_PEERS_PYTHON=$$python SWIFT=$(SWIFT) Scripts/test-mutations $(ONLY)

test-peers: build ## Test against torch and transformers (a large download at first)
	@python=$$(Scripts/make-peers heavy) && Scripts/test-peers $$python $(ingot)

test-page: build ## Look at pages of `ingot report` in headless Chromium (some 300 MB, from Debian, where there is none)
	@python=$$(Scripts/make-peers browser) && Scripts/test-page $$python $(ingot)

test-sanitizers: setup build-examples ## Run the tests under the address, undefined-behaviour and thread sanitizers
	@Scripts/test-sanitizers

fuzz: setup ## Fuzz one way in for bytes from outside: DOOR=json SECONDS=60; DOOR=all takes each in turn
	@Scripts/fuzz $(DOOR) $(SECONDS)

bench: build-benchmarks ## Time the commands and forward passes, and compare with the baseline
	@python=$$(Scripts/make-peers light) && for part in commands forward; do \
	  $$python Benchmarks/$$part.py --build $(release) --rounds 3 --json $(release)/bench-$$part.json || exit 1; done && \
	  $$python Benchmarks/compare.py $(release)/bench-commands.json $(release)/bench-forward.json

bench-peers: build-benchmarks ## Time them against numpy, torch, llama.cpp and others: docs/benchmarks.md (a large download at first)
	@python=$${INGOT_PEERS_PYTHON:-$$(Scripts/make-peers heavy)} && Scripts/bench-peers $$python $(release)

build-benchmarks: build
	@$(SWIFT) build -c release --product KernelBenchmark
	@$(SWIFT) build -c release --product RuntimeBenchmark

format: ## Format the Swift sources in place
	@$(SWIFT) format -i -r Package.swift Sources Tests Benchmarks Examples/Package.swift Examples/Sources Fuzz/Package.swift Fuzz/Sources

lint: setup ## Check format and public documentation
	@$(SWIFT) format lint --strict -r Package.swift Sources Tests Benchmarks Examples/Package.swift Examples/Sources Fuzz/Package.swift Fuzz/Sources

clean: ## Remove what was built
	@rm -rf .build .build-mutations .build-address .build-thread .build-fuzz
