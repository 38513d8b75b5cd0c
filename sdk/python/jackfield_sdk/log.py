"""Lines for the operator's log."""

from wit_world.imports import log


def debug(message: str) -> None:
    log.write(log.Level_Debug(), message)


def info(message: str) -> None:
    log.write(log.Level_Info(), message)


def warn(message: str) -> None:
    log.write(log.Level_Warn(), message)


def error(message: str) -> None:
    log.write(log.Level_Error(), message)
