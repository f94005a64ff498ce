"""kill -9 of a rank, or of everything at once, at random moments, then start again: the run ends as one that nobody touched.

usage: kills_test.py PROGRAM LIBRARIES [all]      5 kills, or 100
"""

import random
import re
import shutil
import signal
import time

from harness import ALL, EPOCH, PROGRAM, Ranks, end_tests, events, expect, make_records, model_files

KILLS = 100 if ALL else 5
STEPS = 96
SETTINGS = [f"epochs={STEPS // EPOCH}", "checkpoint_every_steps=5", "checkpoint_every_epochs=1", "verify_every=1"]
SIZE = 3
chance = random.Random(20261121)


def start():
    return Ranks("killed", SIZE, *SETTINGS)


def kill_at_random():
    """A start that is killed, one in five before its first step; what was hit, and the step that it had come to."""
    ranks = start()
    victim = chance.choice([*range(SIZE), "all"])
    if chance.random() < 0.2:
        time.sleep(chance.uniform(0, 3))
    else:
        ranks.wait_for_step(chance.randrange(STEPS))
        time.sleep(chance.uniform(0, 0.1))
    if victim == "all":
        ranks.kill()
    else:
        ranks.send(signal.SIGKILL, victim)
        code = ranks.end(20)
        expect(code is not None, f"the job ends when rank {victim} is killed", ranks.evidence())
    return victim, ranks.step()


def step_gone_on_from(ranks):
    found = re.search(r"going on from .*step-(\d+)", ranks.said(0))
    return int(found.group(1)) if found else 0


def difference(ranks):
    """Names of the files in model/ and events that are not as they should be."""
    files, lines = model_files(ranks.output), events(ranks.output)
    return ([name for name in {**files, **wanted} if files.get(name) != wanted.get(name)],
            [line for line in lines if line not in wanted_events] + [line for line in wanted_events if line not in lines])


make_records(PROGRAM)
whole = Ranks("whole", SIZE, *SETTINGS)
expect(whole.end() == 0, "a run that nobody touches", whole.evidence())
wanted, wanted_events = model_files(whole.output), events(whole.output)
equal, again, redone, late = 0, 0, [], 0
for number in range(KILLS):
    victim, step = kill_at_random()
    ranks = start()
    code = ranks.end(120)
    redone.append(max(0, step - step_gone_on_from(ranks)))
    late += step == STEPS
    same = code == 0 and model_files(ranks.output) == wanted and events(ranks.output) == wanted_events
    equal += same
    if not same:
        expect(False, f"kill {number}: {victim} behind step {step}, then exit {code}: the same bytes and events",
               f"{difference(ranks)}\n{ranks.evidence()}")
        break
    shutil.rmtree(ranks.output)
expect(equal == KILLS, f"{equal} of {KILLS} runs that were killed end with the same model/ and metrics")
print(f"steps done again: {sorted(redone)}, of at most 5 between checkpoints; {late} kills came when all was trained")
end_tests()
