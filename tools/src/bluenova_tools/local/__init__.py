"""Private, real services on free loopback ports: for the demo, the tests and chaos runs.

Each is a context manager, keeps its port over a restart, and dies with the program that
started it, whatever ends that program.
"""

from bluenova_tools.local.child import ServiceError
from bluenova_tools.local.database import Database
from bluenova_tools.local.mosquitto import Mosquitto
from bluenova_tools.local.ports import free_port
from bluenova_tools.local.postgres import Postgres
from bluenova_tools.local.process import Service

__all__ = ["Database", "Mosquitto", "Postgres", "Service", "ServiceError", "free_port"]
