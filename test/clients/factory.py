"""Drives one of the vendor's SDKs for DataArts Factory or MRS, which sign with an access key; told what to call by a test."""

import base64
import importlib
import json
import re
import sys

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ServiceResponseException
from huaweicloudsdkcore.utils.http_utils import sanitize_for_serialization

from conversation import converse

LOGIN = json.loads(sys.argv[1])

# The package of the SDK and its client; that of dataartsstudio calls the API's v2 by a package named v1.
PACKAGE, CLIENT = {
    "dgc": ("huaweicloudsdkdgc.v1", "DgcClient"),
    "dlf": ("huaweicloudsdkdlf.v1", "DlfClient"),
    "dataartsstudio": ("huaweicloudsdkdataartsstudio.v1", "DataArtsStudioClient"),
    "mrs": ("huaweicloudsdkmrs.v1", "MrsClient"),
    "mrs2": ("huaweicloudsdkmrs.v2", "MrsClient"),
}[LOGIN["sdk"]]
sdk = importlib.import_module(PACKAGE)

client = (
    getattr(sdk, CLIENT)
    .new_builder()
    .with_credentials(BasicCredentials(LOGIN["accessKey"], LOGIN["secretKey"], LOGIN["projectId"]))
    .with_endpoint(LOGIN["url"])
    .build()
)


# What went out and came back in calls that were not refused, under the API's names: by operation how often, and which
# members of which models. `exercised` asks for it.
CALLS, SENT, CAME = {}, set(), set()


def perform(call, arguments):
    """`list_jobs` gets a ListJobsRequest of these arguments, the SDK's own models made of what is nested in them."""
    if call == "exercised":
        return {"calls": CALLS, "sent": sorted(SENT), "came": sorted(CAME)}
    request = model(call.title().replace("_", "") + "Request", arguments)
    answer = getattr(client, call)(request)
    CALLS[call] = CALLS.get(call, 0) + 1
    note(request, SENT)
    note(answer, CAME)
    # What the SDK has no model for, such as a package.
    bare = not answer.openapi_types and answer.raw_content
    unread = {"bytes": base64.b64encode(answer.raw_content).decode()} if bare else {}
    return {"http_status": answer.status_code, **plain(answer), **unread}


def note(value, found):
    """Puts down which members the model and all models in it have."""
    if isinstance(value, list):
        for item in value:
            note(item, found)
    for name, wire in getattr(value, "attribute_map", {}).items():
        member = getattr(value, name)
        if member is not None:
            found.add(f"{type(value).__name__}.{wire}")
            note(member, found)


def model(kind, value):
    """A value of the type that the SDK's models name: `str`, `list[Node]`, `Schedule`."""
    entry = re.fullmatch(r"list\[(.+)\]", kind)
    if entry:
        return [model(entry[1], item) for item in value]
    if not hasattr(sdk, kind):
        return value
    made = getattr(sdk, kind)
    return made(**{name: model(made.openapi_types[name], item) for name, item in value.items()})


def plain(answer):
    """What the SDK understood of the answer, under the SDK's own names."""
    found = {name: getattr(answer, name) for name in answer.openapi_types}
    return {name: nested(value) for name, value in found.items() if value is not None}


def nested(value):
    if isinstance(value, list):
        return [nested(item) for item in value]
    return plain(value) if hasattr(value, "openapi_types") else sanitize_for_serialization(value)


def describe_error(error):
    if isinstance(error, ServiceResponseException):
        return {"status": error.status_code, "code": error.error_code, "message": error.error_msg}
    return None


converse(perform, describe_error)
