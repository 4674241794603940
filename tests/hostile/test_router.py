import json
import shutil
import subprocess
import sys

import pytest

from tests.fixtures.node import ROOT


def test_a_router_that_knows_no_way_to_a_mirror_is_not_this_nodes_fault() -> None:
    if not all(shutil.which(needed) for needed in ("unshare", "nsenter", "ip")):
        pytest.skip("unshare, nsenter and ip are needed for two network namespaces")
    if subprocess.run(["unshare", "-rn", "unshare", "-n", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system permits no user namespaces")
    command = ["unshare", "-rn", sys.executable, "-m", "tests.hostile.router"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"without": "not_measured", "behind": "connect"}
