# One line each; the work is done in scripts/.
SHELL := bash
.DEFAULT_GOAL := help

FILE ?= big-data-import.csv
ROWS ?= 100000
N ?= 1
ARGS ?=
SECONDS ?= 60
ONLY ?=
# What scripts/torture.sh, scripts/attack.sh and scripts/bench.sh read.
export MINUTES SEED GO_ON KEEP BENCH_ROWS

demo: ## from nothing to 100,000 rows in a local Salesforce, verified; leaves nothing running
	@scripts/demo.sh

up: ## start Redis, Azurite, the Salesforce simulator and one consumer in the background
	@scripts/up.sh

down: ## end what `make up` started
	@scripts/down.sh

generate: ## write a CSV file into the blob container [ROWS=100000 FILE=big-data-import.csv ARGS=--force]
	@scripts/run.sh generate-upload --rows "$(ROWS)" --file "$(FILE)" $(ARGS)

sync: ## bring a file to Salesforce and print the report [FILE=big-data-import.csv ARGS=--json]
	@scripts/run.sh producer sync --file "$(FILE)" $(ARGS)

serve: ## serve the HTTP API and the page, and import what is started there [ARGS=--http-listen=127.0.0.1:3001]
	@scripts/run.sh producer serve $(ARGS)

consumer: ## run consumers in the foreground until Ctrl-C [N=1]
	@scripts/consumers.sh "$(N)"

test: ## run every test; gets Redis and Azurite when they are missing
	@scripts/test.sh

torture: ## break everything at random for MINUTES; every row must arrive [MINUTES=10 SEED=1 GO_ON= KEEP=]
	@scripts/torture.sh

attack: ROWS := 200000
attack: ## attack a server and two consumers for MINUTES; honest runs must go on [MINUTES=10 ROWS=200000]
	@ROWS="$(ROWS)" scripts/attack.sh

compare: ROWS := 200000
compare: ## load ROWS rows by both APIs, past faults and kills: the same rows, the same rejects [ROWS=200000]
	@ROWS="$(ROWS)" scripts/compare.sh

prove-5gb: ## load 5 GB, 67 million rows, with producer, two consumers and Redis in 512 MB; half an hour or more
	@scripts/prove.sh 67000000 5000 512 docs/memory-5gb.svg

prove-500mb: ## the same with 500 MB in 160 MB; some minutes
	@scripts/prove-500mb.sh

check-deploy: ## chart, compose.yaml, images: rendered, validated, built and run with 100,000 rows [ARGS=--no-images]
	@scripts/deploy-check.sh $(ARGS)

packages: ## wheel, .deb and archive of batch-sync into dist/, each tried as after an installation [ARGS=--chroot]
	@scripts/packages.sh $(ARGS)

docs: ## the documents as a site, in .local/book/html
	@scripts/docs.sh

check: ## formatting, lints, documents, dependencies, scripts, workflows
	@scripts/check.sh

check-monitoring: ## make faults in the whole product, and see its alerts fire in a Prometheus
	@scripts/monitoring-check.sh

fuzz: ## look for bytes that break what reads them; needs nightly Rust and cargo-fuzz [SECONDS=60]
	@scripts/fuzz.sh "$(SECONDS)"

mutants: ## break the code that rows depend on, piece by piece, to see a test fail each time [ONLY=settle.lua]
	@scripts/mutants.sh $(ONLY)

bench: ## measure each part beside its plain counterpart, and the whole [ONLY=latency BENCH_ROWS=10000000]
	@scripts/bench.sh $(ONLY)

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo up down generate sync serve consumer test torture attack compare prove-5gb prove-500mb packages docs check check-deploy check-monitoring fuzz mutants bench help
