# ftbench: see `make help`.
#
# V=release|debug|asan picks flags and object folder, CC picks the compiler;
# each pair has objects of its own. Folders are layers: a folder may include
# only what stands before it in LAYERS (checked by `make lint`).

MAKEFLAGS += --no-builtin-rules --no-builtin-variables

V ?= release
CC = gcc
LAYERS := harness/base assets models/tensor models/tokenize models methods \
          datasets results pretrain reports harness

B := build/$(CC)-$(V)
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wstrict-prototypes \
        -Wmissing-prototypes -Wundef -Wno-psabi -Werror
# No value-changing flags: the same bits from gcc and clang, from AVX2 and AVX-512.
NUMERIC := -ffp-contract=off -fno-math-errno -fno-trapping-math
OPT.release := -O3 -march=$(or $(MARCH),native) -g1
OPT.debug := -O1 -march=$(or $(MARCH),x86-64-v3) -g
OPT.asan := -O1 -march=$(or $(MARCH),x86-64-v3) -g -fno-omit-frame-pointer \
            -fsanitize=address,undefined -fno-sanitize-recover=all
CPPFLAGS = -I. -D_GNU_SOURCE -MMD -MP $(PKG_CFLAGS) \
           -DFT_BUILD='"$(CC) $(V)"' -DFT_FLAGS='"$(strip $(OPT.$(V)) $(NUMERIC))"'
CFLAGS = -std=c17 $(WARN) $(OPT.$(V)) $(NUMERIC)
LDFLAGS = $(filter -fsanitize=%,$(OPT.$(V)))
LDLIBS = $(PKG_LIBS) -lcsv -lpthread -lm

layer_sources = $(filter-out harness/main.c,$(wildcard $(1)/*.c))
archive = $(B)/lib$(subst /,_,$(1)).a
# Layers that have sources, and their archives; a linker wants the last first.
FILLED := $(foreach l,$(LAYERS),$(if $(call layer_sources,$(l)),$(l)))
reversed = $(if $(1),$(call reversed,$(wordlist 2,99,$(1))) $(firstword $(1)))
archives = $(foreach l,$(call reversed,$(1)),$(call archive,$(l)))
ARCHIVES := $(call archives,$(FILLED))
TESTS := $(patsubst tests/%.c,$(B)/tests/%,$(filter-out $(wildcard tests/*/bench_*.c tests/*/*/bench_*.c),\
           $(wildcard tests/*/test_*.c tests/*/*/test_*.c)))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: help all test unit e2e reproduce lint asan bench fmt clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

# The packages are looked for once, installed where possible, else named.
ifneq ($(filter-out help clean,$(or $(MAKECMDGOALS),all)),)
include build/packages.mk
endif
build/packages.mk: tools/packages.sh
	@mkdir -p build
	@tools/packages.sh > $@.new
	@mv $@.new $@

all: ftbench ## build ./ftbench

ftbench: $(B)/ftbench
	@ln -sf $(B)/ftbench $@

# `make SHOW=` prints every command.
SHOW ?= @

$(B)/ftbench: $(B)/harness/main.o $(ARCHIVES)
	@echo "link $@"
	$(SHOW)$(CC) $(LDFLAGS) -o $@ $< $(ARCHIVES) $(LDLIBS)

define archive_rule
$(call archive,$(1)): $(patsubst %.c,$(B)/%.o,$(call layer_sources,$(1)))
	@rm -f $$@
	$(SHOW)ar rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call archive_rule,$(l))))

$(B)/%.o: %.c
	@mkdir -p $(@D)
	@echo "$(CC) $<"
	$(SHOW)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# A test of a layer links that layer and those before it, so it also proves the
# layering: tests/models/tensor links harness/base ... models/tensor.
# upto: layers as far as this one; all of them for a folder that is no layer.
upto_in = $(firstword $(2)) $(if $(filter $(1),$(firstword $(2))),,$(call upto_in,$(1),$(wordlist 2,99,$(2))))
upto = $(if $(filter $(1),$(FILLED)),$(call upto_in,$(1),$(FILLED)),$(FILLED))
define test_rule
$(B)/tests/$(1)/%: $(B)/tests/$(1)/%.o $(2)
	$$(SHOW)$$(CC) $$(LDFLAGS) -o $$@ $$< $(2) $$(LDLIBS) -lcriterion
endef
$(foreach d,$(sort $(patsubst tests/%/,%,$(dir $(wildcard tests/*/*.c tests/*/*/*.c)))),$(eval $(call test_rule,$(d),$(call archives,$(call upto,$(d))))))
$(B)/tests/%: $(B)/tests/%.o $(ARCHIVES)
	$(SHOW)$(CC) $(LDFLAGS) -o $@ $< $(ARCHIVES) $(LDLIBS) -lcriterion

test: ftbench $(TESTS) ## unit tests, then end-to-end tests
	@tests/run.sh unit $(TESTS)
	@tests/run.sh e2e $(wildcard tests/e2e/*.sh)

unit: $(TESTS) ## unit tests only
	@tests/run.sh unit $(TESTS)

e2e: ftbench ## end-to-end tests only
	@tests/run.sh e2e $(wildcard tests/e2e/*.sh)

# Built on every core: a first reproduction waits for it.
reproduce: ## the main job: run the matrix, write reports/out
	@$(MAKE) -s $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc)) ftbench
	@tools/reproduce.sh

asan: ## all unit tests under AddressSanitizer and UBSan
	@$(MAKE) V=asan unit

lint: ## format, headers, layers, function length, banned calls, analysers
	@tests/lint/lint.sh

# PAGE=docs/speed.md keeps the page that it writes.
bench: ftbench $(B)/tests/bench/bench_engine ## tokens/s beside PyTorch and the gemm peak: build/bench/speed.md
	@tests/bench/bench.py
	@$(if $(PAGE),cp build/bench/speed.md $(PAGE))

fmt: ## clang-format everything in place
	@git ls-files -co --exclude-standard '*.c' '*.h' | xargs clang-format -i

clean: ## remove what was built
	rm -rf build ftbench

-include $(wildcard $(B)/*/*.d $(B)/*/*/*.d $(B)/*/*/*/*.d)
