"""A disk that fails under the checkpoints of real ranks: they all end, or all go on, as run.on_save_error says, and nothing that was
saved is lost.

usage: disk_test.py PROGRAM LIBRARIES [all]
"""

import errno
import os
import shutil

from harness import ALL, FOLDER, PROGRAM, Ranks, end_tests, events, expect, last_checkpoint, make_records, model_files

SETTINGS = ["epochs=10", "checkpoint_every_steps=4"]  # 60 steps
REASONS = {name: getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EIO", "EROFS")}
LATER = 60  # the number of the call that fails first: in the second or third save
GOES_ON, STOPS = "run.on_save_error=continue", "run.on_save_error=stop"


def start(name, policy, reason=None, lasts=True, judged=False):
    """The calls on checkpoints fail; every other file of the run is well."""
    disk = {"FAULT_FOLDER": f"{FOLDER}/{name}/checkpoints/", "FAULT_AT": str(LATER), "FAULT_ERRNO": str(reason)}
    if lasts:
        disk["FAULT_LASTS"] = "1"
    return Ranks(name, 3, *SETTINGS, policy, judged=judged, preload="libfault_shim.so" if reason else None, environment=disk if reason else None)


def expect_the_rest(claim, name):
    """A start with a sound disk goes on from what was saved, and ends as a run that never failed."""
    saved = last_checkpoint(FOLDER / name)
    again = start(name, STOPS)
    code = again.end()
    expect(f"going on from {FOLDER}/{name}/checkpoints/{saved}" in again.said(0), f"{claim}: the old checkpoint is intact", again.evidence())
    expect(code == 0 and model_files(again.output) == WHOLE, f"{claim}: with room again it ends with the same model/", again.evidence())
    expect(events(again.output) == WHOLE_EVENTS, f"{claim}: metrics.jsonl has no repeat and no hole")
    shutil.rmtree(again.output)


def test_a_failing_disk(policy, reason):
    claim, name = f"{reason}, {policy}", f"{reason}-{policy[-4:]}"
    ranks = start(name, policy, REASONS[reason], judged=True)
    ranks.end()
    words = os.strerror(REASONS[reason])
    expect(ranks.codes() == [4, 5, 5], f"{claim}: rank 0 ends with 4, the others with it (here {ranks.codes()})", ranks.evidence())
    expect(all(words in ranks.said(rank) for rank in range(3)), f"{claim}: every rank says \"{words}\"", ranks.evidence())
    steps = ranks.step()
    expect(steps == 60 if policy == GOES_ON else 4 < steps < 60, f"{claim}: behind step {steps}", ranks.evidence())
    expect_the_rest(claim, name)


def test_a_disk_that_recovers(reason):
    claim, name = f"{reason} once, {GOES_ON}", f"{reason}-once"
    ranks = start(name, GOES_ON, REASONS[reason], lasts=False)
    code = ranks.end()
    expect(code == 0 and os.strerror(REASONS[reason]) in ranks.said(0), f"{claim}: it is said, and the run completes", ranks.evidence())
    expect(model_files(ranks.output) == WHOLE and events(ranks.output) == WHOLE_EVENTS, f"{claim}: with the same model/ and metrics")


make_records(PROGRAM)
whole = start("whole", STOPS)
expect(whole.end() == 0, "a run on a sound disk", whole.evidence())
WHOLE, WHOLE_EVENTS = model_files(whole.output), events(whole.output)
for case in [(policy, reason) for reason in REASONS for policy in (STOPS, GOES_ON)] if ALL else [(STOPS, "ENOSPC"), (GOES_ON, "EIO")]:
    test_a_failing_disk(*case)
for reason in REASONS if ALL else ["EDQUOT"]:
    test_a_disk_that_recovers(reason)
end_tests()
