"""What `[owners]` and `[[webhooks]]` mean."""

from collections.abc import Mapping

from vacate.domain.durations import duration
from vacate.domain.errors import SettingsError
from vacate.domain.sessions.owners import Ownership
from vacate.settings.file import Settings, WebhookSection
from vacate.webhooks.endpoints import Endpoint
from vacate.webhooks.signing import signing_keys


def ownership(settings: Settings) -> Ownership:
    """How owners are told."""
    return Ownership(tag=settings.owners.tag, roles=settings.owners.roles)


def endpoints(settings: Settings, environment: Mapping[str, str]) -> tuple[Endpoint, ...]:
    """Every endpoint with its secrets, in the order of the file.

    Raises:
        SettingsError: a secret is missing or malformed.
    """
    return tuple(_endpoint(webhook, environment) for webhook in settings.webhooks)


def endpoint(settings: Settings, name: str, environment: Mapping[str, str]) -> Endpoint:
    """One endpoint with its secrets.

    Raises:
        SettingsError: there is no such endpoint, or its secret is missing or malformed.
    """
    return _endpoint(named(settings, name), environment)


def named(settings: Settings, name: str) -> WebhookSection:
    """The section of an endpoint.

    Raises:
        SettingsError: there is none of that name.
    """
    found = next((webhook for webhook in settings.webhooks if webhook.name == name), None)
    if found is None:
        known = ", ".join(webhook.name for webhook in settings.webhooks) or "none"
        raise SettingsError(f"the configuration has no webhook {name!r}; it has: {known}")
    return found


def _endpoint(webhook: WebhookSection, environment: Mapping[str, str]) -> Endpoint:
    try:
        keys = signing_keys(environment, variable=webhook.secret_env, file=webhook.secret_file)
    except SettingsError as error:
        raise SettingsError(f"webhook {webhook.name}: {error}") from error
    return Endpoint(
        name=webhook.name,
        url=webhook.url,
        keys=keys,
        events=frozenset(webhook.events),
        owners=frozenset(webhook.owners) if webhook.owners else None,
        timeout=duration(webhook.timeout, "timeout"),
        authorities=webhook.ca_file,
    )
