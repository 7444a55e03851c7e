"""A service with Django's persistent connections: `CHECKED=1` sets `CONN_HEALTH_CHECKS`."""

import io
import os
import sys
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path

PLACE = urlsplit(os.environ["DSN"])

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    LOGGING_CONFIG=None,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": PLACE.hostname,
            "PORT": PLACE.port,
            "USER": PLACE.username,
            "PASSWORD": unquote(PLACE.password or ""),
            "NAME": PLACE.path.lstrip("/"),
            "CONN_MAX_AGE": None,
            "CONN_HEALTH_CHECKS": os.environ["CHECKED"] == "1",
        }
    },
)


def page(_: HttpRequest) -> HttpResponse:
    """Ask the database something."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse(b"fine")


urlpatterns = [path("", page)]


def main() -> None:
    application = get_wsgi_application()

    def request() -> str:
        answered: list[str] = []
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": io.StringIO(),
            "wsgi.url_scheme": "http",
        }
        response = application(environ, lambda status, _: answered.append(status))
        response.close()  # The end of a request, at which Django decides about its connection.
        return "ok" if answered[0].startswith("200") else f"failed: HTTP {answered[0]}"

    request()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(request(), flush=True)


main()
