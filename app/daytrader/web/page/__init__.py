"""The pages: what people see of the web service."""
