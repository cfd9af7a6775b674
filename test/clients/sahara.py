"""Drives python-saharaclient, logged in by keystoneauth1 with a password; told what to call by a test."""

import json
import sys

from keystoneauth1 import exceptions, session
from keystoneauth1.identity import v3
from saharaclient.api import base
from saharaclient.client import Client

from conversation import converse

LOGIN = json.loads(sys.argv[1])

auth = v3.Password(
    auth_url=LOGIN["url"] + "/v3",
    username=LOGIN["userName"],
    password=LOGIN["password"],
    user_domain_id="default",
    project_name=LOGIN["projectName"],
    project_domain_id="default",
)
client = Client("1.1", session=session.Session(auth=auth))


def perform(call, arguments):
    """`jobs.create` is `client.jobs.create`; a page comes back with its markers, bytes as text."""
    if call == "session":
        return {"project": client.jobs.api.get_project_id(), "endpoint": client.jobs.api.get_endpoint()}
    if call == "get":  # what the client has no method for
        answer = client.jobs.api.get(arguments["path"])
        return {"status": answer.status_code, "body": answer.json()}
    manager, method = call.split(".")
    return plain(getattr(getattr(client, manager), method)(**arguments))


def plain(value):
    if isinstance(value, base.Page):
        return {"items": [plain(item) for item in value], "prev": value.prev, "next": value.next}
    if isinstance(value, base.Resource):
        return value.to_dict()
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.decode() if isinstance(value, bytes) else value


def describe_error(error):
    if isinstance(error, base.APIException):
        return {"status": error.error_code, "name": error.error_name, "message": error.error_message}
    if isinstance(error, exceptions.HttpError):
        return {"status": error.http_status, "name": type(error).__name__, "message": error.message}
    return None


converse(perform, describe_error)
