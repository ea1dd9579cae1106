# The two commands are `make run` and `make test`; each sets the machine up first. What they do is in
# ci/setup and `cargo xtask`, so that a pipeline can call the same.

SHELL := /bin/bash
cache := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/packyard
export PATH := $(cache)/go/bin:$(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin
ARGS ?=
DURATION ?= 60s

.PHONY: help setup build run test check bench-build bench-registry soak soak-build clean
.DEFAULT_GOAL := help

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{ printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: ## install what is missing on this machine; repeat at will
	@ci/setup

build: setup ## build the program, optimized, as target/release/packyard
	@ci/timed 'build packyard' cargo build --release --package packyard

run: build ## the main job on QEMU, then serve until Ctrl-C; ARGS=--exit stops then
	@cargo xtask run $(ARGS)

test: setup ## every check of the project, machines included
	@cargo xtask test $(ARGS)

check: setup ## every check that boots no machine
	@cargo xtask test --fast

bench-build: setup ## measure the main job; the table is for docs/benchmarks.md
	@cargo xtask bench-build $(ARGS)

bench-registry: setup ## measure the registry beside distribution's; report only
	@cargo xtask bench-registry $(ARGS)

soak: ## push, pull and kill the registry for DURATION (90s, 10m, 3h); nothing may be lost
	@cargo xtask soak $(DURATION) $(ARGS)

soak-build: setup ## 1,000 builds on fake machines while workers are killed; none may be lost
	@cargo xtask soak-build $(ARGS)

clean: ## remove what was built here; the caches outside the tree stay
	@cargo clean
