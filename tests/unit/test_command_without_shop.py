"""Without the extra ``shop`` the command says in one sentence what is missing."""

import subprocess
import sys

PROGRAM = """
import sys

sys.modules["click"] = None  # as if it were not installed
from shopapp.__main__ import main

main()
"""


def test_the_command_names_the_extra_that_it_needs() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)

    sentence = "shopapp: click is not installed. This command belongs to the shop: pip install 'shopapp[shop]'\n"
    assert (done.returncode, done.stderr) == (1, sentence)
