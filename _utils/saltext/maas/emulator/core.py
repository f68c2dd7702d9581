"""The region: its state, its keys and the way from a request to an answer.

To add a handler, write (or extend) a module of this package named ``api1_*.py`` (API 1.0),
``api2_*.py`` (API 2.0) or ``api_*.py`` (both); it is found by its name::

    from saltext.maas.emulator.web import Endpoint, Missing, as_json

    many = Endpoint("zones/", "ZonesHandler")          # a module-level Endpoint is a route
    one = Endpoint("zones/{name}/", "ZoneHandler")

    @many("GET")
    def list_zones(request):
        return as_json([...])                          # or return plain data: it becomes JSON

    @one("POST", op="rename", admin=True, since="3.2")
    def rename_zone(request):
        zone = request.region.rows("zones").get(request.ids["name"])
        if zone is None:
            raise Missing("Zone", request)

Fields come from ``request.form`` (``get``, ``getlist``), ``request.query``, ``request.files``;
``request.needed(name)`` answers 400 by itself. ``forms.Check`` validates as MAAS's forms do.
Any exception that is no ``Answer`` becomes a 500 with its text, as in MAAS.
A module may define ``seed(region)`` to fill a new region. ``region.rows(kind)`` is a table
with running ids, ``region.later(seconds, function)`` does something in a while. Handlers run
one at a time, under ``region.lock``. What differs between releases is ``since``/``until``
here and data, never a copied module. ``api1_controllers``/``api2_controllers`` offer
``register(region, **kwargs)`` and ``connected(region, ident, is_connected)``.
"""

from __future__ import annotations

import heapq
import importlib
import itertools
import pkgutil
import secrets
import string
import threading
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import Callable
from urllib.parse import unquote

from saltext.maas import emulator, release
from saltext.maas.emulator import oauth
from saltext.maas.emulator.web import (
    BARE_JSON,
    BARE_TEXT,
    HTML,
    JSON,
    TEXT,
    Answer,
    Endpoint,
    Request,
    Response,
    Routes,
    as_json,
    html_page,
)

_ALPHABET = string.ascii_letters + string.digits
_FORBIDDEN = "User is not allowed access to this API."
_ADMIN_ONLY = "This method is reserved for admin users."

#: Point release that a series answers with: those that were seen, else ``.0``.
POINT_RELEASES = {"1.5": "1.5.4", "1.7": "1.7.3", "1.9": "1.9.5", "3.7": "3.7.3"}


@dataclass
class Options:
    """What can be chosen about a region.

    Attributes:
        import_seconds: Duration of an image import.
        index_seconds: Time until the catalogue of a new boot source is known.
        sync_seconds: Time until clusters have the region's images.
        machine_seconds: Time that a machine needs to commission, deploy or shut down.
        admin: (username, e-mail) of an administrator made at the start, or None.
        database: PostgreSQL URI that the region's tables are mirrored into, or None.
        hostname: What the region's host calls itself.
    """

    import_seconds: float = 2.0
    index_seconds: float = 0.2
    sync_seconds: float = 1.0
    machine_seconds: float = 1.0
    admin: tuple[str, str] | None = ("admin", "admin@example.com")
    database: str | None = None
    hostname: str = "region"


@dataclass(frozen=True)
class Entry:
    """A request in the log, without its body."""

    method: str
    path: str
    op: str | None
    status: int
    seconds: float
    user: str | None


@dataclass
class Token:
    """An API key."""

    name: str
    consumer: str = field(repr=False)
    key: str = field(repr=False)
    secret: str = field(repr=False)

    @property
    def text(self):
        """``consumer:token:secret`` as ``maas apikey`` prints it."""
        return f"{self.consumer}:{self.key}:{self.secret}"


@dataclass
class User:
    """An account."""

    username: str
    email: str
    password: str = field(repr=False, default="")
    is_superuser: bool = False
    tokens: list[Token] = field(repr=False, default_factory=list)


class Rows(dict):
    """Objects of one kind by id; :meth:`add` gives out running ids."""

    def __init__(self, first=1):
        super().__init__()
        self._ids = itertools.count(first)

    def add(self, row):
        """Store a dict under the next id, which is put into it as ``id``."""
        row["id"] = next(self._ids)
        self[row["id"]] = row
        return row


class Region:
    """A MAAS region in memory.

    Args:
        which: Release, such as ``"3.7"`` or ``"1.7.3"``.
        options: See :class:`Options`; keyword arguments make one.

    Raises:
        ValueError: It is no known release.
    """

    #: First id of a kind of object where it is not 1, from 2.0 on.
    FIRST_IDS = {"vlans": 5001}

    def __init__(self, which="3.7", options=None, **kwargs):
        known = release.known(which)
        self.release = release.Release(POINT_RELEASES.get(str(known), known))
        self.options = options or Options(**kwargs)
        self.lock = threading.RLock()
        self.log: list[Entry] = []
        self.users: dict[str, User] = {}
        self.consumers: dict[str, tuple[User, Token]] = {}
        self.nonces = oauth.Nonces()
        self.settings: dict[str, object] = {}
        self.state: dict[str, object] = {}  # of handlers' modules, by a name of theirs
        self.after_write: list[Callable] = []
        #: Called with the region and a setting's name before it changes; may refuse by raising.
        self.before_setting: list[Callable] = []
        #: Errors that no handler meant; each was answered 500.
        self.unforeseen: list[Exception] = []
        #: Keeps a database like the region (``mirror.Mirror``), where there is one.
        self.mirror = None
        self.clock: Callable[[], float] = time.monotonic
        #: Which series a setting may name; the images' module puts its own function here.
        self.series_choices: Callable[[str], list[str]] = lambda setting: []
        self._rows: dict[str, Rows] = {}
        self._due: list = []
        self._order = itertools.count()
        self._modules = _modules(self.release.api)
        for module in self._modules:
            if hasattr(module, "seed"):
                module.seed(self)
        if self.options.admin:
            name, email = self.options.admin
            self.create_admin(name, _random(16), email)
            self.new_api_key(name)
        if self.options.database and self.mirror is None:
            self._keep_database()

    def _keep_database(self):
        from saltext.maas.emulator.mirror import Mirror  # needs psycopg2

        self.mirror = Mirror(self, self.options.database)
        self.after_write.append(self.mirror.push)

    # -- state -----------------------------------------------------------------------------

    def rows(self, kind):
        """The table of one kind of object (``fabrics``)."""
        if kind not in self._rows:
            first = self.FIRST_IDS.get(kind, 1) if self.release >= "2.0" else 1
            self._rows[kind] = Rows(first)
        return self._rows[kind]

    def later(self, seconds, function):
        """Call a function once that time has passed, before the next request is answered."""
        heapq.heappush(self._due, (self.clock() + seconds, next(self._order), function))

    def tick(self):
        """Do what is due."""
        while self._due and self._due[0][0] <= self.clock():
            heapq.heappop(self._due)[2]()

    @cached_property
    def secret(self):
        """The secret that clusters share with the region, lower-case hex."""
        return secrets.token_hex(16)

    # -- people ----------------------------------------------------------------------------

    def create_user(self, username, password, email, is_superuser=False):
        """Add an account.

        Raises:
            ValueError: The name or the (given) e-mail address is taken; the second
                argument is ``username`` or ``email``.
        """
        with self.lock:
            if username in self.users:
                raise ValueError(f"the user {username} exists", "username")
            if email and any(user.email == email for user in self.users.values()):
                raise ValueError(f"the e-mail address {email} is taken", "email")
            user = User(username, email, password, is_superuser)
            self.users[username] = user
            self._written()
            return user

    def create_admin(self, username, password, email):
        """Add an administrator; raises ValueError when the name or address is taken."""
        self.create_user(username, password, email, is_superuser=True)

    def delete_user(self, username):
        """Remove an account with its keys; nothing happens when there is none."""
        with self.lock:
            user = self.users.pop(username, None)
            for token in user.tokens if user else ():
                self.consumers.pop(token.consumer, None)
            self._written()

    def api_keys(self, username):
        """``[(name, "consumer:token:secret"), ...]`` of a user; KeyError when unknown."""
        return [(token.name, token.text) for token in self.users[username].tokens]

    def new_api_key(self, username, name=None):
        """Make another API key for a user and return it; KeyError when unknown."""
        return self.new_token(self.users[username], name).text

    def new_token(self, user, name=None):
        """Make another :class:`Token` for a user."""
        token = Token(name or "MAAS consumer", _random(18), _random(18), _random(32))
        with self.lock:
            user.tokens.append(token)
            self.consumers[token.consumer] = (user, token)
        return token

    # -- clusters and racks ----------------------------------------------------------------

    def register_controller(self, *, uuid=None, hostname, interfaces=(), system_id=None):
        """A cluster (1.x) or rack (2.0+) makes itself known.

        Args:
            uuid: Of a cluster; system_id: of a rack that was here before.
            hostname: Name of its host.
            interfaces: Dicts of ``name``, ``mac``, ``ip``, ``subnet_mask``.

        Returns:
            The node group's uuid (1.x) or the rack's system_id.
        """
        with self.lock:
            self.tick()
            ident = self._controllers.register(
                self, uuid=uuid, hostname=hostname, interfaces=interfaces, system_id=system_id
            )
            self._written()
            return ident

    def controller_connected(self, ident, connected):
        """Note that the connection of a cluster or rack came up or went down."""
        with self.lock:
            self._controllers.connected(self, ident, connected)
            self._written()

    @property
    def _controllers(self):
        generation = self.release.api[0]
        return importlib.import_module(f"{emulator.__name__}.api{generation}_controllers")

    def _written(self):
        for function in self.after_write:
            function(self)

    # -- requests --------------------------------------------------------------------------

    @cached_property
    def routes(self):
        """The endpoints of this release."""
        found = []
        for module in self._modules:
            found += [item for item in vars(module).values() if isinstance(item, Endpoint)]
        return Routes(dict.fromkeys(found), self.release)  # some are declared in two modules

    def answer(self, method, target, headers, body=b""):
        """Answer an HTTP request.

        Args:
            method: Verb.
            target: Path and query as in the request line.
            headers: With lower-case names.
            body: Bytes.

        Returns:
            A :class:`~saltext.maas.emulator.web.Response`.
        """
        started = time.perf_counter()
        raw_path, _, query = target.partition("?")
        path = unquote(raw_path)
        request = Request(self, method, path, query, headers, body)
        with self.lock:
            try:
                self.tick()
                response = self._dispatch(request, raw_path, query)
            except Answer as answer:
                response = answer.response
                if response.content_type is None:
                    response.content_type = BARE_JSON if self.release.api == "1.0" else JSON
            except Exception as error:
                # MAAS answers an unforeseen error with its bare text.
                response = Response(500, str(error), TEXT)
                self.unforeseen.append(error)
            if method in ("POST", "PUT", "DELETE") and response.status < 400:
                self._written()
        user = request.user.username if request.user else None
        seconds = time.perf_counter() - started
        self.log.append(Entry(method, path, request.op, response.status, seconds, user))
        return response

    def _dispatch(self, request, raw_path, query):
        prefix = f"/MAAS/api/{self.release.api}/"
        path = request.path[len(prefix) :] if request.path.startswith(prefix) else None
        found = None if path is None else self.routes.find(path)
        if found is None and path is not None and self.release.api == "2.0":
            # The OpenAPI description writes operations into the path.
            parent, _, last = path.rpartition("/")
            if last.startswith("op-"):
                found = self.routes.find(parent + "/")
                request.op = last[3:]
        if found is None:
            return self._unknown_path(request, path, query)
        endpoint, operations, request.ids = found
        url = "http://" + request.headers.get("host", "") + raw_path
        header = request.headers.get("authorization")
        signed = oauth.authenticate(self, request.method, url, query, header)
        request.user, request.token = signed
        request.read_body()
        operation = self._choose(request, endpoint, operations)
        shape = request.query.get("format", "json")
        if shape != "json":
            raise Answer(400, f"Invalid output format specified '{shape}'.", BARE_TEXT)
        result = operation.call(request)
        return result if isinstance(result, Response) else as_json(result)

    def _choose(self, request, endpoint, operations):
        """The operation that a request asks for, if it may have it."""
        user, method = request.user, request.method
        operation = operations.get((method, request.op))
        if user is None:
            open_to_all = [op.method for op in operations.values() if op.anonymous]
            if not (operation and operation.anonymous):
                if endpoint.restricted:
                    raise Answer(403, _FORBIDDEN, TEXT)
                if method not in open_to_all:
                    raise Answer(401, "Forbidden", BARE_TEXT)
                operation = None
        elif endpoint.restricted and not user.is_superuser:
            raise Answer(403, _FORBIDDEN, TEXT)
        elif operation and operation.anonymous == "only":
            operation = None
        if operation:
            if operation.admin and not user.is_superuser:
                raise Answer(403, _ADMIN_ONLY, TEXT)
            return operation
        methods = sorted({op.method for op in operations.values()})
        if method not in methods:
            raise Answer(405, b"", HTML, {"Allow": ", ".join(methods)})
        if self.release < "1.8":
            raise Answer(400, f"Unrecognised signature: {method} {request.op}", TEXT)
        raise Answer(400, f"Unrecognised signature: method={method} op={request.op}", TEXT)

    def _unknown_path(self, request, path, query):
        if self.release >= "2.0" and request.path == "/MAAS/api/version/":
            return Response(200, "2.0", BARE_TEXT)
        if self.release >= "2.0" and request.path.startswith("/MAAS/api/1.0/"):
            text = "The 1.0 API is no longer available. Please use API version 2.0."
            return Response(410, text, TEXT)
        if self.release >= "1.8":
            return Response(404, f"Unknown API endpoint: {request.path}.", TEXT)
        if path and not path.endswith("/") and self.routes.find(path + "/"):
            place = f"http://{request.headers.get('host', '')}{request.path}/"
            place += f"?{query}" if query else ""
            return Response(301, b"", HTML, {"Location": place})
        return html_page(404, "Page not found", "The requested URL was not found.")


def _modules(api):
    """Import the handlers' modules of one generation of the API."""
    prefixes = ("api_", f"api{api[0]}_")
    names = [info.name for info in pkgutil.iter_modules(emulator.__path__)]
    chosen = [name for name in names if name.startswith(prefixes)]
    return [importlib.import_module(f"{emulator.__name__}.{name}") for name in chosen]


def _random(length):
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
