"""Runs a command on a terminal of its own and copies to standard output what it prints there.

    terminal.py COMMAND [ARGUMENT...]
"""

import os
import pty
import sys

sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))
