# "make help" lists the targets.
SHELL := /bin/sh
export GOTOOLCHAIN ?= auto
.DEFAULT_GOAL := help

# How long "make fuzz" runs each fuzz target.
FUZZTIME ?= 5s
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0

# Most tests wait (for speech, timers and other processes), so more of them run at a time
# than there are cores.
GOTEST := go test -p 3 -timeout 10m
BUT_E2E = $$(go list ./... | grep -v /e2e$$)

.PHONY: help run build setup setup-test test unit race e2e check lint vuln nocgo fuzz bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / {printf "make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## install what is missing, build, and serve http://localhost:8080
	bin/frontdesk serve

build: setup ## install what is missing, and build bin/frontdesk
	go build -trimpath -ldflags "-s -w -X frontdesk/internal/app.version=$(VERSION)" -o bin/frontdesk .

setup: ## install what is needed to build and run
	@scripts/setup

setup-test:
	@scripts/setup test

test: check race e2e ## install what is missing, and run every check and test

unit: ## run the quick tests: no installs, no race detector, nothing end to end
	$(GOTEST) -parallel 4 -short $(BUT_E2E)

race: setup-test ## run all tests but the end-to-end ones, with the race detector
	FRONTDESK_TEST_MODELS=required $(GOTEST) -parallel 4 -race $(BUT_E2E)

e2e: setup-test e2e/node_modules/.package-lock.json ## run the end-to-end tests of the real program
	FRONTDESK_TEST_MODELS=required $(GOTEST) -parallel 4 ./e2e

e2e/node_modules/.package-lock.json: e2e/package-lock.json
	cd e2e && npm ci --silent --no-audit --no-fund

check: setup ## run gofmt, go vet and staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these files"; exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...

lint: check ## run check, and golangci-lint with .golangci.yml
	go run $(GOLANGCI) run

vuln: setup ## look for known vulnerabilities in dependencies (needs https://vuln.go.dev)
	go run $(GOVULNCHECK) ./...

nocgo: ## build and vet without cgo for Linux, macOS and Windows
	@scripts/nocgo

fuzz: setup ## run each fuzz target for FUZZTIME (5s)
	@scripts/fuzz $(FUZZTIME)

bench: setup ## run every benchmark
	go test -run '^$$' -bench . -benchmem ./...

clean: ## delete what was built
	rm -rf bin
