"""The region: its state, its keys and the way from a request to an answer.

To add a handler, write (or extend) a module of ``api1`` (API 1.0) or ``api2`` (API 2.0), or one
of this package named in ``_SHARED`` (both)::

    from maas_emulator.web import Endpoint, Missing, as_json

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
A resource that is only made, read, changed and deleted is declared with ``crud.serve``.
A module may define ``seed(region)`` to fill a new region. ``region.rows(kind)`` is a table
with running ids, ``region.later(seconds, function)`` does something in a while. Handlers run
one at a time, under ``region.lock``. What differs between releases is ``since``/``until``
here and data, never a copied module. ``api1.controllers`` and ``api2.controllers`` offer
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
from collections import deque
from collections.abc import Callable
from functools import cached_property
from urllib.parse import unquote

from maas_emulator import entitlements, oauth
from maas_emulator.dispatch import dispatch
from maas_emulator.records import POINT_RELEASES, Entry, Log, Options, Rows, Token, User
from maas_emulator.release import Release, known
from maas_emulator.web import (
    BARE_JSON,
    JSON,
    TEXT,
    Answer,
    Endpoint,
    Request,
    Response,
    Routes,
    gateway_page,
    html_page,
)

_ALPHABET = string.ascii_letters + string.digits
#: Modules with handlers of both generations of the API.
_SHARED = ("api_account", "api_config", "api_describe")


class Region:
    """A MAAS region in memory.

    Args:
        which: Release, such as ``"3.7"`` or ``"1.7.3"``.
        options: See :class:`Options`; keyword arguments make one.

    Raises:
        ValueError: It is no known release.
    """

    #: First id of a kind of object where it is not 1, from 1.9 on.
    FIRST_IDS = {"vlans": 5001}
    #: The field by which objects of a kind are looked up, see :meth:`Rows.of`.
    GROUPED = {
        **dict.fromkeys(("machines", "devices", "racks", "regions"), "system_id"),
        **dict.fromkeys(("disks", "partitions", "filesystems", "groups", "cache_sets", "ips"),
                        "node"),
    }  # fmt: skip

    def __init__(self, which="3.7", options=None, **kwargs):
        release = known(which)
        self.release = Release(POINT_RELEASES.get(str(release), release))
        self.options = options or Options(**kwargs)
        self.lock = threading.RLock()
        self.log = Log()
        self.serial = 0  # of the request, for what need be found out once in one only
        self.users: dict[str, User] = {}
        self._user_numbers = itertools.count(1)
        self.consumers: dict[str, tuple[User, Token]] = {}
        self.nonces = oauth.Nonces()
        self.settings: dict[str, object] = {}
        self.state: dict[str, object] = {}  # of handlers' modules, by a name of theirs
        self.after_write: list[Callable] = []
        #: Called with the region and a setting's name before it changes; may refuse by raising,
        #: or return what is answered once it is stored.
        self.before_setting: list[Callable] = []
        #: The latest errors that no handler meant; each was answered 500.
        self.unforeseen: deque[Exception] = deque(maxlen=1000)
        #: Keeps a database like the region (``replica.Replica``), where there is one.
        self.replica = None
        self.clock: Callable[[], float] = time.monotonic
        #: Which series a setting may name; the images' module puts its own function here.
        self.series_choices: Callable[[str], list[str]] = lambda setting: []
        #: Until when (by ``clock``) every request is answered 503.
        self.unavailable_until = 0.0
        #: Until when (by ``clock``) every connection is closed without an answer.
        self.down_until = 0.0
        #: Whether ``maas-openfga`` runs, which knows entitlements (3.8).
        self.permissions_known = True
        #: Port at which racks reach region controllers that say nothing else.
        self.rpc_port = 5250
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
        self.replicate()

    def replicate(self):
        """Keep a replica of the tables from now on, if there is a database and none is kept yet."""
        if self.options.database and self.replica is None:
            from maas_emulator.replica import Replica  # needs psycopg2, which is optional

            self.replica = Replica(self, self.options.database)
            self.after_write.append(self.replica.push)

    # -- state -----------------------------------------------------------------------------

    def rows(self, kind):
        """The table of one kind of object (``fabrics``)."""
        if kind not in self._rows:
            first = self.FIRST_IDS.get(kind, 1) if self.release >= "1.9" else 1
            self._rows[kind] = Rows(first, self.GROUPED.get(kind))
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

    def create_user(self, username, password, email, is_superuser=False, provider=None):
        """Add an account, of an OIDC provider if its id is given.

        Raises:
            ValueError: The name or the (given) e-mail address is taken; the second
                argument is ``username`` or ``email``.
        """
        with self.lock:
            if username in self.users:
                raise ValueError(f"the user {username} exists", "username")
            if email and any(user.email == email for user in self.users.values()):
                raise ValueError(f"the e-mail address {email} is taken", "email")
            number = next(self._user_numbers)
            user = User(username, email, password, is_superuser, number=number, provider=provider)
            self.users[username] = user
            entitlements.sort_in(self, user)
            self.written()
            return user

    def create_admin(self, username, password, email):
        """Add an administrator; raises ValueError when the name or address is taken."""
        self.create_user(username, password, email, is_superuser=True)

    def may(self, user, entitlement, pool=None):
        """Whether a user may do something: administrators up to 3.7, who is entitled to it later.

        Args:
            user: The user, None for nobody.
            entitlement: What 3.8 asks for, such as ``can_edit_machines``.
            pool: Id of a resource pool, where one is enough.
        """
        if user is None or self.release < entitlements.SINCE:
            return user is not None and user.is_superuser
        return entitlements.allowed(self, user, entitlement, pool)

    def delete_user(self, username):
        """Remove an account with its keys; nothing happens when there is none."""
        with self.lock:
            user = self.users.pop(username, None)
            for token in user.tokens if user else ():
                self.consumers.pop(token.consumer, None)
            self.written()

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
            self.written()
            return ident

    def controller_connected(self, ident, connected):
        """Note that the connection of a cluster or rack came up or went down."""
        with self.lock:
            self._controllers.connected(self, ident, connected)
            self.written()

    @property
    def _controllers(self):
        generation = self.release.api[0]
        return importlib.import_module(f"maas_emulator.api{generation}.controllers")

    def written(self):
        """Have the replica and others follow what changed."""
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
            A :class:`~maas_emulator.web.Response`.
        """
        started = time.perf_counter()
        raw_path, _, query = target.partition("?")
        path = unquote(raw_path)
        request = Request(self, method, path, query, headers, body)
        with self.lock:
            self.serial += 1
            try:
                self.tick()
                if self.clock() < self.unavailable_until:
                    raise gateway_page()
                self.failed_after_commit = False
                response = dispatch(self, request, raw_path, query)
                if self.failed_after_commit:
                    response = html_page(500, "500", "Internal server error.")
            except Answer as answer:
                response = answer.response
                if response.content_type is None:
                    response.content_type = BARE_JSON if self.release < "1.8" else JSON
            except Exception as error:
                # MAAS answers an unforeseen error with its bare text.
                response = Response(500, str(error), TEXT)
                self.unforeseen.append(error)
            if method in ("POST", "PUT", "DELETE"):  # what is stored may be an error, too
                self.written()
        if self.release >= "3.8":
            asked = request.headers.get("maas-trace-id")
            response.headers = {**response.headers, "MAAS-trace-id": asked or secrets.token_hex(16)}
        user = request.user.username if request.user else None
        seconds = time.perf_counter() - started
        self.log.append(Entry(method, path, request.op, response.status, seconds, user))
        return response


def _modules(api):
    """Import the handlers' modules of one generation of the API."""
    package = importlib.import_module(f"maas_emulator.api{api[0]}")
    names = [f"{package.__name__}.{one.name}" for one in pkgutil.iter_modules(package.__path__)]
    names += [f"maas_emulator.{name}" for name in _SHARED]
    return [importlib.import_module(name) for name in names]


def _random(length):
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
