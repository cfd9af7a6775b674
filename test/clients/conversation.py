"""Lets a test make a client's calls one by one: a line of JSON in for each call, a line of JSON out with what came of it."""

import json
import sys


def converse(perform, describe_error):
    """Answers `{"call": ..., "arguments": {...}}` lines until the input ends.

    `perform(call, arguments)` gives something that JSON can say; what it raises is described by `describe_error`, or
    ends the conversation when that gives None: a fault of the client or of the test, not an answer of the server.
    """
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = {"result": perform(asked["call"], asked.get("arguments", {}))}
        except Exception as error:
            described = describe_error(error)
            if described is None:
                raise
            answer = {"error": described}
        print(json.dumps(answer), flush=True)
