"""The process driver: execution environments as processes, without a container engine."""

from emulator.driver.process.driver import ProcessDriver

__all__ = ["ProcessDriver"]
