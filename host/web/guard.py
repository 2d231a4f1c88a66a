"""Who may talk to the page's server: the page that this program told of, and nobody else.

Any web page may have a browser send requests to this machine. So the address has a part that is
drawn at random and that no other page knows; a request has to be for this machine by its own name,
or another name could be made to lead here (DNS rebinding); and one that another page sends says so.
"""

from __future__ import annotations

import secrets

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

HEADERS = {
    # What the page loads comes from here. Bokeh puts style sheets into the page.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Guard:
    """Lets requests through to an application that come from its own page.

    Parameters
    ----------
    hosts : what the header Host may say: names of this machine, with the port.
    token : the first part of every path.
    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...], token: str) -> None:
        self._app, self._hosts, self._token = app, hosts, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as ASGI has it."""
        why = self._refused(scope) if scope["type"] == "http" else ""
        if not why:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await PlainTextResponse(why, status_code=403)(scope, receive, send)

    def _refused(self, scope: Scope) -> str:
        """Return why a request is not answered, "" if it is."""
        headers = Headers(scope=scope)
        if len(headers.getlist("host")) != 1 or headers["host"] not in self._hosts:
            return "this is not the host that the page is at"
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{headers['host']}":
            return "another page sends this"
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return "another page sends this"
        first = scope["path"].lstrip("/").partition("/")[0]
        if not secrets.compare_digest(first.encode(), self._token.encode()):
            return "the address is not the one that edge-naca watch printed"
        return ""
