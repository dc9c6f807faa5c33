# Builds the bench's own programs into $(BUILD)/bench: make -f tools/bench/bench.mk BUILD=build

include Makefile

BENCH_PROGRAMS := $(patsubst tools/bench/%.c,$(BUILD)/bench/%,$(wildcard tools/bench/*.c))

.PHONY: bench-programs
.DEFAULT_GOAL := bench-programs
bench-programs: $(BENCH_PROGRAMS) test-tools

$(BUILD)/bench/%: $(BUILD)/obj/tools/bench/%.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

.PRECIOUS: $(BUILD)/obj/tools/bench/%.o
