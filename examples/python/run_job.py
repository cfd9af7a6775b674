"""Makes a job of two Shell nodes, runs it, waits for its end and deletes it, with the vendor's SDK.

Reads AZALAI_URL, AZALAI_PROJECT_ID, AZALAI_ACCESS_KEY and AZALAI_SECRET_KEY. Needs `pip install huaweicloudsdkdgc`.
"""

import os
import sys
import time

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkdgc.v1 import (
    CreateJobRequest,
    DeleteJobRequest,
    DgcClient,
    JobInfo,
    Location,
    ModelProperty,
    Node,
    RunOnceRequest,
    Schedule,
    ShowJobInstanceRequest,
    StartJobReq,
)

NAME = "hello-from-python"

client = (
    DgcClient.new_builder()
    .with_credentials(
        BasicCredentials(
            os.environ["AZALAI_ACCESS_KEY"],
            os.environ["AZALAI_SECRET_KEY"],
            os.environ["AZALAI_PROJECT_ID"],
        )
    )
    .with_endpoint(os.environ["AZALAI_URL"])
    .build()
)


def shell(name, statement, after=()):
    return Node(
        name=name,
        type="Shell",
        location=Location(x="0", y="0"),
        pre_node_name=list(after),
        properties=[
            ModelProperty(name="statementOrScript", value="STATEMENT"),
            ModelProperty(name="statement", value=statement),
        ],
    )


job = JobInfo(
    name=NAME,
    process_type="BATCH",
    schedule=Schedule(type="EXECUTE_ONCE"),
    nodes=[shell("hello", "echo hello"), shell("bye", "echo bye", after=["hello"])],
)
client.create_job(CreateJobRequest(body=job))
try:
    started = client.run_once(RunOnceRequest(job_name=NAME, body=StartJobReq()))
    print(f"instance {started.instance_id} of {NAME} has begun")
    which = ShowJobInstanceRequest(job_name=NAME, instance_id=str(started.instance_id))
    instance = client.show_job_instance(which)
    while instance.status in ("waiting", "running"):
        time.sleep(1)
        instance = client.show_job_instance(which)
    print(f"instance {instance.instance_id} ended: {instance.status}")
    for node in instance.nodes:
        print(f"  {node.node_name}: {node.status}")
finally:
    client.delete_job(DeleteJobRequest(job_name=NAME))

sys.exit(0 if instance.status == "success" else 1)
