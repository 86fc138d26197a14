"""Lets this folder's tests import ``codec_oracle``."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
