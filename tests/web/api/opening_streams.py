"""A program that opens many streams and holds them: `opening_streams.py PORT COUNT`; it ends when its input does."""

import asyncio
import resource
import sys

AT_ONCE = 100


async def _open(port: int, number: int, room: asyncio.Semaphore) -> asyncio.StreamWriter:
    async with room:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        path = f"/api/v1/accounts/idle{number}/stream"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = await reader.readuntil(b"event: snapshot")
        assert head.startswith(b"HTTP/1.1 200 "), head
        return writer


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


async def _main(port: int, count: int) -> None:
    room = asyncio.Semaphore(AT_ONCE)
    writers = await asyncio.gather(*(_open(port, number, room) for number in range(count)))
    _say(len(writers))
    await asyncio.to_thread(sys.stdin.read)
    alive = sum(not writer.transport.is_closing() for writer in writers)
    _say(alive)


if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(_main(int(sys.argv[1]), int(sys.argv[2])))
