// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Block IO per bio, from block_bio_queue until it, or the request that it became part of, is complete: what the block layer's
 * user waits for, with the queueing by the IO scheduler, io.weight and io.latency. A bio that a stacked driver (dm, md) clones
 * is measured once, at the top. One that is split counts as complete with its last part.
 *
 * Since 5.17 block_bio_queue comes after the throttling of io.max (submit_bio_noacct in block/blk-core.c) and no tracepoint
 * comes before it. Where the kernel allows fentry, on_bio_throttle notes when a bio of a limited cgroup arrives there, so
 * that time held back by io.max is inside the delay; elsewhere it is missing from it.
 *
 * A bio belongs to the cgroup that it is charged to (bi_blkg), so that writeback finds its writer, or to that of the task
 * that queues it when this one is the same or below: without the io controller everything is charged to an ancestor.
 */
#include "account.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

/* include/linux/blk_types.h */
#define OP_MASK 0xffu
#define OP_READ 0u
#define OP_WRITE 1u
#define OP_DISCARD 3u
#define OP_SECURE_ERASE 5u
#define BIO_CLONED_BIT 1

#define SETTLED_NS 5000000000ull	/* after so long what was queued before us has ended */
#define REQUEST_BIOS_MAX 8192
#define REQUEST_BIOS_FEW 256	/* what the verifier of a kernel without bpf_loop can be asked to follow */

/* Discards move no data and may be of any size. Odd operations write (op_is_write in the kernel). */
static __always_inline bool is_measured(struct bio *bio)
{
	__u32 op = bio->bi_opf & OP_MASK;

	if (bio->bi_flags & (1u << BIO_CLONED_BIT))
		return false;
	return op == OP_READ || ((op & 1) && op != OP_DISCARD && op != OP_SECURE_ERASE);
}

/* Fills cgroup_id, slot and is_charged. */
static __always_inline void owner_find(struct bio *bio, struct bio_account *account)
{
	__u64 current_id = bpf_get_current_cgroup_id(), id;
	struct cgroup *cgrp;

	account->cgroup_id = current_id;
	if (bpf_core_field_exists(bio->bi_blkg) && bio->bi_blkg) {
		cgrp = bio->bi_blkg->blkcg->css.cgroup;
		id = cgrp->kn->id;
		account->is_charged = cgrp->root->hierarchy_id == 0 && (id == current_id || !current_is_below(cgrp));
		if (account->is_charged)
			account->cgroup_id = id;
	}
	account->slot = slot_of(0, account->cgroup_id);
}

static __always_inline int bio_arrived(struct bio *bio)
{
	struct bio_account account = { .since_ns = bpf_ktime_get_ns() };
	__u64 key = (__u64)bio;

	if (is_measured(bio))
		bpf_map_update_elem(&bios, &key, &account, BPF_NOEXIST);
	return 0;
}

SEC("fentry/__blk_throtl_bio")
int BPF_PROG(on_bio_throttle, struct bio *bio) { return bio_arrived(bio); }

/* Before 5.13. */
SEC("fentry/blk_throtl_bio")
int BPF_PROG(on_bio_throttle_of, struct bio *bio) { return bio_arrived(bio); }

static __always_inline int bio_queued(struct bio *bio)
{
	struct bio_account account = { .since_ns = bpf_ktime_get_ns() }, *known;
	__u64 key = (__u64)bio;
	struct wire_row *row, *lost;

	if (!is_measured(bio))
		return 0;
	owner_find(bio, &account);
	account.bytes = bio->bi_iter.bi_size;
	account.is_write = bio->bi_opf & 1;
	if (bpf_map_update_elem(&bios, &key, &account, BPF_NOEXIST)) {
		known = bpf_map_lookup_elem(&bios, &key);
		if (!known)
			return 0;	/* the map is full */
		/* From 7 on the rest of a bio that was split is queued once more: it is measured already. */
		if (known->cgroup_id && bio->__bi_remaining.counter > 1)
			return 0;
		lost = known->cgroup_id ? row_of(bpf_get_smp_processor_id(), known->slot) : 0;
		if (lost)
			count_add(&lost->now.io_lost, 1);
		if (!known->cgroup_id)
			account.since_ns = known->since_ns;
		*known = account;
	}
	row = row_of(bpf_get_smp_processor_id(), account.slot);
	if (row)
		count_add(&row->now.io_begun, 1);
	return 0;
}

SEC("tp_btf/block_bio_queue")
int BPF_PROG(on_bio_queue, struct bio *bio) { return bio_queued(bio); }

/* Before 5.11. */
SEC("tp_btf/block_bio_queue")
int BPF_PROG(on_bio_queue_of, struct request_queue *queue, struct bio *bio) { return bio_queued(bio); }

/* Of a request the first bio keeps the time: the others are only to be had by walking them, once, when it is complete. */
SEC("tp_btf/block_rq_issue")
int BPF_PROG(on_request_issue, struct request *request)
{
	__u64 key = (__u64)request->bio;
	struct bio_account *account = key ? bpf_map_lookup_elem(&bios, &key) : 0;

	if (account)
		account->issued_ns = bpf_ktime_get_ns();
	return 0;
}

static __always_inline void device_count(struct wire_row *row, const struct wire_bound *bound, __u64 ns)
{
	count_add(&row->now.device_done, 1);
	count_add(&row->now.device_ns, ns);
	hist_count(bound, WIRE_DELAY_DEVICE, ns);
}

/* issued_ns: of the request; 0: there is none, or it was not seen. */
static __always_inline void account_close(const struct bio_account *account, __u64 now_ns, __u64 issued_ns)
{
	/* The slot may have been given to another cgroup since. */
	struct wire_bound *bound = bound_of(account->slot);
	struct wire_row *row;

	if (!bound || bound->cgroup_id != account->cgroup_id)
		bound = 0;
	row = row_of(bpf_get_smp_processor_id(), bound ? account->slot : WIRE_SLOT_OTHER);
	if (!row || !account->cgroup_id)
		return;
	count_add(&row->now.io_done, 1);
	count_add(&row->now.io_ns, now_ns - account->since_ns);
	count_add(account->is_write ? &row->now.io_write_bytes : &row->now.io_read_bytes, account->bytes);
	if (account->is_charged)
		count_add(&row->now.io_charged, 1);
	delay_count(row, bound, WIRE_DELAY_IO, now_ns - account->since_ns);
	if (issued_ns)
		device_count(row, bound, now_ns - issued_ns);
}

/* Returns 1, or 0 for one of which nothing is known. */
static __always_inline int bio_finish(__u64 key, __u64 now_ns, __u64 issued_ns)
{
	struct bio_account *found = bpf_map_lookup_elem(&bios, &key), account;

	if (!found)
		return 0;
	account = *found;
	bpf_map_delete_elem(&bios, &key);
	account_close(&account, now_ns, issued_ns);
	return 1;
}

/* Drivers without requests (dm, md, zram), and bios that fail before they get one. */
SEC("tp_btf/block_bio_complete")
int BPF_PROG(on_bio_complete, struct request_queue *queue, struct bio *bio)
{
	bio_finish((__u64)bio, bpf_ktime_get_ns(), 0);
	return 0;
}

/* Not static: so the verifier looks at it once, and not once per bio of a request. */
__noinline int bio_finish_one(__u64 key, __u64 now_ns, __u64 issued_ns) { return bio_finish(key, now_ns, issued_ns); }

/* The bios of a request of which `left` bytes are still to be taken as done. */
struct request_walk {
	struct bio *bio;
	__u64 left, now_ns, issued_ns;
	__u64 start_ns;	/* when the request was made; 0: the kernel does not keep it */
};

/*
 * A read or write that ends and that nobody knows: the kernel did not tell that it was queued, or there was no room for it. (It leaves
 * out calls of a program that runs already on that CPU, which from 7 on is as soon as a task is preempted in it, and loses some while
 * other programs come to and go from the tracepoint.) It is counted now, for whom it is charged to, with the time since its request was made.
 * One that is as old as we are may have been queued before us.
 */
__noinline int bio_unseen(__u64 key, __u64 now_ns, __u64 start_ns, __u64 issued_ns, __u32 bytes)
{
	struct bio *bio = (struct bio *)key;
	__u32 cpu = bpf_get_smp_processor_id(), op = BPF_CORE_READ(bio, bi_opf) & OP_MASK;
	struct bio_account account = { .since_ns = start_ns, .bytes = bytes, .is_write = op & 1, .is_charged = 1 };
	struct wire_loss *loss = bpf_map_lookup_elem(&losses, &cpu);
	struct wire_row *row;
	struct cgroup *cgrp;

	if (op > OP_WRITE || BPF_CORE_READ(bio, bi_flags) & (1u << BIO_CLONED_BIT))
		return 0;
	if (loss && now_ns > loaded_ns + SETTLED_NS)
		count_add(&loss->io_unseen, 1);
	if (!bpf_core_field_exists(bio->bi_blkg) || !start_ns || start_ns <= loaded_ns)
		return 0;
	cgrp = BPF_CORE_READ(bio, bi_blkg, blkcg, css.cgroup);
	if (!cgrp || BPF_CORE_READ(cgrp, root, hierarchy_id))
		return 0;
	account.cgroup_id = BPF_CORE_READ(cgrp, kn, id);
	account.slot = slot_of(0, account.cgroup_id);
	row = row_of(cpu, account.slot);
	if (row)
		count_add(&row->now.io_begun, 1);
	account_close(&account, now_ns, issued_ns);
	return 0;
}

static long request_step(__u32 idx, struct request_walk *walk)
{
	struct bio *bio = walk->bio;
	__u32 bytes;

	if (!bio)
		return 1;
	bytes = BPF_CORE_READ(bio, bi_iter.bi_size);
	if (bytes > walk->left)
		return 1;
	if (!bio_finish_one((__u64)bio, walk->now_ns, walk->issued_ns) && bytes)
		bio_unseen((__u64)bio, walk->now_ns, walk->start_ns, walk->issued_ns, bytes);
	walk->left -= bytes;
	walk->bio = walk->left ? BPF_CORE_READ(bio, bi_next) : 0;
	return 0;
}

/* Read by probing, so that the verifier takes a bio's address for the number that bio_finish_one() wants. */
static __always_inline void walk_begin(struct request_walk *walk, struct request *request, unsigned int bytes)
{
	__u64 key = (__u64)BPF_CORE_READ(request, bio);
	struct bio_account *first = key ? bpf_map_lookup_elem(&bios, &key) : 0;

	walk->bio = (struct bio *)key;
	walk->left = bytes;
	walk->now_ns = bpf_ktime_get_ns();
	walk->issued_ns = first ? first->issued_ns : BPF_CORE_READ(request, io_start_time_ns);
	walk->start_ns = BPF_CORE_READ(request, start_time_ns);
}

/* Comes before the bios of the request are ended, which then is not traced (blk_update_request in block/blk-mq.c). */
SEC("tp_btf/block_rq_complete")
int BPF_PROG(on_request_complete, struct request *request, int error, unsigned int bytes)
{
	struct request_walk walk;

	walk_begin(&walk, request, bytes);
	bpf_loop(REQUEST_BIOS_MAX, request_step, &walk, 0);
	return 0;
}

/* Before 5.17: of a request of more bios the first are measured. */
SEC("tp_btf/block_rq_complete")
int BPF_PROG(on_request_complete_few, struct request *request, int error, unsigned int bytes)
{
	struct request_walk walk;

	walk_begin(&walk, request, bytes);
	for (int i = 0; i < REQUEST_BIOS_FEW && !request_step(i, &walk); i++)
		;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
