# make check     what must hold before a change lands, without the slow parts of .ci/run
# make bench     speed, as ratios to a bound measured in the same run
# make demo      the README's first command

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2

# Packages whose tests the race detector can afford. Left out: features/duck, whose
# threads are DuckDB's own, and cmd, whose tests are mostly child processes.
RACE = ./data/... ./features ./features/matrix ./features/read ./models/... ./serving/... ./training/...

.PHONY: check lint test race integration bench bench-features demo tidy

check: lint test

lint:
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt these files:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...

test:
	go test ./...

race:
	go test -race $(RACE)

# A binary is built and used as a user would: real children, kills, HTTP.
integration:
	go test -count=1 -tags integration -timeout 20m ./cmd/regulars

bench:
	go test -run '^$$' -bench . -benchtime 3x ./...

# Up to LINES order lines: 1000000, 5000000 or 20000000 (an hour).
LINES = 1000000
bench-features:
	REGULARS_BENCH_LINES=$(LINES) go test -run '^$$' -bench 'Profile' -benchtime 1x -timeout 3h ./features/duck
	go test -run '^$$' -bench InteractionWeights ./features/read

demo:
	go run ./cmd/regulars demo

tidy:
	go mod tidy
