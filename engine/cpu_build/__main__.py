"""`python -P -m engine.cpu_build`: make the CPU engine."""

import sys

from engine.cpu_build.build import main

sys.exit(main(sys.argv[1:]))
