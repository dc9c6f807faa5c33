# Tally: what a newcomer needs is `make demo` and `make test`; `make help` lists the rest.
#
# Every folder of gateway/ but main.c goes into one library, libtally.a; each folder of tools/ with a main.c is a program of that name; each tests/unit/test_*.c is a program too.
# Variants build beside each other: build/ (plain), build/asan, build/tsan, build/arm64, build/armhf.

BUILD    ?= build
CC       ?= cc
CSTD     := -std=c17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64
WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla -Wformat=2 -Wno-format-truncation -Wno-unknown-warning-option
ifdef WERROR
WARN     += -Werror
endif
HARDEN   := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
OPT      ?= -O2 -g
SANITIZE ?=
PKG_CONFIG ?= pkg-config
PACKAGES := libmodbus libmosquitto sqlite3 yaml-0.1 libzstd libcjson libxml-2.0 openssl
VERSION  := $(shell git describe --always --dirty 2>/dev/null || echo unknown)

CPPFLAGS_ALL = $(CSTD) -Igateway $(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null) $(CPPFLAGS)
CFLAGS_ALL   = $(OPT) $(WARN) $(if $(SANITIZE),-fno-omit-frame-pointer $(SANITIZE),$(HARDEN)) $(CFLAGS)
LDFLAGS_ALL  = $(if $(SANITIZE),$(SANITIZE),-pie -Wl,-z,relro,-z,now -Wl,--as-needed) $(LDFLAGS)
LIBS         = $(shell $(PKG_CONFIG) --libs $(PACKAGES)) -lmbedx509 -lmbedcrypto -lpthread -lm
# Of one program alone.
LIBS_tally   = $(shell $(PKG_CONFIG) --libs xlsxwriter zlib) -l:libxmlsec1-openssl.so.1 -l:libxmlsec1.so.1

LIB_SOURCES  := $(sort $(wildcard gateway/*/*.c))
TOOLS        := $(patsubst tools/%/main.c,%,$(wildcard tools/*/main.c))
PROGRAMS     := $(if $(wildcard gateway/main.c),tallyd) $(TOOLS)
UNIT_TESTS   := $(patsubst tests/unit/%.c,%,$(sort $(wildcard tests/unit/test_*.c)))
LIB_OBJECTS  := $(LIB_SOURCES:%.c=$(BUILD)/obj/%.o)
LIB          := $(BUILD)/libtally.a

.PHONY: force all help setup demo test check system lint format asan tsan fuzz bench cross clean units test-tools tamper install
.DEFAULT_GOAL := all
.SECONDARY:

all: $(PROGRAMS:%=$(BUILD)/%)

help:
	@sed -n 's/^## //p' Makefile

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

# The version is compiled into one file only, rebuilt when it changes.
$(BUILD)/obj/gateway/base/version.o: CPPFLAGS += -DTALLY_VERSION='"$(VERSION)"'
$(BUILD)/obj/gateway/base/version.o: $(BUILD)/version
$(BUILD)/version: force
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' >$@

$(LIB): $(LIB_OBJECTS)
	@rm -f $@
	@$(AR) rcs $@ $^

$(BUILD)/tallyd: $(BUILD)/obj/gateway/main.o $(LIB)
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

define tool_rule
$(BUILD)/$(1): $$(patsubst %.c,$(BUILD)/obj/%.o,$$(wildcard tools/$(1)/*.c tools/$(1)/*/*.c)) $(LIB)
	@echo "  LINK  $$@"
	@$$(CC) $$(LDFLAGS_ALL) -o $$@ $$^ $$(LIBS) $$(LIBS_$(1))
endef
$(foreach tool,$(TOOLS),$(eval $(call tool_rule,$(tool))))

# The files of tally name each other by folder.
$(BUILD)/obj/tools/tally/%.o $(BUILD)/obj/tests/%.o: CPPFLAGS += -Itools/tally

# tally alone checks XML signatures. libxmlsec1-dev is there for one architecture at a time: a cross build takes this machine's headers, and links what the library itself is.
XMLSEC_FLAGS  = $(shell $(PKG_CONFIG) --cflags xmlsec1-openssl 2>/dev/null || env -u PKG_CONFIG_LIBDIR -u PKG_CONFIG_SYSROOT_DIR $(PKG_CONFIG) --cflags xmlsec1-openssl)
$(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tools/tally/certificates/signature*.c)): CPPFLAGS += $(XMLSEC_FLAGS)

$(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(LIB)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ -lcmocka $(LIBS)

# Programs that tests and benches use.
TEST_TOOLS := $(patsubst tests/tools/%.c,%,$(sort $(wildcard tests/tools/*.c)))
$(BUILD)/tests/%: $(BUILD)/obj/tests/tools/%.o $(LIB)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

$(BUILD)/simulated_day: $(BUILD)/obj/tools/demo.d/simulated_day.o $(LIB)
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

test-tools: $(TEST_TOOLS:%=$(BUILD)/tests/%)

units: $(UNIT_TESTS:%=$(BUILD)/unit/%) test-tools $(BUILD)/simulated_day

## setup     install what is missing (Debian 12 or 13; as root or by sudo)
setup:
	@tools/setup

## demo      a small simulated city, readings as they arrive; Ctrl-C or SECONDS=n ends it
demo:
	@tools/setup demo
	@$(MAKE) --no-print-directory all $(BUILD)/simulated_day
	@tools/demo

## check     the fast part of the tests: all unit tests
check: units
	@tools/run-tests unit $(BUILD)

## test      set-up if needed, then every test; ends with `N passed, N failed, N skipped`
test:
	@tools/setup test
	@$(MAKE) --no-print-directory all units
	@tools/run-tests all $(BUILD)

## system    the system tests alone (T=expression selects)
system: all test-tools $(BUILD)/simulated_day
	@tools/run-tests system $(BUILD)

## asan tsan the same suite under AddressSanitizer + UBSan, ThreadSanitizer
asan:
	@$(MAKE) --no-print-directory BUILD=build/asan SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=undefined" OPT="-O1 -g" all units
	@tools/run-tests all build/asan
tsan:
	@$(MAKE) --no-print-directory BUILD=build/tsan SANITIZE=-fsanitize=thread OPT="-O1 -g" all units
	@tools/run-tests all build/tsan

## lint      format, clang-tidy, include directions, no Modbus write call, shell and YAML
lint:
	@tools/lint $(BUILD)

## format    reformat the sources in place
format:
	@git ls-files -co --exclude-standard '*.c' '*.h' | xargs clang-format -i

## bench     every figure that is held to, measured on this machine
bench: all
	@tools/bench/run $(BUILD)

## tamper    flips every byte of an export in turn: each must be found (minutes)
tamper: $(BUILD)/unit/test_export
	@for from in 0 1; do TEST=every_byte* TAMPER_STRIDE=2 TAMPER_FROM=$$from $< & pids="$$pids $$!"; done; for pid in $$pids; do wait $$pid || exit 1; done

## fuzz      each parser's fuzzer for SECONDS (60); T=name selects
fuzz:
	@tools/run-fuzz $(or $(SECONDS),60) $(T)

## cross     ARCH=arm64 or armhf: build with Debian's cross compiler, unit tests under qemu-user
cross:
	@tools/cross $(or $(ARCH),arm64)

## install   programs, drivers, man pages and the systemd unit below DESTDIR (PREFIX=/usr)
PREFIX ?= /usr
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/tally/drivers $(DESTDIR)$(PREFIX)/lib/systemd/system
	install -m 755 $(PROGRAMS:%=$(BUILD)/%) $(DESTDIR)$(PREFIX)/bin
	install -m 644 drivers/*.yaml $(DESTDIR)$(PREFIX)/share/tally/drivers
	install -m 644 config/systemd/tallyd.service config/systemd/tally-centre.service $(DESTDIR)$(PREFIX)/lib/systemd/system
	for page in docs/man/*.[158]; do install -D -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$$(basename $$page); done

clean:
	rm -rf build

-include $(shell find $(BUILD)/obj -type f -name '*.d' 2>/dev/null)
