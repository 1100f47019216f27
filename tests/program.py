"""The program, as somebody at a terminal runs it."""

import asyncio
import os
import sys


async def daytrader(*arguments: str, **environment: str) -> tuple[int, str]:
    """Run the program; return its exit status and all that it says."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "daytrader", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **environment},
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()
