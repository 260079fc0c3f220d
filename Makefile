# SPDX-License-Identifier: GPL-2.0-or-later
# forestall: `make help` lists what can be asked for. Everything that is built lies under build/.

V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' $(1) $(2))

CC ?= gcc
CLANG ?= clang
BPFTOOL ?= bpftool
ARCH := $(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/')

CFLAGS ?= -O2 -g
# No fused multiply-add: a recording replays bit for bit on another machine of the same build.
override CFLAGS += -std=gnu11 -D_GNU_SOURCE= -Wall -Wextra -Wshadow -Werror -ffp-contract=off -fno-strict-aliasing -MMD -MP \
	-I. -Ibpf -Iagent -Iplanner -Ibuild/bpf -isystem /usr/include/libnl3
HANDS_LIBS := -Wl,--as-needed -lbpf -lnl-route-3 -lnl-3 -lnftnl -lmnl -lsystemd
LIBS := $(HANDS_LIBS) -lical -lelf -lz -ljansson -linih -lhwloc -lm
# Without block placement no block falls through to the head of a loop, which the verifier of 6.1 refuses as a back-edge.
BPF_CFLAGS := -g -O2 -mllvm -disable-block-placement -target bpf -D__TARGET_ARCH_$(ARCH) -Wall -Werror -Wno-missing-declarations -Ivmlinux -Ibpf

.DELETE_ON_ERROR .SECONDARY .SUFFIXES:
.PHONY: all help deps install uninstall check check-kernels demo demo-full clean bench-control bench-tick bench-alloc bench-lstm bench-realdata bench-forecast bench-plan bench-profile bench-agent bench-act bench-flood check-churn bench-hook train corpus fuzz test-programs

objects = $(patsubst %.c,build/obj/%.o,$(wildcard $(1)/*.c))
ACT_MAIN := planner/act/main.c
WEB_MAIN := $(wildcard agent/serve/web_main.c)
PREDICT := $(call objects,agent/predict)
DECIDE := $(call objects,planner/decide)
ACT := $(filter-out build/obj/$(ACT_MAIN:.c=.o),$(call objects,planner/act))
SENSE := $(call objects,agent/sense)
SETUP := $(call objects,agent/setup)
WEB := $(filter build/obj/agent/serve/web_%,$(call objects,agent/serve))
SERVE := $(filter-out $(WEB),$(call objects,agent/serve))
TOOLS := $(filter-out build/obj/tools/forestall%,$(call objects,tools))
ARCHIVES := $(addprefix build/lib/lib,tools.a learn.a serve.a sense.a setup.a act.a decide.a predict.a)
BINS := $(addprefix build/bin/,forestall forestall-up forestall-calendar forestalld forestall-act $(if $(WEB_MAIN),forestall-web))
UNIT := $(patsubst tests/unit/%.c,build/test/%,$(wildcard tests/unit/test_*.c))
BPF_TESTS := $(patsubst tests/bpf/%.c,build/test/%,$(wildcard tests/bpf/test_*.c))
WRAP_ORACLE := -Wl,--wrap=predictor_tick
VM_PROGRAMS := $(addprefix build/test/,kill_act mind_driver insns)
LOAD := $(addprefix build/test/,load-client load-burn load-sink load-watch demo-report control-report forestalld-oracle)

all: $(BINS) ## build the programs
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

deps: build/deps.stamp ## install what is needed through apt
build/deps.stamp: tests/deps
	$(Q)mkdir -p build && tests/deps && touch $@

# --- kernel side -----------------------------------------------------------------------------------------------------
build/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h) vmlinux/vmlinux.h | build/deps.stamp
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -c $< -o $@
build/bpf/forestall.o: $(patsubst bpf/%.bpf.c,build/bpf/%.bpf.o,$(filter-out bpf/shape.bpf.c,$(wildcard bpf/*.bpf.c)))
	$(call say,LINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^
build/bpf/%.bpf.o: tests/bpf/%.bpf.c $(wildcard bpf/*.h) vmlinux/vmlinux.h | build/deps.stamp
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -c $< -o $@
# Programs of the hands and of the tests: forestalld neither loads nor knows them.
build/bpf/shape.o build/bpf/reference.o build/bpf/flood.o: build/bpf/%.o: build/bpf/%.bpf.o
	$(call say,LINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^
build/bpf/%.skel.h: build/bpf/%.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

# --- user space ------------------------------------------------------------------------------------------------------
build/obj/agent/predict/train%.o build/obj/agent/predict/lstm%.o build/obj/agent/predict/adam.o build/obj/planner/decide/allocate%.o: override CFLAGS += -O3
$(patsubst %.c,build/obj/%.o,$(wildcard agent/sense/load*.c)) $(addprefix build/obj/tests/,bpf/insns.o bpf/test_io.o bpf/test_net.o bench/flood_feed.o): build/bpf/forestall.skel.h
$(addprefix build/obj/tests/,bpf/stage.o bpf/test_sched.o bpf/test_queue.o bench/flood_feed.o): build/bpf/reference.skel.h build/bpf/flood.skel.h
build/obj/planner/act/tc_limits.o build/steps/planner/act/tc_limits.o: build/bpf/shape.skel.h
build/obj/%.o: %.c | build/deps.stamp
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) -c $< -o $@
build/steps/%.o: %.c | build/deps.stamp
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) -DFORESTALL_STEPS -c $< -o $@

build/lib/libpredict.a: $(PREDICT)
build/lib/libdecide.a: $(DECIDE)
build/lib/libact.a: $(ACT)
build/lib/libsense.a: $(SENSE)
build/lib/libsetup.a: $(SETUP)
build/lib/libserve.a: $(SERVE)
build/lib/liblearn.a: $(call objects,agent/learn)
build/lib/libtools.a: $(TOOLS)
build/lib/%.a:
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^

define link
$(call say,LINK,$@)
$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
	$(LDFLAGS) $(LIBS) $(1) -o $@
endef

build/bin/forestall build/bin/forestall-calendar: build/bin/%: build/obj/tools/%.o $(ARCHIVES)
	$(call link)
MIND := $(call objects,agent) $(ARCHIVES)
build/bin/forestalld: $(MIND)
	$(call link)
# The hands link nothing but their own room, what limits egress, and sd-bus: no JSON, no model. The supervisor: libc, and of that what it calls.
build/bin/forestall-up: $(addprefix build/obj/tools/,forestall-up.o print_line.o process.o run_mode.o up_ask.o)
build/bin/forestall-act: build/obj/$(ACT_MAIN:.c=.o)
build/bin/forestall-act build/bin/forestall-up: build/lib/libact.a
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(filter %.o,$^) $(filter %.a,$^) $(LDFLAGS) $(if $(filter %-up,$@),-static,$(HANDS_LIBS)) -o $@
build/bin/forestall-web: $(WEB) $(ARCHIVES)
	$(call link,-lsqlite3 -lmicrohttpd)

# --- tests -----------------------------------------------------------------------------------------------------------
build/test/test_web build/test/test_web_history: build/test/%: build/obj/tests/unit/%.o $(filter-out %/web_main.o,$(WEB)) $(ARCHIVES)
	$(call link,-lcmocka -lsqlite3 -lmicrohttpd)
build/test/test_realdata: build/obj/tests/unit/test_realdata.o $(filter-out %_main.o,$(filter build/obj/tests/bench/realdata%,$(call objects,tests/bench))) $(addprefix build/lib/lib,tools.a predict.a)
	$(call link,-lcmocka)
build/test/test_onset: $(addprefix build/obj/tests/bench/,forecast_measure.o forecast_speak.o realdata_metric.o realdata_text.o)
build/test/test_allocate build/test/bench_alloc: override LIBS += -lglpk
build/test/test_%: build/obj/tests/unit/test_%.o $(ARCHIVES)
	$(call link,-lcmocka)
build/test/test_%: build/obj/tests/bpf/test_%.o $(addprefix build/obj/tests/bpf/,world.o talk.o stage.o told.o) $(ARCHIVES)
	$(call link,-lcmocka)
build/test/bench_realdata: $(filter build/obj/tests/bench/realdata%,$(call objects,tests/bench)) $(addprefix build/lib/lib,tools.a predict.a)
	$(call link)
build/test/bench_profile build/test/bench_forecast: $(addprefix build/obj/tests/bench/realdata_,text.o metric.o)
# The other files of a benchmark begin with its name.
bench_parts = $(patsubst %.c,build/obj/%.o,$(wildcard tests/bench/$(1)_*.c))
.SECONDEXPANSION:
build/test/bench_%: build/obj/tests/bench/bench_%.o $$(call bench_parts,$$*) $(ARCHIVES)
	$(call link)
build/test/forestall-act: $(patsubst build/obj/%,build/steps/%,$(ACT) build/obj/$(ACT_MAIN:.c=.o))
	$(call link)
build/test/kill_act: $(filter build/obj/tests/vm/kill_%,$(call objects,tests/vm))
build/test/mind_driver: build/obj/tests/vm/mind_driver.o
build/test/insns: build/obj/tests/bpf/insns.o
build/test/kill_act build/test/mind_driver build/test/insns: $(ARCHIVES)
	$(call link)
build/test/load-client: $(addprefix build/obj/tests/load/,client.o exchange.o hist.o reply.o shape.o)
	$(call link)
build/test/load-burn: $(filter build/obj/tests/load/burn%,$(call objects,tests/load)) $(addprefix build/obj/tests/load/,address.o announce.o shape.o)
	$(call link)
build/test/load-watch build/test/load-sink: build/test/load-%: build/obj/tests/load/%.o
	$(call link)
# forestalld that knows the future, for the benchmark alone; see tests/control/oracle.c.
build/test/forestalld-oracle: build/obj/tests/control/oracle.o $(MIND)
	$(call link,$(WRAP_ORACLE))
build/test/demo-report: $(call objects,tests/demo) build/obj/tests/load/hist.o
	$(call link)
build/test/control-report: build/obj/tests/control/report.o $(addprefix build/obj/tests/demo/,arm.o decisions.o family.o measure.o summary.o) build/obj/tests/load/hist.o
	$(call link)

test-programs: $(UNIT) $(BPF_TESTS) $(VM_PROGRAMS) $(LOAD) build/test/forestall-act $(addprefix build/test/bench_,realdata forecast)
check: deps all test-programs ## run every test; ends with one summary line
	$(Q)tests/run
check-kernels: deps all test-programs ## the kernel side on 5.10, 6.1, 6.12, 7.3 and natively; rewrites the tables in docs
	$(Q)tests/kernels
demo: deps all $(LOAD) ## keep real servers' SLOs in a VM, CPU and memory, three arms each, and draw the reports
	$(Q)tests/demo/run.sh
demo-full: deps all $(LOAD) ## the same with IO and network and three seeds; half an hour
	$(Q)tests/demo/run.sh --families "cpu memory io net" --seeds "730241 730242 730243" --out build/demo-full
bench-control: deps all $(LOAD) ## every policy under the loads of tests/control/shapes: SCENARIO=, REPS= seeds, ARMS=; last line JSON
	$(Q)tests/control/run
bench-plan: deps build/test/bench_plan ## what is planned on recordings in which nothing was done, with forecasts and without: CORPUS=DIR, last line JSON
	$(Q)build/test/bench_plan model/default.model "$(or $(CORPUS),build/corpus)"
bench-tick: deps build/test/bench_tick ## frames -> LSTM -> plan, microseconds per instance, last line JSON
bench-alloc: deps build/test/bench_alloc ## one division of a resource, microseconds beside GLPK, last line JSON
bench-lstm: deps build/test/bench_lstm ## one LSTM step, ns by instruction set beside torch, error, bit-identity, last line JSON
bench-hook: deps build/test/bench_hook ## cost of the hooks beside empty ones and libbpf-tools' runqlat, last line JSON
bench-agent: deps all build/test/bench_agent ## cost of observing N= cgroups for SECONDS= beside netdata and a plain reader, last line JSON
bench-flood: deps build/test/bench_flood ## ring records as fast as they come for SECONDS=: accounts, memory, latency, last line JSON
bench-lstm: package = python3-torch
bench-hook: package = libbpf-tools
bench-agent: package = netdata-core
bench-tick bench-alloc bench-lstm bench-hook bench-agent bench-flood:
	$(Q)$(if $(package),tests/deps $(package) &&) N="$(N)" SECONDS="$(SECONDS)" build/test/$(subst -,_,$@)
bench-realdata: deps build/test/bench_realdata ## the LSTM on series from elsewhere: TRAIN=DIR TEST=DIR [SEED=N], last line JSON
	$(Q)build/test/bench_realdata --seed "$(or $(SEED),1)" "$(TRAIN)" "$(TEST)"
bench-profile: deps build/test/bench_profile ## the resource profile on series from elsewhere: DATA=DIR, last line JSON
	$(Q)build/test/bench_profile "$(DATA)"
bench-forecast: deps build/test/bench_forecast ## the model on recordings held out, by group, beside simpler forecasters: CORPUS=DIR [PART=validation], last line JSON
	$(Q)build/test/bench_forecast model/default.model "$(or $(CORPUS),build/corpus)" $(PART)
bench-act: deps all build/test/bench_act build/test/load-burn ## from decision to write to effect per knob, ways to write, HTB; in a guest whose time is instructions, last line JSON
	$(Q)tests/vm/run --icount --disk 96M --preload build/test/bench_act --preload build/test/load-burn --preload build/bin/forestall-act -- tests/bench/act.sh
check-churn: deps all test-programs ## tests/system/churn.sh with 100,000 cgroups instead of 3,000
	$(Q)CHURN=100000 tests/run system-churn
corpus: deps all $(LOAD) ## record training runs, in the VM and natively, under build/corpus
	$(Q)tests/corpus/run
train: deps all ## train the default model from build/corpus
	$(Q)build/bin/forestall model train --corpus build/corpus --epochs 40 --restarts 6 --out model/default.model
fuzz: deps ## fuzz the parsers for a minute each
	$(Q)tests/fuzz/run
install: all ## the programs, the model and a unit of systemd below DESTDIR and PREFIX=/usr/local; start it with systemctl
	$(Q)tools/systemd/install install "$(DESTDIR)" "$(or $(PREFIX),/usr/local)"
uninstall: ## take these away again
	$(Q)tools/systemd/install uninstall "$(DESTDIR)" "$(or $(PREFIX),/usr/local)"
clean: ## remove build/ except downloaded kernels
	$(Q)rm -rf build/obj build/steps build/lib build/bin build/bpf build/test build/deps.stamp

-include $(shell find build/obj build/steps -name '*.d' 2>/dev/null)
