# The commands of the project. `make` lists them.

GO ?= go
# The version comes from git below, not from go build, so that a build does not
# depend on the owner of the working tree.
GOBUILD = $(GO) build -buildvcs=false

GOFUMPT     = mvdan.cc/gofumpt@v0.12.0
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2

# Builds are reproducible: the date is the commit's, and there is no user or host
# name. Outside a git working tree the values are empty and the version is "dev".
# Characters that are special to a shell are removed from git's output.
git = $(if $(wildcard .git),$(shell TZ=UTC git $(1) 2>/dev/null | tr -cd 'A-Za-z0-9._/+:-'))
VERSION    ?= $(or $(patsubst v%,%,$(call git,describe --tags --match 'v[0-9]*' --dirty)),dev)
REVISION   ?= $(call git,rev-parse HEAD)
BRANCH     ?= $(call git,rev-parse --abbrev-ref HEAD)
BUILD_DATE ?= $(call git,log -1 --date=format-local:%Y%m%d-%H:%M:%S --format=%cd)
BUILD_USER ?= make
EPOCH      ?= $(or $(call git,log -1 --format=%ct),0)
stamp   = -X github.com/prometheus/common/version.$(1)=$(2)
LDFLAGS = -s -w $(call stamp,Version,$(VERSION)) $(call stamp,Revision,$(REVISION)) $(call stamp,Branch,$(BRANCH)) \
	$(call stamp,BuildUser,$(BUILD_USER)) $(call stamp,BuildDate,$(BUILD_DATE))

.DEFAULT_GOAL := help
.PHONY: help build package container release test test-all faults simulate fuzz mutants lint generate screenshots bench clean

# The directory for packages, archives and images.
DIST ?= dist

help: ## show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

build: ## build the program as one static file, reproducibly
	CGO_ENABLED=0 $(GOBUILD) -trimpath -ldflags '$(LDFLAGS)' -o betanet_exporter .

package: ## build .deb and .rpm packages for three architectures in dist/, reproducibly
	@GO='$(GO)' VERSION='$(VERSION)' REVISION='$(REVISION)' SOURCE_DATE_EPOCH='$(EPOCH)' LDFLAGS='$(LDFLAGS)' deploy/packages/build

test: ## check formatting, vet and go.mod, and run the tests that need only Go (and a C compiler for the race detector)
	@unformatted=$$(gofmt -l .) || exit 1; test -z "$$unformatted" || { echo "not formatted, run gofmt -w on:"; echo "$$unformatted"; exit 1; }
	$(GO) mod tidy -diff
	$(GO) vet ./...
	$(GO) test -race -shuffle=on $$($(GO) list ./... | grep -v /internal/blackbox)
	$(MAKE) --no-print-directory fuzz FUZZTIME=3s
# Run blackbox by itself, because it measures times of a process that other tests would slow down.
	$(GO) test -race -shuffle=on ./internal/blackbox

# The programs that the tests in test/ use, each with its Debian package.
COMPONENTS = promtool:prometheus prometheus:prometheus \
	prometheus-alertmanager:prometheus-alertmanager amtool:prometheus-alertmanager \
	haproxy:haproxy vmagent:victoria-metrics victoria-metrics:victoria-metrics \
	chromium:chromium npm:npm buildah:buildah \
	systemd-analyze:systemd lintian:lintian rpm:rpm

test-all: test faults simulate lint ## run test, faults, simulate, lint, and the tests in test/ with real components
	@PATH=$$PATH:/usr/sbin; for p in $(COMPONENTS); do \
		command -v $${p%:*} >/dev/null || echo "make: $${p%:*} is missing (Debian package $${p#*:}): its tests are skipped, or fail with CI=true"; done
	cd test && $(GO) mod tidy -diff && $(GO) vet ./...
# -count=1, because the tests build the program, and Go's test cache does not notice its changes.
	cd test && $(GO) test -v -race -shuffle=on -count=1 -timeout=45m ./...

faults: ## run all tests of internal/blackbox; make test omits the slow ones
	BETANET_FAULTS=all $(GO) test -race -shuffle=on -count=1 -timeout=25m ./internal/blackbox

DAYS ?= 60
simulate: ## simulate DAYS=60 days of random faults (SEED=) for the exporter, and 122 times as many for its core; two minutes
	GOGC=400 SIMULATE=$$((122 * $(DAYS))) $(GO) test ./internal/poll -run '^TestYearsOfTheCore$$' -v -count=1 -timeout 0 & \
	DAYS=$(DAYS) $(GO) test ./internal/simulation -run '^TestDaysOfTheExporter$$' -v -count=1 -timeout 0; exporter=$$?; \
	wait $$! && exit $$exporter

FUZZTIME ?= 1m
fuzz: ## run every fuzz target in turn, FUZZTIME=1m each
	@grep -roE --include='*_test.go' '^func Fuzz[A-Za-z]+' internal | sort | while IFS=: read -r file func; do \
		$(GO) test ./$$(dirname $$file) -run '^$$' -fuzz "^$${func#func }$$" -fuzztime $(FUZZTIME) || exit 1; done

mutants: ## apply each patch of test/mutants to a copy of the code, and check that tests fail; one to two hours, MUTANTS=config for one package
	cd test && $(GO) run ./mutants $(MUTANTS)

lint: ## run gofumpt and staticcheck, fetched through the module proxy
	@$(call fetched,$(GOFUMPT),-version) || exit 0; \
	echo "gofumpt -l ."; \
	unformatted=$$($(GO) run $(GOFUMPT) -l .) || exit 1; \
	test -z "$$unformatted" || { echo "gofumpt would change, run $(GO) run $(GOFUMPT) -w . on:"; echo "$$unformatted"; exit 1; }
	@$(call fetched,$(STATICCHECK),-version) || exit 0; \
	for dir in . test; do echo "cd $$dir && staticcheck ./..."; (cd $$dir && $(GO) run $(STATICCHECK) ./...) || exit 1; done

# Runs a tool, and fails if it cannot be fetched or built: with CI=true that is an
# error, otherwise the check is skipped with a message.
fetched = out=$$($(GO) run $(1) $(2) 2>&1) || { \
	echo "make: cannot fetch or build $(1):"; echo "$$out"; \
	if [ "$(CI)" = true ]; then echo "make: this is an error with CI=true"; exit 1; fi; \
	echo "make: SKIPPED the checks of $(1)"; false; }

generate: ## write the generated pages of docs/ and the dashboards of monitoring/
	$(GO) run ./docs/generate docs
	$(GO) run ./monitoring/generate monitoring/dashboards

screenshots: ## take the screenshots of docs/screenshots with Chromium
	mkdir -p docs/screenshots
	cd test && $(GO) run ./screenshots ../docs/screenshots

bench: ## measure the program relative to baselines in the same run; half an hour, BENCH='-only small' two minutes
	$(GO) run ./bench $(BENCH)

container: ## build the image for amd64 and arm64 as one OCI archive in dist/; needs buildah and root
	rm -rf $(DIST)/container
	install -d $(DIST)/container
	for arch in amd64 arm64; do CGO_ENABLED=0 GOOS=linux GOARCH=$$arch $(GOBUILD) -trimpath -ldflags '$(LDFLAGS)' \
		-o $(DIST)/container/linux-$$arch/betanet_exporter . || exit 1; done
	install -m 644 LICENSE deploy/container/passwd /etc/ssl/certs/ca-certificates.crt $(DIST)/container
	GO='$(GO)' deploy/licenses >$(DIST)/container/LICENSES-OF-MODULES
	chmod 644 $(DIST)/container/LICENSES-OF-MODULES
	deploy/container/build $(DIST)/container $(DIST)/betanet_exporter-$(VERSION).oci.tar betanet_exporter:$(VERSION) $(EPOCH) \
		$(foreach label,title=betanet_exporter version=$(VERSION) revision=$(REVISION) licenses=Apache-2.0 \
		source=https://github.com/betanet/betanet_exporter,org.opencontainers.image.$(label))
	rm -rf $(DIST)/container

release: ## build archives for all platforms, the Helm chart, an SBOM and checksums in dist/; only from a tag
	$(GO) run ./deploy/release -ldflags '$(LDFLAGS)' $(VERSION) $(DIST)

# A tag is built reproducibly, whichever branch is checked out.
container release: BRANCH = v$(VERSION)

clean: ## remove the files made by build, package, container and release
	rm -rf betanet_exporter dist
