"""Runs the operator of examples/airflow once, as a worker of Airflow does; Airflow itself is stood in for.

Reads what to do from standard input: `example` (the folder), `url`, `projectId`, `accessKey`, `secretKey`, `job`.
"""

import json
import logging
import sys
import types
from types import SimpleNamespace

ASKED = json.load(sys.stdin)


class BaseOperator:
    """Of Airflow's, what the example uses."""

    def __init__(self, *, task_id):
        self.task_id = task_id
        self.log = logging.getLogger(task_id)


class BaseHook:
    @staticmethod
    def get_connection(conn_id):
        assert conn_id == "azalai_default"
        return SimpleNamespace(
            host=ASKED["url"],
            login=ASKED["accessKey"],
            password=ASKED["secretKey"],
            extra_dejson={"project_id": ASKED["projectId"]},
        )


sdk = types.ModuleType("airflow.sdk")
sdk.BaseOperator = BaseOperator
sdk.BaseHook = BaseHook
sys.modules["airflow"] = types.ModuleType("airflow")
sys.modules["airflow.sdk"] = sdk
sys.path.insert(0, ASKED["example"])

from azalai_job import AzalaiRunJobOperator  # noqa: E402

operator = AzalaiRunJobOperator(task_id="report", job_name=ASKED["job"], poll_seconds=0.2)
try:
    print("ended", operator.execute({}))
except RuntimeError as error:
    print("failed", error)
