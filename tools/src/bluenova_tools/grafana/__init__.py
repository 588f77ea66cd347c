"""The dashboards for Grafana, built by code; `make dashboards` writes grafana/dashboards."""
