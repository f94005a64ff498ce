"""Runs the im2rec.py of the installed MXNet with the arguments given."""
import os
import runpy
import sys

import mxnet

tool = os.path.join(os.path.dirname(mxnet.__file__), "tools", "im2rec.py")
sys.argv[0] = tool
runpy.run_path(tool, run_name="__main__")
