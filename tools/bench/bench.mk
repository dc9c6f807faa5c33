# Builds the bench's own programs into $(BUILD)/bench: make -f tools/bench/bench.mk BUILD=build

include Makefile

BENCH_PROGRAMS := $(patsubst tools/bench/%.c,$(BUILD)/bench/%,$(wildcard tools/bench/*.c))

.PHONY: bench-programs
.DEFAULT_GOAL := bench-programs
bench-programs: $(BENCH_PROGRAMS) test-tools

link-program = @mkdir -p $(@D) && $(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

$(BUILD)/bench/%: $(BUILD)/obj/tools/bench/%.o $(LIB)
	$(link-program)

# What the centre's intake is made of is not in the library.
INTAKE := assembly fault intake intake_settle needs pending store_ledger
$(BUILD)/bench/ingest: $(BUILD)/obj/tools/bench/ingest.o $(INTAKE:%=$(BUILD)/obj/tools/tally-centre/%.o) $(LIB)
	$(link-program)

.PRECIOUS: $(BUILD)/obj/tools/bench/%.o
