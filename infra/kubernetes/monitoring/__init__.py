"""What watches the platform: Prometheus, Alertmanager, exporters, Grafana and the collector of traces."""
