# make check     what must hold before a change lands, without the slow parts of .ci/run
# make bench     speed, as ratios to a bound measured in the same run
# make demo      the README's first command

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
REDOCLY = @redocly/cli@2.77.0

# Packages whose tests the race detector can afford. Left out: features/duck, whose
# threads are DuckDB's own, and cmd, whose tests are mostly child processes.
RACE = ./data/... ./features ./features/matrix ./features/read ./models/... ./serving/... ./training/...

.PHONY: check lint lint-openapi test race integration bench bench-features bench-gowalla bench-gowalla-ease bench-ranking bench-kernels bench-trees bench-serving demo tidy

check: lint test

lint:
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt these files:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...

# The description of the API, which needs Node 20 or later.
lint-openapi:
	REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true npx --yes $(REDOCLY) lint --config serving/api/redocly.yaml serving/api/openapi.yaml

test:
	go test ./...

race:
	go test -race -timeout 20m $(RACE)

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

# The tables of recommenders in docs/benchmarks.md, from the files in DATA. EASE on
# Gowalla takes a quarter of an hour and 10 GiB, and has a target of its own.
DATA = ../shared/data
GOWALLA = .bench/regulars evaluate ranking --train $(DATA)/gowalla_train.parquet --test $(DATA)/gowalla_test.parquet --k 20
.bench/regulars: FORCE
	go build -o $@ ./cmd/regulars
FORCE:

bench-gowalla: .bench/regulars
	$(GOWALLA) --model spectral,itemknn,tifuknn,rules,popular
	$(GOWALLA) --model blend --set blend.sources=itemknn,ials,popular

bench-gowalla-ease: .bench/regulars
	$(GOWALLA) --model ease

# What the pipeline chooses and reports, with either ranker, then models that it
# does not compare, on the same slice.
bench-ranking: bench-gowalla
	rm -rf .bench/shop
	.bench/regulars init .bench/shop
	.bench/regulars import online-retail --workspace .bench/shop $(DATA)/online_retail_2009_2010.parquet $(DATA)/online_retail_2010_2011.parquet
	.bench/regulars run pipeline --workspace .bench/shop --as-of 2011-12-08
	.bench/regulars evaluate --workspace .bench/shop --as-of 2011-12-08 --set blend.ranker=logistic
	go test -run '^$$' -bench RetailTable -benchtime 1x ./training/ranking

bench-kernels:
	go test -run '^$$' -bench . -benchtime 0.3s ./models/internal/kernel
	go test -run '^$$' -bench . -benchtime 3x ./models/ials
	go test -run '^$$' -bench Fit -benchtime 1x ./models/ease

# Trees beside LightGBM: LIGHTGBM_PYTHON names a Python that has it.
bench-trees:
	REGULARS_BENCH_ROWS=1000000 go test -run '^$$' -bench LightGBM -benchtime 1x -timeout 1h ./models/gbdt

# The server beside a bare handler, up to ten minutes: CUSTOMERS=1000000
# for a large shop, LOAD="-only scores" for one part of it.
CUSTOMERS ?= 200000
bench-serving:
	go build -o $(CURDIR)/.bench/regulars ./cmd/regulars
	go build -o $(CURDIR)/.bench/load ./serving/load
	.bench/load bench -customers $(CUSTOMERS) $(LOAD)

demo:
	go run ./cmd/regulars demo

tidy:
	go mod tidy
