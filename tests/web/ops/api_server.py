"""The API server of Kubernetes as far as the operations page asks it: HTTPS, and objects in memory."""

import ssl
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import trustme
from aiohttp import web

from tests.certificates import Mounted

NAMESPACE = "trading"
TOKEN = "the token of a service account"
INSTANCE = "daytrader"
RECORD = "daytrader-breaking"
SELECTOR = f"app.kubernetes.io/name=daytrader,app.kubernetes.io/instance={INSTANCE}"
HOME = f"/api/v1/namespaces/{NAMESPACE}"

Document = dict[str, Any]


def pod(component: str, name: str, *, made: str = "2026-01-01T00:00:00Z", **status: str) -> Document:
    """A pod that runs."""
    metadata = {
        "name": name,
        "uid": f"uid of {name}",
        "creationTimestamp": made,
        "labels": {"app.kubernetes.io/component": component},
    }
    return {"metadata": metadata, "spec": {"containers": []}, "status": {"phase": "Running", **status}}


class ApiServer:
    """Answers with what is in it."""

    def __init__(self, directory: Path) -> None:
        """`directory` is that of the service account."""
        self.pods: list[Document] = []
        self.primaries: dict[str, str] = {}
        """Pods, by the sets whose primary they are."""
        self.record: Document | None = {"metadata": {"name": RECORD, "resourceVersion": "1"}}
        self.asked: list[str] = []
        """Method and path of each request, and its body where it deletes."""
        self.token = TOKEN
        self.refuses = 0
        """The status of every answer; 0: as it should be."""
        self.conflicts = 0
        """So many changes of the ConfigMap meet another one."""
        self.vanish = False
        """Whether each pod that is to be deleted was replaced in the meantime."""
        self.account = Mounted(directory)
        self._ca = trustme.CA()
        self.account.put(token=f"{TOKEN}\n".encode(), namespace=NAMESPACE.encode(), ca_crt=self._ca.cert_pem.bytes())
        self.directory = directory
        self.environ: dict[str, str] = {}
        """What it is found by."""

    async def __aenter__(self) -> Self:
        """Listen at a free port of 127.0.0.1."""
        app = web.Application(middlewares=[self._entrance])
        app.router.add_get(f"{HOME}/pods", self._pods)
        app.router.add_delete(HOME + "/pods/{name}", self._delete)
        app.router.add_get(f"/apis/daytrader.dev/v1alpha1/namespaces/{NAMESPACE}/mongoreplicasets", self._sets)
        app.router.add_get(f"{HOME}/configmaps/{RECORD}", self._read)
        app.router.add_patch(f"{HOME}/configmaps/{RECORD}", self._patch)
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._ca.issue_cert("127.0.0.1").configure_cert(tls)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        port = self._runner.addresses[0][1]
        self.environ = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(port)}
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        await self._runner.cleanup()

    def renew_token(self, token: str) -> None:
        """Take another token only, and put it where the pod finds it, as Kubernetes does before the old one expires."""
        self.token = token
        self.account.put(token=token.encode(), namespace=NAMESPACE.encode(), ca_crt=self._ca.cert_pem.bytes())

    @web.middleware
    async def _entrance(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path.removeprefix(HOME)}")
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _status(401, "Unauthorized")
        if self.refuses:
            return _status(self.refuses, "etcdserver: request timed out")
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _pods(self, request: web.Request) -> web.Response:
        assert request.query["labelSelector"] == SELECTOR
        return web.json_response({"kind": "PodList", "metadata": {"resourceVersion": "7"}, "items": self.pods})

    async def _sets(self, request: web.Request) -> web.Response:
        assert request.query["labelSelector"] == SELECTOR
        items = [
            {"metadata": {"name": name}, "spec": {"members": 3}, "status": {"primary": primary}}
            for name, primary in self.primaries.items()
        ]
        return web.json_response({"items": [*items, {"metadata": {"name": "new"}}]})

    async def _delete(self, request: web.Request) -> web.Response:
        options = await request.json()
        self.asked[-1] += f" {options.get('gracePeriodSeconds')}"
        found = [each for each in self.pods if each["metadata"]["name"] == request.match_info["name"]]
        if not found:
            return _status(404, "pods not found")
        (one,) = found
        if self.vanish or options["preconditions"]["uid"] != one["metadata"]["uid"]:
            return _status(409, "the UID in the precondition does not match")
        one["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:01Z"
        return web.json_response(one)

    async def _read(self, _: web.Request) -> web.Response:
        return (
            _status(404, f'configmaps "{RECORD}" not found') if self.record is None else web.json_response(self.record)
        )

    async def _patch(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/merge-patch+json"
        assert self.record is not None
        change = await request.json()
        version = self.record["metadata"]["resourceVersion"]
        if self.conflicts or change["metadata"]["resourceVersion"] != version:
            self.conflicts = max(0, self.conflicts - 1)
            return _status(409, "the object has been modified")
        self.record["metadata"]["resourceVersion"] = str(int(version) + 1)
        self.record["data"] = self.record.get("data", {}) | change["data"]
        return web.json_response(self.record)


def _status(code: int, message: str) -> web.Response:
    return web.json_response({"kind": "Status", "message": message, "code": code}, status=code)
