"""A DAG of one task that runs the job `nightly-report` each morning."""

from datetime import datetime

from azalai_job import AzalaiRunJobOperator

try:  # Airflow 3
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

with DAG("azalai", schedule="0 6 * * *", start_date=datetime(2026, 1, 1), catchup=False):
    AzalaiRunJobOperator(task_id="report", job_name="nightly-report")
