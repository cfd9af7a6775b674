"""An Airflow operator that runs a job and waits for its end: the vendor's SDK, in an operator of some thirty lines.

Needs `pip install apache-airflow huaweicloudsdkdgc`. The connection `azalai_default` is of type `generic`: host is the
server's address with its scheme, login the access key, password the secret key, and the extra
`{"project_id": "…", "workspace": "…"}`, of which the workspace may be left out.
"""

import time

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkdgc.v1 import (
    DgcClient,
    RunOnceRequest,
    ShowJobInstanceRequest,
    StartJobReq,
    StopJobInstanceRequest,
)

try:  # Airflow 3
    from airflow.sdk import BaseHook, BaseOperator
except ImportError:  # Airflow 2
    from airflow.hooks.base import BaseHook
    from airflow.models import BaseOperator

GOING_ON = ("waiting", "running", "pause", "freeze", "running-exception")


class AzalaiRunJobOperator(BaseOperator):
    """Gives the instance's id; fails when the run does not succeed, and stops it when the task is killed."""

    template_fields = ("job_name",)

    def __init__(self, *, job_name, conn_id="azalai_default", poll_seconds=5, **kwargs):
        super().__init__(**kwargs)
        self.job_name = job_name
        self.conn_id = conn_id
        self.poll_seconds = poll_seconds
        self._running = None

    def execute(self, context):
        connection = BaseHook.get_connection(self.conn_id)
        extra = connection.extra_dejson
        workspace = extra.get("workspace")
        credentials = BasicCredentials(connection.login, connection.password, extra["project_id"])
        client = DgcClient.new_builder().with_credentials(credentials).with_endpoint(connection.host).build()

        begun = client.run_once(RunOnceRequest(workspace=workspace, job_name=self.job_name, body=StartJobReq()))
        which = {"workspace": workspace, "job_name": self.job_name, "instance_id": str(begun.instance_id)}
        self._running = (client, which)
        self.log.info("instance %s of %s has begun", begun.instance_id, self.job_name)
        while True:
            status = client.show_job_instance(ShowJobInstanceRequest(**which)).status
            if status not in GOING_ON:
                break
            time.sleep(self.poll_seconds)
        self._running = None
        self.log.info("instance %s ended: %s", begun.instance_id, status)
        if status != "success":
            raise RuntimeError(f"instance {begun.instance_id} of {self.job_name} ended: {status}")
        return begun.instance_id

    def on_kill(self):
        if self._running is None:
            return
        client, which = self._running
        client.stop_job_instance(StopJobInstanceRequest(**which))
