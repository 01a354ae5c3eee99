"""What holds for every test, wherever it runs."""

import os

from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, and nothing of the code: no deadline, no check of speed, nor of what chance brought
# before a slow start was over. Where a run decides about a change it must come out the same twice; elsewhere each run looks further.
settings.register_profile(
    "ours",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    print_blob=True,
    derandomize="CI" in os.environ,
)
settings.load_profile("ours")
