# SPDX-License-Identifier: GPL-2.0-or-later
# The fuzzers and what they reach, with the sanitizers in: make -f tests/fuzz/build.mk. Reached by tests/fuzz/run.
SOURCES := $(wildcard agent/predict/*.c planner/decide/*.c agent/setup/config*.c agent/setup/event_*.c) \
	agent/sense/appline.c agent/sense/logline.c agent/serve/recording.c agent/serve/replay.c agent/serve/replay_sound.c planner/act/protocol.c
PROGRAMS := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
# A mind's memory comes back from a recording as it was written: a bool of a made-up one may be any byte, and is true then.
SANITIZE := -fsanitize=address,undefined -fno-sanitize=bool -fno-sanitize-recover=undefined
# clang folds no floats in an assertion; gcc, which builds the product, checks them.
FLAGS := '-D_Static_assert(...)=' -g -O1 -std=gnu11 -D_GNU_SOURCE= -fno-strict-aliasing -ffp-contract=off -MMD -MP -I. -Ibpf -Iagent -Iplanner

all: $(PROGRAMS) build/fuzz/seed
.SECONDARY:
build/fuzz/obj/%.o: %.c
	@mkdir -p $(@D) && clang $(FLAGS) $(SANITIZE) -fsanitize=fuzzer-no-link -c $< -o $@
build/fuzz/lib.a: $(SOURCES:%.c=build/fuzz/obj/%.o)
	@rm -f $@ && ar rcs $@ $^
build/fuzz/seed: build/fuzz/obj/tests/fuzz/seed.o build/fuzz/lib.a
	@clang $(SANITIZE) $^ -linih -lical -lz -lm -o $@
build/fuzz/%: build/fuzz/obj/tests/fuzz/%.o build/fuzz/lib.a
	@clang $(SANITIZE) -fsanitize=fuzzer $^ -linih -lical -lz -lm -o $@
-include $(shell find build/fuzz -name '*.d' 2>/dev/null)
