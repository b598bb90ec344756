"""mesascope: which learning algorithm does a sequence model run in its forward pass?"""

__version__ = "0.1.0"
