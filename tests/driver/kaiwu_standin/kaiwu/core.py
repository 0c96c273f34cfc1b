"""Where programs find the base classes."""
from kaiwu import VERSION, OptimizerBase

if VERSION == "1.4":
    from kaiwu import IsingSolver  # pylint: disable=unused-import
