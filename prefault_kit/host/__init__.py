"""What this machine is and can do. Reads only: no setting is ever changed.

:func:`facts` goes into every saved run; :func:`why_not` decides whether a cell can run here;
:func:`capabilities` is what ``doctor`` prints.
"""

from prefault_kit.host.availability import why_not
from prefault_kit.host.capability import Capability, capabilities
from prefault_kit.host.machine import facts
from prefault_kit.host.unavailable import Unavailable
from prefault_kit.kernel.mounts import file_system

__all__ = ["Capability", "Unavailable", "capabilities", "facts", "file_system", "why_not"]
