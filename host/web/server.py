"""The server of the page: a thread of this process, on a loopback address."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import os
import secrets
import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import uvicorn
from bokeh.util.paths import bokehjs_path
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from edge_naca.host.closing import Closing
from edge_naca.host.watching import PERIOD, Watching
from edge_naca.host.web.figures import figures
from edge_naca.host.web.guard import HEADERS, Guard

STATIC = Path(__file__).with_name("static")
LARGEST = 1000  # bytes of a request's body
STOPPING = 2  # seconds that connections are given to end


class AddressError(ValueError):
    """The page may not be, or cannot be, where it was asked for; the message says why."""


def loopback(address: str) -> str:
    """Return a loopback address as numbers.

    Raises
    ------
    AddressError
        If it is none: whoever reaches the page teaches the device.
    """
    name = "127.0.0.1" if address == "localhost" else address.strip("[]")
    try:
        is_loopback = ipaddress.ip_address(name).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise AddressError(
            f"{address} is no loopback address: the page is for this machine only, 127.0.0.1 or "
            "::1; from another one, use a tunnel (ssh -L)"
        )
    return name


def application(watching: Watching, hosts: tuple[str, ...], token: str) -> Starlette:
    """Return what answers requests.

    Parameters
    ----------
    hosts, token : as of `Guard`.
    """
    parts = watching.parts
    drawn = json.dumps(figures(watching.names, parts))  # once: it takes longer than a picture

    async def page(request: Request) -> Response:
        return FileResponse(STATIC / "watch.html", headers=HEADERS)

    async def described(request: Request) -> Response:
        return Response(drawn, media_type="application/json", headers=HEADERS)

    async def facts(request: Request) -> Response:
        control = watching.control
        return JSONResponse(
            {
                "title": watching.title,
                "classes": watching.names,
                "teaches": control is not None,
                "has_own": control is not None and control.has_own,
            },
            headers=HEADERS,
        )

    async def pictures(request: Request) -> Response:
        return StreamingResponse(
            _pictures(watching), media_type="text/event-stream", headers=HEADERS
        )

    async def teach(request: Request) -> Response:
        why = await _teach(watching, request)
        return JSONResponse({"refused": why} if why else {}, status_code=400 if why else 200)

    routes = [
        Route("/", page),
        Route("/facts", facts),
        Route("/figures", described),
        Route("/pictures", pictures),
        Route("/teach", teach, methods=["POST"]),
        Mount("/bokeh", StaticFiles(directory=Path(bokehjs_path()) / "js")),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    guard = Middleware(Guard, hosts=hosts, token=token)
    return Starlette(routes=[Mount(f"/{token}", routes=routes)], middleware=[guard])


async def _pictures(watching: Watching) -> AsyncIterator[str]:
    """Yield server-sent events: the first has all that is drawn, the others what is new."""
    reached = (0, 0)
    kind = "all"
    while True:
        content, reached = watching.picture(reached)
        text = json.dumps(content, separators=(",", ":"), allow_nan=False)
        yield f"event: {kind}\ndata: {text}\n\n"
        kind = "more"
        await asyncio.sleep(PERIOD)


async def _teach(watching: Watching, request: Request) -> str:
    """Do what a button wants; return why not, "" if it was done."""
    control = watching.control
    if control is None:
        return "nothing is taught here: this only predicts"
    # A form of another page cannot say this without asking first.
    if request.headers.get("content-type") != "application/json":
        return "this is no JSON"
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            return "this is too long"
    try:
        wanted = json.loads(body)["teach"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return 'this is no wish: {"teach": class number, "all" or null}'
    if wanted is None:
        control.rest()
    elif wanted == "all" and control.has_own:
        control.teach(None)
    elif type(wanted) is int and 0 <= wanted < len(watching.names):
        control.teach(wanted)
    else:
        return f"there is no class {wanted!r}"
    return ""


class Page(Closing):
    """A page that is served until it is closed.

    Parameters
    ----------
    watching : what it shows.
    address : a loopback address.
    port : 0 for any that is free.

    Attributes
    ----------
    url : what to open in a browser.

    Raises
    ------
    AddressError
        If the address is none of loopback, or the port is taken.
    """

    def __init__(self, watching: Watching, address: str = "127.0.0.1", port: int = 0) -> None:
        self._watching = watching
        host = loopback(address)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._socket = socket.create_server((host, port), family=family)
        except OSError as error:
            raise AddressError(
                f"the page cannot be at {host}, port {port}: {os.strerror(error.errno or 0)}; "
                "choose another port, or 0 for any that is free"
            ) from error
        number = self._socket.getsockname()[1]
        named = f"[{host}]" if ":" in host else host
        token = secrets.token_urlsafe(24)
        self.url = f"http://{named}:{number}/{token}/"
        app = application(watching, (f"{named}:{number}", f"localhost:{number}"), token)
        config = uvicorn.Config(
            app, log_level="critical", access_log=False, lifespan="off", ws="none",
            server_header=False, timeout_graceful_shutdown=STOPPING,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._serve, name="page", daemon=True),
            threading.Thread(target=self._count, name="watching", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])

    def _count(self) -> None:
        while not self._ended.wait(PERIOD):
            self._watching.tick()
        self._watching.tick()

    def close(self) -> None:
        """Serve no more."""
        self._ended.set()
        self._server.should_exit = True
        self._server.force_exit = True  # a page that is open would hold its connection
        for thread in self._threads:
            thread.join()
        with contextlib.suppress(OSError):
            self._socket.close()
