/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Knobs of a unit of the system manager, changed as the manager's own properties by SetUnitProperties(runtime=true)
 * (org.freedesktop.systemd1(5)), so that its record stays true and daemon-reload, which writes that record to the
 * cgroup again, keeps our value. The only place that speaks D-Bus; the connection is opened by the first call.
 *
 * Setting one property makes systemd write *all* attributes of that unit, so a knob whose file and property differ
 * (somebody writes to the file) is not taken: systemd_take() refuses.
 *
 * What systemd leaves behind is a drop-in, DIR/UNIT.d/50-PROPERTY.conf, DIR being /run/systemd/system.control, or
 * /run/systemd/transient for a unit that has no file. Where one is there already somebody else uses the same means on
 * the same property and it is not taken either. So a drop-in that stands at the end is ours to remove. systemd then says
 * NeedDaemonReload=yes until the next daemon-reload, which only means that it remembers the file; no reload is made for
 * that, since a reload takes away what others wrote directly to cgroups.
 *
 * No call waits longer than SYSTEMD_CALL_MS. A bus that did not answer is not asked again for SYSTEMD_REST_MS, so many
 * knobs cost one wait. Each error that means "nobody answered" is -EHOSTDOWN; what was sent may then still be done
 * later, and a later call on the same connection is done after it.
 */
#ifndef FORESTALL_ACT_SYSTEMD_H
#define FORESTALL_ACT_SYSTEMD_H

#include "undo.h"

#define SYSTEMD_CALL_MS 400		/* less than UNDO_ANSWER_MS, or hands that wait for it are killed */
#define SYSTEMD_REST_MS 2000

/*
 * Pure. The name of the unit whose own cgroup `path` would be: its last part, unescaped as cg_unescape() of systemd
 * does. False when that is none of a .service, .scope or .slice.
 */
bool systemd_unit_name(const char *path, char ret_unit[ACT_PATH_MAX]);

/* Pure. Whether systemd has a property for the knob. */
bool systemd_has_property(enum knob knob);

/*
 * Reads the property in the units of the cgroup file; for a weight, aux says whether it is set. The unit's cgroup need
 * not exist. -ENOENT: systemd knows no such unit, -EOPNOTSUPP: it has no such property, -EHOSTDOWN, or -errno.
 */
int systemd_get(const struct place *place, enum knob knob, struct knob_value *ret);

/* Sets the property, and by that the file; with aux 0 a weight of 100 becomes "not set". Errors as above. */
int systemd_set(const struct place *place, enum knob knob, const struct knob_value *value);

/*
 * The file says what the property does. So it does when it names all CPUs there are and AllowedCPUs= none: in a cgroup that has
 * processes nobody can empty it again, systemd as little as an undo.
 */
bool systemd_file_agrees(enum knob knob, const struct knob_value *file, const struct knob_value *property);

/*
 * May the knob, which reads *current, be taken? 0, and current->aux tells a weight that is set from one that is not; of
 * CPUs *current becomes what the property says.
 * Else one line for people and -EBUSY: somebody else has a hand in it, -ENXIO: no unit of the system manager, or an
 * error as above. place->dir_fd is open.
 */
int systemd_take(const struct place *place, enum knob knob, struct knob_value *current, char ret_text[ACT_TEXT_MAX]);

/* Removes the drop-in of the property; the second only where one that an operator set for good hides it. */
void systemd_drop_in_remove(const struct place *place, enum knob knob);
void systemd_drop_in_remove_hidden(const struct place *place, enum knob knob);

/*
 * Brings property and file back to hold->original as far as they are ours, and removes the drop-in. Also when the
 * cgroup is gone (place->dir_fd < 0): the unit may have been started again, and properties outlive that. What somebody
 * wrote to the file stays, with the property as it was before us. When nobody answers, the file alone is written:
 * UNDO_LIFTED, to be tried again. To be called after journal_undo().
 */
struct undo_report systemd_undo(const struct place *place, const struct hold *hold);

#endif
