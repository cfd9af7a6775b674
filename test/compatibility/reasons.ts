/** What the vendor's SDKs can say that no play shows at work, and why. */

/** Operations that the service has no route for, or refuses whatever is sent, as method and path. */
export const NOT_SERVED: readonly (readonly [asked: RegExp, why: string])[] = [
  [
    /^(GET \/v2\/{\w+}\/factory\/release-packages\/|POST \/v2\/{\w+}\/factory\/(release-packages|pending-items)\/)/,
    "there is no review, so that every package and item is unknown: refused with DLF.3051",
  ],
  [/^\w+ \/v2\/{\w+}\/factory\/aiops\//, "baselines are no part of this product"],
];

/** Members that no play shows at work although their operation is served. */

const NOT_IN_LIST = "the list has a job's head; show_job has the rest";

/** Rows as `dgc Node.failPolicy sent` or `… came`. A reason for a row that works fails the compatibility test. */
export const LEFT_OUT: readonly (readonly [rows: RegExp, why: string])[] = [
  [
    /^dgc Result[.](inputRowCount|resultCount|rawResult) came$/,
    "the vendor's reference does not describe it",
  ],
  [/^dlf SubTaskStatus[.](start|end)Time came$/, "a sub-task says when it was last touched"],
  [
    /^dataartsstudio (Alarm(Period|RulesItemsDetails)|DirectoryDTO)[.]\w+ came$/,
    "rules have no such setting here",
  ],
  [/^dataartsstudio JobResultV2[.]flink_job_info came$/, "what Flink tells of a job is not passed on yet"],
  [
    /^dataartsstudio ListFactory(PendingItemsRespData|WorkspacesApprovalRespJobApplySearchList)[.]\w+ came$/,
    "the list is empty: there is no review",
  ],
  [/^dataartsstudio ListReleasePackagesResp\w+[.]\w+ came$/, "the list is empty: there is no review"],
  [
    /^dataartsstudio (ShowRealTimeJobDetailsResponse[.](\w+_version|cluster_type|tracking_url)|TaskDetailInfo[.](monitor_report_id|tracking_url)) came$/,
    "nodes are run by no engine of the vendor's here",
  ],
  [/^dataartsstudio SearchDetailV2[.](tenant_id|dgc_instance_id) came$/, "there are no such things here"],
  [/^dataartsstudio SearchDetailV2[.](script|cdm)_params came$/, "what is found is named, not shown"],
  [/^dataartsstudio \w+Request[.](Authorization|Host) sent$/, "the SDK's signer sets it"],
  [/^dgc JobResult[.]flinkJobInfo came$/, "what Flink tells of a job is not passed on yet"],
  [/^dgc Relation[.]script(Name|Id) came$/, "scripts use no resources, the nodes of jobs do"],
  [/^dlf JobInfo[.](id|nodes|schedule|params|directory|basicConfig) came$/, NOT_IN_LIST],
  [
    /^dlf Node[.]cronTrigger (sent|came)$/,
    "a trigger must have a period, for which this SDK has no member; the newer SDK has it",
  ],
];
