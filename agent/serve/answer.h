/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Questions of the CLI and of forestall-web, answered from the mind's memory as JSON. Looks on, changes nothing of
 * the mind; what changes something (slo set, record, quit) goes through the callbacks.
 *
 * One question is one JSON object in one message of the seqpacket socket /run/forestall/mind.sock (0600, root or the
 * forestall user; peer credentials checked), one answer is one JSON object: {"ok":true,...} or
 * {"ok":false,"error":"..."}.
 *
 * {"q":"instance.list","offset":N,"limit":M}	{"total","offset","instances":[...]}, at most ANSWER_PAGE_MAX of them
 * {"q":"instance.pick","offset":N}		the same of those that matter most, with "rest": {"count","cpu",...} of the others
 *						"signals":true adds to each what /metrics shows of its signals
 * {"q":"instance.show","path":P}		{"instance":{...}}: signals, who ran meanwhile, seconds, frame, expectation, all horizons
 * {"q":"forecast.show","path":P}		{"path","forecast"}: null before there is one; who nobody annotated has them from when he
 *						is asked for (also by instance.show), and then for five minutes
 * {"q":"forecast.paths","path":P,"paths":N,"seed":S}	{"path","seconds":[...],"unit","paths":[{"cpu":[...],...,"sli":[...]},...],"across","along"}: up to
 *						ANSWER_PATHS_MAX joint paths, of which the correlations are "across" resources and the
 *						leading SLI, and "along" horizons
 * {"q":"forecast.explain","path":P}		{"path","sli","seconds","risk","method","drivers":[...]}: of the gravest risk within 2 s, the features
 *						that drove it, by what they drove; where the statistical forecaster spoke, method
 *						"load" and the load that it speaks of; sli null: nothing is at risk
 * {"q":"profile.show","path":P,"hours":N}	{"path","days","steps":[...]}: quarters of an hour from the next on, N hours of them (24),
 *						each "unix_s", "offset_s" of the clock on the wall and, by resource, quantiles
 *						and the weight of the "days" they are from, null where nothing is known, with what is
 *						announced in it: the "factor" and the names in "events"
 * {"q":"failure.list","path":P}		{"total","forgotten","failures":[...]}, the last ANSWER_FAILURES_MAX, the
 *						youngest first; path may be left out. A failure has "path", "cause",
 *						"value" (status or signal), "pid", "program", "limit" (of an OOM kill: path of
 *						the cgroup whose limit it was, "/" the host's memory, null: not told),
 *						"unix_ms", "recovered" and "recovery_s", null while it lasts
 * {"q":"plan.show"}				{"id","actions":[...],"left_alone":[{"path","resource","risk"}],"advice":[...]}; outcome is null
 *						until act spoke of that knob; left alone by lot ([plan] no_action). "advice", also of the status and of
 *						a decision: {"path","resource","why","help","other","amount","room","lasts_s"}; see decide/advice.h
 * {"q":"decision.list"}			{"total","decisions":[...]}, those remembered, the youngest first
 * {"q":"decision.show","id":N}			{"decision":{...}}: also inputs, givers, prices, expected and actual effect
 * {"q":"policy.show"}				{"rules","policies":[...],"canary","setting","probes"}: null, or the canary that runs or ran last: "state", "base",
 *						"candidate", "share", "block_s", "began_s_ago", "left_s" (null when it is over), "arm" whose block it is, "pairs"
 *						compared, "cuts" of blocks that were too bad to last, "bad_s" and "less_work_s" per block more under the candidate, "evidence" {"better","harms","costs"}
 *						and "needed" of each; see decide/canary.h. "probes": whether "allowed", "now" (null or "path",
 *						"for","resource","used","left"), how many "ended" how, what was "taken"; see decide/trial.h
 * {"q":"policy.canary","name":N,"share":S,"block_s":B,"hours":H}	begins one; all but the name may be left out
 * {"q":"policy.rollback"}			ends it, or goes back from the one that was promoted
 * {"q":"ledger"}				{"ledger":{...}}: counts since the mind started; see decide/ledger.h
 * {"q":"place","set":GLOB,"limit":N,"cpus":C}	where N pieces of new work go that take C CPUs each: {"placed","host_free",
 *						"seats":[{"path","count","why","risk","free","recent"}]}
 * {"q":"status"}				mode, "model": {"path","shadow_s"}, ring, tick, instances, "canary", "setting" and "probes" as in policy.show, "advice", and "learn": {"history": {"files","bytes",
 *						"bytes_max","removed","broken","error"}, null where none is kept, "challenger":
 *						{"state": "none"|"learns"|"stands still","started","said"}, "drift": {"minutes","mean","alarm"}}
 * {"q":"slo.refresh","path":P}			{"instance":{...}} with what was read
 * {"q":"look.only"}				this client changes nothing from now on, for good
 * {"q":"record.start","path":FILE}, {"q":"record.stop"}
 * {"q":"model.promote","name":N}, {"q":"model.rollback"}	it speaks from the next tick on
 * {"q":"model.challenge"}			a challenger learns from now on
 *
 * instance.show also has "response", by bound SLI and resource: "curve", corners [pressure, bad share], where pressure is what was wanted
 * over what could be had; "error", mean absolute, of the share predicted a second ahead; "trust" 0..1; "seconds" learned from; "identified": it saw pressures that differ;
 * "pressure" now. "credit", by resource of which forecasts were tried (decide/credit.h): "came" and "failed", fading; "share", what came of those
 * like the one of now; "needed", the share that it takes to be limited for.
 *
 * An instance has by name: "slis" that are measured or bound, each {"value","bound","unit","bad_share",
 * "worst_bad_share"} and, when bound, {"violated","risk"} (within 2 s); "demand" now and "expected" within 2 s (.9
 * quantile) by resource, in CPUs, bytes and bytes per second; "risk" the gravest of all, "impairment" the resource it
 * is blamed on, "leading" the SLI that stands for it; "psi"; "limits"; and what else the last second said. What was
 * not measured is null. A forecast's "horizons" have "risk" by SLI, "demand" by resource and "sli" of the leading one.
 *
 * Instances keep their order of arrival between two pages unless one goes meanwhile; a reader of pages must stand to
 * miss or to see one twice then. An answer never exceeds ANSWER_BYTES_MAX, or it is an error that says so.
 */
#ifndef FORESTALL_ANSWER_H
#define FORESTALL_ANSWER_H

#include <jansson.h>
#include "act/protocol.h"
#include "decide/mind.h"
#include "predict/failure.h"
#include "sense/app.h"
#include "sense/load.h"
#include "sense/log.h"
#include "sense/outlook.h"
#include "setup/name.h"

#define ANSWER_BYTES_MAX (200 * 1024)	/* what net.core.wmem_max lets one message have on a stock kernel */
#define ANSWER_FAILURES_MAX 100
#define ANSWER_PATHS_MAX 100
#define ANSWER_PAGE_MAX 50		/* instances; a page of the longest paths and annotations still fits */

#define ANSWER_MESSAGE_MAX 512
#define ANSWER_JSON_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(9))	/* as an answer goes out */

struct learn;

/* What the daemon knows beside the mind. */
struct answer_world {
	struct mind *mind;
	const struct plan *plan;		/* the last one */
	const struct log *log;			/* NULL: nobody reads logs */
	const struct outlook *outlook;		/* NULL: no profiles are kept, as in a replay */
	const struct app *app;			/* NULL: applications are not heard */
	const struct failures *failures;	/* NULL: nobody watches for them */
	const struct result *result;		/* what act said to it; count 0 when act is silent */
	uint32_t mode;				/* enum mode as act reported, MODE_COUNT: no act */
	const char *model_path;			/* NULL: none loaded */
	struct learn *learn;			/* NULL: nothing is learned here */
	uint64_t now_ns;
	uint64_t produced, delivered, dropped;	/* ring records */
	uint64_t switches, switches_unseen, io_unseen;	/* as in struct wire_loss */
	uint64_t unfollowed;			/* cgroups that found no slot */
	uint64_t other_cpu_ns;			/* CPU time of their tasks, and of others whose cgroup is not known */
	uint64_t tick_late_ns_max, tick_cost_ns;
	uint32_t signals;			/* bit per enum nerve_signal: which are measured */
	void *context;
	/* Reads the annotation of this instance again; -errno. */
	int (*slo_refresh)(void *context, uint32_t slot);
	/* Somebody asked for what is to come of this slot; NULL: it is as it was recorded. */
	void (*asked)(void *context, uint32_t slot);
	uint64_t shadow_until_ns;		/* until then plans are not carried out: the model is new */
	/* Makes a model of this host the champion, or, NULL, rolls back to the one before; -errno and one line. NULL: never. */
	int (*model_change)(void *context, const char *name, char message[ANSWER_MESSAGE_MAX]);
	/* Obeys an order about which policy rules; -errno and one line. NULL: never. */
	int (*policy_order)(void *context, const struct canary_order *order, char message[ANSWER_MESSAGE_MAX]);
	/* The same about a setting of a group. */
	int (*cohort_order)(void *context, const struct cohort_order *order, char message[ANSWER_MESSAGE_MAX]);
	/* Starts a challenger; -errno and one line. NULL: never. */
	int (*challenge)(void *context, char message[ANSWER_MESSAGE_MAX]);
	/* Starts (path) or stops (NULL) a recording; -errno. */
	int (*record)(void *context, const char *path);
	/*
	 * What the hands said last about this knob of the slot, NULL while nothing. May be NULL itself: then `result`
	 * counts, where it answers exactly the plan's list.
	 */
	const struct result_item *(*outcome)(void *context, uint32_t slot, uint32_t knob);
	/* Where the last annotation error of a slot is kept; "" when fine. */
	const char *(*slo_problem)(void *context, uint32_t slot);
	/* As nerve_skipped(). NULL: nobody knows. */
	uint64_t (*skipped)(void *context);
	/* Tasks of a slot that run or wait for a CPU now; NULL: nobody counts them. */
	uint32_t (*runnable)(void *context, uint32_t slot);
	/* Of these, those that had waited 0.1 s and more; NULL as above. */
	uint32_t (*starved)(void *context, uint32_t slot);
	/* As nerve_runners(). NULL: nobody attributes waits. */
	uint32_t (*runners)(void *context, uint64_t cgroup_id, struct nerve_runner *ret, uint32_t max, uint64_t *ret_total_ns);
	/* What people call the cgroup (setup/name.h), "" for nothing more. NULL: as far as its path tells. */
	void (*name)(void *context, const char *path, char ret_name[NAME_BYTES_MAX]);
};

/* Never NULL; owned by the caller. */
json_t *answer_question(const struct answer_world *world, const json_t *question);

#endif
