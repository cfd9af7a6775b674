# A script, a file as a resource, and a job of two nodes that runs the script each night, with the vendor's provider.
# Where the server is and who calls: terraform.tfvars, or TF_VAR_azalai_url and so on.

terraform {
  required_providers {
    huaweicloud = {
      source  = "huaweicloud/huaweicloud"
      version = ">= 1.60"
    }
  }
}

variable "azalai_url" {
  description = "Where the server is, without a slash at its end."
  default     = "http://127.0.0.1:8790"
}

variable "azalai_region" {
  description = "The server's AZALAI_REGION."
  default     = "RegionOne"
}

variable "azalai_project_id" {}

variable "azalai_access_key" {
  sensitive = true
}

variable "azalai_secret_key" {
  sensitive = true
}

provider "huaweicloud" {
  region     = var.azalai_region
  project_id = var.azalai_project_id
  access_key = var.azalai_access_key
  secret_key = var.azalai_secret_key
  auth_url   = "${var.azalai_url}/v3"

  endpoints = {
    iam      = var.azalai_url
    dataarts = var.azalai_url
    mrs      = var.azalai_url
    bss      = var.azalai_url
  }

  # Else the provider asks the vendor's billing service on which of its sites the account is.
  cloud                   = "invalid"
  skip_check_website_type = true
}

locals {
  workspace = "default"
}

resource "huaweicloud_dataarts_factory_script" "report" {
  workspace_id    = local.workspace
  name            = "nightly-report"
  type            = "Shell"
  content         = "echo report of $(date -u +%F)"
  connection_name = ""
  directory       = "/examples"
}

resource "huaweicloud_dataarts_factory_resource" "rates" {
  workspace_id = local.workspace
  name         = "rates"
  type         = "file"
  location     = "obs://examples/rates.csv"
  directory    = "/examples"
}

resource "huaweicloud_dataarts_factory_job" "nightly" {
  workspace_id = local.workspace
  name         = "nightly-report"
  process_type = "BATCH"
  directory    = "/examples"

  nodes {
    name = "begin"
    type = "Dummy"

    location {
      x = 100
      y = 100
    }

    properties {
      name  = "comment"
      value = "marks the beginning"
    }
  }

  nodes {
    name          = "report"
    type          = "Shell"
    pre_node_name = ["begin"]
    retry_times   = 2

    location {
      x = 300
      y = 100
    }

    properties {
      name  = "statementOrScript"
      value = "SCRIPT"
    }

    properties {
      name  = "scriptName"
      value = huaweicloud_dataarts_factory_script.report.name
    }
  }

  schedule {
    type = "CRON"

    cron {
      start_time           = "2026-01-01T00:00:00+00"
      expression           = "0 30 2 * * ?"
      expression_time_zone = "UTC"
    }
  }
}
