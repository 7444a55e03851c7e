"""What an operator watches: metrics (each declared in `metrics`) and log lines (`logs`)."""
