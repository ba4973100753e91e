# make run    installs what is missing, builds, and serves http://localhost:8080
# make test   installs what is missing, and runs every check and test
SHELL := /bin/sh
export GOTOOLCHAIN ?= auto

.PHONY: run build test check setup bench clean

run: build
	bin/frontdesk serve

build: setup
	go build -trimpath -ldflags "-s -w" -o bin/frontdesk .

setup:
	@scripts/setup

test: build check
	@scripts/setup test
	cd e2e && npm ci --silent --no-audit --no-fund
	go test -race -timeout 10m $$(go list ./... | grep -v /e2e)
	go test -timeout 10m ./e2e

check:
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these"; exit 1; }
	go vet ./...
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

bench: setup
	go test -run '^$$' -bench . -benchmem ./...

clean:
	rm -rf bin
